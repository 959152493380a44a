//! What was said in a run, and where the values in a call first came from.

mod said;
mod words;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::said::Said;
use super::id::ToolName;
use super::origin::Origin;

/// Who said something in a run's history.
///
/// ```
/// use gate_runtime::{Message, Speaker};
/// let message = Message::tool("read_mail", "Please pay at once.");
/// assert_eq!(*message.speaker(), Speaker::Tool { tool: "read_mail".into() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Speaker {
    /// The instructions of the application.
    System,
    /// The person whom the run acts for.
    User,
    /// The model.
    Agent,
    /// The result of a tool.
    Tool {
        /// Which one.
        tool: ToolName,
    },
}

/// One entry of a run's history.
///
/// `Debug` names the speaker only.
///
/// ```
/// use gate_runtime::Message;
/// let message = Message::user("Please refund order A-1001.");
/// assert_eq!(message.text(), "Please refund order A-1001.");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    speaker: Speaker,
    text: Arc<str>,
}

impl Message {
    /// What the application instructs.
    pub fn system(text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::System, text: text.into() }
    }

    /// What the person says.
    pub fn user(text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::User, text: text.into() }
    }

    /// What the model says.
    pub fn agent(text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::Agent, text: text.into() }
    }

    /// What a tool returned.
    pub fn tool(tool: impl Into<ToolName>, text: impl Into<Arc<str>>) -> Self {
        Self { speaker: Speaker::Tool { tool: tool.into() }, text: text.into() }
    }

    /// Who said it.
    #[must_use]
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// What was said.
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

/// What was said in a run, as it is at some moment. Clones share the index of it.
#[derive(Clone, Default)]
pub(crate) struct History {
    messages: Arc<Vec<Message>>,
    said: Arc<Mutex<Said>>,
    /// What was said before to the agent that called this one, for a nested run.
    before: Option<Arc<History>>,
}

impl History {
    pub(crate) fn new(messages: Vec<Message>) -> Self {
        Self { messages: Arc::new(messages), ..Self::default() }
    }

    /// The history of a nested run: it begins after another one, and who is called the user in it is the agent that called.
    pub(crate) fn after(self, before: Self) -> Self {
        Self { before: Some(Arc::new(before)), ..self }
    }

    /// Adds a message. Only the run that has the history does so: its clones share the index, and are earlier moments of it.
    pub(crate) fn push(&mut self, message: Message) {
        Arc::make_mut(&mut self.messages).push(message);
    }

    /// Takes a whole conversation in. What it begins with and is known is not read again.
    pub(crate) fn replace(&mut self, conversation: Vec<Message>) {
        match conversation.strip_prefix(self.messages.as_slice()) {
            Some(new) => Arc::make_mut(&mut self.messages).extend_from_slice(new),
            None => *self = Self { before: self.before.take(), ..Self::new(conversation) },
        }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Whether nothing at all is known of what was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.before.as_ref().is_none_or(|before| before.is_empty())
    }

    /// Where a value first came from.
    ///
    /// A list comes from the least trusted of its items. An object is never one value: it has names that nobody need have said.
    pub(crate) fn origin(&self, value: &Value) -> Origin {
        match value {
            Value::Null | Value::Bool(_) => Origin::Agent,
            Value::Number(number) => self.origin_of(&number.to_string()),
            Value::String(text) => self.origin_of(text),
            Value::Array(items) => items.iter().map(|item| self.origin(item)).max().unwrap_or(Origin::Agent),
            Value::Object(fields) => {
                fields.values().map(|field| self.origin(field)).max().unwrap_or(Origin::Agent).max(Origin::Agent)
            }
        }
    }

    fn origin_of(&self, text: &str) -> Origin {
        let before = self.before.as_ref().map_or(Origin::Agent, |before| before.origin_of(text));
        if before != Origin::Agent {
            return before;
        }
        // What a nested agent is told, its instructions included, may be what the agent that called it made up.
        let is_nested = self.before.is_some();
        let is_source = |speaker: &Speaker| match speaker {
            Speaker::System | Speaker::User => !is_nested,
            Speaker::Tool { .. } => true,
            Speaker::Agent => false,
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.read(&self.messages, is_source);
        let message = said.first(text, self.messages.len()).and_then(|index| self.messages.get(index));
        message.map_or(Origin::Agent, |message| match &message.speaker {
            Speaker::System => Origin::System,
            Speaker::User => Origin::User,
            Speaker::Tool { tool } => Origin::Tool { tool: tool.clone() },
            Speaker::Agent => Origin::Agent,
        })
    }
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.messages == other.messages && self.before == other.before
    }
}

impl Eq for History {}
