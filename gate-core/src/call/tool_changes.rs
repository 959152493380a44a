//! Changes of a call's tool and policies since people approved it.

use serde::{Deserialize, Serialize};

use crate::call::tool_difference::ToolDifference;
use crate::text::digest::Digest;

/// Changes since people were asked about a call.
///
/// ```
/// assert!(gate_runtime::review::ToolChanges::default().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolChanges {
    /// The new digest of the tool, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub tool: Option<Digest>,
    /// The new digest of the policies, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub policy: Option<Digest>,
    /// The single differences, as far as they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[doc(hidden)]
    pub differences: Vec<ToolDifference>,
}

/// The most differences that are kept; beyond that, a reviewer should look at the tool itself.
const MOST_DIFFERENCES: usize = 50;

impl ToolChanges {
    /// Returns whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Sets the differences, up to 50.
    #[doc(hidden)]
    pub fn set_differences(&mut self, differences: impl IntoIterator<Item = ToolDifference>) {
        self.differences = differences.into_iter().take(MOST_DIFFERENCES).collect();
    }

    /// Returns the differences of the tool and its policies, one by one; empty if the record does
    /// not have them.
    #[must_use]
    pub fn differences(&self) -> &[ToolDifference] {
        &self.differences
    }

    /// Returns only the digests, which were in records before differences existed. People sign this
    /// form.
    pub(crate) fn digests(&self) -> Self {
        Self { tool: self.tool, policy: self.policy, differences: Vec::new() }
    }

    /// Describes what changed.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match (self.tool.is_some(), self.policy.is_some()) {
            (true, true) => "the tool and its policy",
            (true, false) => "the tool",
            (false, true) => "its policy",
            (false, false) => "nothing",
        }
    }
}
