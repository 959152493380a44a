//! Beside layer 0: what was said in a run, and where the values in a call first came from. It names
//! values only.

mod arguments;
mod asked;
mod conversation;
mod heard;
mod indexes;
mod mark;
mod memories;
mod memory;
mod phrases;
#[cfg(test)]
mod reference;
mod returned;
mod said;
#[cfg(test)]
mod tests;
mod texts;
mod together;
mod voice;
mod words;

use std::sync::{Arc, OnceLock};

use gate_core::call::{Message, Origin};
use serde_json::Value;

pub(crate) use self::arguments::origins;
use self::asked::FlagQuery;
pub(crate) use self::asked::{CallFacts, choices};
pub(crate) use self::conversation::RunConversation;
pub(crate) use self::memories::RunMemories;
pub(crate) use self::memory::RunMemory;
use self::said::ValueQuery;

/// The texts that were said in a run, as it is at some moment. Clones are the same moment.
#[derive(Clone)]
pub(crate) struct RunHistory {
    /// The conversation as the application told it last: for rules to read.
    messages: Arc<Vec<Message>>,
    memory: Arc<RunMemory>,
    /// The number of texts that the run had heard then.
    moment: usize,
    /// The number of outputs of tools that it knows: not set before the store was asked; then
    /// `None` where some were forgotten.
    outputs: Arc<OnceLock<Option<usize>>>,
}

impl RunHistory {
    /// The history of an example: its run never called a tool.
    pub(crate) fn new(messages: Vec<Message>) -> Self {
        let memory =
            Arc::new(RunMemory::new("example".into(), "example".into(), [0; 32], Arc::default()));
        let mut conversation = RunConversation::new(memory, false);
        conversation.replace(messages);
        let history = conversation.history();
        history.set_outputs();
        history
    }

    /// Makes the memory of a run of which nothing was told here.
    pub(crate) fn of(memory: Arc<RunMemory>) -> Self {
        let (messages, outputs) = Default::default();
        Self { messages, moment: memory.moment(), outputs, memory }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(crate) fn memory(&self) -> &RunMemory {
        &self.memory
    }

    /// Returns whether nothing at all is known of what was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.moment == 0
    }

    /// Returns whether it is known what the run's tools returned.
    pub(crate) fn knows_outputs(&self) -> bool {
        self.outputs.get().is_some()
    }

    /// The memory knows what the run's tools returned up to now.
    pub(crate) fn set_outputs(&self) {
        self.outputs.get_or_init(|| self.memory.outputs());
    }

    /// Returns the marks that the next call is to note: of messages that no call on the record
    /// notes.
    pub(crate) fn unnoted(&self) -> Vec<String> {
        self.memory.unnoted(self.moment)
    }

    /// A call that notes these is on the record.
    pub(crate) fn noted(&self, marks: &[String]) {
        self.memory.noted(marks);
    }

    /// Returns where a value of a call first came from.
    ///
    /// A list comes from the least trusted of its items. An object is never one value: it has names
    /// that nobody need have said.
    pub(crate) fn origin(&self, value: &Value, call: &CallFacts) -> Origin {
        let least =
            |origins: &mut dyn Iterator<Item = Origin>| origins.max().unwrap_or(Origin::Agent);
        let of_text = |text: &str| {
            least(&mut call.wanted(text, value).iter().map(|wanted| self.origin_of(wanted)))
        };
        match value {
            Value::Null => Origin::Agent,
            Value::Bool(is_so) => {
                least(&mut call.flags(value).iter().map(|flag| self.origin_of_flag(flag, *is_so)))
            }
            Value::Number(number) => of_text(&number.to_string()),
            Value::String(text) => of_text(text),
            Value::Array(items) => least(&mut items.iter().map(|item| self.origin(item, call))),
            Value::Object(fields) => {
                least(&mut fields.values().map(|field| self.origin(field, call))).max(Origin::Agent)
            }
        }
    }

    /// A truth value was said by whoever named what it is about, in no sentence with a "no"; and
    /// that it is not so, by whoever said no right before the name.
    fn origin_of_flag(&self, flag: &FlagQuery, is_so: bool) -> Origin {
        match self.origin_of(&flag.said) {
            Origin::Tool { tool } => Origin::Tool { tool },
            said if is_so && self.origin_of(&flag.doubted) == Origin::Agent => said,
            _ if is_so => Origin::Agent,
            _ => self.origin_of(&flag.refused),
        }
    }

    fn origin_of(&self, wanted: &ValueQuery) -> Origin {
        self.memory.origin(wanted, self.moment, self.outputs.get().copied().flatten())
    }
}

impl PartialEq for RunHistory {
    fn eq(&self, other: &Self) -> bool {
        self.messages == other.messages
    }
}

impl Eq for RunHistory {}
