//! The sealed records of calls that may still run, with which the store's records are compared.

use foldhash::HashMap;
use gate_core::approval::Status;
use gate_core::id::ApprovalId;
use gate_core::records::{Record, TrailEntry, TrailLeaf};
use gate_core::text::Digest;
use serde::Deserialize;

use super::error::TrailError;

/// The sealed records of every call that has not ended, up to the position that was read. Kept in
/// memory: its size depends on the number of open calls, not on the length of the trail.
#[derive(Debug, Default)]
pub(super) struct SealedCalls {
    /// The number of entries of the trail that were read.
    pub(super) entries: u64,
    /// The number of the last record among them.
    upto: u64,
    open: HashMap<ApprovalId, Vec<(u64, Digest)>>,
}

/// The parts of a sealed record that are needed to check calls.
#[derive(Debug)]
pub(super) struct SealedRecord {
    seq: u64,
    leaf: Digest,
    /// The call that it is about, and whether it ended the call.
    about: Option<(ApprovalId, bool)>,
}

impl SealedRecord {
    pub(super) fn of(record: &Record, leaf: &TrailLeaf) -> Self {
        Self::new(
            record.seq(),
            leaf.text(),
            record.subject().map(|subject| (subject.approval(), record.status())),
        )
    }

    /// Creates it from the bytes of its entry.
    pub(super) fn of_leaf(record: &Record, leaf: &[u8]) -> Self {
        let leaf = String::from_utf8_lossy(leaf);
        Self::new(
            record.seq(),
            &leaf,
            record.subject().map(|subject| (subject.approval(), record.status())),
        )
    }

    /// Creates it from its text, of which only the needed fields are parsed.
    pub(super) fn of_text(
        seq: u64,
        text: &str,
        leaf: &TrailLeaf,
    ) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct RecordHead {
            subject: Option<SubjectHead>,
            status: Option<Status>,
        }
        #[derive(Deserialize)]
        struct SubjectHead {
            approval: ApprovalId,
        }
        let RecordHead { subject, status } = serde_json::from_str(text)?;
        Ok(Self::new(seq, leaf.text(), subject.map(|subject| (subject.approval, status))))
    }

    fn new(seq: u64, leaf: &str, about: Option<(ApprovalId, Option<Status>)>) -> Self {
        let about = about.map(|(id, status)| (id, status.is_some_and(Status::is_terminal)));
        Self { seq, leaf: Digest::of(leaf), about }
    }
}

impl SealedCalls {
    /// Adds the next record of the trail.
    pub(super) fn take(&mut self, record: &SealedRecord) {
        self.upto = record.seq;
        match record.about {
            Some((id, true)) => drop(self.open.remove(&id)),
            Some((id, false)) => self.open.entry(id).or_default().push((record.seq, record.leaf)),
            None => {}
        }
    }

    /// Returns the sealed records of a call.
    pub(super) fn of(&self, id: ApprovalId) -> SealedCall {
        // No sealed records: the call is new, or it has ended, which `check` tells apart by `upto`.
        SealedCall { upto: self.upto, records: self.open.get(&id).cloned().unwrap_or_default() }
    }
}

/// The sealed records of one call.
#[derive(Debug)]
pub(crate) struct SealedCall {
    /// The number of the last sealed record, of any call.
    upto: u64,
    /// The numbers of its records and the digests of their leaves; empty if the call has ended.
    records: Vec<(u64, Digest)>,
}

impl SealedCall {
    /// Checks that a store has exactly the sealed records of the call, byte for byte. Later records
    /// are not sealed yet.
    ///
    /// # Errors
    /// Describes the record that is missing, differs, or was never sealed.
    pub(crate) fn check(&self, stored: &[(u64, String)]) -> Result<(), String> {
        let mut sealed = self.records.iter();
        for (seq, text) in stored.iter().filter(|(seq, _)| *seq <= self.upto) {
            match sealed.next() {
                Some((expected, _)) if expected < seq => return Err(missing(*expected)),
                Some((expected, leaf)) if expected == seq => {
                    if leaf_of(*seq, text).map_or(true, |found| Digest::of(found.text()) != *leaf) {
                        return Err(format!(
                            "record {seq} of the database is not the one that was sealed"
                        ));
                    }
                }
                _ if self.records.is_empty() => {
                    return Err("it has ended, according to the trail".to_owned());
                }
                _ => return Err(format!("record {seq} of the database is not in the trail")),
            }
        }
        sealed.next().map_or(Ok(()), |(expected, _)| Err(missing(*expected)))
    }
}

/// Returns the entry of a record, from its stored text.
pub(super) fn leaf_of(seq: u64, text: &str) -> Result<TrailLeaf, TrailError> {
    TrailEntry::leaf_of_text(text).map_err(|problem| TrailError::Record { seq, problem })
}

fn missing(seq: u64) -> String {
    format!("record {seq}, which was sealed, is not in the database")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seq: u64) -> (u64, String) {
        (seq, format!(r#"{{"seq":{seq}}}"#))
    }

    fn sealed(records: &[u64], upto: u64) -> SealedCall {
        let leaf = |seq: u64| Digest::of(leaf_of(seq, &text(seq).1).unwrap().text());
        SealedCall { upto, records: records.iter().map(|seq| (*seq, leaf(*seq))).collect() }
    }

    #[test]
    fn a_store_has_just_the_sealed_records_of_a_call_and_what_came_after() {
        let call = sealed(&[3, 5, 8], 9);
        let check = |seqs: &[u64]| {
            call.check(&seqs.iter().copied().map(text).collect::<Vec<_>>())
                .unwrap_or_else(|why| panic!("{why}"));
        };
        check(&[3, 5, 8]);
        check(&[3, 5, 8, 10, 12]);
        let wrong = |seqs: &[u64]| {
            call.check(&seqs.iter().copied().map(text).collect::<Vec<_>>()).unwrap_err()
        };
        assert_eq!(wrong(&[3, 5]), "record 8, which was sealed, is not in the database");
        assert_eq!(wrong(&[5, 8, 10]), "record 3, which was sealed, is not in the database");
        assert_eq!(wrong(&[3, 5, 8, 9]), "record 9 of the database is not in the trail");
        assert_eq!(wrong(&[3, 4, 5, 8]), "record 4 of the database is not in the trail");
        assert_eq!(wrong(&[10]), "record 3, which was sealed, is not in the database");
        let changed = [text(3), (5, r#"{"seq":5,"more":1}"#.to_owned()), text(8)];
        assert_eq!(
            call.check(&changed).unwrap_err(),
            "record 5 of the database is not the one that was sealed"
        );
        assert_eq!(
            sealed(&[], 9).check(&[text(3)]).unwrap_err(),
            "it has ended, according to the trail"
        );
        sealed(&[], 9).check(&[text(10)]).unwrap();
    }
}
