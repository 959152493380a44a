//! The log of all messages of a run, in the order in which they were first added.

use std::collections::HashMap;
use std::mem;
use std::sync::OnceLock;

use gate_core::call::{Message, Speaker};

use super::first_mentions::{FirstMentions, SpeakerKind};
use super::index_cache::IndexCache;
use super::indexed_text::ValueQuery;
use super::message_tag::{MessageTag, TagKey};
use super::phrases::keyed;
use super::text_index::TextIndex;

/// The most bytes of texts that are kept for one run. A text beyond that has no known speaker, so
/// people are asked. If a tool's output were forgotten instead, its content would count as the
/// user's once the user repeats it.
const MOST: usize = if cfg!(test) { 1024 * 1024 } else { 64 * 1024 * 1024 };

/// The bytes of overhead for each text.
const EACH_TEXT: usize = 128;

/// The most message tags in the record of one call.
const NOTED_AT_ONCE: usize = 64;

/// The number of places ahead in which a message is searched for if messages before it were left
/// out.
const FAR: usize = 64;

/// The log of messages. It only grows, so the first speaker of a text stays the first, whatever
/// messages are passed later.
#[derive(Default)]
pub(super) struct HeardLog {
    log: Vec<HeardText>,
    /// The index of each text in the log.
    indexes: HashMap<(SpeakerKind, u64), usize>,
    /// The texts whose tags no recorded call contains yet.
    unnoted: Vec<usize>,
    /// The indexes of the messages that were passed last, because the next ones are mostly the
    /// same.
    last: Vec<usize>,
    read: TextIndex,
    bytes: usize,
}

/// A text of a message.
struct HeardText {
    message: Message,
    kind: SpeakerKind,
    hash: u64,
    tag: OnceLock<MessageTag>,
}

impl HeardLog {
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn message(&self, index: usize) -> Option<&Message> {
        self.log.get(index).map(|text| &text.message)
    }

    /// Adds a new message.
    pub(super) fn add_message(&mut self, message: &Message, kind: SpeakerKind) {
        let index = self.intern(message, kind, None);
        self.last.push(index);
    }

    /// Adds the messages of a conversation.
    pub(super) fn add_messages(
        &mut self,
        messages: &[Message],
        kind: impl Fn(&Speaker) -> SpeakerKind,
    ) {
        let last = mem::take(&mut self.last);
        let mut next = 0;
        for message in messages {
            let hint = last.get(next).copied();
            let index = self.intern(message, kind(message.speaker()), hint);
            let after = last.iter().skip(next).take(FAR).position(|known| *known == index);
            next += after.unwrap_or_default() + 1;
            self.last.push(index);
        }
    }

    /// Adds a message, unless the log has the same text of the same kind of speaker, and returns
    /// its index.
    ///
    /// `hint` is its probable index. Checking the hint costs less than a hash.
    pub(super) fn intern(
        &mut self,
        message: &Message,
        kind: SpeakerKind,
        hint: Option<usize>,
    ) -> usize {
        let is_at = |text: &HeardText| {
            text.kind == kind && text.message.shared_text() == message.shared_text()
        };
        if let Some(index) = hint
            && self.log.get(index).is_some_and(is_at)
        {
            return index;
        }
        let hash = keyed(message.text());
        if let Some(message_index) = self.indexes.get(&(kind, hash)) {
            return *message_index;
        }
        let place = self.log.len();
        self.bytes = self.bytes.saturating_add(message.text().len() + EACH_TEXT).min(MOST + 1);
        if self.bytes <= MOST {
            self.indexes.insert((kind, hash), place);
            self.log.push(HeardText { message: message.clone(), kind, hash, tag: OnceLock::new() });
            if kind == SpeakerKind::Trusted {
                self.unnoted.push(place);
            }
        }
        place
    }

    /// Makes the next recorded call contain the tag of a summary of the agent.
    pub(super) fn note_summary(&mut self, index: usize) {
        if index < self.log.len() {
            self.unnoted.push(index);
        }
    }

    /// Finds the first mentions of a value among the first `count` texts.
    pub(super) fn find(
        &mut self,
        query: &ValueQuery,
        count: usize,
        indexes: &IndexCache,
    ) -> FirstMentions {
        for text in self.log.iter().skip(self.read.len()) {
            self.read.push(text.kind, indexes.get(text.hash, text.message.shared_text()));
        }
        self.read.find(query, count)
    }

    /// Returns the tag by which recorded calls identify a text.
    pub(super) fn tag_of(&self, index: usize, key: &TagKey) -> Option<MessageTag> {
        let HeardText { message, kind, tag: cursor, .. } = self.log.get(index)?;
        Some(*cursor.get_or_init(|| match kind {
            SpeakerKind::Trusted => key.message_tag(message),
            // The only other texts with tags are summaries.
            SpeakerKind::Tool | SpeakerKind::Agent => key.summary_tag(message.text()),
        }))
    }

    /// Returns the tags of the newest texts, among the first `count`, that no recorded call
    /// contains.
    pub(super) fn unrecorded_tags(&self, count: usize, key: &TagKey) -> Vec<String> {
        let newest = self.unnoted.iter().rev().filter(|index| **index < count).take(NOTED_AT_ONCE);
        newest
            .filter_map(|message_index| self.tag_of(*message_index, key))
            .map(MessageTag::to_text)
            .collect()
    }

    /// Notes that a call with these tags is recorded.
    pub(super) fn mark_recorded(&mut self, tags: &[String]) {
        let Self { log, unnoted, .. } = self;
        let cursor = |index: &usize| Some(log.get(*index)?.tag.get()?.to_text());
        let is_noted =
            |message_index: &usize| cursor(message_index).is_some_and(|tag| tags.contains(&tag));
        unnoted.retain(|place| !is_noted(place));
    }

    #[cfg(test)]
    pub(super) fn texts(&self) -> &TextIndex {
        &self.read
    }
}
