//! The request of a log to a witness, as in C2SP `tlog-witness`.

use std::fmt;

use crate::checkpoint::Checkpoint;
use crate::encoding::{after, decimal};
use crate::error::{DocumentKind, Error};
use crate::hash::Hash;
use crate::head::LONGEST_PROOF;
use crate::note::{self, Note};

/// The longest request that is read: a note, and the lines of a proof above it.
const LONGEST: usize = note::LONGEST + 3_000;

const OLD: &str =
    "write `old ` and the size of the tree before, a decimal number without leading zeros";
const HASH: &str = "write a hash as 44 characters of base64, and no more than 63";

/// A new checkpoint, and the proof that its tree continues the one that the witness has cosigned
/// last: the body of a `POST` to `add-checkpoint`.
///
/// # Example
///
/// ```
/// use gate_audit::{
///     AddCheckpoint, Checkpoint, Hash, KeyKind, SigningKey, TreeHead, prove_consistency, root_of,
/// };
///
/// let leaves = ["asked", "approved", "run"].map(|record| Hash::of_leaf(record.as_bytes()));
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let note = Checkpoint::new("example.com/trail", TreeHead::new(3, root_of(&leaves[..], 3)?))?
///     .sign(&key)?;
/// let request = AddCheckpoint::new(2, prove_consistency(&leaves[..], 2, 3)?, note.clone())?;
/// assert_eq!(request.to_string(), format!("old 2\n{}\n\n{note}", leaves[2]));
/// assert_eq!(AddCheckpoint::parse(request.to_string().as_bytes())?, request);
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    checkpoint: Note,
}

impl AddCheckpoint {
    /// Asks for a cosignature of a checkpoint, where the witness cosigned one of size `old` before,
    /// or nothing yet if that is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the note is no checkpoint, or the proof longer than any tree needs.
    ///
    /// ```
    /// # use gate_audit::{AddCheckpoint, KeyKind, Note, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert!(AddCheckpoint::new(0, Vec::new(), Note::sign("no checkpoint\n", &key)?).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn new(old: u64, proof: Vec<Hash>, checkpoint: Note) -> Result<AddCheckpoint, Error> {
        checkpoint.text().parse::<Checkpoint>()?;
        if proof.len() > LONGEST_PROOF {
            return Err(Error::line(DocumentKind::AddCheckpoint, LONGEST_PROOF + 2, HASH));
        }
        Ok(AddCheckpoint { old, proof, checkpoint })
    }

    /// Reads a request. Nothing is verified yet: give it to
    /// [`Witness::decide`](crate::Witness::decide). What cannot be read is answered with
    /// status 400.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the line.
    ///
    /// ```
    /// let refused = gate_audit::AddCheckpoint::parse(b"old 07\n\n").unwrap_err();
    /// assert!(
    ///     refused.to_string().starts_with(
    ///         "add-checkpoint, line 1: write `old ` and the size of the tree before"
    ///     )
    /// );
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<AddCheckpoint, Error> {
        let kind = DocumentKind::AddCheckpoint;
        if bytes.len() > LONGEST {
            return Err(Error::whole(kind, "give a request of no more than 1003000 bytes"));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|bad| Error::byte(kind, bad.valid_up_to(), "write UTF-8"))?;
        let Some((head, note)) = text.split_once("\n\n") else {
            return Err(Error::whole(
                kind,
                "put an empty line between the proof and the checkpoint",
            ));
        };
        let mut lines = (1..).zip(head.split('\n'));
        let old = lines.next().and_then(|(_, line)| decimal(after(line, "old")?));
        let old = old.ok_or_else(|| Error::line(kind, 1, OLD))?;
        let mut proof = Vec::new();
        for (at, line) in lines {
            let hash = Hash::from_base64(line).filter(|_| proof.len() < LONGEST_PROOF);
            proof.push(hash.ok_or_else(|| Error::line(kind, at, HASH))?);
        }
        let above = head.matches('\n').count() + 2;
        let request =
            Note::parse(note.as_bytes()).and_then(|note| AddCheckpoint::new(old, proof, note));
        request.map_err(|error| error.further_down(above, head.len() + 2))
    }

    /// The size of the tree that the witness is said to have cosigned last.
    ///
    /// ```
    /// # use gate_audit::{AddCheckpoint, Checkpoint, TreeFrontier, KeyKind, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// assert_eq!(AddCheckpoint::new(0, Vec::new(), note)?.old(), 0);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The proof that the new tree continues that one.
    ///
    /// ```
    /// # use gate_audit::{AddCheckpoint, Checkpoint, TreeFrontier, KeyKind, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// assert!(AddCheckpoint::new(0, Vec::new(), note)?.proof().is_empty());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The new checkpoint. Nothing has verified it.
    ///
    /// ```
    /// # use gate_audit::{AddCheckpoint, Checkpoint, TreeFrontier, KeyKind, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// assert_eq!(AddCheckpoint::new(0, Vec::new(), note.clone())?.checkpoint(), &note);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }

    /// Which log the checkpoint says it is of: by it a witness of several logs finds the keys and
    /// the last tree of this one.
    ///
    /// ```
    /// # use gate_audit::{AddCheckpoint, Checkpoint, TreeFrontier, KeyKind, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// assert_eq!(AddCheckpoint::new(0, Vec::new(), note)?.origin(), "example.com/trail");
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn origin(&self) -> &str {
        self.checkpoint.text().split('\n').next().unwrap_or_default()
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
