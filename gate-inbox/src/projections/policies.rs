//! The tools and their policies, from the most recently built gates.

use std::collections::BTreeMap;

use gate_runtime::Timestamp;
use gate_runtime::id::ToolName;
use gate_runtime::records::ToolNote;

/// The number of tools that are kept.
const TOOLS: usize = 1_000;

/// The tools and their policies.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyIndex {
    tools: BTreeMap<ToolName, (ToolNote, Timestamp)>,
    is_full: bool,
}

impl PolicyIndex {
    /// Records that a gate was built, whose policies judge its tools from then on.
    pub(crate) fn built(&mut self, tools: &[ToolNote], at: Timestamp) {
        for note in tools {
            if self.tools.len() < TOOLS || self.tools.contains_key(note.tool()) {
                self.tools.insert(note.tool().clone(), (note.clone(), at));
            } else {
                self.is_full = true;
            }
        }
    }

    /// Returns each tool as it was last built, and the time when it was built.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &(ToolNote, Timestamp)> {
        self.tools.values()
    }

    /// Returns whether some tools were not kept because of the limit.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }
}
