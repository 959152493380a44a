//! Guarded work: work outside of tools, about whose failures people are asked.

use std::fmt;
use std::sync::Arc;

use gate_core::approval::{Approval, NewApproval, Requirement, Status};
use gate_core::assessment::{
    Assessment, Opinion, PolicyFallback, PolicyOpinion, PolicyView, Verdict,
};
use gate_core::call::{Arguments, CallSubject, NotRun, ToolOutcome};
use gate_core::id::ApprovalId;
use gate_core::ports::CommitOutcome;
use gate_core::records::CallEvent;
use gate_core::text::Digest;
use serde_json::json;

use crate::engine::call::not_run::unavailable;
use crate::engine::call::run_context::RunContext;
use crate::engine::execution::caller_kind::CallerKind;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::change_feed::ChangeFeed;
use crate::engine::kernel::drop_guard::IfGone;
use crate::engine::kernel::unit_of_work::UnitOfWork;
use crate::engine::session::run::Run;
use crate::logic::registry::Registry;

/// The name of guarded work in records. No tool has it, because tool names have no space.
const WORK: &str = "guarded work";

impl<R: Registry> Run<R> {
    /// Does a piece of work that is not a tool, such as the whole loop of an agent. If it fails,
    /// people are asked: an approval repeats the work, any other decision returns its error.
    ///
    /// Every attempt is recorded before it begins, and only a person's decision repeats it. The
    /// work belongs to this program: after the program has ended, a decision has no effect.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # registry! { pub Tools for () { } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["oncall"]);
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// # let dana = gate.reviewer("dana").await?;
    /// let run = gate.run("run-42");
    /// let mut attempts = 0;
    /// let work = run.guard("close the books", ask(role("oncall")), async || {
    ///     attempts += 1;
    ///     if attempts == 1 { Err("the ledger is locked") } else { Ok("closed") }
    /// });
    /// # let decide = async { loop {
    /// # if let Some(asked) = gate.pending().await?.first() {
    /// #     break asked.approve(&dana).await;
    /// # }
    /// #     tokio::task::yield_now().await;
    /// # } };
    /// // Someone on call looks at it, unlocks the ledger, and approves another attempt.
    /// # let (work, decided) = tokio::join!(work, decide);
    /// # decided?;
    /// # let work = std::future::ready(work);
    /// assert_eq!(work.await?, "closed");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`GuardError::GaveUp`] with the last error, if nobody wanted another attempt;
    /// [`GuardError::NotRun`] if no attempt could begin.
    ///
    /// # Cancel safety
    /// If dropped while the work runs, that attempt is recorded as indeterminate; if dropped while
    /// people are asked, the question is cancelled.
    pub async fn guard<T, E: fmt::Display>(
        &self,
        what: &str,
        requirement: impl Into<Requirement>,
        mut work: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, GuardError<E>> {
        let core = self.core();
        let run = self.run_context().map_err(unavailable)?;
        let mut approval = core.begin_work(&run, what, requirement.into()).await?;
        loop {
            let end = |ended: &Result<T, E>| match ended {
                Ok(_) => CallEvent::Finished { outcome: ToolOutcome::returned(&json!(null)) },
                Err(error) => CallEvent::Faltered { error: error.to_string().into() },
            };
            // Created before the work, so that it also covers the time between failure and
            // question.
            let asking = IfGone::new(core, &approval, nobody_would);
            let (ended, written) =
                core.attempt(&approval, CallerKind::Program.unbegun(), work(), end).await;
            let (error, faltered) = match (ended, written) {
                (Ok(value), _) => {
                    asking.call_off();
                    return Ok(value);
                }
                (Err(error), Some(asked)) => (error, asked),
                (Err(error), None) => return Err(GuardError::GaveUp(error)),
            };
            let again = core.resume_work(&faltered).await;
            asking.call_off();
            match again? {
                Some(again) => approval = again,
                None => return Err(GuardError::GaveUp(error)),
            }
        }
    }
}

/// The error of guarded work.
///
/// ```
/// use gate_runtime::run::GuardError;
/// let error = GuardError::GaveUp("the ledger is locked");
/// assert_eq!(error.to_string(), "it failed, and is not tried again: the ledger is locked");
/// ```
#[derive(Debug)]
pub enum GuardError<E> {
    /// The work failed, and no other attempt was approved. Contains the last error.
    GaveUp(E),
    /// No attempt could begin.
    NotRun(NotRun),
}

impl<E> From<NotRun> for GuardError<E> {
    fn from(reason: NotRun) -> Self {
        Self::NotRun(reason)
    }
}

impl<E: fmt::Display> fmt::Display for GuardError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GaveUp(error) => write!(f, "it failed, and is not tried again: {error}"),
            Self::NotRun(reason) => fmt::Display::fmt(reason, f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for GuardError<E> {}

impl EngineCore {
    /// Records a piece of work as dispatched.
    async fn begin_work(
        self: &Arc<Self>,
        run: &RunContext,
        what: &str,
        who: Requirement,
    ) -> Result<Arc<Approval>, NotRun> {
        if let Some(problem) = who.problem() {
            return Err(NotRun::Invalid { problem });
        }
        self.check_askable(run, std::slice::from_ref(&who)).await?;
        let (now, id, digest) = (self.now(), ApprovalId::new(), Digest::of(WORK));
        let subject = CallSubject {
            approval: id,
            info: Arc::clone(&run.info),
            call: id.to_string().into(),
            tool: WORK.into(),
            tool_digest: digest,
            policy_digest: digest,
            reasoning: run.reasoning.clone().map(|text| run.without_secrets(text)),
            request: None,
        };
        let view = PolicyView {
            name: WORK.into(),
            about: "Runs, and asks when it fails.".to_owned(),
            text: String::new(),
            rules: Vec::new(),
            otherwise: PolicyFallback { verdict: Verdict::Approve, requirement: None },
            digest,
        };
        let opinion = PolicyOpinion {
            agent: None,
            policy: Arc::new(view),
            results: Vec::new(),
            errors: Vec::new(),
            verdict: Verdict::Approve,
        };
        let assessment = Arc::new(Assessment::join(vec![Opinion::Policy(opinion)]));
        let arguments = Arguments::new(&json!({"work": what}), Vec::new()).map_err(unavailable)?;
        let mut approval =
            Approval::open(NewApproval::of(Arc::new(subject), arguments, assessment), now);
        let event = approval.opening(Some(who.not_editable().no_grants()));
        self.begin_attempt(UnitOfWork::begin(approval, event, now), CallerKind::Program).await
    }

    /// Waits for the decision about failed work. Returns another attempt, if people approved one.
    async fn resume_work(
        self: &Arc<Self>,
        pending: &Arc<Approval>,
    ) -> Result<Option<Arc<Approval>>, NotRun> {
        let id = pending.id();
        let waiter = ChangeFeed::wait_for(self, id);
        loop {
            match self.bring_up_to_date(id).await.map_err(unavailable)? {
                Some(approval) if approval.status() == Status::Pending => waiter.changed().await,
                Some(approval) if approval.status() == Status::Approved => {
                    if !self.is_as_recorded(&approval).await? {
                        continue;
                    }
                    let mut unit = UnitOfWork::from(&approval);
                    self.check_consent(&mut unit, self.now()).await?;
                    if unit.status() == Status::Approved {
                        return self.begin_attempt(unit, CallerKind::Program).await.map(Some);
                    }
                    let (changeset, latest) = unit.into_changeset();
                    if self.store.commit(changeset).await.map_err(unavailable)?
                        == CommitOutcome::Done
                    {
                        self.settle(&latest);
                    }
                }
                _ => return Ok(None),
            }
        }
    }

    /// Dispatches a call, or returns why it could not. Applies `unbegun` if the caller is dropped
    /// meanwhile.
    pub(crate) async fn begin_attempt(
        self: &Arc<Self>,
        unit: UnitOfWork,
        caller: CallerKind,
    ) -> Result<Arc<Approval>, NotRun> {
        let (now, mut unit_of_work) = (self.now(), unit);
        unit_of_work.then(CallEvent::Dispatched, now).map_err(unavailable)?;
        let (changeset, approval) = unit_of_work.into_changeset();
        match self
            .commit_for(changeset, &approval, Some(caller.unbegun()))
            .await
            .map_err(unavailable)?
        {
            CommitOutcome::Done => Ok(approval),
            CommitOutcome::Frozen => Err(match self.frozen(&approval).await? {
                Some(reason) => reason,
                None => unavailable("a freeze was lifted at this moment: try again"),
            }),
            CommitOutcome::Conflict | CommitOutcome::LimitReached(_) => {
                Err(unavailable("somebody else has changed it"))
            }
        }
    }
}

/// Returns the events of a question whose program ended, so that an answer would change nothing.
fn nobody_would() -> Vec<CallEvent> {
    vec![CallEvent::Cancelled { reason: "the program that would do it went away".to_owned() }]
}
