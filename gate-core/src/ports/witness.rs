//! Witnesses: second parties that make sure that a trail keeps its history.

use std::fmt;

use gate_audit::{AddCheckpoint, VerifierKey};

use super::BoxFuture;

/// A witness cosigns checkpoints that continue those it cosigned before, by C2SP
/// [`tlog-witness`](https://c2sp.org/tlog-witness).
///
/// A witness that does not answer stops nothing: its cosignature is missing then, and `TrailStatus`
/// reports that. Auditors choose how many they require.
pub trait Witness: Send + Sync + 'static {
    /// Returns the keys it signs with.
    fn keys(&self) -> &[VerifierKey];

    /// Asks it to cosign. Its answer is checked against its keys.
    fn add<'a>(&'a self, request: &'a AddCheckpoint)
    -> BoxFuture<'a, Result<String, WitnessError>>;
}

/// Why a witness did not cosign.
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
    /// It last cosigned a tree of this size: ask again from there.
    Knows(u64),
    /// It refuses.
    Refused(String),
    /// It did not answer.
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
