//! Origins of the arguments of a call.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::ToolName;

/// The origin of a value in the messages before the call, from the most trusted to the least.
///
/// A rule gets it from `Call::origin`; a reviewer sees it beside every argument. An origin is about
/// *whole values*: all words of the value, together, in a message of the user or the application.
/// Their form does not matter: case, spacing, compatibility forms of Unicode, numbers (`2,400.00`),
/// dates (`May 20, 2024`), times (`10 am`). A part of another value does not count: the numbers in
/// "June 13", "10 kg" or "at 10:00" are no values. A value that a tool or the agent said before, in
/// any form, is not the user's, even if the user repeats it.
///
/// ```
/// use gate_runtime::tool::Origin;
/// assert!(Origin::User < Origin::Agent);
/// assert_eq!(Origin::Tool { tool: "read_mail".into() }.to_string(), "from read_mail");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Origin {
    /// The principal said it, before anything else did.
    User,
    /// The application's instructions said it first.
    System,
    /// The agent made it: the agent said it first, or it is in no message.
    Agent,
    /// It was first in the result of a tool. The author of the content that the tool read may have
    /// meant it for the agent.
    Tool {
        /// The tool.
        tool: ToolName,
    },
}

impl Origin {
    /// Returns whether the principal said it first.
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
