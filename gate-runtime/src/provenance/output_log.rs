//! Outputs of a run's tools, as the store has them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::call::ToolOutcome;
use gate_core::id::{ApprovalId, ToolName};

use super::first_mentions::SpeakerKind;
use super::index_cache::IndexCache;
use super::indexed_text::ValueQuery;
use super::message_tag::MessageTag;
use super::phrases::keyed;
use super::text_index::TextIndex;

/// The most bytes of outputs that are remembered of one run. Beyond that, nothing is the user's: a
/// forgotten output may have said it first.
const MOST: usize = 64 * 1024 * 1024;

/// The outputs of a run's tools, in the order of their calls as far as they were there when they
/// were first read, and then in the order in which they became known.
#[derive(Default)]
pub(super) struct OutputLog {
    /// The number of the record up to which the store was read; 0: not yet.
    pub(super) seq: u64,
    /// The first call that notes a message: what its tool returned came after the message. Ids are
    /// in the order in which calls were proposed, however late an output becomes known.
    noted: HashMap<String, ApprovalId>,
    outputs: TextIndex,
    /// For each output, whose it is.
    tools: Vec<(ApprovalId, ToolName)>,
    known: HashSet<u64>,
    bytes: usize,
    /// Set where some outputs are not remembered.
    is_cut: bool,
}

impl OutputLog {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how many outputs are known; `None` where others were forgotten.
    pub(super) fn count(&self) -> Option<usize> {
        (!self.is_cut).then_some(self.tools.len())
    }

    /// Knows a call as it stands now.
    pub(super) fn learn(&mut self, call: &Approval, indexes: &IndexCache) {
        for cursor in call.noted_messages() {
            let first = self.noted.entry(cursor.clone()).or_insert(call.id());
            *first = call.id().min(*first);
        }
        let outcome = call.outcome().map(|outcome| match outcome {
            ToolOutcome::Returned { json } => json,
            ToolOutcome::Failed { error } => error,
        });
        for text in outcome.into_iter().chain(call.shared_failure()) {
            self.add(call.id(), call.tool(), text, indexes);
        }
    }

    fn add(&mut self, call: ApprovalId, tool: &ToolName, text: &Arc<str>, indexes: &IndexCache) {
        let hash = keyed(text);
        // What was returned before is known, and earlier.
        if !self.known.insert(hash) {
            return;
        }
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > MOST {
            self.is_cut = true;
            return;
        }
        self.outputs.push(SpeakerKind::Tool, indexes.get(hash, text));
        self.tools.push((call, tool.clone()));
    }

    /// Returns the first of so many outputs that says a value: whose it is, and its call.
    pub(super) fn first(
        &mut self,
        query: &ValueQuery,
        count: usize,
    ) -> Option<(ApprovalId, ToolName)> {
        self.tools.get(self.outputs.find(query, count).tool?).cloned()
    }

    /// Returns whether a message was heard before a call, as the record has it.
    pub(super) fn was_heard_before(&self, cursor: MessageTag, call: ApprovalId) -> bool {
        self.noted.get(&cursor.to_text()).is_some_and(|by| *by <= call)
    }

    /// Returns whether some call notes it.
    pub(super) fn has(&self, cursor: MessageTag) -> bool {
        self.noted.contains_key(&cursor.to_text())
    }
}
