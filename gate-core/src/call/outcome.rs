//! The outcome of a call: the result of its tool, or the reason why it did not run.

use std::fmt;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::id::ReviewerId;

/// The name of a policy's fallback, which applies when no rule matches. No rule may have this name.
pub const OTHERWISE: &str = "otherwise";

/// The result of a tool's body.
///
/// ```
/// use gate_runtime::tool::ToolOutcome;
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
    /// It returned an error or panicked. It ran: its effects before the error remain.
    Failed {
        /// The error's text.
        error: Arc<str>,
    },
}

impl ToolOutcome {
    /// Creates the outcome of a returned value.
    #[must_use]
    pub fn returned(value: &Value) -> Self {
        Self::Returned { json: value.to_string().into() }
    }

    /// Creates the outcome of a failure, with a description.
    #[must_use]
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::Failed { error: error.to_string().into() }
    }

    /// Returns the text for people: a string as it is, any other value as JSON, an error after a
    /// word that marks it.
    ///
    /// ```
    /// use gate_runtime::tool::ToolOutcome;
    /// assert_eq!(
    ///     ToolOutcome::failed("there is no such order").for_reviewer(),
    ///     "Error: there is no such order"
    /// );
    /// ```
    #[must_use]
    pub fn for_reviewer(&self) -> String {
        match self {
            Self::Returned { json } => {
                serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_string())
            }
            Self::Failed { error } => format!("Error: {error}"),
        }
    }

    /// Returns the returned value; `None` for a failure.
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

/// The reason why a call did not run. It has a machine-readable [`kind`](Self::kind) and three
/// texts.
///
/// ```
/// use gate_runtime::run::{DeniedBy, NotRun};
/// let denied = NotRun::Denied { by: DeniedBy::Rule { rule: "above the legal limit".into() } };
/// assert_eq!(denied.kind(), "denied");
/// assert!(denied.for_model().contains("above the legal limit"));
/// assert!(!denied.may_retry());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NotRun {
    /// The call is denied.
    Denied {
        /// The rule, person or limit that denied it.
        #[serde(flatten, deserialize_with = "stored_denial")]
        by: DeniedBy,
    },
    /// A person refused it.
    Rejected {
        /// The person who refused it.
        by: ReviewerId,
        /// The reason, in the person's words.
        reason: String,
        /// Set if an earlier call was refused, and this call only repeats it.
        again: bool,
        /// Set if the policy lets the same call be asked again after a refusal.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        may_be_asked_again: bool,
    },
    /// Nobody decided in time.
    Expired {
        /// The policy's text for the model, if it sets one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<String>,
    },
    /// The proposer cancelled the question.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// A freeze stops the call.
    Frozen {
        /// Why.
        reason: String,
    },
    /// The call itself is wrong: an unknown tool, arguments that do not fit, a call id that was
    /// used before.
    Invalid {
        /// The problem, and its place.
        problem: String,
    },
    /// A person must decide the call, but nobody could.
    NobodyToAsk {
        /// The people who are missing, in words.
        problem: String,
    },
    /// The gate could not process the call: a rule failed, its store did not answer, or its data no
    /// longer fits.
    Unavailable {
        /// The problem that the gate had.
        problem: String,
    },
    /// The stored call differs from its records, so something other than a gate has written to the
    /// store. Nothing ran now; the records show whether it ran before. An operator must check it.
    Disputed {
        /// The difference, and what to do about it.
        problem: String,
    },
}

impl NotRun {
    /// Returns the reason as one word: `denied`, `rejected`, `expired`, `cancelled`, `frozen`,
    /// `invalid`, `nobody_to_ask`, `unavailable` or `disputed`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::Rejected { .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
            Self::Frozen { .. } => "frozen",
            Self::Invalid { .. } => "invalid",
            Self::NobodyToAsk { .. } => "nobody_to_ask",
            Self::Unavailable { .. } => "unavailable",
            Self::Disputed { .. } => "disputed",
        }
    }

    /// Returns whether proposing the call again, corrected or later, makes sense.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Invalid { .. } | Self::Unavailable { .. } => true,
            Self::Rejected { may_be_asked_again, .. } => *may_be_asked_again,
            Self::Denied { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. }
            | Self::Frozen { .. }
            | Self::NobodyToAsk { .. }
            | Self::Disputed { .. } => false,
        }
    }

    /// Returns the reason as a text for reviewers and users of the application.
    #[must_use]
    pub fn for_reviewer(&self) -> String {
        match self {
            Self::Denied { by } => by.to_string(),
            Self::Rejected { by, reason, again: false, .. } => {
                format!("rejected by {by}: \"{reason}\"")
            }
            Self::Rejected { by, reason, again: true, .. } => {
                format!("rejected before by {by}: \"{reason}\"")
            }
            Self::Expired { .. } => "expired: nobody decided in time".to_owned(),
            Self::Cancelled { reason } => format!("cancelled: {reason}"),
            Self::Frozen { reason } => format!("frozen: {reason}"),
            Self::Invalid { problem } => format!("invalid: {problem}"),
            Self::NobodyToAsk { problem } => format!("nobody to ask: {problem}"),
            Self::Unavailable { problem } => format!("unavailable: {problem}"),
            Self::Disputed { problem } => format!("disputed: {problem}"),
        }
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The text claims nothing about earlier attempts, because these are in dispute.
            Self::Disputed { problem } => {
                write!(f, "nothing ran now, and the call is disputed: {problem}")
            }
            _ => write!(f, "the call did not run: {}", self.for_reviewer()),
        }
    }
}

impl std::error::Error for NotRun {}

/// The rule, person or limit that denied a call.
///
/// ```
/// use gate_runtime::run::DeniedBy;
/// assert_eq!(DeniedBy::Otherwise.to_string(), "denied: no rule allows it");
/// let overlay = DeniedBy::Overlay { overlay: "fraud score".into(), reason: "0.97".into() };
/// assert_eq!(overlay.to_string(), "denied by overlay fraud score: 0.97");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum DeniedBy {
    /// A rule that matched.
    Rule {
        /// Its name.
        rule: String,
    },
    /// The fallback of a policy, because none of its rules matched.
    Otherwise,
    /// An overlay.
    Overlay {
        /// Its name.
        overlay: String,
        /// Its reason; may be empty.
        reason: String,
    },
    /// A person refused the same call before.
    RefusedBefore,
    /// Too many calls of the run and its nested runs did not run: the model must stop.
    TooManyDenials,
    /// The run and its nested runs asked people too often: the model must stop.
    TooManyQuestions,
}

impl fmt::Display for DeniedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule } => write!(f, "denied by rule \"{rule}\""),
            Self::Otherwise => f.write_str("denied: no rule allows it"),
            Self::Overlay { overlay, reason } if reason.trim().is_empty() => {
                write!(f, "denied by overlay {overlay}")
            }
            Self::Overlay { overlay, reason } => write!(f, "denied by overlay {overlay}: {reason}"),
            Self::RefusedBefore => f.write_str("denied: a person refused it before"),
            Self::TooManyDenials => f.write_str("denied: too many calls of the run did not run"),
            Self::TooManyQuestions => f.write_str("denied: the run asked people too often"),
        }
    }
}

/// Parses a `DeniedBy`, including its earlier form: a rule's name and whether to stop.
fn stored_denial<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeniedBy, D::Error> {
    #[derive(Deserialize)]
    struct OldDeniedBy {
        rule: String,
        stop: bool,
    }
    let stored = Value::deserialize(deserializer)?;
    if stored.get("by").is_some() {
        return serde_json::from_value(stored).map_err(Error::custom);
    }
    let OldDeniedBy { rule, stop } = serde_json::from_value(stored).map_err(Error::custom)?;
    Ok(match rule {
        _ if stop => DeniedBy::TooManyDenials,
        rule if rule == OTHERWISE => DeniedBy::Otherwise,
        rule => DeniedBy::Rule { rule },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_reason_survives_storage_and_denials_of_before_are_read() {
        let denied = |by| NotRun::Denied { by };
        for reason in [
            denied(DeniedBy::Rule { rule: "cap".into() }),
            denied(DeniedBy::Otherwise),
            denied(DeniedBy::Overlay { overlay: "fraud".into(), reason: String::new() }),
            denied(DeniedBy::RefusedBefore),
            denied(DeniedBy::TooManyDenials),
            NotRun::Rejected {
                by: "dana".into(),
                reason: "no".into(),
                again: false,
                may_be_asked_again: true,
            },
            NotRun::NobodyToAsk { problem: "nobody holds it".into() },
        ] {
            let stored = serde_json::to_value(&reason).unwrap();
            assert_eq!(serde_json::from_value::<NotRun>(stored).unwrap(), reason);
        }
        for (stored, by) in [
            (
                json!({"type": "denied", "rule": "cap", "stop": false}),
                DeniedBy::Rule { rule: "cap".into() },
            ),
            (json!({"type": "denied", "rule": "otherwise", "stop": false}), DeniedBy::Otherwise),
            (
                json!({"type": "denied", "rule": "20 calls were denied", "stop": true}),
                DeniedBy::TooManyDenials,
            ),
        ] {
            assert_eq!(serde_json::from_value::<NotRun>(stored).unwrap(), denied(by));
        }
        assert!(serde_json::from_value::<NotRun>(json!({"type": "denied"})).is_err());
        let rejected = json!({"type": "rejected", "by": "dana", "reason": "no", "again": false});
        assert!(serde_json::from_value::<NotRun>(rejected).is_ok_and(|reason| !reason.may_retry()));
    }
}
