//! Recovery: finds, lists and settles calls that were running when their process died.

use std::fmt;
use std::sync::Arc;

use gate_core::approval::{Approval, LEASE, Refused, SettledBy, Settlement, Status};
use gate_core::ports::{ApprovalFilter, StoreError};
use gate_core::records::CallEvent;
use gate_core::text::later;
use jiff::Timestamp;

use crate::engine::any_gate::AnyGate;
use crate::engine::call::run_context::RunContext;
use crate::engine::kernel::attempt_id::AttemptId;
use crate::engine::kernel::{EngineCore, StepError};
use crate::engine::review::error::DecideError;
use crate::engine::review::reviewer::Reviewer;
use crate::logic::time_limit::bounded;
use crate::logic::tool::reconcile::ReconcileOutcome;

/// The number of times that an idempotent call begins without a person, so that a call that kills
/// its process does not do so forever.
const ATTEMPTS: u32 = 3;

impl AnyGate {
    /// Returns the calls that began and have no recorded end: those that run in some process now,
    /// and those with an unknown end, because their process died.
    ///
    /// A call counts as lost half a minute after the last heartbeat of its process. First, the
    /// reconcilers of tools settle the lost calls that they can. People [settle](InFlight::settle)
    /// the remaining ones. Idempotent calls run again when their run resumes.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::review::Settlement;
    /// # /// Issue a refund.
    /// # #[gated_tool(policy = "never_ask")]
    /// # async fn issue_refund(order_id: String) { std::future::pending().await }
    /// # registry! { pub Tools for () { IssueRefund } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["manager"]);
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// # let dana = gate.reviewer("dana").await?;
    /// # let run = gate.run("run-42");
    /// # tokio::select! {
    /// #     biased;
    /// #     _ = issue_refund(&run, "A-1001".into()) => {}
    /// #     _ = tokio::task::yield_now() => {}
    /// # }
    /// # tokio::task::yield_now().await;
    /// for lost in gate.recover().await? {
    ///     println!(
    ///         "{} of {}: {}",
    ///         lost.approval().tool(),
    ///         lost.approval().subject().info().run(),
    ///         lost.approval().arguments().as_json()
    ///     );
    ///     lost.settle(&dana, Settlement::DidNotRun, "the provider knows of no refund of A-1001")
    ///         .await?;
    /// }
    /// assert!(gate.recover().await?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn recover(&self) -> Result<Vec<InFlight>, StoreError> {
        let core = &self.core;
        for running in
            core.store.approvals(&ApprovalFilter::all().status(Status::Dispatched)).await?
        {
            core.bring_up_to_date(running.id()).await?;
        }
        for orphaned in
            core.store.approvals(&ApprovalFilter::all().status(Status::Indeterminate)).await?
        {
            // Only people may settle a call that differs from its records.
            if !core.runs_here(&orphaned) && core.is_as_recorded(&orphaned).await == Ok(true) {
                core.ask_reconciler(&orphaned).await?;
            }
        }
        // One query for both, because a call may change from one status to the other at any moment.
        let filter = ApprovalFilter::all().status(Status::Indeterminate).status(Status::Dispatched);
        let found = core.store.approvals(&filter).await?;
        Ok(found
            .into_iter()
            .map(|approval| InFlight { core: Arc::clone(core), approval })
            .collect())
    }
}

/// A call whose body began and whose end is not recorded. [`AnyGate::recover`] lists them.
#[derive(Clone)]
pub struct InFlight {
    core: Arc<EngineCore>,
    approval: Arc<Approval>,
}

impl InFlight {
    /// Returns the call.
    #[must_use]
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// Returns the end of the lease of the process that runs it; `None` if no process runs it.
    #[must_use]
    pub fn lease_expires_at(&self) -> Option<Timestamp> {
        self.approval.lease_expires_at()
    }

    /// Records what happened to the call. `why` is for the record: how the reviewer knows.
    ///
    /// To run the call again, people are asked with the requirement under which it ran, and must
    /// vote again; if nobody was asked before, one person answers. If the answer is no, its end
    /// stays unknown.
    ///
    /// # Errors
    /// Returns an error, and settles nothing, if a process holds the call's lease, if the call was
    /// settled differently in the meantime or has begun again since it was listed, if the reviewer
    /// is not among the people who could have approved it, if `why` is empty, or if the store does
    /// not answer.
    pub async fn settle(
        &self,
        reviewer: &Reviewer,
        settlement: Settlement,
        why: impl Into<String>,
    ) -> Result<Arc<Approval>, DecideError> {
        let core = &self.core;
        let id = self.approval.id();
        let why = why.into();
        let approval = core.bring_up_to_date(id).await?.ok_or(DecideError::Unknown(id))?;
        core.check_entitled(&approval, reviewer).await?;
        if why.trim().is_empty() {
            return Err(Refused::ReasonRequired.into());
        }
        if core.runs_here(&approval) {
            return Err(DecideError::StillRunning { until: later(core.now(), LEASE) });
        }
        let settled = match settlement {
            // One person cannot replace the votes of all people who have to agree.
            Settlement::RunAgain => {
                CallEvent::AskedAgain { by: reviewer.id().clone(), reason: why }
            }
            settlement => {
                let by = SettledBy::Person { reviewer: reviewer.id().clone() };
                CallEvent::Settled { settlement, by, reason: Some(why) }
            }
        };
        match core.step_of(AttemptId::of(&self.approval), &[settled]).await {
            Ok(approval) => Ok(approval),
            Err(StepError::Unknown) => Err(DecideError::Unknown(id)),
            Err(StepError::Store(error)) => Err(error.into()),
            Err(StepError::Refused) => {
                let approval = core.load(id).await?.ok_or(DecideError::Unknown(id))?;
                match approval.lease_expires_at() {
                    Some(until) => Err(DecideError::StillRunning { until }),
                    None if approval.status() == Status::Indeterminate => {
                        Err(Refused::Changed.into())
                    }
                    None => Err(DecideError::AlreadyDecided(approval)),
                }
            }
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "InFlight({} of {}, {})",
            self.approval.id(),
            self.approval.tool(),
            self.approval.status()
        )
    }
}

impl EngineCore {
    /// Settles a lost call without a person, if its tool allows that: calls its reconciler, or lets
    /// it run again if it is idempotent. Returns whether it is settled.
    pub(crate) async fn find_out(
        self: &Arc<Self>,
        orphaned: &Approval,
    ) -> Result<bool, StoreError> {
        // A body that runs here is not lost, whatever is in the store.
        if self.runs_here(orphaned) {
            return Ok(false);
        }
        if self.ask_reconciler(orphaned).await? {
            return Ok(true);
        }
        let tool = self.tool(orphaned.tool().as_str());
        let is_idempotent = tool.is_some_and(|tool| tool.descriptor.annotations().idempotent);
        if is_idempotent && orphaned.attempts() < ATTEMPTS && !orphaned.stays_unknown() {
            return self
                .settle_orphaned(orphaned, Settlement::RunAgain, SettledBy::Idempotence)
                .await;
        }
        Ok(false)
    }

    async fn ask_reconciler(self: &Arc<Self>, orphaned: &Approval) -> Result<bool, StoreError> {
        let Some(tool) = self.tool(orphaned.tool().as_str()) else { return Ok(false) };
        let Ok(arguments) = self.approved_arguments(tool, orphaned).await else { return Ok(false) };
        let context = RunContext::of_stored(self, orphaned.subject())
            .context_of(orphaned.subject(), self.now());
        let Some(finding) = tool.tool.reconcile(&arguments, tool.spec, context) else {
            return Ok(false);
        };
        // A reconciler that fails or takes too long settles nothing.
        let settlement = match bounded(&self.judging_time, || finding).await {
            Ok(ReconcileOutcome::Yes(outcome)) => {
                Settlement::Ran { outcome: tool.clean(&arguments, outcome) }
            }
            Ok(ReconcileOutcome::No) if orphaned.stays_unknown() => Settlement::DidNotRun,
            Ok(ReconcileOutcome::No) => Settlement::RunAgain,
            Ok(ReconcileOutcome::Unknown) | Err(_) => return Ok(false),
        };
        self.settle_orphaned(orphaned, settlement, SettledBy::Reconciler).await
    }

    /// Settles a lost call. Returns whether it is settled, by this caller or by a faster one.
    async fn settle_orphaned(
        self: &Arc<Self>,
        orphaned: &Approval,
        settlement: Settlement,
        by: SettledBy,
    ) -> Result<bool, StoreError> {
        let attempt = AttemptId::of(orphaned);
        match self.step_of(attempt, &[CallEvent::Settled { settlement, by, reason: None }]).await {
            // Refused means that another caller has settled the call, or that it has begun again.
            Ok(_) | Err(StepError::Refused) => Ok(true),
            Err(StepError::Unknown) => Ok(false),
            Err(StepError::Store(error)) => Err(error),
        }
    }
}
