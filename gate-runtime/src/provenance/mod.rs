//! Provenance: the messages of a run, and the origins of the values in a call. Depends on the value
//! types only.

mod argument_queries;
mod arguments;
mod combined_index;
mod first_mentions;
mod heard_log;
mod index_cache;
mod indexed_text;
mod message_tag;
mod output_log;
mod phrases;
#[cfg(test)]
mod reference;
mod run_conversation;
mod run_memories;
mod run_memory;
#[cfg(test)]
mod tests;
mod text_index;
mod tokens;

use std::sync::{Arc, OnceLock};

use gate_core::call::{Message, Origin};
use serde_json::Value;

use self::argument_queries::FlagQuery;
pub(crate) use self::argument_queries::{CallFacts, choices};
pub(crate) use self::arguments::origins;
use self::indexed_text::ValueQuery;
pub(crate) use self::run_conversation::RunConversation;
pub(crate) use self::run_memories::RunMemories;
pub(crate) use self::run_memory::RunMemory;

/// The texts of a run at some moment. Clones represent the same moment.
#[derive(Clone)]
pub(crate) struct RunHistory {
    /// The conversation as the application passed it last, for rules to read.
    messages: Arc<Vec<Message>>,
    memory: Arc<RunMemory>,
    /// The number of texts of the run at that moment.
    moment: usize,
    /// The number of known tool outputs. Not set until the store is read; then `None` if some
    /// outputs were dropped.
    outputs: Arc<OnceLock<Option<usize>>>,
}

impl RunHistory {
    /// Creates the history of an example, whose run never called a tool.
    pub(crate) fn new(messages: Vec<Message>) -> Self {
        let memory =
            Arc::new(RunMemory::new("example".into(), "example".into(), [0; 32], Arc::default()));
        let mut conversation = RunConversation::new(memory, false);
        conversation.replace(messages);
        let history = conversation.history();
        history.set_outputs();
        history
    }

    /// Creates the history of a run whose conversation was not passed to this process.
    pub(crate) fn of(memory: Arc<RunMemory>) -> Self {
        let (messages, outputs) = Default::default();
        Self { messages, moment: memory.message_count(), outputs, memory }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(crate) fn memory(&self) -> &RunMemory {
        &self.memory
    }

    /// Returns whether nothing at all is known of the conversation.
    pub(crate) fn is_empty(&self) -> bool {
        self.moment == 0
    }

    /// Returns whether the outputs of the run's tools are known.
    pub(crate) fn knows_outputs(&self) -> bool {
        self.outputs.get().is_some()
    }

    /// Notes that the memory has the outputs of the run's tools up to now.
    pub(crate) fn set_outputs(&self) {
        self.outputs.get_or_init(|| self.memory.outputs());
    }

    /// Returns the tags for the next call: those of messages that no recorded call contains.
    pub(crate) fn unrecorded_tags(&self) -> Vec<String> {
        self.memory.unrecorded_tags(self.moment)
    }

    /// Notes that a call with these tags is recorded.
    pub(crate) fn mark_recorded(&self, tags: &[String]) {
        self.memory.mark_recorded(tags);
    }

    /// Returns the origin of a value of a call.
    ///
    /// The origin of a list is that of its least trusted item. An object is never one value,
    /// because the conversation need not contain its names.
    pub(crate) fn origin(&self, value: &Value, call: &CallFacts) -> Origin {
        let least =
            |origins: &mut dyn Iterator<Item = Origin>| origins.max().unwrap_or(Origin::Agent);
        let of_text = |text: &str| {
            least(&mut call.queries(text, value).iter().map(|query| self.origin_of(query)))
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

    /// Returns the origin of a truth value: `true` if a sentence without a negation names the flag,
    /// `false` if a negation stands right before the name.
    fn origin_of_flag(&self, flag: &FlagQuery, is_so: bool) -> Origin {
        match self.origin_of(&flag.stated) {
            Origin::Tool { tool } => Origin::Tool { tool },
            text if is_so && self.origin_of(&flag.doubted) == Origin::Agent => text,
            _ if is_so => Origin::Agent,
            _ => self.origin_of(&flag.refused),
        }
    }

    fn origin_of(&self, query: &ValueQuery) -> Origin {
        self.memory.origin(query, self.moment, self.outputs.get().copied().flatten())
    }
}

impl PartialEq for RunHistory {
    fn eq(&self, other: &Self) -> bool {
        self.messages == other.messages
    }
}

impl Eq for RunHistory {}
