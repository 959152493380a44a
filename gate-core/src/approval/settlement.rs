//! Settlements: findings about a call that was running when its process was lost.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::call::outcome::ToolOutcome;
use crate::id::ReviewerId;

/// The finding about a call whose end is unknown.
///
/// ```
/// use gate_runtime::review::Settlement;
/// let looked_up = Settlement::ran(&serde_json::json!({"refunded": 2_400}));
/// assert_eq!(looked_up.to_string(), "it ran");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Settlement {
    /// It ran, with this outcome.
    Ran {
        /// The outcome that the model gets as its result.
        outcome: ToolOutcome,
    },
    /// It did not run, and will not run.
    DidNotRun,
    /// It should run again, whether or not it ran before, with a new permit and the same call id.
    RunAgain,
}

impl Settlement {
    /// Creates the settlement of a call that ran and returned this value.
    #[must_use]
    pub fn ran(value: &serde_json::Value) -> Self {
        Self::Ran { outcome: ToolOutcome::returned(value) }
    }
}

impl fmt::Display for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ran { .. } => "it ran",
            Self::DidNotRun => "it did not run",
            Self::RunAgain => "it is to run again",
        })
    }
}

/// The person or the mechanism that settled a call.
///
/// ```
/// use gate_runtime::review::SettledBy;
/// assert_eq!(SettledBy::Reconciler.to_string(), "its reconciler");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SettledBy {
    /// A person.
    Person {
        /// The id of the person.
        reviewer: ReviewerId,
    },
    /// The tool's reconciler.
    Reconciler,
    /// The tool's declaration that it is idempotent.
    Idempotence,
}

impl fmt::Display for SettledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { reviewer } => write!(f, "{reviewer}"),
            Self::Reconciler => f.write_str("its reconciler"),
            Self::Idempotence => f.write_str("its being idempotent"),
        }
    }
}
