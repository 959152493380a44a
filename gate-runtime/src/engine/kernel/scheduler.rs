//! Deadline scheduler: applies escalations and expiries when they are due, by the gate's clock.

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};

use futures_util::future::{Either, select};
use gate_core::approval::{Approval, Status};
use gate_core::id::ApprovalId;
use gate_core::ports::{ApprovalFilter, StoreError};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::{EngineCore, StepError};
use crate::lock::lock;

/// The number of approvals that are read at once.
const PAGE: usize = 1_000;

/// Keeps the deadlines that this process knows. One task, which starts with the first deadline,
/// waits for the next one.
#[derive(Default)]
pub(crate) struct DeadlineScheduler {
    deadlines: Mutex<DeadlineQueue>,
    changed: Arc<Notify>,
    /// Locked while due deadlines are applied, so that a second caller waits until that is done.
    at_work: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct DeadlineQueue {
    due: BTreeSet<(Timestamp, ApprovalId)>,
    is_kept: bool,
}

impl DeadlineScheduler {
    /// Schedules a check of an approval.
    pub(crate) fn schedule(&self, core: &Arc<EngineCore>, at: Timestamp, id: ApprovalId) {
        let mut deadlines = lock(&self.deadlines);
        let is_next = deadlines.due.first().is_none_or(|(first, _)| at < *first);
        deadlines.due.insert((at, id));
        if !std::mem::replace(&mut deadlines.is_kept, true) {
            tokio::spawn(run_scheduler(Arc::downgrade(core), Arc::clone(&self.changed)));
        } else if is_next {
            self.changed.notify_one();
        }
    }

    /// Wakes the task, so that it detects that its gate is gone.
    pub(crate) fn stop(&self) {
        self.changed.notify_one();
    }

    fn next(&self) -> Option<Timestamp> {
        lock(&self.deadlines).due.first().map(|(at, _)| *at)
    }

    fn pop_due(&self, now: Timestamp) -> DueDeadlines<'_> {
        let mut deadlines = lock(&self.deadlines);
        let mut due_now = VecDeque::new();
        while deadlines.due.first().is_some_and(|(at, _)| *at <= now) {
            due_now.extend(deadlines.due.pop_first());
        }
        DueDeadlines { scheduler: self, left: due_now }
    }
}

/// Due deadlines. If dropped, those that were not handled are put back.
struct DueDeadlines<'a> {
    scheduler: &'a DeadlineScheduler,
    left: VecDeque<(Timestamp, ApprovalId)>,
}

impl Drop for DueDeadlines<'_> {
    fn drop(&mut self) {
        if !self.left.is_empty() {
            // The task may be dropped in the middle, and a lost deadline would never be applied.
            lock(&self.scheduler.deadlines).due.extend(self.left.drain(..));
            self.scheduler.changed.notify_one();
        }
    }
}

/// The delay before a deadline is retried, after the store did not answer.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

async fn run_scheduler(gate: Weak<EngineCore>, changed: Arc<Notify>) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let (clock, next) = (Arc::clone(&core.clock), core.scheduler.next());
        drop(core);
        match next {
            None => changed.notified().await,
            Some(at) => {
                let notified = pin!(changed.notified());
                // An earlier deadline was added, so the next one is determined again.
                if let Either::Right(_) = select(clock.sleep_until(at), notified).await {
                    continue;
                }
                let Some(core) = gate.upgrade() else { return };
                core.run_due().await;
            }
        }
    }
}

impl EngineCore {
    /// Schedules the deadlines of all calls that wait, may run or run, of every proposer.
    pub(crate) async fn load_deadlines(self: &Arc<Self>) -> Result<(), StoreError> {
        for status in [Status::Pending, Status::Approved, Status::Dispatched] {
            let mut page = ApprovalFilter::all().status(status).limit(PAGE);
            loop {
                let found = self.store.approvals(&page).await?;
                for waiting in &found {
                    self.settle(waiting);
                }
                let Some(last) = found.last() else { break };
                page = page.after(last.id());
            }
        }
        Ok(())
    }

    /// Applies all events that are due.
    pub(crate) async fn run_due(self: &Arc<Self>) {
        // When `run_due` returns, everything that was due must be applied.
        let _at_work = self.scheduler.at_work.lock().await;
        let now = self.now();
        let mut due = self.scheduler.pop_due(now);
        while let Some((_, id)) = due.left.front().copied() {
            if self.bring_up_to_date(id).await.is_err() {
                // The store did not answer. A late vote is still refused, because votes also check
                // the time.
                let again = now.checked_add(RETRY).unwrap_or(now);
                self.scheduler.schedule(self, again, id);
            }
            due.left.pop_front();
        }
    }

    /// Applies the due events of one approval, and returns its state after them.
    pub(crate) async fn bring_up_to_date(
        self: &Arc<Self>,
        id: ApprovalId,
    ) -> Result<Option<Arc<Approval>>, StoreError> {
        loop {
            let Some(approval) = self.load(id).await? else { return Ok(None) };
            let Some(event) =
                approval.expiry_event(self.now()).filter(|_| !self.holds_lease(&approval))
            else {
                self.settle(&approval);
                return Ok(Some(approval));
            };
            match self.step(id, &event).await {
                Err(StepError::Store(error)) => return Err(error),
                // The event was applied, or another writer was faster. In both cases, the loop
                // reads the approval again.
                Ok(_) | Err(StepError::Refused | StepError::Unknown) => {}
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what it expects")]
mod tests {
    use super::*;

    #[test]
    fn deadlines_that_were_taken_and_not_looked_at_are_kept_on() {
        let (scheduler, at) = (DeadlineScheduler::default(), Timestamp::UNIX_EPOCH);
        let ids = [ApprovalId::new(), ApprovalId::new()];
        lock(&scheduler.deadlines).due.extend(ids.map(|id| (at, id)));
        let mut due = scheduler.pop_due(at);
        assert!(scheduler.next().is_none());
        // The task was dropped after the first of two checks.
        let (_, looked_at) = due.left.pop_front().unwrap();
        drop(due);
        let kept: Vec<_> = lock(&scheduler.deadlines).due.iter().map(|(_, id)| *id).collect();
        assert_eq!(kept, ids.into_iter().filter(|id| *id != looked_at).collect::<Vec<_>>());
    }
}
