//! One attempt to run a body: vouched for while it runs, and its end put on the record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::core::{Core, StepError, lock};
use super::course::Course;
use super::if_gone::IfGone;
use crate::ports::store::{Committed, StoreError, Transition};
use crate::values::approval::{Approval, LEASE, Status};
use crate::values::event::CallEvent;
use crate::values::id::ApprovalId;

/// After how long an end is written again that the store did not take.
const WRITE_AGAIN: Duration = Duration::from_millis(250);

/// One of the times that the body of a call began, or is to: what is said of one is not said of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(super) approval: ApprovalId,
    number: u32,
}

impl Attempt {
    pub(crate) fn of(approval: &Approval) -> Self {
        Self { approval: approval.id(), number: approval.attempts() }
    }

    pub(crate) fn number(approval: ApprovalId, number: u32) -> Self {
        Self { approval, number }
    }
}

/// The bodies that run in this process. One task vouches for all of them; it lives only while some run.
///
/// It is a task of its own, so that a body that blocks its thread is vouched for too, as long as the runtime has another.
#[derive(Default)]
pub(crate) struct Bodies {
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    latest: HashMap<Attempt, Arc<Approval>>,
    is_vouched_for: bool,
}

/// A body that runs, until this is dropped.
struct Begun<'a> {
    core: &'a Core,
    attempt: Attempt,
    /// Whether the task that vouches for it is new.
    is_first: bool,
}

impl<'a> Begun<'a> {
    fn new(core: &'a Arc<Core>, dispatched: &Arc<Approval>) -> Self {
        let attempt = Attempt::of(dispatched);
        let mut running = lock(&core.bodies.running);
        running.latest.insert(attempt, Arc::clone(dispatched));
        let mut is_first = false;
        if !running.is_vouched_for
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(vouch_for_all(Arc::downgrade(core)));
            (running.is_vouched_for, is_first) = (true, true);
        }
        Self { core, attempt, is_first }
    }

    /// What was last written of it.
    fn latest(&self) -> Option<Arc<Approval>> {
        lock(&self.core.bodies.running).latest.get(&self.attempt).cloned()
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        lock(&self.core.bodies.running).latest.remove(&self.attempt);
    }
}

impl Core {
    /// Whether the body of a call runs in this process: then it is not lost, whatever the store says.
    pub(crate) fn runs_here(&self, approval: &Approval) -> bool {
        lock(&self.bodies.running).latest.contains_key(&Attempt::of(approval))
    }

    /// Whether this process keeps the deadline of a call itself: it vouches for what it runs.
    pub(crate) fn vouches_for(&self, approval: &Approval) -> bool {
        approval.status == Status::Dispatched && self.runs_here(approval)
    }

    /// Runs the body of a dispatched call and puts its end on the record; `None` where that could not be written yet.
    ///
    /// # Cancel safety
    /// Dropped before the body began, `unbegun` happens to the call; dropped while it runs, the call becomes indeterminate.
    pub(crate) async fn attempt<T>(
        self: &Arc<Self>,
        dispatched: &Arc<Approval>,
        unbegun: fn() -> Vec<CallEvent>,
        body: impl Future<Output = T>,
        end: impl FnOnce(&T) -> CallEvent,
    ) -> (T, Option<Arc<Approval>>) {
        let unbegun = IfGone::new(self, dispatched, unbegun);
        let begun = Begun::new(self, dispatched);
        if begun.is_first {
            // The new task may wait for this very thread, which the body may block: it gets its turn first.
            tokio::task::yield_now().await;
        }
        // Nothing is awaited between these lines: whoever goes away before them goes away before the body began.
        let left = IfGone::new(self, dispatched, left_alone);
        unbegun.call_off();
        let ended = body.await;
        let event = end(&ended);
        let latest = begun.latest().unwrap_or_else(|| Arc::clone(dispatched));
        let written = self.write_end(&latest, &event).await;
        drop(begun);
        left.call_off();
        if let Ok(next) = &written {
            self.settle(next);
        } else {
            // It ran, but the record does not say how it ended: nobody may build on it until it does.
            tokio::spawn(record_late(Arc::downgrade(self), Attempt::of(dispatched), event));
        }
        (ended, written.ok())
    }

    /// Says that a body still runs, so that nobody takes it for lost.
    async fn vouch(&self, known: Arc<Approval>) {
        let latest = match self.write_vouched(&known).await {
            // Whoever took it for lost has written that; what it becomes when the body ends is seen then.
            Ok(None) => self.load(known.id()).await.ok().flatten(),
            written => written.ok().flatten(),
        };
        if let Some(latest) = latest.filter(|latest| latest.status == Status::Dispatched)
            && let Some(known) = lock(&self.bodies.running).latest.get_mut(&Attempt::of(&latest))
        {
            *known = latest;
        }
    }

    /// Writes that a body still runs; `None` where its call is not as it was known any more.
    pub(crate) async fn write_vouched(&self, known: &Approval) -> Result<Option<Arc<Approval>>, StoreError> {
        let vouched = Arc::new(known.vouched(self.now()));
        let mut transition = Transition::at(vouched.changed_at);
        transition.approvals.push(Arc::clone(&vouched));
        let committed = self.store.commit(transition).await?;
        Ok((committed == Committed::Done).then_some(vouched))
    }

    /// Writes the end of a body over what was last known of its call, or over what became of that in the meantime.
    async fn write_end(self: &Arc<Self>, latest: &Approval, event: &CallEvent) -> Result<Arc<Approval>, StepError> {
        let mut course = Course::from(latest);
        course.then(event.clone(), self.now()).map_err(|_| StepError::Refused)?;
        let (transition, next) = course.alone();
        match self.store.commit(transition).await? {
            Committed::Done => Ok(next),
            _ => self.step_of(Attempt::of(latest), std::slice::from_ref(event)).await,
        }
    }
}

/// Vouches for the bodies that run, again and again, until none does or the gate is gone.
async fn vouch_for_all(gate: Weak<Core>) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let again = core.now().checked_add(LEASE / 3).unwrap_or(Timestamp::MAX);
        let clock = Arc::clone(&core.clock);
        drop(core);
        clock.sleep_until(again).await;
        let Some(core) = gate.upgrade() else { return };
        // Those that have just begun are believed for long enough.
        let before = core.now().checked_sub(LEASE / 6).unwrap_or(Timestamp::MIN);
        let due: Vec<Arc<Approval>> = {
            let mut running = lock(&core.bodies.running);
            running.is_vouched_for = !running.latest.is_empty();
            if !running.is_vouched_for {
                return;
            }
            running.latest.values().filter(|approval| approval.changed_at <= before).cloned().collect()
        };
        join_all(due.into_iter().map(|approval| core.vouch(approval))).await;
    }
}

/// Puts the end of a body on the record that could not be written at once, as soon as the store takes it.
async fn record_late(gate: Weak<Core>, attempt: Attempt, end: CallEvent) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let again = core.now().checked_add(WRITE_AGAIN).unwrap_or(Timestamp::MAX);
        let clock = Arc::clone(&core.clock);
        drop(core);
        clock.sleep_until(again).await;
        let Some(core) = gate.upgrade() else { return };
        if !matches!(core.step_of(attempt, std::slice::from_ref(&end)).await, Err(StepError::Store(_))) {
            return;
        }
    }
}

/// A body that ran when whoever awaited it went away: nobody knows how it ended, and the record says so.
fn left_alone() -> Vec<CallEvent> {
    vec![CallEvent::Lost { why: "whoever waited for it went away while it ran".to_owned() }]
}
