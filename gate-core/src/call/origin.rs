//! Where the arguments of a call came from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::ToolName;

/// Where a value first came from, in what was said before the call. From the most trusted to the
/// least.
///
/// A rule asks by `Call::origin`; a reviewer sees it beside every argument. It is about *whole
/// values*: the words of the value, with nothing of a word left out, stood together in what the
/// user or the application said. How they were written does not matter: case, spacing,
/// compatibility forms of Unicode, numbers (`2,400.00`), dates (`May 20, 2024`), times (`10 am`). A
/// part of another value was not said: no number of "June 13", "10 kg" or "at 10:00". A value that
/// a tool or the agent said before, in whatever form, is not the user's, even if the user repeats
/// it.
///
/// ```
/// use gate_runtime::tool::Origin;
/// assert!(Origin::User < Origin::Agent);
/// assert_eq!(Origin::Tool { tool: "read_mail".into() }.to_string(), "from read_mail");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Origin {
    /// The person whom the run acts for said it, before anything else did.
    User,
    /// The application's instructions said it first.
    System,
    /// Nobody said it, or the agent did first: it made it.
    Agent,
    /// The result of a tool said it first. Whoever wrote what the tool read may have meant it for
    /// the agent.
    Tool {
        /// Which tool.
        tool: ToolName,
    },
}

impl Origin {
    /// Returns whether the person whom the run acts for said it first.
    #[must_use]
    pub fn is_user(&self) -> bool {
        *self == Self::User
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("said by the user"),
            Self::System => f.write_str("from the instructions"),
            Self::Agent => f.write_str("the agent's own"),
            Self::Tool { tool } => write!(f, "from {tool}"),
        }
    }
}
