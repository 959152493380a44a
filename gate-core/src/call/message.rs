//! Messages of a run's conversation.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::ToolName;

/// The speaker of a message in a run's history.
///
/// ```
/// use gate_runtime::run::{Message, Speaker};
/// let message = Message::tool("read_mail", "Please pay at once.");
/// assert_eq!(*message.speaker(), Speaker::Tool { tool: "read_mail".into() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Speaker {
    /// The instructions of the application.
    System,
    /// The person whom the run acts for.
    User,
    /// The model.
    Agent,
    /// The result of a tool.
    Tool {
        /// The tool.
        tool: ToolName,
    },
}

/// One entry of a run's history.
///
/// `Debug` names the speaker only.
///
/// ```
/// use gate_runtime::run::Message;
/// let message = Message::user("Please refund order A-1001.");
/// assert_eq!(message.text(), "Please refund order A-1001.");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    speaker: Speaker,
    text: Arc<str>,
}

impl Message {
    /// Creates a message with the application's instructions.
    pub fn system(text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::System, text: text.into() }
    }

    /// Creates a message of the person whom the run acts for.
    pub fn user(text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::User, text: text.into() }
    }

    /// Creates a message of the model.
    pub fn agent(text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::Agent, text: text.into() }
    }

    /// Creates a message with the result of a tool.
    pub fn tool(tool: impl Into<ToolName>, text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::Tool { tool: tool.into() }, text: text.into() }
    }

    /// Returns a message of the same speaker with another text.
    #[doc(hidden)]
    #[must_use]
    pub fn with_text(&self, text: impl Into<Arc<str>>) -> Self {
        Self { speaker: self.speaker.clone(), text: text.into() }
    }

    /// Returns the speaker.
    #[must_use]
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// Returns the text, shared.
    #[doc(hidden)]
    #[must_use]
    pub fn shared_text(&self) -> &Arc<str> {
        &self.text
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, …)", self.speaker)
    }
}
