//! Calls whose bodies are in other programs: asked about here, begun and ended there.

mod ask;
mod call;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use gate_core::approval::{Approval, Status};
use gate_core::assessment::{Assessment, Opinion};
use gate_core::call::{Arguments, CallSubject, NESTED, NotRun, RunInfo, ToolChanges, ToolOutcome};
use gate_core::id::{AgentName, ApprovalId, CaseId, RunId};
use gate_core::ports::{ApprovalFilter, Changeset, CommitOutcome, StoreError};
use gate_core::records::{CallEvent, GateEvent};
use gate_core::text::{SchemaError, later, read_value};
use jiff::tz::TimeZone;
use serde_json::Value;

pub use self::ask::{RemoteApproval, RemoteError};
pub use self::call::RemoteCall;
use super::call::not_run::{invalid, unavailable};
use super::call::run_context::RunContext;
use super::error::RunError;
use super::execution::caller_kind::CallerKind;
use super::kernel::attempt_id::AttemptId;
use super::kernel::change_feed::ChangeFeed;
use super::kernel::unit_of_work::UnitOfWork;
use super::kernel::{EngineCore, StepError};
use super::review::error::DecideError;
use crate::engine::any_gate::AnyGate;
use crate::ports::overlay::OverlayCall;
use crate::provenance::CallFacts;

/// The time for which a grant lets a covered call begin. The grant may end, and calls cannot be
/// kept in store for later.
const COVERED_FOR: Duration = Duration::from_mins(10);

impl AnyGate {
    /// Returns the [`RemoteCaller`] by which an agent in another program asks, begins and ends its
    /// own calls, and no others. It is meant for servers of such programs.
    ///
    /// # Security
    /// The program must have shown that it is this agent. Its runs and tools have the agent's name
    /// as a prefix, so no rule, tool or grant of another agent applies to them.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// use gate_runtime::NoTools;
    /// use gate_runtime::remote::RemoteCall;
    /// use gate_runtime::review::Status;
    /// use gate_runtime::tool::ToolOutcome;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["manager"]);
    /// let gate: Gate<NoTools> = Gate::builder(()).directory(people).build().await?;
    /// let agent = gate.remote("billing-bot");
    /// let call = RemoteCall::new("call_1", "issue_refund", r#"{"order_id":"A-1"}"#)
    ///     .ask("it is money", ask(role("manager")));
    /// let asked = agent.ask(call).await?;
    ///
    /// let dana = gate.reviewer("dana").await?;
    /// gate.pending().await?[0].approve(&dana).await?;
    ///
    /// let begun = agent.begin(asked.id()).await?; // on the record, once: now it may run
    /// assert_eq!(begun.arguments().as_json(), r#"{"order_id":"A-1"}"#);
    /// let ended =
    ///     agent.end(asked.id(), begun.attempts(), ToolOutcome::returned(&"done".into())).await?;
    /// assert_eq!(ended.status(), Status::Succeeded);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn remote(&self, agent: impl Into<AgentName>) -> RemoteCaller {
        RemoteCaller { core: Arc::clone(&self.core), agent: agent.into() }
    }
}

/// A remote agent, as this gate sees it: made by [`AnyGate::remote`].
///
/// It asks about, begins and ends its own calls, and decides nothing.
#[derive(Clone)]
pub struct RemoteCaller {
    core: Arc<EngineCore>,
    agent: AgentName,
}

/// Returns the name of an agent's run or tool here: with the agent's name as a prefix.
fn namespaced(agent: &AgentName, what: &str) -> String {
    format!("{agent}/{what}")
}

impl RemoteCaller {
    /// Returns the agent.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// Returns one of its own calls; `None` for any other.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Arc<Approval>>, StoreError> {
        Ok(self.core.bring_up_to_date(id).await?.filter(|approval| self.owns(approval)))
    }

    /// Returns its calls of one run, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn approvals(&self, run: &RunId) -> Result<Vec<Arc<Approval>>, StoreError> {
        let run = namespaced(&self.agent, run.as_str());
        let found = self.core.store.approvals(&ApprovalFilter::all().run(run)).await?;
        Ok(found.into_iter().filter(|approval| self.owns(approval)).collect())
    }

    /// Waits until one of its own calls is no longer pending, but at most for the given time, and
    /// returns it as it stands then; `None` for any other call.
    ///
    /// # Errors
    /// Where the store does not answer.
    ///
    /// # Cancel safety
    /// May be dropped at any time: the question stays.
    pub async fn decided(
        &self,
        id: ApprovalId,
        at_most: Duration,
    ) -> Result<Option<Arc<Approval>>, StoreError> {
        let core = &self.core;
        let waiter = ChangeFeed::wait_for(core, id);
        let end = later(core.now(), at_most);
        let mut sleep = core.clock.sleep_until(end);
        loop {
            let Some(approval) = self.approval(id).await? else { return Ok(None) };
            if approval.status() != Status::Pending {
                return Ok(Some(approval));
            }
            let changed = std::pin::pin!(waiter.changed());
            if let Either::Right(_) = select(changed, &mut sleep).await {
                return self.approval(id).await;
            }
        }
    }

    /// Records that an approved call begins, which allows the program to run it, with the arguments
    /// that the approval has now. This succeeds once: a second request gets the error that it has
    /// begun.
    ///
    /// From then on the program must report at least every 30 seconds that the call [still
    /// runs](Self::heartbeat), until it reports how it [ended](Self::end). Otherwise it counts as
    /// lost until that.
    ///
    /// # Errors
    /// [`NotRun`] says why it must not run: it is not approved (any more), frozen, or has begun
    /// before; or the store or the trail does not answer.
    ///
    /// # Cancel safety
    /// If dropped before it is done, the call is indeterminate or unchanged.
    pub async fn begin(&self, id: ApprovalId) -> Result<Arc<Approval>, NotRun> {
        let core = &self.core;
        loop {
            // Compare-and-set: everything is checked again after another writer was faster.
            let found = self.approval(id).await.map_err(unavailable)?;
            let approval = found.ok_or_else(|| invalid(format!("this agent has no call {id}")))?;
            if approval.status() != Status::Approved {
                let how = || {
                    invalid(format!(
                        "it is {}, and only what is approved may begin, once",
                        approval.status()
                    ))
                };
                return Err(approval.not_run().unwrap_or_else(how));
            }
            if !core.is_as_recorded(&approval).await? {
                continue;
            }
            core.check_intact(&approval).await?;
            let unit = core.judge_remote_again(&approval).await?;
            if unit.status() != Status::Approved {
                let (changeset, next) = unit.into_changeset();
                if core.store.commit(changeset).await.map_err(unavailable)? == CommitOutcome::Done {
                    core.settle(&next);
                }
                continue;
            }
            let begun = core.begin_attempt(unit, CallerKind::Run).await;
            match begun {
                Ok(begun) => {
                    core.settle(&begun);
                    return Ok(begun);
                }
                Err(reason) => {
                    let now = self.approval(id).await.map_err(unavailable)?;
                    // Unchanged, so trying again would give the same refusal.
                    if now.is_none_or(|now| now.version() == approval.version()) {
                        return Err(reason);
                    }
                }
            }
        }
    }

    /// Renews the lease of a call that began, so that nobody takes it for lost.
    ///
    /// `attempt` is its number as the approval had it when it [began](Approval::attempts).
    ///
    /// # Errors
    /// [`DecideError::AlreadyDecided`] with the call, if that attempt does not run, or counts as
    /// lost already; or the store does not answer.
    pub async fn heartbeat(
        &self,
        id: ApprovalId,
        attempt: u32,
    ) -> Result<Arc<Approval>, DecideError> {
        let core = &self.core;
        loop {
            let approval = self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
            if approval.status() != Status::Dispatched || approval.attempts() != attempt {
                return Err(DecideError::AlreadyDecided(approval));
            }
            // `None`: another writer was faster. Read again, and see whether the attempt still
            // runs.
            if let Some(renewed) = core.write_lease(&approval).await? {
                core.settle(&renewed);
                return Ok(renewed);
            }
        }
    }

    /// Records how an attempt ended: what it returned, or how it failed. A repetition has no
    /// further effect.
    ///
    /// # Errors
    /// [`DecideError::AlreadyDecided`] with the call, if that attempt never began, ended otherwise,
    /// or another one runs; if the value cannot be recorded; if the store does not answer.
    pub async fn end(
        &self,
        id: ApprovalId,
        attempt: u32,
        outcome: ToolOutcome,
    ) -> Result<Arc<Approval>, DecideError> {
        if let Some(value) = outcome.value() {
            read_value(&value, self.core.limits).map_err(DecideError::BadAnswer)?;
        }
        let latest = self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
        // A client repeats the request when it did not get the response to the first one.
        if latest.outcome() == Some(&outcome) && latest.attempts() == attempt {
            return Ok(latest);
        }
        let ended = CallEvent::Finished { outcome };
        match self.core.step_of(AttemptId::number(id, attempt), &[ended]).await {
            Ok(ended) => Ok(ended),
            Err(StepError::Store(error)) => Err(error.into()),
            Err(StepError::Unknown) => Err(DecideError::Unknown(id)),
            Err(StepError::Refused) => {
                let stands = self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
                Err(DecideError::AlreadyDecided(stands))
            }
        }
    }

    /// Cancels a question. A repetition has no further effect.
    ///
    /// # Errors
    /// [`DecideError::AlreadyDecided`] with the call, if it ended otherwise or began; or the store
    /// does not answer.
    pub async fn cancel(&self, id: ApprovalId, reason: &str) -> Result<Arc<Approval>, DecideError> {
        self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
        self.core.cancel(id, reason).await
    }

    /// Records an action of the program that no gate decides. `in_reply_to` is one of its own
    /// calls.
    ///
    /// # Errors
    /// If the details have a number beyond ±2^53, are nested more than 64 deep or too long, or the
    /// store does not answer. Then nothing is recorded.
    pub async fn log_action(
        &self,
        run: &RunId,
        case: Option<CaseId>,
        action: impl Into<String>,
        details: &Value,
        in_reply_to: Option<ApprovalId>,
    ) -> Result<(), RunError> {
        if run.as_str().is_empty() {
            return Err(RunError::NoRunId);
        }
        if run.as_str().contains(NESTED) {
            return Err(RunError::ReservedRunId(run.clone()));
        }
        if let Some(id) = in_reply_to
            && self.approval(id).await?.is_none()
        {
            let problem = format!("this agent has no call {id} to which it could be a reply");
            return Err(RunError::Details(SchemaError::new("/in_reply_to", problem)));
        }
        let mut info = RunInfo::new(namespaced(&self.agent, run.as_str()), self.agent.clone());
        info.set_case(case);
        let details = read_value(details, self.core.limits).map_err(RunError::Details)?;
        let event =
            GateEvent::Action { info: Arc::new(info), action: action.into(), details, in_reply_to };
        Ok(self.core.write_alone(Changeset::noting(self.core.now(), event)).await?)
    }

    fn owns(&self, approval: &Approval) -> bool {
        approval.subject().request().is_some() && *approval.subject().info().agent() == self.agent
    }
}

impl fmt::Debug for RemoteCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCaller").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl EngineCore {
    /// Returns the assessment of a remote call if it has a verdict; otherwise records the failure.
    pub(crate) async fn reached(
        &self,
        subject: &CallSubject,
        assessment: Assessment,
    ) -> Result<Assessment, NotRun> {
        match assessment.reached() {
            Ok(assessment) => Ok(assessment),
            Err(failed) => {
                let known = self
                    .load(subject.approval())
                    .await
                    .map_err(unavailable)?
                    .map(|known| known.id());
                let (info, call) = (Arc::clone(subject.shared_info()), subject.call().clone());
                Err(self.note_unjudged(info, call, subject.tool(), known, failed).await)
            }
        }
    }

    /// Asks the overlays for their opinions on a remote call.
    pub(crate) async fn opinions_on(
        &self,
        run: &RunContext,
        subject: &CallSubject,
        arguments: &Arguments,
    ) -> Result<Vec<Opinion>, NotRun> {
        if self.overlays.is_empty() {
            return Ok(Vec::new());
        }
        let context = run.context_of(subject, self.now());
        let call = OverlayCall { tool: subject.tool(), arguments, context: &context };
        let opinions = self.ask_overlays(&call).await;
        if !context.asked.was_unanswered() {
            return Ok(opinions);
        }
        self.read_outputs(&context.history).await.map_err(unavailable)?;
        let today = context.now.to_zoned_datetime(TimeZone::UTC).date();
        let of_call = || {
            CallFacts::new(
                subject.tool().as_str(),
                arguments.to_json(),
                Arc::default(),
                Some(today),
            )
        };
        context.asked.set_facts(of_call);
        Ok(self.ask_overlays(&call).await)
    }

    /// Evaluates an approved remote call again before it begins: overlays are asked again, and
    /// everybody who approved must still be entitled to.
    async fn judge_remote_again(&self, approval: &Approval) -> Result<UnitOfWork, NotRun> {
        let mut unit = UnitOfWork::from(approval);
        let since = approval.changed_at().duration_since(self.now()).abs();
        if let Some(grant) = approval
            .grant()
            .filter(|_| Duration::try_from(since).is_ok_and(|since| since > COVERED_FOR))
        {
            unit.then(CallEvent::Uncovered { grant }, self.now()).map_err(unavailable)?;
            return Ok(unit);
        }
        if !self.overlays.is_empty() {
            let run = RunContext::of_stored(self, approval.subject());
            let opinions = self.opinions_on(&run, approval.subject(), approval.arguments()).await?;
            let assessment = Arc::new(
                self.reached(approval.subject(), approval.assessment().with_overlays(opinions))
                    .await?,
            );
            let again = CallEvent::Reassessed { assessment, changes: ToolChanges::default() };
            unit.then(again, self.now()).map_err(unavailable)?;
        }
        self.check_consent(&mut unit, self.now()).await?;
        Ok(unit)
    }
}
