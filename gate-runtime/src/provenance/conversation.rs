//! The conversation of one run, as its application tells it.

use std::sync::Arc;

use gate_core::call::Message;

use super::RunHistory;
use super::memory::RunMemory;
use super::voice::SpeakerKind;

/// The conversation of one run as its application told it last. What was heard in it is remembered,
/// however it goes on.
pub(crate) struct RunConversation {
    messages: Arc<Vec<Message>>,
    is_nested: bool,
    memory: Arc<RunMemory>,
}

impl RunConversation {
    /// Nothing was told yet. Of a nested run, whoever is called the user in it is the agent that
    /// called.
    pub(crate) fn new(memory: Arc<RunMemory>, is_nested: bool) -> Self {
        Self { messages: Arc::default(), is_nested, memory }
    }

    /// Adds a message.
    pub(crate) fn push(&mut self, message: Message) {
        self.memory.hear_next(&message, SpeakerKind::of(message.speaker(), self.is_nested));
        Arc::make_mut(&mut self.messages).push(message);
    }

    /// Takes a whole conversation in, in the place of this one.
    pub(crate) fn replace(&mut self, messages: Vec<Message>) {
        let is_nested = self.is_nested;
        self.memory.hear_all(&messages, |speaker| SpeakerKind::of(speaker, is_nested));
        self.messages = Arc::new(messages);
    }

    /// Takes a summary in, in the place of what was said.
    pub(crate) fn compact(&mut self, summary: Arc<str>) {
        let summary = Message::agent(summary);
        self.memory.hear_summary(&summary);
        self.messages = Arc::new(vec![summary]);
    }

    /// Returns it as it is now.
    pub(crate) fn history(&self) -> RunHistory {
        RunHistory {
            messages: Arc::clone(&self.messages),
            ..RunHistory::of(Arc::clone(&self.memory))
        }
    }
}
