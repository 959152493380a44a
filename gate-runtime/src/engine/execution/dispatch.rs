//! Dispatches approved calls: exactly as approved, at most once, and recorded first.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{CatchUnwind, Either, select};
use gate_core::approval::{Approval, Status, Vote};
use gate_core::call::{Arguments, NotRun, ToolChanges, ToolOutcome};
use gate_core::id::ApprovalId;
use gate_core::ports::{ApprovalFilter, BoxFuture, CommitOutcome, DirectoryError, StoreError};
use gate_core::records::CallEvent;
use gate_core::text::{english, later};
use jiff::Timestamp;
use serde_json::Value;

use crate::engine::call::not_run::unavailable;
use crate::engine::call::run_context::RunContext;
use crate::engine::execution::caller_kind::CallerKind;
use crate::engine::execution::current_body::{AskingGuard, CurrentBody};
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::attempt_id::AttemptId;
use crate::engine::kernel::change_feed::ChangeFeed;
use crate::engine::kernel::running_bodies::StartedBody;
use crate::engine::kernel::tools::GateTool;
use crate::engine::kernel::unit_of_work::UnitOfWork;
use crate::engine::review::error::{DecideError, ReviewerError};
use crate::logic::context::CallContext;
use crate::logic::erased_tool::BodyResult;
use crate::logic::time_limit::panic_notice;

/// A call whose body ended in this process, with its value.
pub(crate) struct ExecutedCall {
    pub(crate) approval: Arc<Approval>,
    pub(crate) output: Option<Box<dyn Any + Send>>,
}

/// The time for which a caller waits for the end of a call that another caller runs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body, polled until its end, its panic or its time limit. It can be moved to another task.
struct BodyFuture {
    inside: CurrentBody,
    future: CatchUnwind<AssertUnwindSafe<BoxFuture<'static, BodyResult>>>,
    limit: Option<(Duration, BoxFuture<'static, ()>)>,
}

enum BodyEnd {
    ByItself(Result<BodyResult, Box<dyn Any + Send>>),
    Stopped(Duration),
}

impl Future for BodyFuture {
    type Output = BodyEnd;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<BodyEnd> {
        let Self { inside: current_body, future, .. } = &mut *self;
        if let Poll::Ready(ended) = current_body.scope(|| future.poll_unpin(context)) {
            return Poll::Ready(BodyEnd::ByItself(ended));
        }
        match &mut self.limit {
            Some((limit, end)) => end.poll_unpin(context).map(|()| BodyEnd::Stopped(*limit)),
            None => Poll::Pending,
        }
    }
}

impl EngineCore {
    /// Runs an approved call if it still may run: checks tool, policy, arguments and rules again.
    ///
    /// Returns the present state of the call. Waits for a call that another caller dispatched.
    pub(crate) async fn dispatch(
        self: &Arc<Self>,
        run: &RunContext,
        id: ApprovalId,
        caller: CallerKind,
    ) -> Result<ExecutedCall, NotRun> {
        loop {
            // The call is read and checked again in each iteration, because the commit at the end
            // is a compare-and-set.
            let Some(approval) = self.bring_up_to_date(id).await.map_err(unavailable)? else {
                return Err(NotRun::Unavailable {
                    problem: format!("the store does not know the approval {id}"),
                });
            };
            if approval.subject().info().run() != run.info.run() {
                return Err(unavailable("it belongs to another run"));
            }
            if self.may_still_run(&approval) {
                if caller == CallerKind::Run && self.asks_people(&approval) {
                    return Ok(ExecutedCall { approval, output: None });
                }
                return self.wait_for_other(approval).await;
            }
            let may_run = matches!(approval.status(), Status::Approved | Status::Indeterminate);
            // Anyone with access to the database may have written the row; only its records count.
            if may_run && !self.is_as_recorded(&approval).await? {
                continue;
            }
            match approval.status() {
                Status::Approved if self.is_held(&approval).await.map_err(unavailable)? => {
                    return Ok(ExecutedCall { approval, output: None });
                }
                Status::Approved => {}
                Status::Indeterminate if self.find_out(&approval).await.map_err(unavailable)? => {
                    continue;
                }
                _ => return Ok(ExecutedCall { approval, output: None }),
            }
            let tool = self.tool(approval.tool().as_str());
            let tool = tool
                .ok_or_else(|| NotRun::Invalid { problem: self.unknown_tool(approval.tool()) })?;
            let arguments = self.approved_arguments(tool, &approval).await?;
            let (changeset, next) =
                self.reassess_call(run, tool, &approval, &arguments).await?.into_changeset();
            // The caller may be dropped after the dispatch is recorded and before the body starts.
            let otherwise = (next.status() == Status::Dispatched).then(|| caller.unbegun());
            match self.commit_for(changeset, &next, otherwise).await.map_err(unavailable)? {
                CommitOutcome::Done => {}
                CommitOutcome::Frozen => match self.frozen(&next).await? {
                    // The call stays approved, and can begin once the freeze is lifted.
                    Some(reason) => return Err(reason),
                    None => continue,
                },
                CommitOutcome::Conflict | CommitOutcome::LimitReached(_) => continue,
            }
            if next.status() != Status::Dispatched {
                self.settle(&next);
                return Ok(ExecutedCall { approval: next, output: None });
            }
            let context = run.context_of(next.subject(), next.changed_at());
            return Ok(self.execute(run, next, arguments, context, caller).await);
        }
    }

    /// Returns whether a question of its batch holds a call back. These questions are stored with
    /// the call, so this does not depend on the conversation.
    async fn is_held(&self, approval: &Approval) -> Result<bool, StoreError> {
        if !approval.is_held() {
            return Ok(false);
        }
        let filter = if approval.held_by().is_empty() {
            // An earlier version stored the call without these questions, so every question of the
            // run that holds a batch holds it back.
            ApprovalFilter::all().run(approval.subject().info().run().clone())
        } else {
            approval.held_by().iter().copied().fold(ApprovalFilter::all(), ApprovalFilter::id)
        };
        let waiting = self.store.approvals(&filter.status(Status::Pending)).await?;
        Ok(waiting.iter().any(|question| !approval.held_by().is_empty() || question.holds_batch()))
    }

    /// Returns the arguments that the approval is bound to, or the reason why they cannot run.
    pub(crate) async fn approved_arguments(
        self: &Arc<Self>,
        tool: &GateTool,
        approval: &Approval,
    ) -> Result<Value, NotRun> {
        self.check_intact(approval).await?;
        let known = self.known_arguments(approval.id());
        let redaction = tool.redaction(&self.commitments);
        let erased = redaction.unseal(approval.arguments(), known.as_ref()).ok_or_else(|| {
            unavailable(
                "its secret arguments are not kept across processes: submit the same call again, \
                 with the same id",
            )
        })?;
        let unfit = |why: &dyn fmt::Display| NotRun::Invalid {
            problem: format!("The approved arguments no longer fit `{}`: {why}", tool.name),
        };
        let completed = tool.spec.complete(Ok(erased)).map_err(|errors| unfit(&errors))?;
        // With changed defaults, other arguments would run than those that people saw.
        if completed.given.is_some() && approval.is_complete() {
            return Err(unfit(&"it now reads them as other arguments, which nobody approved"));
        }
        Ok(completed.arguments)
    }

    /// Checks that the store has the approved arguments, and cancels the call otherwise.
    pub(crate) async fn check_intact(self: &Arc<Self>, approval: &Approval) -> Result<(), NotRun> {
        if approval.arguments().is_intact() {
            return Ok(());
        }
        let why = "its stored arguments are not those that were approved";
        // The call does not run, whether or not the cancellation can be written.
        let _ = self.step(approval.id(), &CallEvent::Cancelled { reason: why.to_owned() }).await;
        Err(unavailable(why))
    }

    /// Evaluates an approved call again. It is then dispatched, denied, or a question again.
    async fn reassess_call(
        &self,
        run: &RunContext,
        tool: &GateTool,
        approval: &Approval,
        arguments: &Value,
    ) -> Result<UnitOfWork, NotRun> {
        let subject = &approval.subject();
        let changed = |now, then| (now != then).then_some(now);
        let mut changes = ToolChanges {
            tool: changed(tool.descriptor.digest(), subject.tool_digest()),
            policy: changed(tool.policy_digest(subject.info().agent()), subject.policy_digest()),
            ..ToolChanges::default()
        };
        let now = self.now();
        let context = run.context_of(subject, now);
        let evaluation = self
            .judge_for(tool, arguments, approval.arguments(), context, Some(approval.id()))
            .await?;
        let mut unit = UnitOfWork::from(approval);
        let given = approval.given().map(Arguments::to_json);
        let assessment = self
            .shown(tool, &evaluation, arguments, given.as_ref(), run)
            .await
            .map_err(unavailable)?;
        if !changes.is_empty() {
            // The old tool is only needed for the text about the differences, so a store without it
            // is no failure.
            let before = self.store.tool(subject.tool_digest()).await.ok().flatten();
            let of_tool = before
                .filter(|_| changes.tool.is_some())
                .map(|before| before.differences(tool.descriptor));
            let of_policies = approval.assessment().policy_differences(&assessment);
            changes.set_differences(of_tool.into_iter().flatten().chain(of_policies));
        }
        let again = CallEvent::Reassessed { assessment, changes };
        unit.then(again, now).map_err(unavailable)?;
        self.check_consent(&mut unit, now).await?;
        if unit.status() == Status::Approved {
            unit.then(CallEvent::Dispatched, now).map_err(unavailable)?;
        }
        Ok(unit)
    }

    /// Checks with this gate's own directory that everybody who approved still may: votes may have
    /// been given through another gate, and a grant long ago. If not, the call is a question again.
    pub(crate) async fn check_consent(
        &self,
        unit: &mut UnitOfWork,
        now: Timestamp,
    ) -> Result<(), NotRun> {
        let approval = unit.approval();
        if approval.status() != Status::Approved {
            return Ok(());
        }
        // The deadline may have passed during the evaluation.
        if let Some(over) = approval.expiry_event(now) {
            return unit.then(over, now).map_err(unavailable);
        }
        let mut voters = Vec::new();
        for vote in approval.votes() {
            if !self.is_vote_valid(approval, vote).await.map_err(unavailable)? {
                voters.push(vote.reviewer().clone());
            }
        }
        let giver = approval.grant().zip(approval.granted_by().cloned());
        if let Some((grant, by)) = giver
            && let Err(error) = self.may_grant_for(&by, approval).await
        {
            if let DecideError::Reviewer(error @ ReviewerError::Directory(_)) = error {
                return Err(unavailable(error));
            }
            unit.then(CallEvent::Uncovered { grant }, now).map_err(unavailable)?;
        } else if !voters.is_empty() || !approval.is_consented() {
            unit.then(CallEvent::Voided { voters }, now).map_err(unavailable)?;
        }
        Ok(())
    }

    /// Returns whether a vote counts according to this gate's own directory: the reviewer may vote,
    /// had those roles at that time and, if the reviewer has a key, signed with that key.
    async fn is_vote_valid(
        &self,
        approval: &Approval,
        vote: &Vote,
    ) -> Result<bool, DirectoryError> {
        let roles = if vote.is_principal() {
            Ok(Vec::new())
        } else {
            self.roles_at(vote.reviewer(), vote.at()).await
        };
        let had_roles = match roles {
            Ok(roles) => vote.roles().iter().all(|role| roles.contains(role)),
            Err(ReviewerError::Unknown(_)) => false,
            Err(ReviewerError::Directory(error)) => return Err(error),
        };
        let may_vote = self.may_vote(approval, vote.reviewer(), vote.is_principal()).await?.is_ok();
        Ok(had_roles && may_vote && self.check_signature(approval.subject(), vote).await?.is_ok())
    }

    /// Runs the body of a dispatched call and records its end.
    ///
    /// # Cancel safety
    /// If dropped before the body began, the call can begin later or is given up, depending on the
    /// caller. If dropped while the body runs, the call becomes indeterminate. A run does not wait
    /// for a body that waits for people to decide a call of its own: that body continues in a
    /// separate task.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        run: &RunContext,
        dispatched: Arc<Approval>,
        arguments: Value,
        context: CallContext,
        caller: CallerKind,
    ) -> ExecutedCall {
        let started = StartedBody::begin(self, &dispatched, caller.unbegun()).await;
        let mut body = match self.start_body(&dispatched, &arguments, context, run) {
            Ok(body) => body,
            Err(event) => {
                // `record_late` writes the end later; until then the call is dispatched.
                let approval = started.end(*event).await.unwrap_or(dispatched);
                return ExecutedCall { approval, output: None };
            }
        };
        let attempt = AttemptId::of(&dispatched);
        // If a program waits for this body inside the body of another call, that body also counts
        // as waiting for people while this one does.
        let outer = CurrentBody::of(self).filter(|_| caller == CallerKind::Program);
        let mut asking = None;
        let ended = poll_fn(|context| {
            if let Poll::Ready(ended) = body.poll_unpin(context) {
                return Poll::Ready(Some(ended));
            }
            let asks = self.poll_asks_people(attempt, context);
            if asks && caller == CallerKind::Run {
                return Poll::Ready(None);
            }
            if asks != asking.is_some() {
                asking = outer.clone().filter(|_| asks).map(AskingGuard::new);
            }
            Poll::Pending
        });
        if let Some(ended) = ended.await {
            return self.finish(started, &dispatched, &arguments, ended).await;
        }
        // The body itself waits for people. It continues in a separate task, so that the caller
        // need not wait for it.
        let (core, call) = (Arc::clone(self), Arc::clone(&dispatched));
        tokio::spawn(async move {
            let ended = body.await;
            core.finish(started, &call, &arguments, ended).await.approval
        });
        ExecutedCall { approval: dispatched, output: None }
    }

    /// Records the end of a body.
    async fn finish(
        self: &Arc<Self>,
        started: StartedBody,
        dispatched: &Arc<Approval>,
        arguments: &Value,
        ended: BodyEnd,
    ) -> ExecutedCall {
        let (event, output) = match ended {
            BodyEnd::ByItself(Ok(BodyResult { outcome, output })) => {
                (self.end_of(dispatched, arguments, outcome), Some(output))
            }
            BodyEnd::ByItself(Err(panic)) => {
                let outcome = ToolOutcome::failed(panic_notice(&*panic));
                (self.end_of(dispatched, arguments, outcome), None)
            }
            BodyEnd::Stopped(limit) => {
                let why =
                    format!("it was stopped after {}, its time limit", english::duration(limit));
                (CallEvent::Lost { why }, None)
            }
        };
        match started.end(event).await {
            Some(approval) => ExecutedCall { approval, output },
            None => ExecutedCall { approval: Arc::clone(dispatched), output: None },
        }
    }

    /// Returns the event of a body's end: the outcome, or a question if people are asked about
    /// failures. Secrets of the arguments are removed from it.
    fn end_of(&self, approval: &Approval, arguments: &Value, outcome: ToolOutcome) -> CallEvent {
        let Some(tool) = self.tool(approval.tool().as_str()) else {
            return CallEvent::Finished { outcome };
        };
        match tool.clean(arguments, outcome) {
            ToolOutcome::Failed { error } if tool.descriptor.asks_on_error() => {
                CallEvent::Faltered { error }
            }
            outcome => CallEvent::Finished { outcome },
        }
    }

    /// Returns the body, ready to be polled.
    fn start_body(
        self: &Arc<Self>,
        approval: &Approval,
        arguments: &Value,
        context: CallContext,
        run: &RunContext,
    ) -> Result<BodyFuture, Box<CallEvent>> {
        let lost_event = || Box::new(CallEvent::Lost { why: "its tool is gone".to_owned() });
        let tool = self.tool(approval.tool().as_str()).ok_or_else(lost_event)?;
        // Arguments that do not fit the type were refused before, so this is unexpected. The body
        // does not run, and the call counts as failed.
        let failed =
            |why: String| Box::new(CallEvent::Finished { outcome: ToolOutcome::failed(why) });
        if tool.asks_origins.load(Ordering::Relaxed) {
            context.asked.set_facts(|| tool.facts(arguments, context.now));
        }
        let body = tool
            .tool
            .run(arguments, tool.spec, context)
            .map_err(|error| failed(error.to_string()))?;
        let limit = tool.descriptor.timeout().map(|limit| {
            let end = later(self.now(), limit);
            let clock = Arc::clone(&self.clock);
            let sleep: BoxFuture<'static, ()> =
                Box::pin(async move { clock.sleep_until(end).await });
            (limit, sleep)
        });
        let (core, attempt, call) =
            (Arc::clone(self), AttemptId::of(approval), approval.subject().call().clone());
        let current_body = CurrentBody { core, attempt, call, session: run.session.clone() };
        Ok(BodyFuture {
            inside: current_body,
            future: AssertUnwindSafe(body).catch_unwind(),
            limit,
        })
    }

    /// Waits for a limited time for the end of a call that another caller runs.
    async fn wait_for_other(
        self: &Arc<Self>,
        approval: Arc<Approval>,
    ) -> Result<ExecutedCall, NotRun> {
        let id = approval.id();
        let waiter = ChangeFeed::wait_for(self, id);
        let end = later(self.now(), PATIENCE);
        let mut sleep = self.clock.sleep_until(end);
        let mut latest = approval;
        loop {
            if let Some(now) = self.bring_up_to_date(id).await.map_err(unavailable)? {
                latest = now;
            }
            if !self.may_still_run(&latest) {
                return Ok(ExecutedCall { approval: latest, output: None });
            }
            let changed = std::pin::pin!(waiter.changed());
            match select(changed, &mut sleep).await {
                Either::Left(_) => {}
                Either::Right(_) => return Ok(ExecutedCall { approval: latest, output: None }),
            }
        }
    }
}
