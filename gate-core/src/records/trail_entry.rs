//! Trail entries, and their bytes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ReviewerId;
use crate::records::record::Record;
use crate::text::canonical_json::canonical_json;
use crate::text::digest::{Digest, hex};
use crate::text::json::{SchemaError, canonical};

/// The longest entry of a trail, in bytes: in C2SP `tlog-tiles`, the length of an entry has two
/// bytes.
const LONGEST: usize = u16::MAX as usize;

/// One entry of a trail: canonical JSON (RFC 8785), on one line.
///
/// ```
/// use gate_runtime::records::TrailEntry;
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let record = &gate.records(0, 1).await?[0];
/// let leaf = TrailEntry::leaf(record)?;
/// assert_eq!(
///     TrailEntry::parse(leaf.text().as_bytes())?,
///     TrailEntry::Record(Box::new(Record::clone(record)))
/// );
/// # Ok(()) }
/// # use gate_runtime::records::Record;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum TrailEntry {
    /// A record.
    Record(Box<Record>),
    /// The digest of a record that is too long for an entry, and is in a file beside the tree.
    Digest(DigestEntry),
    /// A divergence of trail and database, which a person settled.
    Reset(ResetEntry),
}

/// The entry for a record that is too long for an entry: its digest.
///
/// ```
/// # fn show(stub: &gate_runtime::records::DigestEntry) {
/// println!("record {} has {} bytes, and is in {}", stub.seq(), stub.bytes(), stub.file());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestEntry {
    at: Timestamp,
    bytes: u64,
    digest: Digest,
    kind: String,
    seq: u64,
}

impl DigestEntry {
    /// Returns the record's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the number of bytes of the record.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the SHA-256 of the record's canonical JSON.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the file with the record, within the folder of the trail.
    #[must_use]
    pub fn file(&self) -> String {
        format!("large/{}.json", hex(self.digest.as_bytes()))
    }
}

/// A settled divergence of trail and database, with a person's reason, for example after a restored
/// backup. The trail keeps both histories.
///
/// ```
/// # fn show(parted: &gate_runtime::records::ResetEntry) {
/// println!(
///     "{}: from record {} on anew, says {}: {}",
///     parted.at(),
///     parted.next(),
///     parted.by(),
///     parted.reason()
/// );
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetEntry {
    #[doc(hidden)]
    pub at: Timestamp,
    #[doc(hidden)]
    pub by: ReviewerId,
    #[doc(hidden)]
    pub next: u64,
    #[doc(hidden)]
    pub reason: String,
    #[doc(hidden)]
    pub settled: u64,
}

impl ResetEntry {
    /// Returns the time when it was settled.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the person who settled it.
    #[must_use]
    pub fn by(&self) -> &ReviewerId {
        &self.by
    }

    /// Returns the number of the next record.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the number of the last record before it.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.settled
    }
}

/// The bytes of an entry, and of its file beside the tree.
///
/// ```
/// # fn show(leaf: &gate_runtime::records::TrailLeaf) {
/// println!("{} bytes", leaf.text().len());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailLeaf {
    text: String,
    beside: Option<(String, String)>,
}

impl TrailLeaf {
    /// Returns the entry, on one line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the file of a long record, within the folder of the trail, and its content.
    #[must_use]
    pub fn beside(&self) -> Option<(&str, &str)> {
        self.beside.as_ref().map(|(file, text)| (file.as_str(), text.as_str()))
    }
}

impl TrailEntry {
    /// Returns the leaf of a record: its canonical JSON, or the JSON of its [`DigestEntry`] if it
    /// is longer than 65,535 bytes.
    ///
    /// # Errors
    /// Returns an error if it has no canonical form. The gate writes no such records.
    pub fn leaf(record: &Record) -> Result<TrailLeaf, SchemaError> {
        let text = canonical_of(record)?;
        if text.len() <= LONGEST {
            return Ok(TrailLeaf { text, beside: None });
        }
        Self::digest_leaf(record, text)
    }

    /// Returns the leaf of a record from its stored JSON: the canonical form of all its fields.
    #[doc(hidden)]
    pub fn leaf_of_text(text: &str) -> Result<TrailLeaf, SchemaError> {
        let unread = |error: serde_json::Error| SchemaError::new("", error.to_string());
        let canonical = match canonical_json(text) {
            Some(text) => text,
            None => canonical(&serde_json::from_str(text).map_err(unread)?)?,
        };
        if canonical.len() <= LONGEST {
            return Ok(TrailLeaf { text: canonical, beside: None });
        }
        Self::digest_leaf(&serde_json::from_str(text).map_err(unread)?, canonical)
    }

    fn digest_leaf(record: &Record, text: String) -> Result<TrailLeaf, SchemaError> {
        let (digest, bytes) = (Digest::of(&text), text.len() as u64);
        let digest_entry = DigestEntry {
            at: record.at,
            bytes,
            digest,
            kind: record.kind().to_owned(),
            seq: record.seq,
        };
        Ok(TrailLeaf {
            text: canonical_of(&digest_entry)?,
            beside: Some((digest_entry.file(), text)),
        })
    }

    /// Returns the leaf of a reset entry.
    #[doc(hidden)]
    pub fn reset_leaf(reset: &ResetEntry) -> Result<TrailLeaf, SchemaError> {
        Ok(TrailLeaf { text: canonical_of(reset)?, beside: None })
    }

    /// Parses an entry, which must be canonical, so that each entry has one form.
    ///
    /// # Errors
    /// Returns an error with the location if it is not an entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, SchemaError> {
        // Most entries are records, which are parsed without an intermediate value.
        if let Ok(text) = std::str::from_utf8(bytes)
            && canonical_json(text).as_deref() == Some(text)
            && let Ok(record) = serde_json::from_str(text)
        {
            return Ok(Self::Record(record));
        }
        let value = canonical_value(bytes)?;
        let to_schema_error =
            |problem: serde_json::Error| SchemaError::new("", problem.to_string());
        if value.get("event").is_some() {
            serde_json::from_value(value).map(Self::Record).map_err(to_schema_error)
        } else if value.get("digest").is_some() {
            serde_json::from_value(value).map(Self::Digest).map_err(to_schema_error)
        } else {
            serde_json::from_value(value).map(Self::Reset).map_err(to_schema_error)
        }
    }

    /// Parses the record of a digest entry, from its file beside the tree.
    ///
    /// # Errors
    /// Returns an error if it is not the record of this digest entry.
    pub fn parse_beside(digest_entry: &DigestEntry, bytes: &[u8]) -> Result<Record, SchemaError> {
        if Digest::of(bytes) != digest_entry.digest {
            return Err(SchemaError::new(
                "",
                "it is not the record that was logged: its digest differs",
            ));
        }
        let record: Record = serde_json::from_value(canonical_value(bytes)?)
            .map_err(|error| SchemaError::new("", error.to_string()))?;
        let is_other = record.seq != digest_entry.seq
            || record.at != digest_entry.at
            || record.kind() != digest_entry.kind;
        if is_other || bytes.len() as u64 != digest_entry.bytes {
            return Err(SchemaError::new("", "it is not the record that its stub names"));
        }
        Ok(record)
    }
}

impl fmt::Display for TrailEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => write!(f, "record {} ({})", record.seq, record.kind()),
            Self::Digest(digest_entry) => {
                write!(f, "record {} ({})", digest_entry.seq, digest_entry.kind)
            }
            Self::Reset(reset) => write!(f, "break before record {}", reset.next),
        }
    }
}

fn canonical_of<T: Serialize>(value: &T) -> Result<String, SchemaError> {
    canonical(
        &serde_json::to_value(value).map_err(|error| SchemaError::new("", error.to_string()))?,
    )
}

/// Parses JSON in canonical form, without duplicate keys and with numbers as they are.
fn canonical_value(bytes: &[u8]) -> Result<Value, SchemaError> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| SchemaError::new("", error.to_string()))?;
    if canonical(&value)?.as_bytes() == bytes {
        Ok(value)
    } else {
        Err(SchemaError::new("", "it is not in canonical form (RFC 8785)"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::context::RunInfo;
    use crate::records::event::GateEvent;

    fn action(details: Value) -> Record {
        let info = RunInfo::new("run", "agent").into();
        let event =
            GateEvent::Action { info, action: "noted".to_owned(), details, in_reply_to: None };
        Record::of_gate(Timestamp::UNIX_EPOCH, event).numbered(7)
    }

    #[test]
    fn an_entry_reads_back_as_its_record() {
        for details in
            [json!(null), json!({"b": 1, "a": [0.25, "\u{202e}ä\n"]}), json!("x".repeat(60_000))]
        {
            let record = action(details);
            let leaf = TrailEntry::leaf(&record).unwrap();
            assert!(leaf.beside().is_none() && !leaf.text().contains('\n'));
            assert_eq!(
                TrailEntry::leaf_of_text(&serde_json::to_string(&record).unwrap()),
                Ok(leaf.clone())
            );
            assert_eq!(
                TrailEntry::parse(leaf.text().as_bytes()),
                Ok(TrailEntry::Record(Box::new(record)))
            );
        }
    }

    #[test]
    fn a_long_record_has_a_stub_and_lies_beside() {
        let record = action(json!("x".repeat(70_000)));
        let leaf = TrailEntry::leaf(&record).unwrap();
        assert_eq!(
            TrailEntry::leaf_of_text(&serde_json::to_string(&record).unwrap()),
            Ok(leaf.clone())
        );
        let (file, text) = leaf.beside().unwrap();
        let Ok(TrailEntry::Digest(digest_entry)) = TrailEntry::parse(leaf.text().as_bytes()) else {
            panic!("{leaf:?}")
        };
        assert_eq!(
            (digest_entry.seq(), digest_entry.file().as_str(), digest_entry.bytes()),
            (7, file, text.len() as u64)
        );
        assert_eq!(TrailEntry::parse_beside(&digest_entry, text.as_bytes()), Ok(record));
        assert!(
            TrailEntry::parse_beside(&digest_entry, text.replacen('x', "y", 1).as_bytes()).is_err()
        );
        let other = DigestEntry { seq: 8, ..digest_entry };
        assert!(TrailEntry::parse_beside(&other, text.as_bytes()).is_err());
    }

    #[test]
    fn one_entry_has_one_form() {
        let text = TrailEntry::leaf(&action(json!({"a": 1}))).unwrap().text().to_owned();
        let refused = [
            text.replacen(':', ": ", 1),
            text.replacen("\"seq\":7", "\"seq\":7,\"seq\":7", 1),
            text.replacen("\"seq\":7", "\"seq\":7.0", 1),
            text.replacen("{\"a\":1}", "{\"a\":1.0}", 1),
            text.replacen("{\"a\":1}", "{\"\\u0061\":1}", 1),
            text.replacen("\"seq\":7", "\"seq\":\"7\"", 1),
            text.replacen("noted", "no\ted", 1),
            text.strip_suffix("}").unwrap().to_owned(),
            format!("{text}\n"),
            String::new(),
            "{}".to_owned(),
            "[".repeat(100_000),
        ];
        for text in refused {
            assert!(
                TrailEntry::parse(text.as_bytes()).is_err(),
                "{}",
                text.chars().take(200).collect::<String>()
            );
        }
        assert!(TrailEntry::parse(b"\xff").is_err());
    }

    #[test]
    fn a_break_reads_back() {
        let (at, by) = (Timestamp::UNIX_EPOCH, "dana".into());
        let reset = ResetEntry { at, by, next: 9, reason: "restored".to_owned(), settled: 20 };
        let leaf = TrailEntry::reset_leaf(&reset).unwrap();
        assert_eq!(
            leaf.text(),
            r#"{"at":"1970-01-01T00:00:00Z","by":"dana","next":9,"reason":"restored","settled":20}"#
        );
        assert_eq!(TrailEntry::parse(leaf.text().as_bytes()), Ok(TrailEntry::Reset(reset)));
    }
}
