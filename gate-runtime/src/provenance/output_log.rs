//! The outputs of a run's tools, read from the store.

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

/// The most bytes of outputs that are kept for one run. Beyond that, no value counts as the user's,
/// because a dropped output may have contained it first.
const MOST: usize = 64 * 1024 * 1024;

/// The outputs of a run's tools: those of the first read in the order of their calls, later ones in
/// the order in which they became known.
#[derive(Default)]
pub(super) struct OutputLog {
    /// The number of the record up to which the store was read; 0 if it was not read yet.
    pub(super) seq: u64,
    /// The first call that contains the tag of a message: the output of its tool came after the
    /// message. Ids are in the order in which calls were proposed, even if an output becomes known
    /// late.
    noted: HashMap<String, ApprovalId>,
    outputs: TextIndex,
    /// For each output, its call and its tool.
    tools: Vec<(ApprovalId, ToolName)>,
    known: HashSet<u64>,
    bytes: usize,
    /// True if some outputs were dropped.
    is_cut: bool,
}

impl OutputLog {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of known outputs; `None` if others were dropped.
    pub(super) fn count(&self) -> Option<usize> {
        (!self.is_cut).then_some(self.tools.len())
    }

    /// Adds the output of a call in its current state.
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
        // An equal output is already known, from an earlier call.
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

    /// Returns the first of `count` outputs that contains a value, as its call and its tool.
    pub(super) fn first(
        &mut self,
        query: &ValueQuery,
        count: usize,
    ) -> Option<(ApprovalId, ToolName)> {
        self.tools.get(self.outputs.find(query, count).tool?).cloned()
    }

    /// Returns whether a message came before a call, according to the records.
    pub(super) fn was_heard_before(&self, cursor: MessageTag, call: ApprovalId) -> bool {
        self.noted.get(&cursor.to_text()).is_some_and(|by| *by <= call)
    }

    /// Returns whether some call contains the tag.
    pub(super) fn has(&self, cursor: MessageTag) -> bool {
        self.noted.contains_key(&cursor.to_text())
    }
}
