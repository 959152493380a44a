//! The tools and their policies, as the most recently built gates have them.

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
    /// A gate was built: from then on, its tools are judged so.
    pub(crate) fn built(&mut self, tools: &[ToolNote], at: Timestamp) {
        for note in tools {
            if self.tools.len() < TOOLS || self.tools.contains_key(note.tool()) {
                self.tools.insert(note.tool().clone(), (note.clone(), at));
            } else {
                self.is_full = true;
            }
        }
    }

    /// Each tool as it was last built, and when that was.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &(ToolNote, Timestamp)> {
        self.tools.values()
    }

    /// Returns whether there were more tools than are kept.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }
}
