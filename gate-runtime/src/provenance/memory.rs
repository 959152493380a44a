//! The memory of a run, whatever its application tells later: what was heard first, and
//! what its tools returned.

use std::sync::{Arc, Mutex};

use gate_core::approval::Approval;
use gate_core::call::{Message, Origin, Speaker};
use gate_core::id::{ApprovalId, RunId};

use super::heard::HeardLog;
use super::indexes::IndexCache;
use super::mark::TagKey;
use super::returned::OutputLog;
use super::said::ValueQuery;
use super::voice::{FirstMentions, SpeakerKind};
use crate::lock::lock;

/// The memory of an outermost run and of those nested in it. Every handle of the run in
/// this process shares it.
///
/// The outputs of tools are in the store, and are read from there when somebody first asks where a
/// value came from. What was said is known as long as this lives. Which of both came first is on
/// the record: each call notes the messages that were heard before it.
pub(crate) struct RunMemory {
    run: RunId,
    family: RunId,
    marks: TagKey,
    indexes: Arc<IndexCache>,
    heard: Mutex<HeardLog>,
    returned: Mutex<OutputLog>,
    /// Held by whoever reads the store, so that the others need not.
    pub(crate) reading: tokio::sync::Mutex<()>,
}

impl RunMemory {
    /// Of a run; `family` is what its store knows its calls by: see `CallSubject::family`.
    pub(crate) fn new(run: RunId, family: RunId, key: [u8; 32], indexes: Arc<IndexCache>) -> Self {
        let marks = TagKey { key, run: run.clone() };
        let (heard, returned, reading) = Default::default();
        Self { run, family, marks, indexes, heard, returned, reading }
    }

    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    pub(crate) fn family(&self) -> &RunId {
        &self.family
    }

    /// Returns how many bytes of texts it has.
    pub(super) fn bytes(&self) -> usize {
        lock(&self.heard).bytes().saturating_add(lock(&self.returned).bytes())
    }

    /// Hears what is said now.
    pub(super) fn hear_next(&self, message: &Message, kind: SpeakerKind) {
        lock(&self.heard).hear_next(message, kind);
    }

    /// Hears the messages of a conversation, each unless it is known.
    pub(super) fn hear_all(&self, messages: &[Message], kind: impl Fn(&Speaker) -> SpeakerKind) {
        lock(&self.heard).hear_all(messages, kind);
    }

    /// Hears a summary of what was said: it is the agent's own, and known as a summary, also in
    /// another process.
    pub(super) fn hear_summary(&self, summary: &Message) {
        let mut heard = lock(&self.heard);
        let place = heard.hear(summary, SpeakerKind::Agent, None);
        heard.note_summary(place);
    }

    /// Returns how many texts it has heard.
    pub(super) fn moment(&self) -> usize {
        lock(&self.heard).len()
    }

    /// Returns what the next call is to note, of what was heard by some moment.
    pub(super) fn unnoted(&self, moment: usize) -> Vec<String> {
        lock(&self.heard).unnoted(moment, &self.marks)
    }

    /// A call that notes these is on the record.
    pub(super) fn noted(&self, marks: &[String]) {
        if !marks.is_empty() {
            lock(&self.heard).noted(marks);
        }
    }

    /// Returns the number of the record up to which the store was read; 0: not yet.
    pub(crate) fn seq(&self) -> u64 {
        lock(&self.returned).seq
    }

    /// Knows calls as they stand now.
    pub(crate) fn learn(&self, calls: &[Arc<Approval>]) {
        let mut returned = lock(&self.returned);
        for call in calls.iter().filter(|call| call.subject().info().run().is_within(&self.run)) {
            returned.learn(call, &self.indexes);
        }
    }

    /// All that happened up to a record is known.
    pub(crate) fn learned_up_to(&self, seq: u64) {
        let mut returned = lock(&self.returned);
        returned.seq = returned.seq.max(seq);
    }

    /// Returns how many outputs are known; `None` where some are forgotten.
    pub(super) fn outputs(&self) -> Option<usize> {
        lock(&self.returned).count()
    }

    /// Returns where a value first came from, among what was heard by some moment and the first so
    /// many outputs.
    ///
    /// Where it is not known what tools returned, nothing is the user's.
    pub(super) fn origin(
        &self,
        wanted: &ValueQuery,
        moment: usize,
        outputs: Option<usize>,
    ) -> Origin {
        let mut heard = lock(&self.heard);
        let FirstMentions { trusted, tool, agent } = heard.find(wanted, moment, &self.indexes);
        let speaker = |place: Option<usize>| Some(heard.message(place?)?.speaker().clone());
        if tool.is_some_and(|at| trusted.is_none_or(|trusted| at < trusted))
            && let Some(Speaker::Tool { tool }) = speaker(tool)
        {
            return Origin::Tool { tool };
        }
        let Some(count) = outputs else { return Origin::Agent };
        let mut returned = lock(&self.returned);
        let output = returned.first(wanted, count);
        let trusted = trusted.filter(|at| agent.is_none_or(|agent| *at < agent));
        let mark = trusted.and_then(|at| heard.mark(at, &self.marks));
        let came_later =
            |call: ApprovalId| mark.is_some_and(|mark| returned.was_heard_before(mark, call));
        match (output, speaker(trusted)) {
            (Some((call, _)), Some(_)) if came_later(call) => {}
            (Some((_, tool)), _) => return Origin::Tool { tool },
            (None, _) => {}
        }
        let said = trusted.and_then(|at| heard.message(at));
        match (said.map(Message::speaker), said) {
            // An application may tell a summary in whatever role its provider wants.
            (_, Some(message)) if returned.has(self.marks.summary(message.text())) => Origin::Agent,
            (Some(Speaker::User), _) => Origin::User,
            (Some(Speaker::System), _) => Origin::System,
            _ => Origin::Agent,
        }
    }

    #[cfg(test)]
    pub(super) fn texts<T>(&self, look: impl FnOnce(&super::texts::TextIndex) -> T) -> T {
        look(lock(&self.heard).texts())
    }
}
