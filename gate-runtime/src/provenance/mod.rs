//! Beside layer 0: what was said in a run, and where the values in a call first came from. It names values only.

mod arguments;
mod indexes;
mod phrases;
#[cfg(test)]
mod reference;
mod said;
#[cfg(test)]
mod tests;
mod texts;
mod together;
mod voice;
mod words;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gate_core::call::{Message, Origin, Speaker};
use serde_json::Value;

pub(crate) use self::arguments::origins;
pub(crate) use self::indexes::Indexes;
use self::said::Wanted;
use self::texts::Texts;
use self::voice::Found;
use crate::lock::lock;

/// What was said in a run, as it is at some moment. Clones share what is known of its texts.
#[derive(Clone, Default)]
pub(crate) struct History {
    conversation: Option<Arc<Conversation>>,
    /// For a nested run: what was said to the agents outside.
    outer: Option<Arc<History>>,
}

/// What was said in one run.
#[derive(Clone)]
struct Conversation {
    messages: Vec<Message>,
    /// For each message, when it was heard: a number that counts over all runs nested in each other.
    heard: Vec<u64>,
    /// The texts of the messages, read when somebody first asks where a value came from. Those of earlier moments of
    /// the same conversation are its beginning.
    texts: Arc<Mutex<Texts>>,
    indexes: Arc<Indexes>,
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
        history.replace(messages, &AtomicU64::new(0), &Arc::default());
        history
    }

    /// The history of a nested run: who is called the user in it is the agent that called.
    pub(crate) fn within(self, outer: Self) -> Self {
        Self { outer: Some(Arc::new(outer)), ..self }
    }

    /// Adds a message. Only the run that has the history does so: its clones are earlier moments of it.
    pub(crate) fn push(&mut self, message: Message, order: &AtomicU64, indexes: &Arc<Indexes>) {
        self.extend([message], order, indexes);
    }

    /// Takes a whole conversation in. A text in it that is known is not read again, wherever it stands.
    pub(crate) fn replace(&mut self, conversation: Vec<Message>, order: &AtomicU64, indexes: &Arc<Indexes>) {
        if !conversation.starts_with(self.messages()) {
            self.conversation = self.conversation.take().map(|known| {
                let texts = Arc::new(Mutex::new(lock(&known.texts).replaced()));
                let (messages, heard) = (Vec::new(), Vec::new());
                Arc::new(Conversation { messages, heard, texts, indexes: Arc::clone(indexes) })
            });
        }
        let known = self.messages().len();
        self.extend(conversation.into_iter().skip(known), order, indexes);
    }

    fn extend(&mut self, messages: impl IntoIterator<Item = Message>, order: &AtomicU64, indexes: &Arc<Indexes>) {
        let conversation = self.conversation.get_or_insert_with(|| {
            let (messages, heard, texts) = Default::default();
            Arc::new(Conversation { messages, heard, texts, indexes: Arc::clone(indexes) })
        });
        let conversation = Arc::make_mut(conversation);
        for message in messages {
            conversation.messages.push(message);
            conversation.heard.push(order.fetch_add(1, Ordering::Relaxed));
        }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        self.conversation.as_ref().map_or(&[], |conversation| &conversation.messages)
    }

    /// Returns whether nothing at all is known of what was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages().is_empty() && self.outer.as_ref().is_none_or(|outer| outer.is_empty())
    }

    /// Returns where a value first came from.
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

    /// Returns who said it first, here or to the agents outside.
    fn first(&self, wanted: &Wanted) -> First {
        let mut first = self.outer.as_ref().map(|outer| outer.first(wanted)).unwrap_or_default();
        if let Some(conversation) = &self.conversation {
            conversation.first(wanted, self.outer.is_some(), &mut first);
        }
        first
    }
}

impl Conversation {
    /// Adds who said it first here.
    fn first(&self, wanted: &Wanted, is_nested: bool, first: &mut First) {
        let Found { trusted, tool, agent } = lock(&self.texts).find(wanted, &self.messages, is_nested, &self.indexes);
        let at =
            |place: Option<usize>| place.and_then(|place| Some((*self.heard.get(place)?, self.messages.get(place)?)));
        let earlier = |known: Option<u64>, at: u64| known.is_none_or(|known| at < known);
        if let Some((at, message)) = at(trusted)
            && earlier(first.trusted.as_ref().map(|(at, _)| *at), at)
        {
            let is_user = *message.speaker() == Speaker::User;
            first.trusted = Some((at, if is_user { Origin::User } else { Origin::System }));
        }
        if let Some((at, message)) = at(tool)
            && let Speaker::Tool { tool } = message.speaker()
            && earlier(first.tool.as_ref().map(|(at, _)| *at), at)
        {
            first.tool = Some((at, Origin::Tool { tool: tool.clone() }));
        }
        if let Some((at, _)) = at(agent)
            && earlier(first.agent, at)
        {
            first.agent = Some(at);
        }
    }
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.messages() == other.messages() && self.outer == other.outer
    }
}

impl Eq for History {}
