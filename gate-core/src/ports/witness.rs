//! Witnesses: independent parties that check that a trail keeps its history.

use std::fmt;

use gate_audit::{AddCheckpoint, VerifierKey};

use super::BoxFuture;

/// A witness cosigns a checkpoint that continues the one it cosigned before, by C2SP
/// [`tlog-witness`](https://c2sp.org/tlog-witness).
///
/// If a witness does not answer, the gate continues without its cosignature, and `TrailStatus`
/// reports that. Auditors choose how many cosignatures they require.
pub trait Witness: Send + Sync + 'static {
    /// Returns the keys that it signs with.
    fn keys(&self) -> &[VerifierKey];

    /// Requests a cosignature. The answer is checked against its keys.
    fn add<'a>(&'a self, request: &'a AddCheckpoint)
    -> BoxFuture<'a, Result<String, WitnessError>>;
}

/// The reason why a witness did not cosign.
///
/// ```
/// use gate_runtime::trail::WitnessError;
/// assert_eq!(
///     WitnessError::Knows(7).to_string(),
///     "it has seen 7 entries, but another number was given"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WitnessError {
    /// The witness last cosigned a tree of this size: ask again from this size.
    Knows(u64),
    /// The witness refused.
    Refused(String),
    /// The witness did not answer.
    Unreachable(String),
}

impl fmt::Display for WitnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Knows(size) => {
                write!(f, "it has seen {size} entries, but another number was given")
            }
            Self::Refused(why) => write!(f, "it refused: {why}"),
            Self::Unreachable(why) => write!(f, "it did not answer: {why}"),
        }
    }
}

impl std::error::Error for WitnessError {}
