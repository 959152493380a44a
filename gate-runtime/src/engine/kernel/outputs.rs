//! Reads the outputs of a run's tools from the store, when a rule first asks for the origin of a
//! value.

use gate_core::ports::{ApprovalFilter, RunQuery, StoreError};

use super::EngineCore;
use crate::provenance::RunHistory;

/// The most calls that are read at a time.
const PAGE: usize = 500;

impl EngineCore {
    /// Completes a history with the outputs of its run's tools, from all processes.
    ///
    /// The first time, this reads all calls of the run; later, only changes, so that its cost does
    /// not grow.
    ///
    /// # Errors
    /// Returns an error if the store does not answer. The origins of values are then unknown.
    pub(crate) async fn read_outputs(&self, history: &RunHistory) -> Result<(), StoreError> {
        if history.knows_outputs() {
            return Ok(());
        }
        let memory = history.memory();
        // The lock is held during the whole read, because a second reader would otherwise start
        // from the same record.
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
