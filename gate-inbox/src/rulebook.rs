//! The tools and their policies, as the gates that were built last have them.

use std::collections::BTreeMap;

use gate_runtime::{Timestamp, ToolName, ToolNote};

/// How many tools are kept.
const TOOLS: usize = 1_000;

/// The tools and their policies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rulebook(BTreeMap<ToolName, (ToolNote, Timestamp)>);

impl Rulebook {
    /// A gate was built: from then on, its tools are judged so.
    pub(crate) fn built(&mut self, tools: &[ToolNote], at: Timestamp) {
        for note in tools {
            if self.0.len() < TOOLS || self.0.contains_key(note.tool()) {
                self.0.insert(note.tool().clone(), (note.clone(), at));
            }
        }
    }

    /// Each tool as it was last built, and when that was.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &(ToolNote, Timestamp)> {
        self.0.values()
    }
}
