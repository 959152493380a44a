//! The assembled parts of a gate, shared by its runs and its background work.

pub(crate) mod attempt_id;
pub(crate) mod change_feed;
pub(crate) mod clock_limit;
pub(crate) mod commit;
pub(crate) mod drop_guard;
pub(crate) mod events;
mod outputs;
pub(crate) mod overlay;
pub(crate) mod running_bodies;
pub(crate) mod scheduler;
pub(crate) mod step_budget;
pub(crate) mod tools;
pub(crate) mod unit_of_work;

use std::fmt;
use std::sync::{Arc, Mutex};

use foldhash::{HashMap, HashSet};
use gate_core::approval::Approval;
use gate_core::call::{CommitmentKeys, Descriptor};
use gate_core::id::{AgentName, ApprovalId};
use gate_core::ports::{ApprovalFilter, Clock, CommitOutcome, Directory, Store, StoreError};
use gate_core::records::CallEvent;
use gate_core::text::{Digest, ReadLimits};
use jiff::Timestamp;
use serde_json::Value;

use self::attempt_id::AttemptId;
use self::change_feed::ChangeFeed;
use self::clock_limit::ClockLimit;
use self::overlay::GateOverlay;
use self::running_bodies::RunningBodies;
use self::scheduler::DeadlineScheduler;
use self::step_budget::StepBudgets;
use self::tools::{GateTool, GateTools};
use self::unit_of_work::UnitOfWork;
use crate::lock::lock;
use crate::outbox::OutboxTasks;
use crate::provenance::RunMemories;
use crate::sealing::TrailHandle;

/// The parts of a gate.
pub(crate) struct EngineCore {
    pub(crate) tools: GateTools,
    pub(crate) agents: Vec<AgentName>,
    pub(crate) overlays: Vec<GateOverlay>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Arc<dyn Directory>,
    /// The digest of the directory that this gate last recorded.
    pub(crate) directory_digest: Mutex<Option<Digest>>,
    pub(crate) limits: ReadLimits,
    /// The time that each piece of a user's async code may take.
    pub(crate) judging_time: ClockLimit,
    /// The number of calls of a run and its nested runs that may end without running within a day.
    pub(crate) denials: u64,
    /// The number of times that a run and its nested runs may ask people within a day.
    pub(crate) questions: u64,
    /// Set if a run may act only for people whom the directory knows.
    pub(crate) known_principals: bool,
    /// The number of messages that are kept with a question.
    pub(crate) conversation: usize,
    /// Authenticates the states of runs.
    pub(crate) key: [u8; 32],
    /// Earlier keys, which authenticated older states.
    pub(crate) earlier_keys: Vec<[u8; 32]>,
    /// The keys that commit to the secrets of calls.
    pub(crate) commitments: CommitmentKeys,
    /// The arguments of calls with secrets, which are never in the store.
    pub(crate) vault: Mutex<HashMap<ApprovalId, Value>>,
    /// Cached descriptors of tools that this gate does not have.
    pub(crate) others: Mutex<HashMap<Digest, Arc<Descriptor>>>,
    pub(crate) bodies: RunningBodies,
    pub(crate) change_feed: ChangeFeed,
    pub(crate) scheduler: DeadlineScheduler,
    pub(crate) trail: Option<TrailHandle>,
    /// The memory of its runs' conversations.
    pub(crate) memories: RunMemories,
    /// The versions of calls whose difference from their records has been recorded.
    pub(crate) differing: Mutex<HashSet<(ApprovalId, u64)>>,
    pub(crate) outbox: OutboxTasks,
    /// The step budgets of remote agents.
    pub(crate) allowances: StepBudgets,
}

impl EngineCore {
    pub(crate) fn tool(&self, name: &str) -> Option<&GateTool> {
        self.tools.by_name(name).map(|(_, tool)| tool)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the arguments that this process received for an approval with secrets.
    pub(crate) fn known_arguments(&self, id: ApprovalId) -> Option<Value> {
        lock(&self.vault).get(&id).cloned()
    }

    /// Returns the stored tool of a call, if this gate does not have it.
    pub(crate) async fn stored_tool(
        &self,
        approval: &Approval,
    ) -> Result<Option<Arc<Descriptor>>, StoreError> {
        if self.tool(approval.tool().as_str()).is_some() {
            return Ok(None);
        }
        let digest = approval.subject().tool_digest();
        // The lock is released before the store is read. Two tasks may read the same tool, which is
        // harmless because a digest identifies its content.
        if let Some(known) = lock(&self.others).get(&digest) {
            return Ok(Some(Arc::clone(known)));
        }
        let found = self.store.tool(digest).await?;
        if let Some(found) = &found {
            lock(&self.others).insert(digest, Arc::clone(found));
        }
        Ok(found)
    }

    /// Reads one approval from the store.
    pub(crate) async fn load(&self, id: ApprovalId) -> Result<Option<Arc<Approval>>, StoreError> {
        Ok(self.store.approvals(&ApprovalFilter::all().id(id)).await?.pop())
    }

    /// Applies an event to an approval, and writes both. Retries if another writer was faster.
    pub(crate) async fn step(
        self: &Arc<Self>,
        id: ApprovalId,
        event: &CallEvent,
    ) -> Result<Arc<Approval>, StepError> {
        self.step_if(id, std::slice::from_ref(event), |_| true).await
    }

    /// Like [`step`](Self::step), for events of one attempt. Refuses them once another attempt
    /// began.
    pub(crate) async fn step_of(
        self: &Arc<Self>,
        attempt: AttemptId,
        events: &[CallEvent],
    ) -> Result<Arc<Approval>, StepError> {
        self.step_if(attempt.approval, events, |approval| AttemptId::of(approval) == attempt).await
    }

    async fn step_if(
        self: &Arc<Self>,
        id: ApprovalId,
        events: &[CallEvent],
        concerns: impl Fn(&Approval) -> bool + Send,
    ) -> Result<Arc<Approval>, StepError> {
        loop {
            // Compare-and-set: each iteration means that another writer has made progress.
            let approval = self.load(id).await?.ok_or(StepError::Unknown)?;
            if !concerns(&approval) {
                return Err(StepError::Refused);
            }
            let mut unit = UnitOfWork::from(&approval);
            for event in events {
                unit.then(event.clone(), self.now()).map_err(|_| StepError::Refused)?;
            }
            let (changeset, next) = unit.into_changeset();
            if self.store.commit(changeset).await? == CommitOutcome::Done {
                self.settle(&next);
                return Ok(next);
            }
        }
    }

    /// Updates this process after a commit: keeps the approval's deadline, and drops its secrets
    /// once it has ended.
    pub(crate) fn settle(self: &Arc<Self>, approval: &Approval) {
        if approval.status().is_terminal() && !approval.arguments().secrets().is_empty() {
            lock(&self.vault).remove(&approval.id());
        }
        if let Some(at) = approval.next_deadline(self.now()).filter(|_| !self.holds_lease(approval))
        {
            self.scheduler.schedule(self, at, approval.id());
        }
    }
}

impl Drop for EngineCore {
    fn drop(&mut self) {
        // The scheduler's task holds a weak reference, and must wake up to detect that the gate is
        // gone.
        self.scheduler.stop();
    }
}

impl fmt::Debug for EngineCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<_> = self.tools.iter().map(|tool| &tool.name).collect();
        f.debug_struct("Gate")
            .field("tools", &tools)
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}

/// The reason why an event was not applied.
#[derive(Debug)]
pub(crate) enum StepError {
    Unknown,
    Refused,
    Store(StoreError),
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
