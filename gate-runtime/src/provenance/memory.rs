//! The memory of a run, whatever its application passes later: the messages in the order in which
//! they were first added, and the outputs of its tools.

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

/// The memory of an outermost run and its nested runs, shared by all handles of the run in this
/// process.
///
/// Outputs of tools are in the store, and are read when a rule first asks for an origin. Messages
/// are kept as long as this lives. Calls note the messages before them in their records, which
/// tells which came first.
pub(crate) struct RunMemory {
    run: RunId,
    family: RunId,
    marks: TagKey,
    indexes: Arc<IndexCache>,
    heard: Mutex<HeardLog>,
    returned: Mutex<OutputLog>,
    /// Held while the store is read, so that others need not read it, too.
    pub(crate) reading: tokio::sync::Mutex<()>,
}

impl RunMemory {
    /// Creates the memory of a run; `family` is the key of its calls in the store: see
    /// `CallSubject::family`.
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

    /// Returns the number of bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        lock(&self.heard).bytes().saturating_add(lock(&self.returned).bytes())
    }

    /// Adds a new message.
    pub(super) fn hear_next(&self, message: &Message, kind: SpeakerKind) {
        lock(&self.heard).hear_next(message, kind);
    }

    /// Adds the messages of a conversation that are not known yet.
    pub(super) fn hear_all(&self, messages: &[Message], kind: impl Fn(&Speaker) -> SpeakerKind) {
        lock(&self.heard).hear_all(messages, kind);
    }

    /// Adds a summary: it is the agent's own, and stays known as a summary, in other processes,
    /// too.
    pub(super) fn hear_summary(&self, summary: &Message) {
        let mut heard = lock(&self.heard);
        let place = heard.hear(summary, SpeakerKind::Agent, None);
        heard.note_summary(place);
    }

    /// Returns the number of its texts.
    pub(super) fn moment(&self) -> usize {
        lock(&self.heard).len()
    }

    /// Returns the marks that the next call has to note, of the texts up to some moment.
    pub(super) fn unnoted(&self, moment: usize) -> Vec<String> {
        lock(&self.heard).unnoted(moment, &self.marks)
    }

    /// Notes that a call with these marks is recorded.
    pub(super) fn noted(&self, marks: &[String]) {
        if !marks.is_empty() {
            lock(&self.heard).noted(marks);
        }
    }

    /// Returns the number of the record up to which the store was read; 0: not yet.
    pub(crate) fn seq(&self) -> u64 {
        lock(&self.returned).seq
    }

    /// Adds the outputs of calls as they stand now.
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
        // A missing output could be the real source of the value.
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
            // An application may pass a summary in whatever role its provider wants.
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
