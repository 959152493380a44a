//! The keys of a log, one after the other, and what each of them may have signed.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::Checkpoint;
use crate::encoding::{after, decimal, is_header, is_line};
use crate::error::{DocumentKind, Error};
use crate::hash::MAX_SIZE;
use crate::head::TreeHead;
use crate::key::{KeyKind, SigningKey, VerifierKey};
use crate::note::{Note, VerifiedSignature};
use crate::witness_policy::WitnessPolicy;

/// The first line of a succession. It can be no checkpoint: those have a bare number in their
/// second line.
const HEADER: &str = "gate/key-succession@v1";

/// A log's keys, each with the sizes of tree at which it is in force.
///
/// A key is valid from the size that introduced it up to and including the size that introduced the
/// next one.
///
/// # Security
///
/// Anyone who has a replaced key can sign other trees up to that size, and another succession for
/// auditors who have not seen the real one. So publish successions, and have checkpoints cosigned.
///
/// # Example
///
/// ```
/// use gate_audit::{
///     Checkpoint, TreeFrontier, Hash, KeyKind, LogKeys, SigningKey, KeySuccession, WitnessPolicy,
/// };
///
/// let origin = "example.com/trail";
/// let old = SigningKey::from_seed(origin, KeyKind::Log, [1; 32])?;
/// let new = SigningKey::from_seed(origin, KeyKind::Log, [2; 32])?;
///
/// // The auditor was given the old key. The old key introduces the new one, from the next record
/// // on.
/// let mut keys = LogKeys::new(origin, old.verifier().clone())?;
/// keys.accept(&KeySuccession::new(origin, 1, new.verifier().clone())?.sign(&old)?)?;
///
/// let mut tree = TreeFrontier::new();
/// tree.append(Hash::of_leaf(b"asked"));
/// let first = Checkpoint::new(origin, tree.head())?.sign(&old)?;
/// tree.append(Hash::of_leaf(b"approved"));
/// let second = Checkpoint::new(origin, tree.head())?;
///
/// let none = WitnessPolicy::none();
/// assert!(keys.verify(&first, &none).is_ok());
/// assert!(keys.verify(&second.sign(&new)?, &none).is_ok());
/// assert!(keys.verify(&second.sign(&old)?, &none).is_err());
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogKeys {
    origin: String,
    current: KeyPeriod,
    past: Vec<KeyPeriod>,
}

#[derive(Clone, Debug)]
struct KeyPeriod {
    key: VerifierKey,
    from: u64,
    until: u64,
}

impl LogKeys {
    /// The log `origin` with its first key.
    ///
    /// # Errors
    ///
    /// [`Error::WrongKind`] for a witness's key.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, LogKeys, SigningKey};
    /// let witness = SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?;
    /// assert!(LogKeys::new("example.com/trail", witness.verifier().clone()).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn new(origin: &str, key: VerifierKey) -> Result<LogKeys, Error> {
        key.must_be(KeyKind::Log)?;
        Ok(LogKeys {
            origin: origin.to_owned(),
            current: KeyPeriod { key, from: 0, until: u64::MAX },
            past: Vec::new(),
        })
    }

    /// Takes a new key from a note in which the current key introduces it. Give successions in
    /// their order.
    ///
    /// # Errors
    ///
    /// What [`Note::verify`] says of the current key's signature; [`Error::OtherOrigin`];
    /// [`Error::BadSuccession`] for a key that the log had before, or a size before that of the
    /// current key.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, LogKeys, SigningKey, KeySuccession};
    /// let [old, new] = [[1; 32], [2; 32]]
    ///     .map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
    /// let (old, new) = (old?, new?);
    /// let succession = KeySuccession::new("example.com/trail", 5, new.verifier().clone())?;
    /// let mut keys = LogKeys::new("example.com/trail", old.verifier().clone())?;
    /// assert!(keys.accept(&succession.sign(&new)?).is_err());
    /// keys.accept(&succession.sign(&old)?)?;
    /// assert_eq!(keys.current(), new.verifier());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn accept(&mut self, note: &Note) -> Result<(), Error> {
        note.verify(std::slice::from_ref(&self.current.key))?;
        let KeySuccession { origin, from, key } = note.text().parse()?;
        self.must_be_ours(&origin)?;
        if self.periods().any(|period| period.key.as_bytes() == key.as_bytes()) {
            return Err(Error::BadSuccession {
                reason: "the log had this key before; make a new one",
            });
        }
        if from < self.current.from {
            return Err(Error::BadSuccession {
                reason: "it begins before the current key does; give a later size",
            });
        }
        let replaced =
            std::mem::replace(&mut self.current, KeyPeriod { key, from, until: u64::MAX });
        self.past.push(KeyPeriod { until: from, ..replaced });
        Ok(())
    }

    /// The key that signs now.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, LogKeys, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert_eq!(
    ///     LogKeys::new("example.com/trail", key.verifier().clone())?.current(),
    ///     key.verifier()
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn current(&self) -> &VerifierKey {
        &self.current.key
    }

    /// Reads a checkpoint of this log that a key in force at its size has signed, and enough
    /// witnesses have cosigned.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::OtherOrigin`], [`Error::BadSignature`],
    /// [`Error::NotInForce`], [`Error::Unsigned`], [`Error::TooFewWitnesses`].
    ///
    /// ```
    /// use gate_audit::{
    ///     Checkpoint, Error, KeyKind, LogKeys, SigningKey, TreeFrontier, WitnessPolicy,
    /// };
    ///
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let keys = LogKeys::new("example.com/trail", key.verifier().clone())?;
    /// let foreign =
    ///     Checkpoint::new("example.com/other", TreeFrontier::new().head())?.sign(&key)?;
    /// assert!(matches!(
    ///     keys.verify(&foreign, &WitnessPolicy::none()),
    ///     Err(Error::OtherOrigin { .. })
    /// ));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn verify(
        &self,
        note: &Note,
        witnesses: &WitnessPolicy,
    ) -> Result<VerifiedCheckpoint, Error> {
        let checkpoint: Checkpoint = note.text().parse()?;
        self.must_be_ours(checkpoint.origin())?;
        let size = checkpoint.head().size();
        let (valid, expired): (Vec<&KeyPeriod>, Vec<&KeyPeriod>) =
            self.periods().partition(|period| (period.from..=period.until).contains(&size));
        let valid: Vec<VerifierKey> = valid.into_iter().map(|era| era.key.clone()).collect();
        if let Err(unsigned) = note.verify(&valid) {
            let expired =
                expired.into_iter().find(|era| note.verify(std::slice::from_ref(&era.key)).is_ok());
            return Err(match (unsigned, expired) {
                (Error::Unsigned { .. }, Some(era)) => {
                    Error::NotInForce { key: era.key.name().to_owned(), size }
                }
                (other, _) => other,
            });
        }
        Ok(VerifiedCheckpoint { checkpoint, cosignatures: witnesses.check(note)? })
    }

    fn periods(&self) -> impl Iterator<Item = &KeyPeriod> {
        self.past.iter().chain([&self.current])
    }

    fn must_be_ours(&self, origin: &str) -> Result<(), Error> {
        must_be(origin, &self.origin)
    }
}

fn must_be(found: &str, expected: &str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::OtherOrigin { found: found.to_owned(), expected: expected.to_owned() })
}

/// A checkpoint of which origin, signature and witnesses were verified. Only [`LogKeys::verify`]
/// and [`Receipt::verify`](crate::Receipt::verify) make it.
///
/// # Example
///
/// ```
/// use gate_audit::{Checkpoint, TreeFrontier, KeyKind, LogKeys, SigningKey, WitnessPolicy};
///
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let checkpoint = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?;
/// let verified = LogKeys::new("example.com/trail", key.verifier().clone())?
///     .verify(&checkpoint.sign(&key)?, &WitnessPolicy::none())?;
/// assert_eq!(verified.checkpoint(), &checkpoint);
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    cosignatures: Vec<VerifiedSignature>,
}

impl VerifiedCheckpoint {
    /// Returns the checkpoint that was signed.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier, KeyKind, LogKeys, SigningKey, WitnessPolicy};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// let verified = LogKeys::new("example.com/trail", key.verifier().clone())?
    ///     .verify(&note, &WitnessPolicy::none())?;
    /// assert_eq!(verified.checkpoint().origin(), "example.com/trail");
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Size and root of the tree.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier, KeyKind, LogKeys, SigningKey, WitnessPolicy};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// let verified = LogKeys::new("example.com/trail", key.verifier().clone())?
    ///     .verify(&note, &WitnessPolicy::none())?;
    /// assert_eq!(verified.head(), TreeFrontier::new().head());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.checkpoint.head()
    }

    /// Those of the policy's witnesses that cosigned, and when they say they did.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier, KeyKind, LogKeys, SigningKey, WitnessPolicy};
    /// # let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let mut note =
    /// #     Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// let witness = SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?;
    /// note.cosign(&witness, 1_679_315_147)?;
    /// let policy = WitnessPolicy::at_least(1, vec![witness.verifier().clone()])?;
    /// let verified =
    ///     LogKeys::new("example.com/trail", key.verifier().clone())?.verify(&note, &policy)?;
    /// assert_eq!(verified.cosignatures()[0].cosigned_at(), Some(1_679_315_147));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn cosignatures(&self) -> &[VerifiedSignature] {
        &self.cosignatures
    }
}

/// The text by which a log's key introduces the next one: origin, the size from which the new key
/// holds, the new key.
///
/// # Example
///
/// ```
/// use gate_audit::{KeyKind, SigningKey, KeySuccession};
///
/// let new = SigningKey::from_seed("example.com/trail", KeyKind::Log, [2; 32])?;
/// let succession = KeySuccession::new("example.com/trail", 5, new.verifier().clone())?;
/// assert!(
///     succession
///         .to_string()
///         .contains("\norigin example.com/trail\nfrom 5\nkey example.com/trail+")
/// );
/// assert_eq!(succession.to_string().parse::<KeySuccession>()?, succession);
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySuccession {
    origin: String,
    from: u64,
    key: VerifierKey,
}

impl KeySuccession {
    /// The log `origin` is signed by `key` once its tree has `from` leaves.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for an origin that is not one line or a size beyond 2^63 - 1,
    /// [`Error::WrongKind`] for a witness's key.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, KeySuccession};
    /// let new = SigningKey::from_seed("example.com/trail", KeyKind::Log, [2; 32])?;
    /// assert!(KeySuccession::new("", 5, new.verifier().clone()).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn new(origin: &str, from: u64, key: VerifierKey) -> Result<KeySuccession, Error> {
        if !is_line(origin) {
            return Err(Error::line(
                DocumentKind::Succession,
                2,
                "write `origin ` and the log's origin",
            ));
        }
        if from > MAX_SIZE {
            return Err(Error::line(DocumentKind::Succession, 3, FROM));
        }
        key.must_be(KeyKind::Log)?;
        Ok(KeySuccession { origin: origin.to_owned(), from, key })
    }

    /// The size of the tree from which the new key is in force.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, KeySuccession};
    /// # let new = SigningKey::from_seed("example.com/trail", KeyKind::Log, [2; 32])?;
    /// assert_eq!(KeySuccession::new("example.com/trail", 5, new.verifier().clone())?.from(), 5);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The new key.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, KeySuccession};
    /// # let new = SigningKey::from_seed("example.com/trail", KeyKind::Log, [2; 32])?;
    /// assert_eq!(
    ///     KeySuccession::new("example.com/trail", 5, new.verifier().clone())?.key(),
    ///     new.verifier()
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Refuses one of another log.
    pub(crate) fn must_be_of(&self, origin: &str) -> Result<(), Error> {
        must_be(&self.origin, origin)
    }

    /// Signs it with the log's current key.
    ///
    /// # Errors
    ///
    /// What [`Note::sign`] says.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, KeySuccession};
    /// # let [old, new] = [[1; 32], [2; 32]]
    /// #     .map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
    /// # let (old, new) = (old?, new?);
    /// let note = KeySuccession::new("example.com/trail", 5, new.verifier().clone())?.sign(&old)?;
    /// assert!(note.verify(&[old.verifier().clone()]).is_ok());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn sign(&self, current: &SigningKey) -> Result<Note, Error> {
        Note::sign(self.to_string(), current)
    }
}

impl fmt::Display for KeySuccession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER}\norigin {}\nfrom {}\nkey {}\n", self.origin, self.from, self.key)
    }
}

impl FromStr for KeySuccession {
    type Err = Error;

    fn from_str(text: &str) -> Result<KeySuccession, Error> {
        let kind = DocumentKind::Succession;
        let mut lines = text.strip_suffix('\n').unwrap_or_default().split('\n');
        if lines.next().is_none_or(|line| !is_header(line, HEADER)) {
            return Err(Error::line(kind, 1, "begin with `gate/key-succession@v1`"));
        }
        let origin = lines.next().and_then(|line| after(line, "origin")).unwrap_or_default();
        let from = lines.next().and_then(|line| decimal(after(line, "from")?));
        let from = from.ok_or_else(|| Error::line(kind, 3, FROM))?;
        let key = lines.next().and_then(|line| after(line, "key"));
        let key = key
            .ok_or_else(|| Error::line(kind, 4, "write `key ` and the new verifier key"))?
            .parse()?;
        if lines.next().is_some() {
            return Err(Error::line(kind, 5, "end with the key"));
        }
        KeySuccession::new(origin, from, key)
    }
}

const FROM: &str =
    "write `from ` and the size of the tree, a decimal number without leading zeros, below 2^63";
