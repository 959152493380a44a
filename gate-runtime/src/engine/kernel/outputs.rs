//! Outputs of a run's tools, read from the store when somebody first asks where a value
//! came from.

use gate_core::ports::{ApprovalFilter, RunQuery, StoreError};

use super::EngineCore;
use crate::provenance::RunHistory;

/// The most calls that are read at a time.
const PAGE: usize = 500;

impl EngineCore {
    /// Makes sure that a history knows what the tools of its run returned, in whatever process.
    ///
    /// The first time this reads all calls of the run, then only what changed: what it costs does
    /// not grow.
    ///
    /// # Errors
    /// Where the store does not answer: then nobody knows where a value came from.
    pub(crate) async fn read_outputs(&self, history: &RunHistory) -> Result<(), StoreError> {
        if history.knows_outputs() {
            return Ok(());
        }
        let memory = history.memory();
        let _reading = memory.reading.lock().await;
        let seq = memory.seq();
        let changes =
            self.store.run_changes(&RunQuery::after(memory.family().clone(), seq)).await?;
        if seq == 0 {
            let mut page = ApprovalFilter::all().within(memory.run().clone()).limit(PAGE);
            loop {
                let calls = self.store.approvals(&page).await?;
                memory.learn(&calls);
                match calls.last() {
                    Some(last) if calls.len() == PAGE => page = page.after(last.id()),
                    _ => break,
                }
            }
        }
        let changed: Vec<_> = changes.calls.into_iter().map(|change| change.approval).collect();
        memory.learn(&changed);
        memory.learned_up_to(changes.seq);
        history.set_outputs();
        Ok(())
    }
}
