//! The conversation of one run, as its application passes it.

use std::sync::Arc;

use gate_core::call::Message;

use super::RunHistory;
use super::first_mentions::SpeakerKind;
use super::run_memory::RunMemory;

/// The conversation of one run as its application passed it last. The memory keeps earlier
/// messages.
pub(crate) struct RunConversation {
    messages: Arc<Vec<Message>>,
    is_nested: bool,
    memory: Arc<RunMemory>,
}

impl RunConversation {
    /// Creates an empty conversation. In a nested run, the user is the agent that called it.
    pub(crate) fn new(memory: Arc<RunMemory>, is_nested: bool) -> Self {
        Self { messages: Arc::default(), is_nested, memory }
    }

    /// Adds a message.
    pub(crate) fn push(&mut self, message: Message) {
        self.memory.add_message(&message, SpeakerKind::of(message.speaker(), self.is_nested));
        Arc::make_mut(&mut self.messages).push(message);
    }

    /// Replaces the conversation.
    pub(crate) fn replace(&mut self, messages: Vec<Message>) {
        let is_nested = self.is_nested;
        self.memory.add_messages(&messages, |speaker| SpeakerKind::of(speaker, is_nested));
        self.messages = Arc::new(messages);
    }

    /// Replaces the conversation by a summary.
    pub(crate) fn compact(&mut self, summary: Arc<str>) {
        let summary = Message::agent(summary);
        self.memory.add_summary(&summary);
        self.messages = Arc::new(vec![summary]);
    }

    /// Returns its current state.
    pub(crate) fn history(&self) -> RunHistory {
        RunHistory {
            messages: Arc::clone(&self.messages),
            ..RunHistory::of(Arc::clone(&self.memory))
        }
    }
}
