//! The changes of a call since people approved it.

use serde::{Deserialize, Serialize};

use crate::call::difference::ToolDifference;
use crate::text::digest::Digest;

/// The things that are no longer as they were when a call was asked.
///
/// ```
/// assert!(gate_runtime::review::ToolChanges::default().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolChanges {
    /// The new digest of the tool, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub tool: Option<Digest>,
    /// The new digest of the policies, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub policy: Option<Digest>,
    /// The single differences between them, as far as they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[doc(hidden)]
    pub differences: Vec<ToolDifference>,
}

/// The most differences that are kept: whoever reads of more looks at the tool itself.
const MOST_DIFFERENCES: usize = 50;

impl ToolChanges {
    /// Returns whether all is as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Keeps what is different, up to 50 things.
    #[doc(hidden)]
    pub fn set_differences(&mut self, differences: impl IntoIterator<Item = ToolDifference>) {
        self.differences = differences.into_iter().take(MOST_DIFFERENCES).collect();
    }

    /// Returns what is different about the tool and its policies, one thing each; empty where the
    /// record does not say it.
    #[must_use]
    pub fn differences(&self) -> &[ToolDifference] {
        &self.differences
    }

    /// Returns the same as the record had it before it said what is different: what people sign has
    /// only the digests.
    pub(crate) fn digests(&self) -> Self {
        Self { tool: self.tool, policy: self.policy, differences: Vec::new() }
    }

    /// Returns what changed, in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match (self.tool.is_some(), self.policy.is_some()) {
            (true, true) => "the tool and its policy",
            (true, false) => "the tool",
            (false, true) => "its policy",
            (false, false) => "nothing",
        }
    }
}
