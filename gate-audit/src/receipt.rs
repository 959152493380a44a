//! C2SP `tlog-proof`: one file that shows, without the log, that something was logged.

use std::fmt;

use crate::checkpoint::Checkpoint;
use crate::encoding::{after, decimal, decode, encode};
use crate::error::{Document, Error, Place};
use crate::hash::Hash;
use crate::log_keys::{LogKeys, VerifiedCheckpoint};
use crate::note::Note;
use crate::witness::WitnessPolicy;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// The longest receipt that is read: a note, and as much again.
const LONGEST: usize = 2_000_000;
/// A tree of 2^63 leaves has no longer proof.
const LONGEST_PROOF: usize = 63;

/// An index, the proof that something stands there, and the signed checkpoint of the tree: what a `.tlog-proof` file holds.
///
/// # Example
///
/// ```
/// use gate_audit::{Checkpoint, Frontier, Hash, KeyKind, LogKeys, Receipt, SigningKey, TreeHead, WitnessPolicy, prove_inclusion, root_of};
///
/// let leaves = ["asked", "approved", "run"].map(|record| Hash::of_leaf(record.as_bytes()));
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let head = TreeHead::new(3, root_of(&leaves[..], 3)?);
/// let note = Checkpoint::new("example.com/trail", head)?.sign(&key)?;
/// let file = Receipt::new(1, prove_inclusion(&leaves[..], 1, 3)?, note)?.to_string();
///
/// // Somebody else has the file, the record and the log's key.
/// let receipt = Receipt::parse(file.as_bytes())?;
/// let keys = LogKeys::new("example.com/trail", key.verifier().clone())?;
/// assert!(receipt.verify(b"approved", &keys, &WitnessPolicy::none()).is_ok());
/// assert!(receipt.verify(b"denied", &keys, &WitnessPolicy::none()).is_err());
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    extra: Option<Vec<u8>>,
    index: u64,
    proof: Vec<Hash>,
    note: Note,
}

impl Receipt {
    /// A receipt for what stands at this index, from its inclusion proof and the signed checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the note is no checkpoint, or the proof longer than any tree needs.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, Note, Receipt, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert!(Receipt::new(0, Vec::new(), Note::sign("no checkpoint\n", &key)?).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn new(index: u64, proof: Vec<Hash>, note: Note) -> Result<Receipt, Error> {
        note.text().parse::<Checkpoint>()?;
        if proof.len() > LONGEST_PROOF {
            return Err(Error::whole(Document::Receipt, "give no more than 63 hashes"));
        }
        Ok(Receipt { extra: None, index, proof, note })
    }

    /// Adds bytes that nothing vouches for, such as what is needed to make the record.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] beyond 500,000 bytes.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, Frontier, KeyKind, Receipt, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", Frontier::new().head())?.sign(&key)?;
    /// let receipt = Receipt::new(0, Vec::new(), note)?.with_extra(b"the record".to_vec())?;
    /// assert_eq!(receipt.extra(), Some(&b"the record"[..]));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn with_extra(self, extra: Vec<u8>) -> Result<Receipt, Error> {
        if extra.len() > LONGEST / 4 {
            return Err(Error::whole(Document::Receipt, "add no more than 500000 bytes"));
        }
        Ok(Receipt { extra: Some(extra), ..self })
    }

    /// Reads a receipt. Nothing is verified yet.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the line.
    ///
    /// ```
    /// use gate_audit::Receipt;
    ///
    /// let refused = Receipt::parse(b"c2sp.org/tlog-proof@v1\nindex 007\n\n").unwrap_err();
    /// assert_eq!(refused.to_string(), "receipt, line 2: write `index ` and a decimal number without leading zeros");
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Receipt, Error> {
        let what = Document::Receipt;
        if bytes.len() > LONGEST {
            return Err(Error::whole(what, "give a receipt of no more than 2000000 bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|bad| Error::byte(what, bad.valid_up_to(), "write UTF-8"))?;
        let Some((head, note)) = text.split_once("\n\n") else {
            return Err(Error::whole(what, "put an empty line between the proof and the checkpoint"));
        };
        let mut lines = (1..).zip(head.split('\n')).peekable();
        if lines.next().is_none_or(|(_, line)| line != HEADER) {
            return Err(Error::line(what, 1, "begin with `c2sp.org/tlog-proof@v1`"));
        }
        let extra = match lines.next_if(|(_, line)| line.starts_with("extra ")) {
            None => None,
            Some((_, line)) => {
                let extra = after(line, "extra").and_then(decode);
                Some(extra.ok_or_else(|| Error::line(what, 2, "write `extra ` and base64"))?)
            }
        };
        let hint = "write `index ` and a decimal number without leading zeros";
        let index = lines.next().map_or(Err(2), |(at, line)| after(line, "index").and_then(decimal).ok_or(at));
        let index = index.map_err(|at| Error::line(what, at, hint))?;
        let mut proof = Vec::new();
        for (at, line) in lines {
            let hash = Hash::from_base64(line).filter(|_| proof.len() < LONGEST_PROOF);
            proof.push(hash.ok_or_else(|| {
                Error::line(what, at, "write a hash as 44 characters of base64, and no more than 63")
            })?);
        }
        let before = head.matches('\n').count() + 2;
        let note = Note::parse(note.as_bytes()).map_err(|error| further_down(error, before, head.len() + 2))?;
        let receipt = Receipt::new(index, proof, note).map_err(|error| further_down(error, before, head.len() + 2))?;
        Ok(Receipt { extra, ..receipt })
    }

    /// Checks that these are the bytes that were logged, in a tree that the log has signed and enough witnesses have seen.
    ///
    /// # Errors
    ///
    /// What [`LogKeys::verify`] and [`TreeHead::verify_inclusion`](crate::TreeHead::verify_inclusion) say.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, Hash, KeyKind, LogKeys, Receipt, SigningKey, TreeHead, WitnessPolicy};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeHead::new(1, Hash::of_leaf(b"asked")))?.sign(&key)?;
    /// let keys = LogKeys::new("example.com/trail", key.verifier().clone())?;
    /// let checkpoint = Receipt::new(0, Vec::new(), note)?.verify(b"asked", &keys, &WitnessPolicy::none())?;
    /// assert_eq!(checkpoint.head().size(), 1);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn verify(&self, entry: &[u8], keys: &LogKeys, witnesses: &WitnessPolicy) -> Result<VerifiedCheckpoint, Error> {
        let checkpoint = keys.verify(&self.note, witnesses)?;
        checkpoint.head().verify_inclusion(self.index, Hash::of_leaf(entry), &self.proof)?;
        Ok(checkpoint)
    }

    /// Where the entry is said to stand.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, Frontier, KeyKind, Receipt, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", Frontier::new().head())?.sign(&key)?;
    /// assert_eq!(Receipt::new(7, Vec::new(), note)?.index(), 7);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The bytes that came with it. Nothing vouches for them.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, Frontier, KeyKind, Receipt, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", Frontier::new().head())?.sign(&key)?;
    /// assert_eq!(Receipt::new(7, Vec::new(), note)?.extra(), None);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

/// A fault in the checkpoint, at its place in the receipt.
fn further_down(error: Error, lines: usize, bytes: usize) -> Error {
    match error {
        Error::Malformed { what, place: Place::Line(line), hint } => Error::line(what, line + lines, hint),
        Error::Malformed { what, place: Place::Byte(byte), hint } => Error::byte(what, byte + bytes, hint),
        other => other,
    }
}
