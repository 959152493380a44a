//! Earlier refusals by people, shown to reviewers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ApprovalId, ReviewerId};
use crate::text::digest::Digest;

/// An earlier refusal by a person, of the same tool and in the same run or case.
///
/// ```
/// # fn show(refusal: &gate_runtime::review::EarlierRefusal) {
/// println!("{} refused this before: {}", refusal.by(), refusal.reason());
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRefusal {
    #[doc(hidden)]
    pub approval: ApprovalId,
    #[doc(hidden)]
    pub arguments: Digest,
    #[doc(hidden)]
    pub by: ReviewerId,
    #[doc(hidden)]
    pub reason: String,
}

impl EarlierRefusal {
    /// Returns the approval that was refused.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Returns the digest of the arguments that were refused.
    #[must_use]
    pub fn arguments(&self) -> Digest {
        self.arguments
    }

    /// Returns who refused.
    #[must_use]
    pub fn by(&self) -> &ReviewerId {
        &self.by
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Debug for EarlierRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EarlierRefusal({} by {})", self.approval, self.by)
    }
}
