//! One attempt to run a body: its heartbeat while it runs, and the record of its end.

use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use foldhash::HashMap;
use futures_util::future::join_all;
use gate_core::approval::{Approval, LEASE, Status};
use gate_core::ports::{Changeset, CommitOutcome, StoreError};
use gate_core::records::CallEvent;
use gate_core::text::later;
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::attempt_id::AttemptId;
use super::drop_guard::IfGone;
use super::unit_of_work::UnitOfWork;
use super::{EngineCore, StepError};
use crate::lock::lock;

/// The delay before an end is written again that the store did not take.
const WRITE_AGAIN: Duration = Duration::from_millis(250);

/// The bodies that run in this process. One task sends heartbeats for all of them; it ends when
/// none runs.
///
/// It is a separate task, so that a body that blocks its thread has heartbeats, too, as long as the
/// runtime has another thread.
#[derive(Default)]
pub(crate) struct RunningBodies {
    running: Mutex<RunningTable>,
}

#[derive(Default)]
struct RunningTable {
    bodies: HashMap<AttemptId, RunningBody>,
    is_vouched_for: bool,
}

struct RunningBody {
    /// The approval as it was last written.
    latest: Arc<Approval>,
    /// The number of calls of its own that wait for people.
    asks: usize,
    /// Wakes the task that waits for its end, so that it need not wait while the body asks.
    waker: Option<Waker>,
}

/// Registers a running body until it is dropped.
struct RunningGuard {
    core: Arc<EngineCore>,
    attempt: AttemptId,
    /// Set if the heartbeat task is new.
    is_first: bool,
}

impl RunningGuard {
    fn new(core: &Arc<EngineCore>, dispatched: &Arc<Approval>) -> Self {
        let attempt = AttemptId::of(dispatched);
        // One lock for adding the body and checking for the task, which ends only if it sees no
        // body.
        let mut running = lock(&core.bodies.running);
        running
            .bodies
            .insert(attempt, RunningBody { latest: Arc::clone(dispatched), asks: 0, waker: None });
        let mut is_first = false;
        // Outside a runtime there is no task to spawn; the lease then ends, and the call counts as
        // lost.
        if !running.is_vouched_for
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(renew_leases(Arc::downgrade(core)));
            (running.is_vouched_for, is_first) = (true, true);
        }
        Self { core: Arc::clone(core), attempt, is_first }
    }

    /// Returns the approval as it was last written.
    fn latest(&self) -> Option<Arc<Approval>> {
        lock(&self.core.bodies.running)
            .bodies
            .get(&self.attempt)
            .map(|body| Arc::clone(&body.latest))
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        // Removed when the body is over, also by a panic, so that no heartbeat outlives it.
        lock(&self.core.bodies.running).bodies.remove(&self.attempt);
        // No record may tell that an attempt is over which others took for lost.
        self.core.change_feed.wake(self.attempt.approval);
    }
}

/// A body that is recorded as begun, and has begun or begins with the next poll.
pub(crate) struct StartedBody {
    dispatched: Arc<Approval>,
    begun: RunningGuard,
    left: IfGone,
}

impl StartedBody {
    /// Begins the heartbeats of a dispatched call. Poll its body right after this, with no await in
    /// between.
    ///
    /// # Cancel safety
    /// If this future is dropped, `unbegun` is applied to the call. If its output is dropped, the
    /// call becomes indeterminate.
    pub(crate) async fn begin(
        core: &Arc<EngineCore>,
        dispatched: &Arc<Approval>,
        unbegun: fn() -> Vec<CallEvent>,
    ) -> Self {
        let unbegun = IfGone::new(core, dispatched, unbegun);
        let begun = RunningGuard::new(core, dispatched);
        if begun.is_first {
            // The new task may need this very thread, which the body may block, so it gets its turn
            // first.
            tokio::task::yield_now().await;
        }
        let expired = IfGone::new(core, dispatched, lost_events);
        unbegun.call_off();
        Self { dispatched: Arc::clone(dispatched), begun, left: expired }
    }

    /// Records the end of the body. Returns `None` if that could not be written yet.
    pub(crate) async fn end(self, event: CallEvent) -> Option<Arc<Approval>> {
        let Self { dispatched, begun, left: expired } = self;
        let core = Arc::clone(&begun.core);
        // A heartbeat may have written a newer version: the end must follow that one.
        let latest = begun.latest().unwrap_or_else(|| Arc::clone(&dispatched));
        let written = core.write_end(&latest, &event).await;
        drop(begun);
        expired.call_off();
        if let Ok(next) = &written {
            core.settle(next);
        } else {
            // It ran, but the record does not say how it ended: nothing may build on it until it
            // does.
            tokio::spawn(record_late(Arc::downgrade(&core), AttemptId::of(&dispatched), event));
        }
        written.ok()
    }
}

impl EngineCore {
    /// Returns whether the body of a call runs in this process. Then it is not lost, whatever the
    /// store says.
    pub(crate) fn runs_here(&self, approval: &Approval) -> bool {
        lock(&self.bodies.running).bodies.contains_key(&AttemptId::of(approval))
    }

    /// Returns whether an attempt of a call may still run, so that no other may begin. Other
    /// processes may have taken for lost a body that runs here.
    pub(crate) fn may_still_run(&self, approval: &Approval) -> bool {
        match approval.status() {
            Status::Dispatched => true,
            Status::Approved => self.runs_here(approval),
            _ => false,
        }
    }

    /// Returns whether this process needs no deadline for a call, because it sends its heartbeats.
    pub(crate) fn holds_lease(&self, approval: &Approval) -> bool {
        approval.status() == Status::Dispatched && self.runs_here(approval)
    }

    /// Returns whether a body that runs here waits for people to decide a call of its own.
    pub(crate) fn asks_people(&self, approval: &Approval) -> bool {
        let running = lock(&self.bodies.running);
        running.bodies.get(&AttemptId::of(approval)).is_some_and(|body| body.asks > 0)
    }

    /// The same, for a task that waits for its end and wants to be woken once the body asks.
    pub(crate) fn poll_asks_people(&self, attempt: AttemptId, context: &Context<'_>) -> bool {
        let mut running = lock(&self.bodies.running);
        running.bodies.get_mut(&attempt).is_some_and(|body| {
            body.waker = Some(context.waker().clone());
            body.asks > 0
        })
    }

    /// Counts a call of a body that begins to wait for people, or (if `waits` is false) that stops
    /// waiting.
    pub(crate) fn count_question(&self, attempt: AttemptId, waits: bool) {
        let mut running = lock(&self.bodies.running);
        if let Some(body) = running.bodies.get_mut(&attempt) {
            body.asks = if waits { body.asks + 1 } else { body.asks.saturating_sub(1) };
            body.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Runs the body of a dispatched call and records its end. The approval is `None` if that could
    /// not be written yet.
    ///
    /// # Cancel safety
    /// If dropped before the body began, `unbegun` is applied to the call; if dropped while it
    /// runs, the call becomes indeterminate.
    pub(crate) async fn attempt<T>(
        self: &Arc<Self>,
        dispatched: &Arc<Approval>,
        unbegun: fn() -> Vec<CallEvent>,
        body: impl Future<Output = T>,
        end: impl FnOnce(&T) -> CallEvent,
    ) -> (T, Option<Arc<Approval>>) {
        let started = StartedBody::begin(self, dispatched, unbegun).await;
        let ended = body.await;
        let event = end(&ended);
        (ended, started.end(event).await)
    }

    /// Renews the lease of a running body, so that nobody takes it for lost.
    async fn renew_lease(&self, known: Arc<Approval>) {
        let latest = match self.write_lease(&known).await {
            // Another process took it for lost and wrote that; the end of the body deals with it.
            Ok(None) => self.load(known.id()).await.ok().flatten(),
            // A heartbeat that could not be written stays due, and the next round repeats it.
            written => written.ok().flatten(),
        };
        if let Some(latest) = latest.filter(|latest| latest.status() == Status::Dispatched)
            && let Some(body) = lock(&self.bodies.running).bodies.get_mut(&AttemptId::of(&latest))
        {
            body.latest = latest;
        }
    }

    /// Writes a heartbeat. Returns `None` if the call is no longer as it was known.
    pub(crate) async fn write_lease(
        &self,
        known: &Approval,
    ) -> Result<Option<Arc<Approval>>, StoreError> {
        let renewed = Arc::new(known.with_renewed_lease(self.now()));
        let mut changeset = Changeset::at(renewed.changed_at());
        changeset.approvals.push(Arc::clone(&renewed));
        let committed = self.store.commit(changeset).await?;
        Ok((committed == CommitOutcome::Done).then_some(renewed))
    }

    /// Writes the end of a body, over the last known version of its call or the one that has
    /// replaced it.
    async fn write_end(
        self: &Arc<Self>,
        latest: &Approval,
        event: &CallEvent,
    ) -> Result<Arc<Approval>, StepError> {
        let mut unit = UnitOfWork::from(latest);
        unit.then(event.clone(), self.now()).map_err(|_| StepError::Refused)?;
        let (changeset, next) = unit.into_changeset();
        match self.store.commit(changeset).await? {
            CommitOutcome::Done => Ok(next),
            _ => self.step_of(AttemptId::of(latest), std::slice::from_ref(event)).await,
        }
    }
}

/// Sends heartbeats for the bodies that run, until none does or the gate is gone.
async fn renew_leases(gate: Weak<EngineCore>) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let again = later(core.now(), LEASE / 3);
        let clock = Arc::clone(&core.clock);
        drop(core);
        clock.sleep_until(again).await;
        let Some(core) = gate.upgrade() else { return };
        // The lease of a body that has just begun lasts until the next round.
        let before = core.now().checked_sub(LEASE / 6).unwrap_or(Timestamp::MIN);
        let due: Vec<Arc<Approval>> = {
            let mut running = lock(&core.bodies.running);
            // Decided under the lock that adds bodies: one that is added later starts a new task.
            running.is_vouched_for = !running.bodies.is_empty();
            if !running.is_vouched_for {
                return;
            }
            running
                .bodies
                .values()
                .map(|body| &body.latest)
                .filter(|latest| latest.changed_at() <= before)
                .cloned()
                .collect()
        };
        join_all(due.into_iter().map(|approval| core.renew_lease(approval))).await;
    }
}

/// Records an end that could not be written at once, as soon as the store takes it.
async fn record_late(gate: Weak<EngineCore>, attempt: AttemptId, end: CallEvent) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let again = later(core.now(), WRITE_AGAIN);
        let clock = Arc::clone(&core.clock);
        drop(core);
        // The gate was dropped for the wait, so that a store that stays down does not keep it
        // alive.
        clock.sleep_until(again).await;
        let Some(core) = gate.upgrade() else { return };
        if !matches!(
            core.step_of(attempt, std::slice::from_ref(&end)).await,
            Err(StepError::Store(_))
        ) {
            return;
        }
    }
}

/// The events of a body whose caller went away while it ran: how it ended is unknown, and recorded
/// as such.
fn lost_events() -> Vec<CallEvent> {
    vec![CallEvent::Lost { why: "whoever waited for it went away while it ran".to_owned() }]
}
