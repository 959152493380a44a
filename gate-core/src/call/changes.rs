//! What changed of a call since people approved it.

use serde::{Deserialize, Serialize};

use crate::text::digest::Digest;

/// What is no longer as it was when a call was asked.
///
/// ```
/// assert!(gate_runtime::Changes::default().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The new digest of the tool, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub tool: Option<Digest>,
    /// The new digest of the policies, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub policy: Option<Digest>,
}

impl Changes {
    /// Returns whether all is as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what changed, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match (self.tool.is_some(), self.policy.is_some()) {
            (true, true) => "the tool and its policy",
            (true, false) => "the tool",
            (false, true) => "its policy",
            (false, false) => "nothing",
        }
    }
}
