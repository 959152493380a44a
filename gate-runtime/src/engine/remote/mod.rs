//! Remote calls: people are asked here, and the bodies run in other programs.

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

/// The time within which a call that a grant covers must begin, so that a program cannot collect
/// covered calls for later.
const COVERED_FOR: Duration = Duration::from_mins(10);

impl AnyGate {
    /// Returns a [`RemoteCaller`], with which an agent in another program asks about, begins and
    /// ends its own calls, and no others. It is meant for servers of such programs.
    ///
    /// # Security
    /// The server must have authenticated the program as this agent. The agent's runs and tools
    /// have its name as a prefix, so no rule, tool or grant of another agent applies to them.
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

/// A handle for a remote agent, created by [`AnyGate::remote`].
///
/// With it, the agent asks about, begins and ends its own calls. It decides nothing.
#[derive(Clone)]
pub struct RemoteCaller {
    core: Arc<EngineCore>,
    agent: AgentName,
}

/// Returns the name of an agent's run or tool in this gate, which has the agent's name as a prefix.
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
    /// If the store does not answer.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Arc<Approval>>, StoreError> {
        Ok(self.core.bring_up_to_date(id).await?.filter(|approval| self.owns(approval)))
    }

    /// Returns its calls of one run, oldest first.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn approvals(&self, run: &RunId) -> Result<Vec<Arc<Approval>>, StoreError> {
        let run = namespaced(&self.agent, run.as_str());
        let found = self.core.store.approvals(&ApprovalFilter::all().run(run)).await?;
        Ok(found.into_iter().filter(|approval| self.owns(approval)).collect())
    }

    /// Waits until one of its own calls is no longer pending, at most for the given time, and
    /// returns the call in its present state; `None` for any other call.
    ///
    /// # Errors
    /// If the store does not answer.
    ///
    /// # Cancel safety
    /// It may be dropped at any time: the question stays.
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

    /// Records that an approved call begins, which allows the program to run it with the present
    /// arguments of the approval. This succeeds once: a second request gets the error that the call
    /// has begun.
    ///
    /// From then on, the program must send a [heartbeat](Self::heartbeat) at least every 30
    /// seconds, until it reports the [end](Self::end). Without heartbeats, the call counts as lost
    /// until its end is reported.
    ///
    /// # Errors
    /// Returns [`NotRun`] with the reason why it must not run: it is not approved, no longer
    /// approved, frozen, or has begun before; or the store or the trail does not answer.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is done, the call is indeterminate or unchanged.
    pub async fn begin(&self, id: ApprovalId) -> Result<Arc<Approval>, NotRun> {
        let core = &self.core;
        loop {
            // Compare-and-set: if another writer was faster, everything is checked again.
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
            let attempt = core.begin_attempt(unit, CallerKind::Run).await;
            match attempt {
                Ok(begun) => {
                    core.settle(&begun);
                    return Ok(begun);
                }
                Err(reason) => {
                    let now = self.approval(id).await.map_err(unavailable)?;
                    // The call is unchanged, so another attempt would be refused for the same
                    // reason.
                    if now.is_none_or(|now| now.version() == approval.version()) {
                        return Err(reason);
                    }
                }
            }
        }
    }

    /// Renews the lease of a call that began, so that it does not count as lost.
    ///
    /// `attempt` is [`Approval::attempts`] of the approval that [`begin`](Self::begin) returned.
    ///
    /// # Errors
    /// Returns [`DecideError::AlreadyDecided`] with the call if that attempt does not run or
    /// already counts as lost, and an error if the store does not answer.
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
            // `None` means that another writer was faster: the loop checks again whether the
            // attempt still runs.
            if let Some(renewed) = core.write_lease(&approval).await? {
                core.settle(&renewed);
                return Ok(renewed);
            }
        }
    }

    /// Records the end of an attempt: its result or its error. A repetition has no further effect.
    ///
    /// # Errors
    /// Returns [`DecideError::AlreadyDecided`] with the call if that attempt never began, ended
    /// with another outcome, or another attempt runs. Returns an error if the value cannot be
    /// recorded, or the store does not answer.
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
        // A client repeats the request if it did not receive the first response.
        if latest.outcome() == Some(&outcome) && latest.attempts() == attempt {
            return Ok(latest);
        }
        let ended = CallEvent::Finished { outcome };
        match self.core.step_of(AttemptId::number(id, attempt), &[ended]).await {
            Ok(ended) => Ok(ended),
            Err(StepError::Store(error)) => Err(error.into()),
            Err(StepError::Unknown) => Err(DecideError::Unknown(id)),
            Err(StepError::Refused) => {
                let current = self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
                Err(DecideError::AlreadyDecided(current))
            }
        }
    }

    /// Cancels a question. A repetition has no further effect.
    ///
    /// # Errors
    /// Returns [`DecideError::AlreadyDecided`] with the call if it began or ended in another way,
    /// and an error if the store does not answer.
    pub async fn cancel(&self, id: ApprovalId, reason: &str) -> Result<Arc<Approval>, DecideError> {
        self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
        self.core.cancel(id, reason).await
    }

    /// Records an action of the program that does not pass the gate. `in_reply_to` is one of its
    /// own calls.
    ///
    /// # Errors
    /// Returns an error, and records nothing, if the details contain a number beyond ±2^53, are
    /// nested deeper than 64 levels or are too long, or if the store does not answer.
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
    /// everybody who approved must still be entitled to approve.
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
