//! A witness's own side of C2SP `tlog-witness`: what it cosigns, and what it answers to everything
//! else.

use std::fmt;

use crate::add_checkpoint::AddCheckpoint;
use crate::error::Error;
use crate::hash::{Hash, MAX_SIZE};
use crate::head::TreeHead;
use crate::key::{KeyKind, SigningKey, VerifierKey};
use crate::log_keys::LogKeys;
use crate::note::cosignature;
use crate::witness_policy::WitnessPolicy;

/// Cosigns checkpoints that continue what it has cosigned before, and no others.
///
/// It only decides. The caller receives requests, keeps for each log the tree that was cosigned
/// last, and knows the time.
///
/// # Security
///
/// What a witness is worth lies in this: for each log, the [`CosignedHead::head`] must be durable,
/// in the place of the `last` from which it was decided and only if that is still the last one,
/// **before** the response leaves. Two requests that are decided from the same `last` may not both
/// be answered. A witness that has lost its last trees must not go on under its key.
///
/// # Example
///
/// ```
/// use gate_audit::{
///     AddCheckpoint, Checkpoint, Hash, KeyKind, LogKeys, AddCheckpointError, SigningKey,
///     TreeHead, Witness, WitnessPolicy, prove_consistency, root_of,
/// };
///
/// let leaves = ["asked", "approved", "run"].map(|record| Hash::of_leaf(record.as_bytes()));
/// let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let keys = LogKeys::new("example.com/trail", log.verifier().clone())?;
/// let witness =
///     Witness::new(SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?)?;
/// let known = [witness.verifier().clone()];
///
/// let mut last = None;
/// for (old, size) in [(0, 2), (2, 3)] {
///     let mut note =
///         Checkpoint::new("example.com/trail", TreeHead::new(size, root_of(&leaves[..], size)?))?
///             .sign(&log)?;
///     let request =
///         AddCheckpoint::new(old, prove_consistency(&leaves[..], old, size)?, note.clone())?;
///     let seen = witness.decide(&keys, last, &request, 1_679_315_147).unwrap();
///     last = Some(seen.head());
///
///     // Once that is durable, the log gets the response.
///     note.add_cosignatures(seen.response(), &known)?;
///     keys.verify(&note, &WitnessPolicy::at_least(1, known.to_vec())?)?;
///     // The same request again is about a tree that is not the last one any more.
///     let again = witness.decide(&keys, last, &request, 1_679_315_148).unwrap_err();
///     assert!(matches!(again, AddCheckpointError::OtherSize { known } if known == size));
/// }
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Debug)]
pub struct Witness {
    key: SigningKey,
}

impl Witness {
    /// A witness with this key.
    ///
    /// # Errors
    ///
    /// [`Error::WrongKind`] for a log's key.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, Witness};
    /// assert!(
    ///     Witness::new(SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?)
    ///         .is_err()
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn new(key: SigningKey) -> Result<Witness, Error> {
        key.verifier().must_be(KeyKind::Witness)?;
        Ok(Witness { key })
    }

    /// Returns the key to give to those who shall rely on the witness.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, Witness};
    /// let witness =
    ///     Witness::new(SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?)?;
    /// assert_eq!(witness.verifier().name(), "witness.example/w1");
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// Decides about a request, from the log's keys, the tree of this log that was cosigned last,
    /// and the time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// A [`AddCheckpointError`], in the order in which the specification checks.
    ///
    /// ```
    /// # use gate_audit::{
    /// #     AddCheckpoint, AddCheckpointError, Checkpoint, KeyKind, LogKeys, SigningKey,
    /// #     TreeFrontier, Witness,
    /// # };
    /// # let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let keys = LogKeys::new("example.com/trail", log.verifier().clone())?;
    /// # let witness = Witness::new(SigningKey::from_seed(
    /// #     "witness.example/w1",
    /// #     KeyKind::Witness,
    /// #     [2; 32],
    /// # )?)?;
    /// let empty = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&log)?;
    /// let request = AddCheckpoint::new(1, Vec::new(), empty)?;
    /// let refusal = witness.decide(&keys, None, &request, 1_679_315_147).unwrap_err();
    /// assert!(matches!(refusal, AddCheckpointError::OldTooLarge { old: 1, size: 0 }));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn decide(
        &self,
        keys: &LogKeys,
        last: Option<TreeHead>,
        request: &AddCheckpoint,
        at: u64,
    ) -> Result<CosignedHead, AddCheckpointError> {
        let verified = keys.verify(request.checkpoint(), &WitnessPolicy::none()).map_err(
            |error| match error {
                Error::OtherOrigin { found, .. } => {
                    AddCheckpointError::UnknownLog { origin: found }
                }
                error => AddCheckpointError::NotSigned { error },
            },
        )?;
        let head = verified.head();
        let last = last.unwrap_or_else(|| TreeHead::new(0, Hash::of_nothing()));
        let (old, size) = (request.old(), head.size());
        if old > size {
            return Err(AddCheckpointError::OldTooLarge { old, size });
        }
        if old != last.size() {
            return Err(AddCheckpointError::OtherSize { known: last.size() });
        }
        if old == size && head.root() != last.root() {
            return Err(AddCheckpointError::OtherRoot { size });
        }
        head.verify_consistency(last, request.proof())
            .map_err(|_| AddCheckpointError::Inconsistent { old, size })?;
        if at > MAX_SIZE {
            return Err(AddCheckpointError::NoTime { at });
        }
        Ok(CosignedHead { head, response: cosignature(&self.key, request.checkpoint(), at) })
    }
}

/// A checkpoint that was cosigned.
///
/// # Example
///
/// ```
/// # use gate_audit::{
/// #     AddCheckpoint, Checkpoint, KeyKind, LogKeys, SigningKey, TreeFrontier, Witness,
/// # };
/// # let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// # let keys = LogKeys::new("example.com/trail", log.verifier().clone())?;
/// # let witness =
/// #     Witness::new(SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?)?;
/// # let empty = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&log)?;
/// # let request = AddCheckpoint::new(0, Vec::new(), empty)?;
/// let seen = witness.decide(&keys, None, &request, 1_679_315_147).unwrap();
/// assert_eq!(seen.head(), TreeFrontier::new().head());
/// assert!(seen.response().starts_with("— witness.example/w1 "));
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedHead {
    head: TreeHead,
    response: String,
}

impl CosignedHead {
    /// The tree to keep as the last one of this log, durably, before the response leaves.
    ///
    /// ```
    /// # use gate_audit::{
    /// #     AddCheckpoint, Checkpoint, TreeFrontier, KeyKind, LogKeys, SigningKey, Witness,
    /// # };
    /// # let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let keys = LogKeys::new("example.com/trail", log.verifier().clone())?;
    /// # let witness = Witness::new(SigningKey::from_seed(
    /// #     "witness.example/w1",
    /// #     KeyKind::Witness,
    /// #     [2; 32],
    /// # )?)?;
    /// # let empty = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&log)?;
    /// # let request = AddCheckpoint::new(0, Vec::new(), empty)?;
    /// assert_eq!(witness.decide(&keys, None, &request, 1_679_315_147).unwrap().head().size(), 0);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The signature line to answer with, under status 200.
    ///
    /// ```
    /// # use gate_audit::{
    /// #     AddCheckpoint, Checkpoint, TreeFrontier, KeyKind, LogKeys, SigningKey, Witness,
    /// # };
    /// # let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// # let keys = LogKeys::new("example.com/trail", log.verifier().clone())?;
    /// # let witness = Witness::new(SigningKey::from_seed(
    /// #     "witness.example/w1",
    /// #     KeyKind::Witness,
    /// #     [2; 32],
    /// # )?)?;
    /// # let empty = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&log)?;
    /// # let request = AddCheckpoint::new(0, Vec::new(), empty)?;
    /// assert!(
    ///     witness
    ///         .decide(&keys, None, &request, 1_679_315_147)
    ///         .unwrap()
    ///         .response()
    ///         .ends_with('\n')
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn response(&self) -> &str {
        &self.response
    }
}

/// Why a checkpoint was not cosigned, and what to answer.
///
/// # Example
///
/// ```
/// use gate_audit::AddCheckpointError;
///
/// let refusal = AddCheckpointError::OtherSize { known: 41 };
/// assert_eq!((refusal.status(), refusal.content_type()), (409, "text/x.tlog.size"));
/// assert_eq!(refusal.body(), "41\n");
/// ```
#[derive(Debug)]
pub enum AddCheckpointError {
    /// The checkpoint is of a log that this witness does not watch.
    UnknownLog {
        /// The origin that the checkpoint names.
        origin: String,
    },
    /// The log has not signed the checkpoint.
    NotSigned {
        /// The error that was found in the signature.
        error: Error,
    },
    /// The tree before is said to be larger than the new one.
    OldTooLarge {
        /// The size of the tree before, as the request says it.
        old: u64,
        /// The size of the new tree.
        size: u64,
    },
    /// The last tree that was cosigned has another size than the request says.
    OtherSize {
        /// The size of that tree.
        known: u64,
    },
    /// The log has signed two trees of one size. Keep the request: it proves that history was
    /// changed.
    OtherRoot {
        /// The size of both trees.
        size: u64,
    },
    /// The proof does not show that the new tree continues the last one. It may be a wrong proof,
    /// or a changed history.
    Inconsistent {
        /// The size of the last tree.
        old: u64,
        /// The size of the new tree.
        size: u64,
    },
    /// The caller's clock shows no time that a cosignature can have.
    NoTime {
        /// The time that it shows.
        at: u64,
    },
}

impl AddCheckpointError {
    /// The status to answer with.
    ///
    /// ```
    /// use gate_audit::AddCheckpointError;
    ///
    /// assert_eq!(AddCheckpointError::OldTooLarge { old: 2, size: 1 }.status(), 400);
    /// assert_eq!(AddCheckpointError::OtherRoot { size: 1 }.status(), 409);
    /// assert_eq!(AddCheckpointError::Inconsistent { old: 1, size: 2 }.status(), 422);
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            AddCheckpointError::OldTooLarge { .. } => 400,
            AddCheckpointError::NotSigned { .. } => 403,
            AddCheckpointError::UnknownLog { .. } => 404,
            AddCheckpointError::OtherSize { .. } | AddCheckpointError::OtherRoot { .. } => 409,
            AddCheckpointError::Inconsistent { .. } => 422,
            AddCheckpointError::NoTime { .. } => 500,
        }
    }

    /// The `Content-Type` of the answer.
    ///
    /// ```
    /// assert_eq!(
    ///     gate_audit::AddCheckpointError::OtherRoot { size: 1 }.content_type(),
    ///     "text/plain; charset=utf-8"
    /// );
    /// ```
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            AddCheckpointError::OtherSize { .. } => "text/x.tlog.size",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The text of the answer: the known size where the log can go on from it, and otherwise the
    /// reason.
    ///
    /// ```
    /// use gate_audit::AddCheckpointError;
    ///
    /// assert_eq!(AddCheckpointError::OtherSize { known: 41 }.body(), "41\n");
    /// assert_eq!(
    ///     AddCheckpointError::OldTooLarge { old: 2, size: 1 }.body(),
    ///     "the tree before cannot have 2 leaves if the new one has 1\n"
    /// );
    /// ```
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            AddCheckpointError::OtherSize { known } => format!("{known}\n"),
            other => format!("{other}\n"),
        }
    }
}

impl fmt::Display for AddCheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddCheckpointError::UnknownLog { origin } => {
                write!(f, "this witness does not watch `{origin}`")
            }
            AddCheckpointError::NotSigned { error } => write!(f, "{error}"),
            AddCheckpointError::OldTooLarge { old, size } => {
                write!(f, "the tree before cannot have {old} leaves if the new one has {size}")
            }
            AddCheckpointError::OtherSize { known } => {
                write!(
                    f,
                    "the tree that was cosigned last has {known} leaves; prove that the new one \
                     continues it"
                )
            }
            AddCheckpointError::OtherRoot { size } => {
                write!(f, "another tree of {size} leaves was cosigned; history was changed")
            }
            AddCheckpointError::Inconsistent { old, size } => {
                write!(
                    f,
                    "the proof does not show that the tree of {size} leaves continues that of {old}"
                )
            }
            AddCheckpointError::NoTime { at } => {
                write!(f, "the witness's clock shows {at}; set it to seconds since 1970")
            }
        }
    }
}

impl std::error::Error for AddCheckpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AddCheckpointError::NotSigned { error } => error.source(),
            _ => None,
        }
    }
}
