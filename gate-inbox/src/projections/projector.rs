//! One task that reads all records, for all pages that need counts or history: no page reads all of
//! them itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gate_runtime::AnyGate;
use gate_runtime::records::{CallEvent, EventStream, GateEvent, Record, RecordEvent};
use gate_runtime::review::Status;
use gate_runtime::store::StoreError;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::projections::policies::PolicyIndex;
use crate::projections::precedents::Precedents;
use crate::projections::statistics::Statistics;
use crate::record_feed::next_record;

/// The time for which a page waits for records that are not projected yet.
const PATIENCE: Duration = Duration::from_secs(2);

/// The projections of the records so far, as far as pages need them. All are bounded in size.
#[derive(Debug, Default)]
pub(crate) struct ProjectionSet {
    pub(crate) statistics: Statistics,
    pub(crate) precedents: Precedents,
    pub(crate) policies: PolicyIndex,
}

impl ProjectionSet {
    fn apply(&mut self, record: &Record) {
        self.statistics.apply(record);
        match record.event() {
            RecordEvent::Call(CallEvent::Voted { .. }) => {
                let is_decided = matches!(
                    record.status(),
                    Some(Status::Approved | Status::Rejected | Status::Responded)
                );
                if let Some(subject) = record.subject().filter(|_| is_decided) {
                    self.precedents.decided(subject);
                }
            }
            RecordEvent::Gate(GateEvent::GateBuilt { tools, .. }) => {
                self.policies.built(tools, record.at());
            }
            RecordEvent::Call(CallEvent::Covered { grant, .. }) => self.precedents.used(*grant),
            _ => {}
        }
    }
}

/// Reads the records from the first one on.
#[derive(Debug)]
pub(crate) struct RecordProjector {
    projections: Arc<Mutex<ProjectionSet>>,
    seen: watch::Receiver<u64>,
    task: AbortHandle,
}

/// The answer to a query, and whether some records are not projected yet.
#[derive(Debug)]
pub(crate) struct ProjectionAnswer<T> {
    pub(crate) found: T,
    pub(crate) is_behind: bool,
}

impl RecordProjector {
    /// Starts the task, from the first record on.
    pub(crate) fn follow(mut events: EventStream) -> Self {
        let projections: Arc<Mutex<ProjectionSet>> = Arc::default();
        let (sender, seen) = watch::channel(0);
        let book = Arc::clone(&projections);
        let task = tokio::spawn(async move {
            loop {
                let record = next_record(&mut events).await;
                // Projected before its number is published: a query that waits for it finds it.
                lock(&book).apply(&record);
                sender.send_replace(record.seq());
            }
        });
        Self { projections, seen, task: task.abort_handle() }
    }

    /// Answers a query from all records that exist now, or from those that were projected in time.
    pub(crate) async fn ask<T: Send>(
        &self,
        gate: &AnyGate,
        question: impl FnOnce(&ProjectionSet) -> T + Send,
    ) -> Result<ProjectionAnswer<T>, StoreError> {
        let newest = self.newest(gate).await?;
        let mut seen = self.seen.clone();
        let read = timeout(PATIENCE, seen.wait_for(|seen| *seen >= newest)).await;
        // If the task has ended, records are missing, too.
        let is_behind = !matches!(read, Ok(Ok(_)));
        drop(read);
        Ok(ProjectionAnswer { found: question(&lock(&self.projections)), is_behind })
    }

    /// The number of the newest record; 0 if there is none. It is looked for from what was read on,
    /// in ever larger steps.
    pub(crate) async fn newest(&self, gate: &AnyGate) -> Result<u64, StoreError> {
        // There is a record `low`, or it is 0; and none after `high`.
        let (mut low, mut step) = (*self.seen.borrow(), 0_u64);
        let mut high = loop {
            let probe = low.saturating_add(step);
            match next(gate, probe).await? {
                Some(found) => (low, step) = (found, step.saturating_mul(2).max(1)),
                None => break probe,
            }
        };
        while low < high {
            let middle = low + (high - low) / 2;
            match next(gate, middle).await? {
                Some(found) => low = found,
                None => high = middle,
            }
        }
        Ok(low)
    }
}

/// The number of the first record after one.
async fn next(gate: &AnyGate, after: u64) -> Result<Option<u64>, StoreError> {
    Ok(gate.records(after, 1).await?.first().map(|record| record.seq()))
}

fn lock(projections: &Mutex<ProjectionSet>) -> MutexGuard<'_, ProjectionSet> {
    projections.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for RecordProjector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use gate_runtime::id::RunId;
    use gate_runtime::prelude::*;
    use gate_runtime::{NoTools, Timestamp};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_newest_record_is_found_from_wherever_it_was_read() {
        let gate: Gate<NoTools> = Gate::builder(()).build().await.unwrap();
        let run = gate.run(RunId::from("run-1"));
        let mut last = gate.records(0, 100).await.unwrap().len() as u64;
        for more in [0, 1, 1, 2, 5, 40, 300] {
            for _ in 0..more {
                run.log_action("looked", &json!({}), None).await.unwrap();
            }
            last += more;
            for read in [0, last / 2, last.saturating_sub(1), last] {
                let (_tell, seen) = watch::channel(read);
                let task = tokio::spawn(std::future::ready(())).abort_handle();
                let projector = RecordProjector { projections: Arc::default(), seen, task };
                assert_eq!(projector.newest(&gate).await.unwrap(), last, "read up to {read}");
            }
        }
    }

    #[tokio::test]
    async fn who_asks_is_told_of_all_that_was_there_or_that_it_is_not_all() {
        let gate: Gate<NoTools> = Gate::builder(()).build().await.unwrap();
        let projector = RecordProjector::follow(gate.events_after(0));
        let refused = async || {
            let call = ToolCall::new("1", "nothing", "{}");
            let _ = gate.run("run-1").submit([call]).await.unwrap();
        };
        let count = |projections: &ProjectionSet| {
            projections.statistics.of(Timestamp::now(), 24).counts.refused
        };
        for expected in 1..=3 {
            refused().await;
            let answer = projector.ask(&gate, count).await.unwrap();
            assert_eq!((answer.found, answer.is_behind), (expected, false));
        }
        projector.task.abort();
        tokio::task::yield_now().await;
        refused().await;
        let summary_answer = projector.ask(&gate, count).await.unwrap();
        assert_eq!((summary_answer.found, summary_answer.is_behind), (3, true));
    }
}
