//! A vote's signature as it is stored.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A signed note (C2SP `signed-note`) of a vote. `Debug` does not show it, because it may contain
/// arguments.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignedVote(pub(crate) String);

impl SignedVote {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignedVote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedVote(…)")
    }
}
