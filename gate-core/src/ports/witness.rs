//! A second party that holds the trail to its history.

use std::fmt;

use gate_audit::{AddCheckpoint, VerifierKey};

use super::BoxFuture;

/// Cosigns checkpoints that continue those it cosigned before, as C2SP
/// [`tlog-witness`](https://c2sp.org/tlog-witness) says.
///
/// A witness that does not answer stops nothing: its signature is missing then, and `TrailStatus`
/// says so. Auditors say how many they want to see.
pub trait Witness: Send + Sync + 'static {
    /// The keys it signs with.
    fn keys(&self) -> &[VerifierKey];

    /// Asks it to cosign. What it answers is checked against its keys.
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
    /// It has cosigned a tree of this size last: ask again from there.
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
