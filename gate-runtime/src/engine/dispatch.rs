//! Running a body: bound to what was approved, at most once, on the record first.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use jiff::Timestamp;
use serde_json::Value;

use super::core::{Core, GateTool};
use super::course::Course;
use super::error::{DecideError, ReviewerError};
use super::intake::Circumstances;
use super::open::{never_began, unavailable};
use super::wait::Hub;
use crate::logic::bound::Ran;
use crate::logic::context::CallContext;
use crate::logic::redact::unseal;
use crate::ports::directory::DirectoryError;
use crate::ports::store::Committed;
use crate::values::approval::{Approval, Status};
use crate::values::decision::Vote;
use crate::values::event::{CallEvent, Changes};
use crate::values::id::ApprovalId;
use crate::values::outcome::{NotRun, ToolOutcome};
use crate::values::words;

/// A call whose body ended here: how it stands, and the value itself.
pub(crate) struct Executed {
    pub(crate) approval: Arc<Approval>,
    pub(crate) output: Option<Box<dyn Any + Send>>,
}

/// How long someone waits who finds that the same call is running for another.
const PATIENCE: Duration = Duration::from_secs(30);

impl Core {
    /// Runs an approved call, if it still may: tool, policy, arguments and rules are looked at again.
    ///
    /// Gives back how the call stands; a call that another caller dispatched is waited for.
    pub(crate) async fn dispatch(self: &Arc<Self>, run: &Circumstances, id: ApprovalId) -> Result<Executed, NotRun> {
        loop {
            let Some(approval) = self.bring_up_to_date(id).await.map_err(unavailable)? else {
                return Err(NotRun::Unavailable { problem: format!("the store does not know the approval {id}") });
            };
            if approval.subject.info.run != run.info.run {
                return Err(unavailable("it belongs to another run"));
            }
            match approval.status {
                Status::Approved => {}
                Status::Dispatched => return self.wait_for_other(approval).await,
                Status::Indeterminate if self.find_out(&approval).await.map_err(unavailable)? => continue,
                _ => return Ok(Executed { approval, output: None }),
            }
            let tool = self.tool(approval.tool().as_str());
            let tool = tool.ok_or_else(|| NotRun::Invalid { problem: self.unknown_tool(approval.tool()) })?;
            let arguments = self.bound_arguments(tool, &approval).await?;
            let (transition, next) = self.judge_again(run, tool, &approval, &arguments).await?.alone();
            let otherwise = (next.status == Status::Dispatched).then_some(never_began as fn() -> CallEvent);
            match self.commit_for(transition, &next, otherwise).await.map_err(unavailable)? {
                Committed::Done => {}
                Committed::Frozen => match self.frozen(&next).await? {
                    // It stays approved: once the freeze is lifted, it can go on.
                    Some(reason) => return Err(reason),
                    None => continue,
                },
                Committed::Conflict | Committed::LimitReached(_) => continue,
            }
            if next.status != Status::Dispatched {
                self.settle(&next);
                return Ok(Executed { approval: next, output: None });
            }
            let context = run.context_of(&next.subject, next.changed_at);
            return Ok(self.execute(next, arguments, context).await);
        }
    }

    /// The arguments that the approval is bound to, or why there are none that could run.
    pub(crate) async fn bound_arguments(
        self: &Arc<Self>,
        tool: &GateTool,
        approval: &Approval,
    ) -> Result<Value, NotRun> {
        self.check_intact(approval).await?;
        let known = self.known_arguments(approval.id());
        unseal(tool.descriptor.input_schema(), &approval.arguments, known.as_ref()).ok_or_else(|| {
            unavailable(
                "its secret arguments are not kept across processes: submit the same call again, with the same id",
            )
        })
    }

    /// What the store has must be what was approved; else it is taken back.
    pub(crate) async fn check_intact(self: &Arc<Self>, approval: &Approval) -> Result<(), NotRun> {
        if approval.arguments.is_intact() {
            return Ok(());
        }
        let why = "the stored arguments are not the approved ones: the store is corrupt, or was tampered with";
        let _ = self.step(approval.id(), &CallEvent::Cancelled { reason: why.to_owned() }).await;
        Err(unavailable(why))
    }

    /// The rules look at an approved call once more. What follows: dispatched, asked again, or denied.
    async fn judge_again(
        &self,
        run: &Circumstances,
        tool: &GateTool,
        approval: &Approval,
        arguments: &Value,
    ) -> Result<Course, NotRun> {
        let subject = &approval.subject;
        let changed = |now, then| (now != then).then_some(now);
        let changes = Changes {
            tool: changed(tool.descriptor.digest(), subject.tool_digest),
            policy: changed(tool.policy_digest(&subject.info.agent), subject.policy_digest),
        };
        tool.spec.check(arguments).map_err(|misfits| NotRun::Invalid {
            problem: format!("The approved arguments no longer fit `{}`: {misfits}", tool.name),
        })?;
        let now = self.now();
        let context = run.context_of(subject, now);
        let judgement = self.judge(tool, arguments, &approval.arguments, context).await.map_err(unavailable)?;
        let mut course = Course::from(approval);
        let again = CallEvent::Reassessed { assessment: tool.shown(&judgement, arguments, run), changes };
        course.then(again, now).map_err(unavailable)?;
        self.check_consent(&mut course, now).await?;
        if course.status() == Status::Approved {
            course.then(CallEvent::Dispatched, now).map_err(unavailable)?;
        }
        Ok(course)
    }

    /// Whoever agreed must be entitled to it by this gate's own directory, and now: votes may have been given elsewhere, and a standing
    /// permission long ago. If they are not, it is a question again.
    pub(crate) async fn check_consent(&self, course: &mut Course, now: Timestamp) -> Result<(), NotRun> {
        let approval = course.approval();
        if approval.status != Status::Approved {
            return Ok(());
        }
        let mut voters = Vec::new();
        for vote in &approval.votes {
            if !self.stands(approval, vote).await.map_err(unavailable)? {
                voters.push(vote.reviewer.clone());
            }
        }
        let giver = approval.grant.zip(approval.granted_by.clone());
        if let Some((grant, by)) = giver
            && let Err(error) = self.may_grant(&by, &approval.subject, &approval.requirements, &approval.reached).await
        {
            if let DecideError::Reviewer(error @ ReviewerError::Directory(_)) = error {
                return Err(unavailable(error));
            }
            course.then(CallEvent::Uncovered { grant }, now).map_err(unavailable)?;
        } else if !voters.is_empty() || !approval.is_consented() {
            course.then(CallEvent::Voided { voters }, now).map_err(unavailable)?;
        }
        Ok(())
    }

    /// Whether a vote counts by this gate's own directory: whoever gave it had those roles then, and signed it by the key that they have, if they have
    /// one.
    async fn stands(&self, approval: &Approval, vote: &Vote) -> Result<bool, DirectoryError> {
        let roles = if vote.principal { Ok(Vec::new()) } else { self.roles_at(&vote.reviewer, vote.at).await };
        let had_roles = match roles {
            Ok(roles) => vote.roles.iter().all(|role| roles.contains(role)),
            Err(ReviewerError::Unknown(_)) => false,
            Err(ReviewerError::Directory(error)) => return Err(error),
        };
        let may_vote = approval.check_voter(&vote.reviewer, vote.principal).is_ok();
        Ok(had_roles && may_vote && self.check_signature(&approval.subject, vote).await?.is_ok())
    }

    /// Runs the body of a dispatched call and puts its end on the record.
    ///
    /// # Cancel safety
    /// Dropped while the body runs, the call becomes indeterminate.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        dispatched: Arc<Approval>,
        arguments: Value,
        context: CallContext,
    ) -> Executed {
        let body = self.run_body(&dispatched, &arguments, context);
        let end = |ended: &Result<Ran, CallEvent>| match ended {
            Ok(Ran { outcome, .. }) => self.end_of(&dispatched, outcome.clone()),
            Err(event) => event.clone(),
        };
        match self.attempt(&dispatched, body, end).await {
            (ended, Some(next)) => Executed { approval: next, output: ended.ok().map(|ran| ran.output) },
            (_, None) => Executed { approval: dispatched, output: None },
        }
    }

    /// What the end of a body is to its call: the end, or a question, where a failure asks.
    fn end_of(&self, approval: &Approval, outcome: ToolOutcome) -> CallEvent {
        let asks = self.tool(approval.tool().as_str()).is_some_and(|tool| tool.descriptor.asks_on_error());
        match outcome {
            ToolOutcome::Failed { error } if asks => CallEvent::Faltered { error },
            outcome => CallEvent::Finished { outcome },
        }
    }

    /// Runs the body to its end, its panic or its time limit.
    async fn run_body(&self, approval: &Approval, arguments: &Value, context: CallContext) -> Result<Ran, CallEvent> {
        let lost = |why: String| CallEvent::Lost { why };
        let tool = self.tool(approval.tool().as_str()).ok_or_else(|| lost("its tool is gone".to_owned()))?;
        // Arguments that the type refuses were refused before; here nothing ran, which is a failure without an effect.
        let failed = |why: String| CallEvent::Finished { outcome: ToolOutcome::failed(why) };
        let body = tool.tool.run(arguments, context).map_err(|misfit| failed(misfit.to_string()))?;
        let body = AssertUnwindSafe(body).catch_unwind();
        let ended = match tool.descriptor.timeout() {
            None => body.await,
            Some(limit) => {
                let end = self.now().checked_add(limit).unwrap_or(Timestamp::MAX);
                match select(body, self.clock.sleep_until(end)).await {
                    Either::Left((ended, _)) => ended,
                    Either::Right(_) => {
                        return Err(lost(format!("it was stopped after {}, its time limit", words::duration(limit))));
                    }
                }
            }
        };
        match ended {
            Ok(Ran { outcome, output }) => Ok(Ran { outcome: tool.clean(arguments, outcome), output }),
            Err(panic) => {
                let outcome = ToolOutcome::failed(crate::logic::policy::panic_text(&*panic));
                Err(self.end_of(approval, tool.clean(arguments, outcome)))
            }
        }
    }

    /// Another caller runs it: waits for the end, for a while.
    async fn wait_for_other(self: &Arc<Self>, approval: Arc<Approval>) -> Result<Executed, NotRun> {
        let id = approval.id();
        let waiter = Hub::wait_for(self, id);
        let end = self.now().checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let mut sleep = self.clock.sleep_until(end);
        let mut latest = approval;
        loop {
            if let Some(now) = self.bring_up_to_date(id).await.map_err(unavailable)? {
                latest = now;
            }
            if latest.status != Status::Dispatched {
                return Ok(Executed { approval: latest, output: None });
            }
            let news = std::pin::pin!(waiter.news());
            match select(news, &mut sleep).await {
                Either::Left(_) => {}
                Either::Right(_) => return Ok(Executed { approval: latest, output: None }),
            }
        }
    }
}
