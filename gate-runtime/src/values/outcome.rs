//! What became of a call: what its tool returned, or why it did not run.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::ReviewerId;
use super::report::OTHERWISE;

/// What a tool's body gave back.
///
/// ```
/// use gate_runtime::ToolOutcome;
/// let outcome = ToolOutcome::returned(&serde_json::json!({"refunded": 2_400}));
/// assert_eq!(outcome.for_model(), r#"{"refunded":2400}"#);
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolOutcome {
    /// It returned a value.
    Returned {
        /// The value as JSON text.
        json: Arc<str>,
    },
    /// It returned an error or panicked: it ran, and what it did before that is done.
    Failed {
        /// The error's text.
        error: Arc<str>,
    },
}

impl ToolOutcome {
    /// A returned value.
    #[must_use]
    pub fn returned(value: &Value) -> Self {
        Self::Returned { json: value.to_string().into() }
    }

    /// A failure, in words.
    #[must_use]
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::Failed { error: error.to_string().into() }
    }

    /// The text that the model gets: a string as it is, any other value as JSON, an error with a word before it.
    #[must_use]
    pub fn for_model(&self) -> String {
        match self {
            Self::Returned { json } => serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_string()),
            Self::Failed { error } => format!("Error: {error}"),
        }
    }

    /// The returned value; `None` for a failure.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        match self {
            Self::Returned { json } => serde_json::from_str(json).ok(),
            Self::Failed { .. } => None,
        }
    }
}

impl fmt::Debug for ToolOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Returned { .. } => "Returned(…)",
            Self::Failed { .. } => "Failed(…)",
        })
    }
}

/// Why a call did not run. Each has a machine-readable [`kind`](Self::kind) and three texts.
///
/// ```
/// use gate_runtime::NotRun;
/// let denied = NotRun::Denied { rule: "above the legal limit".into(), stop: false };
/// assert_eq!(denied.kind(), "denied");
/// assert!(denied.for_model().contains("above the legal limit"));
/// assert!(!denied.may_retry());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NotRun {
    /// A rule denies it.
    Denied {
        /// The rule's name; `otherwise` where none matched.
        rule: String,
        /// Whether the run was told to stop, because too many of its calls were denied.
        stop: bool,
    },
    /// A person refused it.
    Rejected {
        /// Who.
        by: ReviewerId,
        /// Why, in their words.
        reason: String,
        /// Whether it was refused before, and this call only repeats it.
        again: bool,
    },
    /// Nobody decided in time.
    Expired {
        /// What the policy wants the model to be told, if it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<String>,
    },
    /// Whoever asked took the question back.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// An operator has stopped calls like this one.
    Frozen {
        /// Why.
        reason: String,
    },
    /// The call itself is wrong: unknown tool, arguments that do not fit, a call id used twice.
    Invalid {
        /// What is wrong and where.
        problem: String,
    },
    /// The gate could not do its part: its store did not answer, or what it holds no longer fits.
    Unavailable {
        /// What happened.
        problem: String,
    },
}

impl NotRun {
    /// The reason as one word: `denied`, `rejected`, `expired`, `cancelled`, `frozen`, `invalid` or `unavailable`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::Rejected { .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
            Self::Frozen { .. } => "frozen",
            Self::Invalid { .. } => "invalid",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// Whether proposing the call again, corrected or later, makes sense.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        matches!(self, Self::Invalid { .. } | Self::Unavailable { .. })
    }

    /// What the model is told: what happened and what to do next; no secrets, no reviewers' names.
    #[must_use]
    pub fn for_model(&self) -> String {
        match self {
            Self::Denied { rule, stop: false } if rule == OTHERWISE => {
                "Not run: no rule allows it. This is final: do not propose it again, whatever the wording; \
                 tell the user that it is not possible."
                    .to_owned()
            }
            Self::Denied { rule, stop: false } => format!(
                "Not run: denied by the rule \"{rule}\". This is final: do not propose it again, \
                 whatever the wording; tell the user that it is not possible."
            ),
            Self::Denied { rule, stop: true } => format!(
                "Not run: {rule}. Stop calling tools in this run; tell the user that you cannot go on."
            ),
            Self::Rejected { reason, again: false, .. } => format!(
                "Not run: a person decided against it, for this reason: \"{reason}\". \
                 This is final: do not propose the same call again."
            ),
            Self::Rejected { reason, again: true, .. } => format!(
                "Not run: a person already decided against this very call, for this reason: \"{reason}\". \
                 Do not propose it again."
            ),
            Self::Expired { told: Some(told) } => format!("Not run: nobody decided in time. {told}"),
            Self::Expired { told: None } => {
                "Not run: nobody decided in time. Tell the user that it is not done; do not propose it again by yourself."
                    .to_owned()
            }
            Self::Cancelled { reason } => format!("Not run: the request was taken back ({reason})."),
            Self::Frozen { reason } => {
                format!("Not run: an operator has stopped such calls for now ({reason}). Do not retry by yourself.")
            }
            Self::Invalid { problem } => {
                let stop = if problem.ends_with('?') { "" } else { "." };
                format!("Not run: the call is not valid. {problem}{stop} Correct it and call again.")
            }
            Self::Unavailable { .. } => {
                "Not run: the system that decides about calls could not handle it. It may be tried again later.".to_owned()
            }
        }
    }

    /// What a reviewer or a user of the application may read.
    #[must_use]
    pub fn for_reviewer(&self) -> String {
        match self {
            Self::Denied { rule, .. } if rule == OTHERWISE => "denied: no rule allows it".to_owned(),
            Self::Denied { rule, .. } => format!("denied by rule \"{rule}\""),
            Self::Rejected { by, reason, again: false } => format!("rejected by {by}: \"{reason}\""),
            Self::Rejected { by, reason, again: true } => format!("rejected before by {by}: \"{reason}\""),
            Self::Expired { .. } => "expired: nobody decided in time".to_owned(),
            Self::Cancelled { reason } => format!("cancelled: {reason}"),
            Self::Frozen { reason } => format!("frozen: {reason}"),
            Self::Invalid { problem } => format!("invalid: {problem}"),
            Self::Unavailable { problem } => format!("unavailable: {problem}"),
        }
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call did not run: {}", self.for_reviewer())
    }
}

impl std::error::Error for NotRun {}
