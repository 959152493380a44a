//! Blocking calls by programs: they wait for the decision and return the value.

use std::sync::Arc;

use gate_core::approval::{Approval, Status};
use gate_core::call::NotRun;
use gate_core::id::{ApprovalId, CallId};
use gate_core::records::CallEvent;
use serde_json::Value;

use super::not_run::unavailable;
use super::parse::RawArguments;
use super::propose::{CallLookup, ProposedCall, SubmitContext, SubmittedCall};
use super::run_context::RunContext;
use crate::engine::error::CallError;
use crate::engine::execution::caller_kind::CallerKind;
use crate::engine::execution::current_body::{AskingGuard, CurrentBody};
use crate::engine::execution::dispatch::ExecutedCall;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::change_feed::ChangeFeed;
use crate::engine::kernel::drop_guard::IfGone;
use crate::engine::review::error::DecideError;
use crate::engine::session::answer::{Answer, CallResult};

/// A call by a program.
pub(crate) struct BlockingCall {
    pub(crate) id: CallId,
    pub(crate) tool: &'static str,
    pub(crate) arguments: Result<Value, serde_json::Error>,
    /// Set if the program knows the id, and can repeat the call.
    pub(crate) is_known: bool,
}

impl EngineCore {
    /// Proposes one call, and waits for its decision.
    pub(crate) async fn call(
        self: &Arc<Self>,
        run: &RunContext,
        call: BlockingCall,
    ) -> Result<ExecutedCall, CallError> {
        let BlockingCall { id, tool, arguments, is_known } = call;
        // A call that a body makes is a question of the body's run, until the body has the answer.
        let current_body = CurrentBody::of(self);
        let ledger =
            current_body.as_ref().and(run.session.as_ref()).map(|session| &*session.ledger);
        let raw = RawArguments::Value(arguments);
        let proposed = self.read_raw(run, &id, &tool.into(), raw, run.reasoning.clone()).await?;
        let lookup =
            self.plan(run, ProposedCall::here(self, run, proposed)?).await.map_err(NotRun::from)?;
        let approval = match lookup {
            CallLookup::Known(approval) => approval,
            CallLookup::New(prepared) => {
                match self
                    .open(run, *prepared, &SubmitContext::of_program(ledger))
                    .await
                    .map_err(NotRun::from)?
                {
                    SubmittedCall::Dispatched(approval, arguments, context) => {
                        let executed = self
                            .execute(run, approval, arguments, context, CallerKind::Program)
                            .await;
                        if executed.approval.status() != Status::Pending {
                            return Ok(executed);
                        }
                        // The call failed, and people are asked what to do.
                        executed.approval
                    }
                    SubmittedCall::Settled(approval) => approval,
                }
            }
        };
        if approval.status().is_terminal() {
            return Ok(ExecutedCall { approval, output: None });
        }
        let id = approval.id();
        let shown_guard = ledger.map(|ledger| ledger.show(&approval));
        let waited = self.wait_and_dispatch(run, approval, current_body).await;
        // The question is no longer shown, because the body now gets an answer or an error.
        drop(shown_guard);
        match waited {
            Ok(executed) => Ok(executed),
            Err(reason) => Err(self.not_begun(id, is_known, reason).await),
        }
    }

    /// Waits until an approval is decided, and runs the call if it may run.
    ///
    /// # Cancel safety
    /// If dropped while it waits, that is recorded, and the question is cancelled or kept, as the
    /// policy configures.
    async fn wait_and_dispatch(
        self: &Arc<Self>,
        run: &RunContext,
        approval: Arc<Approval>,
        current_body: Option<CurrentBody>,
    ) -> Result<ExecutedCall, NotRun> {
        let id = approval.id();
        let waiter = ChangeFeed::wait_for(self, id);
        let mut latest = approval;
        loop {
            let waiting = IfGone::new(self, &latest, || vec![CallEvent::Abandoned]);
            let asking = current_body.clone().map(AskingGuard::new);
            loop {
                let approval = self.bring_up_to_date(id).await.map_err(unavailable)?;
                if approval.is_none_or(|approval| approval.status() != Status::Pending) {
                    break;
                }
                waiter.changed().await;
            }
            waiting.call_off();
            // From here on, the outer body no longer waits for people.
            drop(asking);
            let executed = self.dispatch(run, id, CallerKind::Program).await?;
            if executed.approval.status() != Status::Pending {
                return Ok(executed);
            }
            // People are asked again, because something changed or failed, so the caller keeps
            // waiting.
            latest = executed.approval;
        }
    }

    /// Returns the error of an approved call that could not begin. If the caller cannot repeat the
    /// call, it must not run later without the caller, so it is cancelled.
    async fn not_begun(
        self: &Arc<Self>,
        id: ApprovalId,
        is_known: bool,
        reason: NotRun,
    ) -> CallError {
        // If the store does not answer, the call may still begin later, and is reported as not yet
        // run.
        let latest = self.load(id).await.ok().flatten();
        if let Some(ended) = latest.filter(|approval| approval.status().is_terminal()) {
            return ended_before_it_began(ended, reason);
        }
        if !is_known {
            let why = format!("its caller was told that it did not run: {}", reason.for_reviewer());
            match self.cancel(id, &why).await {
                Ok(ended) => return ended_before_it_began(ended, reason),
                Err(DecideError::Unknown(_)) => return CallError::NotRun(reason),
                // The call could not be cancelled, so the error below reports that it may still
                // run.
                Err(_) => {}
            }
        }
        CallError::NotYet(reason)
    }
}

/// Returns the error of a call that ended before an attempt could begin: the reason, unless an
/// earlier attempt began.
fn ended_before_it_began(ended: Arc<Approval>, reason: NotRun) -> CallError {
    if ended.not_run().is_some() { CallError::NotRun(reason) } else { without_value(ended) }
}

/// Returns the error of a call that did not run here, and so has no value.
pub(crate) fn without_value(approval: Arc<Approval>) -> CallError {
    match Answer::of(approval, None).result().clone() {
        CallResult::Ran(outcome) => CallError::RanElsewhere(outcome),
        CallResult::Responded(outcome) => CallError::Responded(outcome),
        CallResult::NotRun(reason) => CallError::NotRun(reason),
        CallResult::Indeterminate(why) => CallError::Indeterminate(why),
        CallResult::Approved(why) => {
            CallError::NotYet(why.unwrap_or_else(|| {
                unavailable("it is held back, or another attempt has not ended")
            }))
        }
        CallResult::Running => CallError::Indeterminate(
            "it still runs, for another caller: call again under its id".to_owned(),
        ),
        CallResult::Waiting => CallError::NotYet(unavailable("it waits again")),
    }
}
