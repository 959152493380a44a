//! The memory of a run: its messages in the order in which they were first added, and the outputs
//! of its tools. It does not depend on the messages that the application passes later.

use std::sync::{Arc, Mutex};

use gate_core::approval::Approval;
use gate_core::call::{Message, Origin, Speaker};
use gate_core::id::{ApprovalId, RunId};

use super::first_mentions::{FirstMentions, SpeakerKind};
use super::heard_log::HeardLog;
use super::index_cache::IndexCache;
use super::indexed_text::ValueQuery;
use super::message_tag::TagKey;
use super::output_log::OutputLog;
use crate::lock::lock;

/// The memory of an outermost run and its nested runs, shared by all handles of the run in this
/// process.
///
/// Outputs of tools are in the store, and are read when a rule first needs an origin. Messages are
/// kept as long as this value. The record of a call contains the tags of the messages before it,
/// which determines their order.
pub(crate) struct RunMemory {
    run: RunId,
    family: RunId,
    tags: TagKey,
    indexes: Arc<IndexCache>,
    heard: Mutex<HeardLog>,
    returned: Mutex<OutputLog>,
    /// Held while the store is read, so that concurrent callers do not read it, too.
    pub(crate) reading: tokio::sync::Mutex<()>,
}

impl RunMemory {
    /// Creates the memory of a run; `family` is the key of its calls in the store: see
    /// `CallSubject::family`.
    pub(crate) fn new(run: RunId, family: RunId, key: [u8; 32], indexes: Arc<IndexCache>) -> Self {
        let tags = TagKey { key, run: run.clone() };
        let (log, returned, reading) = Default::default();
        Self { run, family, tags, indexes, heard: log, returned, reading }
    }

    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    pub(crate) fn family(&self) -> &RunId {
        &self.family
    }

    /// Returns the number of bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        lock(&self.heard).bytes().saturating_add(lock(&self.returned).bytes())
    }

    /// Adds a new message.
    pub(super) fn add_message(&self, message: &Message, kind: SpeakerKind) {
        lock(&self.heard).add_message(message, kind);
    }

    /// Adds the messages of a conversation that are not known yet.
    pub(super) fn add_messages(
        &self,
        messages: &[Message],
        kind: impl Fn(&Speaker) -> SpeakerKind,
    ) {
        lock(&self.heard).add_messages(messages, kind);
    }

    /// Adds a summary. It counts as the agent's own, and other processes recognize it as a summary,
    /// too.
    pub(super) fn add_summary(&self, summary: &Message) {
        let mut log = lock(&self.heard);
        let index = log.intern(summary, SpeakerKind::Agent, None);
        log.note_summary(index);
    }

    /// Returns the number of its texts.
    pub(super) fn message_count(&self) -> usize {
        lock(&self.heard).len()
    }

    /// Returns the tags for the next call, of the texts up to some moment.
    pub(super) fn unrecorded_tags(&self, moment: usize) -> Vec<String> {
        lock(&self.heard).unrecorded_tags(moment, &self.tags)
    }

    /// Notes that a call with these tags is recorded.
    pub(super) fn mark_recorded(&self, tags: &[String]) {
        if !tags.is_empty() {
            lock(&self.heard).mark_recorded(tags);
        }
    }

    /// Returns the number of the record up to which the store was read; 0 if it was not read yet.
    pub(crate) fn seq(&self) -> u64 {
        lock(&self.returned).seq
    }

    /// Adds the outputs of calls in their current state.
    pub(crate) fn learn(&self, calls: &[Arc<Approval>]) {
        let mut returned = lock(&self.returned);
        for call in calls.iter().filter(|call| call.subject().info().run().is_within(&self.run)) {
            returned.learn(call, &self.indexes);
        }
    }

    /// Notes that all changes up to a record are known.
    pub(crate) fn learned_up_to(&self, seq: u64) {
        let mut returned = lock(&self.returned);
        returned.seq = returned.seq.max(seq);
    }

    /// Returns the number of known outputs; `None` if some were dropped.
    pub(super) fn outputs(&self) -> Option<usize> {
        lock(&self.returned).count()
    }

    /// Returns the origin of a value, among the texts up to some moment and the first `outputs`
    /// outputs.
    ///
    /// If the outputs are not all known, no value is the user's.
    pub(super) fn origin(
        &self,
        query: &ValueQuery,
        moment: usize,
        outputs: Option<usize>,
    ) -> Origin {
        let mut log = lock(&self.heard);
        let FirstMentions { trusted, tool, agent } = log.find(query, moment, &self.indexes);
        let speaker = |index: Option<usize>| Some(log.message(index?)?.speaker().clone());
        if tool.is_some_and(|at| trusted.is_none_or(|trusted| at < trusted))
            && let Some(Speaker::Tool { tool }) = speaker(tool)
        {
            return Origin::Tool { tool };
        }
        // A missing output could be the real source of the value.
        let Some(count) = outputs else { return Origin::Agent };
        let mut returned = lock(&self.returned);
        let output = returned.first(query, count);
        let trusted = trusted.filter(|at| agent.is_none_or(|agent| *at < agent));
        let cursor = trusted.and_then(|at| log.tag_of(at, &self.tags));
        let came_later =
            |call: ApprovalId| cursor.is_some_and(|tag| returned.was_heard_before(tag, call));
        match (output, speaker(trusted)) {
            (Some((call, _)), Some(_)) if came_later(call) => {}
            (Some((_, tool)), _) => return Origin::Tool { tool },
            (None, _) => {}
        }
        let text = trusted.and_then(|at| log.message(at));
        match (text.map(Message::speaker), text) {
            // An application may pass a summary in any role.
            (_, Some(message)) if returned.has(self.tags.summary_tag(message.text())) => {
                Origin::Agent
            }
            (Some(Speaker::User), _) => Origin::User,
            (Some(Speaker::System), _) => Origin::System,
            _ => Origin::Agent,
        }
    }

    #[cfg(test)]
    pub(super) fn texts<T>(&self, inspect: impl FnOnce(&super::text_index::TextIndex) -> T) -> T {
        inspect(lock(&self.heard).texts())
    }
}
