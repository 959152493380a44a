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

/// The delay before an end is written again, after the store did not accept it.
const WRITE_AGAIN: Duration = Duration::from_millis(250);

/// The bodies that run in this process. One task sends heartbeats for all of them, and ends when
/// none runs.
///
/// The task is separate, so that a body that blocks its thread also has heartbeats, as long as the
/// runtime has another thread.
#[derive(Default)]
pub(crate) struct RunningBodies {
    running: Mutex<RunningTable>,
}

#[derive(Default)]
struct RunningTable {
    bodies: HashMap<AttemptId, RunningBody>,
    has_heartbeat: bool,
}

struct RunningBody {
    /// The approval as it was last written.
    latest: Arc<Approval>,
    /// The number of calls of its own that wait for people.
    asks: usize,
    /// Wakes the task that waits for the end, which need not wait while the body asks people.
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
        // The body is added and the task checked under one lock, and the task ends only if there is
        // no body.
        let mut running = lock(&core.bodies.running);
        running
            .bodies
            .insert(attempt, RunningBody { latest: Arc::clone(dispatched), asks: 0, waker: None });
        let mut is_first = false;
        // Outside a runtime, no task can be spawned: the lease ends, and the call counts as lost.
        if !running.has_heartbeat
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(renew_leases(Arc::downgrade(core)));
            (running.has_heartbeat, is_first) = (true, true);
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
        // Removed when the body ends or panics, so that no heartbeat outlives it.
        lock(&self.core.bodies.running).bodies.remove(&self.attempt);
        // If others took the attempt for lost, no record reports its end, so waiters are woken
        // here.
        self.core.change_feed.wake(self.attempt.approval);
    }
}

/// A body that is recorded as begun, and has begun or begins with its next poll.
pub(crate) struct StartedBody {
    dispatched: Arc<Approval>,
    running_guard: RunningGuard,
    lost_guard: IfGone,
}

impl StartedBody {
    /// Begins the heartbeats of a dispatched call. Poll its body right after this, without an await
    /// in between.
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
        let running_guard = RunningGuard::new(core, dispatched);
        if running_guard.is_first {
            // The body may block this thread, so the new task gets a chance to run first.
            tokio::task::yield_now().await;
        }
        let lost_guard = IfGone::new(core, dispatched, lost_events);
        unbegun.call_off();
        Self { dispatched: Arc::clone(dispatched), running_guard, lost_guard }
    }

    /// Records the end of the body. Returns `None` if that could not be written yet.
    pub(crate) async fn end(self, event: CallEvent) -> Option<Arc<Approval>> {
        let Self { dispatched, running_guard, lost_guard } = self;
        let core = Arc::clone(&running_guard.core);
        // A heartbeat may have written a newer version, which the end must follow.
        let latest = running_guard.latest().unwrap_or_else(|| Arc::clone(&dispatched));
        let written = core.write_end(&latest, &event).await;
        drop(running_guard);
        lost_guard.call_off();
        if let Ok(next) = &written {
            core.settle(next);
        } else {
            // The body ended, but the end is not recorded yet. Nothing may depend on it before
            // that.
            tokio::spawn(record_late(Arc::downgrade(&core), AttemptId::of(&dispatched), event));
        }
        written.ok()
    }
}

impl EngineCore {
    /// Returns whether the body of a call runs in this process. If so, it is not lost, whatever is
    /// in the store.
    pub(crate) fn runs_here(&self, approval: &Approval) -> bool {
        lock(&self.bodies.running).bodies.contains_key(&AttemptId::of(approval))
    }

    /// Returns whether an attempt of a call may still run, so that no other attempt may begin.
    /// Other processes may count a body as lost that still runs here.
    pub(crate) fn may_still_run(&self, approval: &Approval) -> bool {
        match approval.status() {
            Status::Dispatched => true,
            Status::Approved => self.runs_here(approval),
            _ => false,
        }
    }

    /// Returns whether this process sends the heartbeats of a call, and so needs no deadline for
    /// it.
    pub(crate) fn holds_lease(&self, approval: &Approval) -> bool {
        approval.status() == Status::Dispatched && self.runs_here(approval)
    }

    /// Returns whether a body that runs here waits for people to decide a call of its own.
    pub(crate) fn asks_people(&self, approval: &Approval) -> bool {
        let running = lock(&self.bodies.running);
        running.bodies.get(&AttemptId::of(approval)).is_some_and(|body| body.asks > 0)
    }

    /// Like [`asks_people`](Self::asks_people), for a task that waits for the end and is woken once
    /// the body asks people.
    pub(crate) fn poll_asks_people(&self, attempt: AttemptId, context: &Context<'_>) -> bool {
        let mut running = lock(&self.bodies.running);
        running.bodies.get_mut(&attempt).is_some_and(|body| {
            body.waker = Some(context.waker().clone());
            body.asks > 0
        })
    }

    /// Counts a call of a body that begins to wait for people or, if `waits` is `false`, stops
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

    /// Renews the lease of a running body, so that no process counts it as lost.
    async fn renew_lease(&self, approval: Arc<Approval>) {
        let latest = match self.write_lease(&approval).await {
            // Another process recorded the call as lost, which the end of the body will correct.
            Ok(None) => self.load(approval.id()).await.ok().flatten(),
            // A heartbeat that could not be written stays due, and is repeated in the next round.
            written => written.ok().flatten(),
        };
        if let Some(latest) = latest.filter(|latest| latest.status() == Status::Dispatched)
            && let Some(body) = lock(&self.bodies.running).bodies.get_mut(&AttemptId::of(&latest))
        {
            body.latest = latest;
        }
    }

    /// Writes a heartbeat. Returns `None` if the call has changed.
    pub(crate) async fn write_lease(
        &self,
        approval: &Approval,
    ) -> Result<Option<Arc<Approval>>, StoreError> {
        let renewed = Arc::new(approval.with_renewed_lease(self.now()));
        let mut changeset = Changeset::at(renewed.changed_at());
        changeset.approvals.push(Arc::clone(&renewed));
        let committed = self.store.commit(changeset).await?;
        Ok((committed == CommitOutcome::Done).then_some(renewed))
    }

    /// Writes the end of a body, over the last known version of its call or a newer one.
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

/// Sends heartbeats for the running bodies, until none runs or the gate is gone.
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
            // Decided under the lock that adds bodies, so that a later body starts a new task.
            running.has_heartbeat = !running.bodies.is_empty();
            if !running.has_heartbeat {
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

/// Records an end that could not be written at once, as soon as the store accepts it.
async fn record_late(gate: Weak<EngineCore>, attempt: AttemptId, end: CallEvent) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let again = later(core.now(), WRITE_AGAIN);
        let clock = Arc::clone(&core.clock);
        drop(core);
        // No reference to the gate is held during the wait, so that a store that stays down does
        // not keep the gate alive.
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

/// Returns the events of a body whose caller was dropped while it ran: its end is recorded as
/// unknown.
fn lost_events() -> Vec<CallEvent> {
    vec![CallEvent::Lost { why: "whoever waited for it went away while it ran".to_owned() }]
}
