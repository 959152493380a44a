//! The states of an approval.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a call. A terminal state never changes.
///
/// ```
/// use gate_runtime::review::Status;
/// assert!(Status::Rejected.is_terminal() && !Status::Pending.is_terminal());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// People are asked.
    Pending,
    /// A rule, people or a grant approved it, so it may run.
    Approved,
    /// A rule denied it.
    Denied,
    /// People refused it.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Its proposer cancelled it.
    Cancelled,
    /// A person answered instead of the tool.
    Responded,
    /// Its body is running, or was running when its process ended.
    Dispatched,
    /// Its body returned a value.
    Succeeded,
    /// Its body returned an error or panicked.
    Failed,
    /// Its body began, and its outcome is unknown. It runs again only if its tool is idempotent, or
    /// if a person decides that it may.
    Indeterminate,
}

impl Status {
    /// Returns whether the state can never change.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Approved | Self::Dispatched | Self::Indeterminate => false,
            Self::Denied
            | Self::Rejected
            | Self::Expired
            | Self::Cancelled
            | Self::Responded
            | Self::Succeeded
            | Self::Failed => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Responded => "responded",
            Self::Dispatched => "dispatched",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Indeterminate => "indeterminate",
        })
    }
}
