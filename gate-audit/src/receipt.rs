//! Receipts: one text that shows, without the log, that these entries were logged.

use std::fmt;

use crate::checkpoint::Checkpoint;
use crate::encoding::{after, decimal, is_header, is_line};
use crate::error::{DocumentKind, Error};
use crate::hash::Hash;
use crate::head::LONGEST_PROOF;
use crate::log_keys::{LogKeys, VerifiedCheckpoint};
use crate::note::Note;
use crate::witness_policy::WitnessPolicy;

const HEADER: &str = "gate/receipt@v1";
/// The longest receipt that is read.
const LONGEST: usize = 10_000_000;

const ENTRY: &str = "write `entry `, the index as a decimal number without leading zeros, a \
    space, and the entry in one line";
const ORDER: &str = "give each entry once, in the order of the indexes";
const WITH: &str = "write `with ` and a text in one line, before the hashes of the proof";
const HASH: &str = "write a hash as 44 characters of base64, and no more than 63";

/// Entries, the proof that each of them stands where it says, and the signed checkpoint of the
/// tree.
///
/// It is a text that a person can read, and every receipt has one form:
///
/// ```text
/// gate/receipt@v1
/// entry 1 approved by dana
/// with {"salt":"b3Vy"}
/// wf7hVWnnlvm70sDcrTa51tfKitNAPsOZOGl3f7fJLmg=
/// udPM4LQBkYMlwLNCRLL8nDjsUGj+o/iGmt6FjRHCKA4=
/// entry 2 run
/// pbFbp7no0BP6UkzgY4JTVPzXjIIjofNTgF74t7rSow8=
///
/// example.com/trail
/// 3
/// u34rRGJ5mvkPkQIVWZz0p7Hi0/hRT8NfrJ0Z+ehkJwQ=
///
#[doc = "— example.com/trail \
         tqlzGovkDENnYnkyN3JcZxAYxUfB6zxAXKX5D0CZvAjkDsrZ/nwIp+GWw8D2hW1zXn7LOyZ+bQ6oToBeGqUV\
         RAq9cQE="]
/// ```
///
/// The format is similar to C2SP [`tlog-proof`](https://c2sp.org/tlog-proof), but different: a
/// `tlog-proof` is about one entry, and does not contain the entry itself. A receipt contains
/// several entries under one checkpoint, as they were logged. To make a `tlog-proof` of one of
/// them, take its index, its hashes and the checkpoint, which have the required form.
///
/// # Security
///
/// [`Receipt::verify`] verifies the entries, and not their attachments: for these, the reader must
/// know how an entry commits to them. Letters of other scripts, and characters that change the
/// direction of text, are left as they are, so sanitize a foreign receipt before displaying it.
///
/// # Example
///
/// ```
/// use gate_audit::{
///     Checkpoint, EntryProof, Hash, KeyKind, LogKeys, Receipt, SigningKey, TreeHead,
///     WitnessPolicy, prove_inclusion, root_of,
/// };
///
/// let leaves = ["asked", "approved", "run"].map(|record| Hash::of_leaf(record.as_bytes()));
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let head = TreeHead::new(3, root_of(&leaves[..], 3)?);
/// let note = Checkpoint::new("example.com/trail", head)?.sign(&key)?;
/// let approved =
///     EntryProof::new(1, "approved", prove_inclusion(&leaves[..], 1, 3)?).with("the approval");
/// let run = EntryProof::new(2, "run", prove_inclusion(&leaves[..], 2, 3)?);
/// let file = Receipt::new(vec![approved, run], note)?.to_string();
/// assert!(
///     file.starts_with(
///         "gate/receipt@v1\nentry 1 approved\nwith the approval\n"
///     )
/// );
///
/// // Somebody else has the file and the log's key.
/// let receipt = Receipt::parse(file.as_bytes())?;
/// let keys = LogKeys::new("example.com/trail", key.verifier().clone())?;
/// receipt.verify(&keys, &WitnessPolicy::none())?;
/// assert_eq!(receipt.evidence()[1].entry(), "run");
///
/// let forged = Receipt::parse(file.replace("entry 1 approved", "entry 1 denied").as_bytes())?;
/// assert!(forged.verify(&keys, &WitnessPolicy::none()).is_err());
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    evidence: Vec<EntryProof>,
    note: Note,
}

/// An entry, where it stands in the tree, and the proof of it.
///
/// # Example
///
/// ```
/// use gate_audit::EntryProof;
///
/// let evidence =
///     EntryProof::new(41, r#"{"type":"approved"}"#, Vec::new()).with(r#"{"salt":"b3Vy"}"#);
/// assert_eq!((evidence.index(), evidence.entry()), (41, r#"{"type":"approved"}"#));
/// assert_eq!(evidence.attachments(), [r#"{"salt":"b3Vy"}"#]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProof {
    index: u64,
    entry: String,
    attachments: Vec<String>,
    proof: Vec<Hash>,
}

impl EntryProof {
    /// The entry at this index, exactly as it was logged, and its inclusion proof.
    ///
    /// ```
    /// # use gate_audit::EntryProof;
    /// assert_eq!(EntryProof::new(0, "asked", Vec::new()).attachments().len(), 0);
    /// ```
    #[must_use]
    pub fn new(index: u64, entry: impl Into<String>, proof: Vec<Hash>) -> EntryProof {
        EntryProof { index, entry: entry.into(), attachments: Vec::new(), proof }
    }

    /// Adds a line for which the tree does not vouch, such as what the entry has a digest of.
    ///
    /// ```
    /// # use gate_audit::EntryProof;
    /// assert_eq!(
    ///     EntryProof::new(0, "asked", Vec::new()).with("what was asked").attachments(),
    ///     ["what was asked"]
    /// );
    /// ```
    #[must_use]
    pub fn with(mut self, text: impl Into<String>) -> EntryProof {
        self.attachments.push(text.into());
        self
    }

    /// Where the entry is said to stand.
    ///
    /// ```
    /// # use gate_audit::EntryProof;
    /// assert_eq!(EntryProof::new(7, "asked", Vec::new()).index(), 7);
    /// ```
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns the entry that is said to have been logged.
    ///
    /// ```
    /// # use gate_audit::EntryProof;
    /// assert_eq!(EntryProof::new(7, "asked", Vec::new()).entry(), "asked");
    /// ```
    #[must_use]
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// Returns the texts that came with the entry. The tree does not vouch for them.
    ///
    /// ```
    /// # use gate_audit::EntryProof;
    /// assert_eq!(
    ///     EntryProof::new(7, "asked", Vec::new()).with("one").with("two").attachments(),
    ///     ["one", "two"]
    /// );
    /// ```
    #[must_use]
    pub fn attachments(&self) -> &[String] {
        &self.attachments
    }

    /// The siblings from the entry's leaf up.
    ///
    /// ```
    /// # use gate_audit::{EntryProof, Hash};
    /// let approved = Hash::of_leaf(b"approved");
    /// assert_eq!(EntryProof::new(0, "asked", vec![approved]).proof(), [approved]);
    /// ```
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }
}

impl Receipt {
    /// A receipt of these entries, in the order of their indexes, under a signed checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the note is no checkpoint, and, with the line that it would have,
    /// for what has no form as a receipt: no entry at all, an index that is not above the one
    /// before, a text that is empty or has control characters, a proof longer than any tree needs,
    /// more than 10,000,000 bytes in all.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, EntryProof, TreeFrontier, KeyKind, Receipt, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// let twice = ["asked", "approved"].map(|entry| EntryProof::new(7, entry, Vec::new()));
    /// let refused = Receipt::new(twice.to_vec(), note).unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "receipt, line 3: give each entry once, in the order of the indexes"
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn new(evidence: Vec<EntryProof>, note: Note) -> Result<Receipt, Error> {
        note.text().parse::<Checkpoint>()?;
        check(&evidence)?;
        let receipt = Receipt { evidence, note };
        if receipt.to_string().len() > LONGEST { Err(too_long()) } else { Ok(receipt) }
    }

    /// Reads a receipt. Nothing is verified yet. It takes some eight times its bytes in memory at
    /// most.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the line.
    ///
    /// ```
    /// use gate_audit::Receipt;
    ///
    /// let refused =
    ///     Receipt::parse(b"gate/receipt@v1\nentry 7 asked\nAAAA\n\n")
    ///         .unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "receipt, line 3: write a hash as 44 characters of base64, and no more than 63"
    /// );
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Receipt, Error> {
        let kind = DocumentKind::Receipt;
        if bytes.len() > LONGEST {
            return Err(too_long());
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|bad| Error::byte(kind, bad.valid_up_to(), "write UTF-8"))?;
        let Some((head, note)) = text.split_once("\n\n") else {
            return Err(Error::whole(
                kind,
                "put an empty line between the entries and the checkpoint",
            ));
        };
        let mut lines = (1..).zip(head.split('\n'));
        if lines.next().is_none_or(|(_, line)| !is_header(line, HEADER)) {
            return Err(Error::line(kind, 1, "begin with `gate/receipt@v1`"));
        }
        let mut evidence: Vec<EntryProof> = Vec::new();
        for (at, line) in lines {
            add(&mut evidence, line).map_err(|hint| Error::line(kind, at, hint))?;
        }
        check(&evidence)?;
        let note = Note::parse(note.as_bytes())
            .and_then(|note| note.text().parse::<Checkpoint>().map(|_| note));
        let above = head.matches('\n').count() + 2;
        let note = note.map_err(|error| error.further_down(above, head.len() + 2))?;
        Ok(Receipt { evidence, note })
    }

    /// Checks that every entry stands, as it is, at its index in a tree that the log has signed and
    /// enough witnesses have seen.
    ///
    /// # Errors
    ///
    /// What [`LogKeys::verify`] and, for the first entry that is not there,
    /// [`TreeHead::verify_inclusion`](crate::TreeHead::verify_inclusion) say.
    ///
    /// ```
    /// # use gate_audit::{
    /// #     Checkpoint, EntryProof, Hash, KeyKind, LogKeys, Receipt, SigningKey, TreeHead,
    /// #     WitnessPolicy,
    /// # };
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note =
    /// #     Checkpoint::new("example.com/trail", TreeHead::new(1, Hash::of_leaf(b"asked")))?
    /// #         .sign(&key)?;
    /// let keys = LogKeys::new("example.com/trail", key.verifier().clone())?;
    /// let receipt = Receipt::new(vec![EntryProof::new(0, "asked", Vec::new())], note)?;
    /// assert_eq!(receipt.verify(&keys, &WitnessPolicy::none())?.head().size(), 1);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn verify(
        &self,
        keys: &LogKeys,
        witnesses: &WitnessPolicy,
    ) -> Result<VerifiedCheckpoint, Error> {
        let checkpoint = keys.verify(&self.note, witnesses)?;
        for EntryProof { index, entry, proof, .. } in &self.evidence {
            checkpoint.head().verify_inclusion(*index, Hash::of_leaf(entry.as_bytes()), proof)?;
        }
        Ok(checkpoint)
    }

    /// The entries. Do not use them before [`Receipt::verify`].
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, EntryProof, TreeFrontier, KeyKind, Receipt, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// let asked = EntryProof::new(7, "asked", Vec::new());
    /// assert_eq!(Receipt::new(vec![asked.clone()], note)?.evidence(), [asked]);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn evidence(&self) -> &[EntryProof] {
        &self.evidence
    }

    /// The signed checkpoint. Do not use what it says before [`Receipt::verify`].
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, EntryProof, TreeFrontier, KeyKind, Receipt, SigningKey};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// assert_eq!(
    ///     Receipt::new(vec![EntryProof::new(7, "asked", Vec::new())], note.clone())?.note(),
    ///     &note
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for EntryProof { index, entry, attachments, proof } in &self.evidence {
            writeln!(f, "entry {index} {entry}")?;
            attachments.iter().try_for_each(|text| writeln!(f, "with {text}"))?;
            proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        }
        write!(f, "\n{}", self.note)
    }
}

fn too_long() -> Error {
    Error::whole(DocumentKind::Receipt, "give a receipt of no more than 10000000 bytes")
}

/// Adds what a line says to the entries that were read so far.
fn add(evidence: &mut Vec<EntryProof>, line: &str) -> Result<(), &'static str> {
    if let Some(rest) = after(line, "entry") {
        let (index, entry) = rest.split_once(' ').ok_or(ENTRY)?;
        evidence.push(EntryProof::new(decimal(index).ok_or(ENTRY)?, entry, Vec::new()));
        return Ok(());
    }
    let EntryProof { attachments, proof, .. } = evidence.last_mut().ok_or(ENTRY)?;
    match after(line, "with") {
        Some(text) if proof.is_empty() => attachments.push(text.to_owned()),
        Some(_) => return Err(WITH),
        None => proof.push(Hash::from_base64(line).ok_or(HASH)?),
    }
    Ok(())
}

/// Refuses what has no form, at the line where it would stand.
fn check(evidence: &[EntryProof]) -> Result<(), Error> {
    let refuse = |line, hint| Err(Error::line(DocumentKind::Receipt, line, hint));
    let (mut line, mut before) = (2, None);
    for EntryProof { index, entry, attachments, proof } in evidence {
        if !is_line(entry) {
            return refuse(line, ENTRY);
        }
        if before.is_some_and(|before| *index <= before) {
            return refuse(line, ORDER);
        }
        if let Some(at) = attachments.iter().position(|text| !is_line(text)) {
            return refuse(line + 1 + at, WITH);
        }
        if proof.len() > LONGEST_PROOF {
            return refuse(line + 1 + attachments.len() + LONGEST_PROOF, HASH);
        }
        line += 1 + attachments.len() + proof.len();
        before = Some(*index);
    }
    if evidence.is_empty() { refuse(line, ENTRY) } else { Ok(()) }
}
