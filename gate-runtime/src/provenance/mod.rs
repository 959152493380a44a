//! Beside layer 0: what was said in a run, and where the values in a call first came from. It names values only.

mod arguments;
mod said;
#[cfg(test)]
mod tests;
mod words;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

pub(crate) use self::arguments::origins;
use self::said::{Said, Voice, Wanted};
use crate::values::message::{Message, Speaker};
use crate::values::origin::Origin;

/// What was said in a run, as it is at some moment. Clones share the index of it.
#[derive(Clone, Default)]
pub(crate) struct History {
    messages: Arc<Vec<Message>>,
    /// For each message, when it was heard: a number that counts over all runs nested in each other.
    heard: Arc<Vec<u64>>,
    said: Arc<Mutex<Said>>,
    /// For a nested run: what was said to the agents outside.
    outer: Option<Arc<History>>,
}

/// Who said a value first, of those whom we trust and of those whom we do not.
#[derive(Default)]
struct First {
    /// The application or the person.
    trusted: Option<(u64, Origin)>,
    tool: Option<(u64, Origin)>,
    agent: Option<u64>,
}

impl History {
    pub(crate) fn new(messages: Vec<Message>) -> Self {
        let mut history = Self::default();
        history.replace(messages, &AtomicU64::new(0));
        history
    }

    /// The history of a nested run: who is called the user in it is the agent that called.
    pub(crate) fn within(self, outer: Self) -> Self {
        Self { outer: Some(Arc::new(outer)), ..self }
    }

    /// Adds a message. Only the run that has the history does so: its clones share the index, and are earlier moments of it.
    pub(crate) fn push(&mut self, message: Message, order: &AtomicU64) {
        Arc::make_mut(&mut self.messages).push(message);
        Arc::make_mut(&mut self.heard).push(order.fetch_add(1, Ordering::Relaxed));
    }

    /// Takes a whole conversation in. What it begins with and is known is not read again.
    pub(crate) fn replace(&mut self, conversation: Vec<Message>, order: &AtomicU64) {
        if !conversation.starts_with(&self.messages) {
            *self = Self { outer: self.outer.take(), ..Self::default() };
        }
        for message in conversation.into_iter().skip(self.messages.len()) {
            self.push(message, order);
        }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Whether nothing at all is known of what was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.outer.as_ref().is_none_or(|outer| outer.is_empty())
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
        let First { trusted, tool, agent } = self.first(&Wanted::of(text));
        let before = |at: u64| trusted.as_ref().is_none_or(|(trusted, _)| at < *trusted);
        match (tool, agent) {
            (Some((at, tool)), _) if before(at) => tool,
            (_, Some(at)) if before(at) => Origin::Agent,
            _ => trusted.map_or(Origin::Agent, |(_, origin)| origin),
        }
    }

    /// Who said it first, here or to the agents outside.
    fn first(&self, wanted: &Wanted) -> First {
        let mut first = self.outer.as_ref().map(|outer| outer.first(wanted)).unwrap_or_default();
        // What a nested agent is told, its instructions included, may be what the agent that called it made up.
        let is_nested = self.outer.is_some();
        let voice = |speaker: &Speaker| match speaker {
            Speaker::System | Speaker::User if !is_nested => Voice::Trusted,
            Speaker::Tool { .. } => Voice::Tool,
            Speaker::System | Speaker::User | Speaker::Agent => Voice::Agent,
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.read(&self.messages, voice);
        let mut at = |voice| {
            let index = said.first(wanted, voice, self.messages.len())?;
            Some((*self.heard.get(index)?, self.messages.get(index)?))
        };
        let earlier = |known: Option<u64>, at: u64| known.is_none_or(|known| at < known);
        if let Some((at, message)) = at(Voice::Trusted)
            && earlier(first.trusted.as_ref().map(|(at, _)| *at), at)
        {
            let origin = if *message.speaker() == Speaker::User { Origin::User } else { Origin::System };
            first.trusted = Some((at, origin));
        }
        if let Some((at, message)) = at(Voice::Tool)
            && let Speaker::Tool { tool } = message.speaker()
            && earlier(first.tool.as_ref().map(|(at, _)| *at), at)
        {
            first.tool = Some((at, Origin::Tool { tool: tool.clone() }));
        }
        if let Some((at, _)) = at(Voice::Agent)
            && earlier(first.agent, at)
        {
            first.agent = Some(at);
        }
        first
    }
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.messages == other.messages && self.outer == other.outer
    }
}

impl Eq for History {}
