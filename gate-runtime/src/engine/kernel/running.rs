//! One attempt to run a body: vouched for while it runs, and its end put on the record.

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

use super::attempt::AttemptId;
use super::drop_guard::IfGone;
use super::unit_of_work::UnitOfWork;
use super::{EngineCore, StepError};
use crate::lock::lock;

/// After how long an end is written again that the store did not take.
const WRITE_AGAIN: Duration = Duration::from_millis(250);

/// The bodies that run in this process. One task vouches for all of them; it lives only while some
/// run.
///
/// It is a task of its own, so that a body that blocks its thread is vouched for too, as long as
/// the runtime has another.
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
    /// Wakes whoever waits for its end, so that they need not while it asks.
    waker: Option<Waker>,
}

/// A body that runs, until this is dropped.
struct RunningGuard {
    core: Arc<EngineCore>,
    attempt: AttemptId,
    /// Set if the task that vouches for it is new.
    is_first: bool,
}

impl RunningGuard {
    fn new(core: &Arc<EngineCore>, dispatched: &Arc<Approval>) -> Self {
        let attempt = AttemptId::of(dispatched);
        let mut running = lock(&core.bodies.running);
        running
            .bodies
            .insert(attempt, RunningBody { latest: Arc::clone(dispatched), asks: 0, waker: None });
        let mut is_first = false;
        if !running.is_vouched_for
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(vouch_for_all(Arc::downgrade(core)));
            (running.is_vouched_for, is_first) = (true, true);
        }
        Self { core: Arc::clone(core), attempt, is_first }
    }

    /// Returns what was last written of it.
    fn latest(&self) -> Option<Arc<Approval>> {
        lock(&self.core.bodies.running)
            .bodies
            .get(&self.attempt)
            .map(|body| Arc::clone(&body.latest))
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        lock(&self.core.bodies.running).bodies.remove(&self.attempt);
        // Of an attempt that others took for lost, nothing else may tell that it is over.
        self.core.hub.wake(self.attempt.approval);
    }
}

/// A body that is on the record as begun, and has begun, or begins with the next line.
pub(crate) struct StartedBody {
    dispatched: Arc<Approval>,
    begun: RunningGuard,
    left: IfGone,
}

impl StartedBody {
    /// Begins to vouch for a dispatched call. Its body is to be polled right after this, with
    /// nothing awaited in between.
    ///
    /// # Cancel safety
    /// Dropped before it is done, `unbegun` happens to the call. What it gives, dropped, makes the
    /// call indeterminate.
    pub(crate) async fn begin(
        core: &Arc<EngineCore>,
        dispatched: &Arc<Approval>,
        unbegun: fn() -> Vec<CallEvent>,
    ) -> Self {
        let unbegun = IfGone::new(core, dispatched, unbegun);
        let begun = RunningGuard::new(core, dispatched);
        if begun.is_first {
            // The new task may wait for this very thread, which the body may block: it gets its
            // turn first.
            tokio::task::yield_now().await;
        }
        let left = IfGone::new(core, dispatched, left_alone);
        unbegun.call_off();
        Self { dispatched: Arc::clone(dispatched), begun, left }
    }

    /// Puts the end of the body on the record; `None` where that could not be written yet.
    pub(crate) async fn end(self, event: CallEvent) -> Option<Arc<Approval>> {
        let Self { dispatched, begun, left } = self;
        let core = Arc::clone(&begun.core);
        let latest = begun.latest().unwrap_or_else(|| Arc::clone(&dispatched));
        let written = core.write_end(&latest, &event).await;
        drop(begun);
        left.call_off();
        if let Ok(next) = &written {
            core.settle(next);
        } else {
            // It ran, but the record does not say how it ended: nobody may build on it until it
            // does.
            tokio::spawn(record_late(Arc::downgrade(&core), AttemptId::of(&dispatched), event));
        }
        written.ok()
    }
}

impl EngineCore {
    /// Returns whether the body of a call runs in this process: then it is not lost, whatever the
    /// store says.
    pub(crate) fn runs_here(&self, approval: &Approval) -> bool {
        lock(&self.bodies.running).bodies.contains_key(&AttemptId::of(approval))
    }

    /// Returns whether an attempt of a call may still run: none begins beside it. Others may have
    /// taken for lost what runs here.
    pub(crate) fn runs_still(&self, approval: &Approval) -> bool {
        match approval.status() {
            Status::Dispatched => true,
            Status::Approved => self.runs_here(approval),
            _ => false,
        }
    }

    /// Returns whether this process keeps the deadline of a call itself: it vouches for what it
    /// runs.
    pub(crate) fn vouches_for(&self, approval: &Approval) -> bool {
        approval.status() == Status::Dispatched && self.runs_here(approval)
    }

    /// Returns whether a body that runs here waits for people to decide a call of its own.
    pub(crate) fn asks_people(&self, approval: &Approval) -> bool {
        let running = lock(&self.bodies.running);
        running.bodies.get(&AttemptId::of(approval)).is_some_and(|body| body.asks > 0)
    }

    /// The same, for whoever waits for its end and wants to be woken once it does.
    pub(crate) fn begins_to_ask(&self, attempt: AttemptId, context: &Context<'_>) -> bool {
        let mut running = lock(&self.bodies.running);
        running.bodies.get_mut(&attempt).is_some_and(|body| {
            body.waker = Some(context.waker().clone());
            body.asks > 0
        })
    }

    /// Counts a call that a body makes and that waits for people, or (and this is what comes after
    /// it) does no more.
    pub(crate) fn note_asking(&self, attempt: AttemptId, waits: bool) {
        let mut running = lock(&self.bodies.running);
        if let Some(body) = running.bodies.get_mut(&attempt) {
            body.asks = if waits { body.asks + 1 } else { body.asks.saturating_sub(1) };
            body.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Runs the body of a dispatched call and puts its end on the record; `None` where that could
    /// not be written yet.
    ///
    /// # Cancel safety
    /// Dropped before the body began, `unbegun` happens to the call; dropped while it runs, the
    /// call becomes indeterminate.
    pub(crate) async fn attempt<T>(
        self: &Arc<Self>,
        dispatched: &Arc<Approval>,
        unbegun: fn() -> Vec<CallEvent>,
        body: impl Future<Output = T>,
        end: impl FnOnce(&T) -> CallEvent,
    ) -> (T, Option<Arc<Approval>>) {
        let underway = StartedBody::begin(self, dispatched, unbegun).await;
        let ended = body.await;
        let event = end(&ended);
        (ended, underway.end(event).await)
    }

    /// Says that a body still runs, so that nobody takes it for lost.
    async fn vouch(&self, known: Arc<Approval>) {
        let latest = match self.write_vouched(&known).await {
            // Whoever took it for lost has written that; what it becomes when the body ends is seen
            // then.
            Ok(None) => self.load(known.id()).await.ok().flatten(),
            written => written.ok().flatten(),
        };
        if let Some(latest) = latest.filter(|latest| latest.status() == Status::Dispatched)
            && let Some(body) = lock(&self.bodies.running).bodies.get_mut(&AttemptId::of(&latest))
        {
            body.latest = latest;
        }
    }

    /// Writes that a body still runs; `None` where its call is not as it was known any more.
    pub(crate) async fn write_vouched(
        &self,
        known: &Approval,
    ) -> Result<Option<Arc<Approval>>, StoreError> {
        let vouched = Arc::new(known.vouched(self.now()));
        let mut changeset = Changeset::at(vouched.changed_at());
        changeset.approvals.push(Arc::clone(&vouched));
        let committed = self.store.commit(changeset).await?;
        Ok((committed == CommitOutcome::Done).then_some(vouched))
    }

    /// Writes the end of a body over what was last known of its call, or over what became of that
    /// in the meantime.
    async fn write_end(
        self: &Arc<Self>,
        latest: &Approval,
        event: &CallEvent,
    ) -> Result<Arc<Approval>, StepError> {
        let mut course = UnitOfWork::from(latest);
        course.then(event.clone(), self.now()).map_err(|_| StepError::Refused)?;
        let (changeset, next) = course.alone();
        match self.store.commit(changeset).await? {
            CommitOutcome::Done => Ok(next),
            _ => self.step_of(AttemptId::of(latest), std::slice::from_ref(event)).await,
        }
    }
}

/// Vouches for the bodies that run, again and again, until none does or the gate is gone.
async fn vouch_for_all(gate: Weak<EngineCore>) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let again = later(core.now(), LEASE / 3);
        let clock = Arc::clone(&core.clock);
        drop(core);
        clock.sleep_until(again).await;
        let Some(core) = gate.upgrade() else { return };
        // Those that have just begun are believed for long enough.
        let before = core.now().checked_sub(LEASE / 6).unwrap_or(Timestamp::MIN);
        let due: Vec<Arc<Approval>> = {
            let mut running = lock(&core.bodies.running);
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
        join_all(due.into_iter().map(|approval| core.vouch(approval))).await;
    }
}

/// Puts the end of a body on the record that could not be written at once, as soon as the store
/// takes it.
async fn record_late(gate: Weak<EngineCore>, attempt: AttemptId, end: CallEvent) {
    loop {
        let Some(core) = gate.upgrade() else { return };
        let again = later(core.now(), WRITE_AGAIN);
        let clock = Arc::clone(&core.clock);
        drop(core);
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

/// A body that ran when whoever awaited it went away: nobody knows how it ended, and the record
/// says so.
fn left_alone() -> Vec<CallEvent> {
    vec![CallEvent::Lost { why: "whoever waited for it went away while it ran".to_owned() }]
}
