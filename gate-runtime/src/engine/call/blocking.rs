//! Single calls by programs: waited for until they are decided, with the value itself.

use std::sync::Arc;

use gate_core::approval::{Approval, Status};
use gate_core::call::NotRun;
use gate_core::id::{ApprovalId, CallId};
use gate_core::records::CallEvent;
use serde_json::Value;

use super::circumstances::RunContext;
use super::not_run::unavailable;
use super::parse::RawArguments;
use super::propose::{CallLookup, ProposedCall, SubmitContext, SubmittedCall};
use crate::engine::error::CallError;
use crate::engine::execution::caller::CallerKind;
use crate::engine::execution::dispatch::ExecutedCall;
use crate::engine::execution::inside::{AskingGuard, CurrentBody};
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
    /// Set if the program knows the id, and can make the same call again.
    pub(crate) is_known: bool,
}

impl EngineCore {
    /// Takes one call in, and waits for its decision.
    pub(crate) async fn call(
        self: &Arc<Self>,
        run: &RunContext,
        call: BlockingCall,
    ) -> Result<ExecutedCall, CallError> {
        let BlockingCall { id, tool, arguments, is_known } = call;
        // What a body asks is a question of the run whose call it is, until the body has the
        // answer.
        let inside = CurrentBody::of(self);
        let ledger = inside.as_ref().and(run.thread.as_ref()).map(|thread| &*thread.ledger);
        let raw = RawArguments::Value(arguments);
        let proposed = self.read_raw(run, &id, &tool.into(), raw, run.reasoning.clone()).await?;
        let plan =
            self.plan(run, ProposedCall::here(self, run, proposed)?).await.map_err(NotRun::from)?;
        let approval = match plan {
            CallLookup::Known(approval) => approval,
            CallLookup::New(draft) => {
                match self
                    .open(run, *draft, &SubmitContext::of_program(ledger))
                    .await
                    .map_err(NotRun::from)?
                {
                    SubmittedCall::Run(approval, arguments, context) => {
                        let executed = self
                            .execute(run, approval, arguments, context, CallerKind::Program)
                            .await;
                        if executed.approval.status() != Status::Pending {
                            return Ok(executed);
                        }
                        // It failed, and people are asked what to do.
                        executed.approval
                    }
                    SubmittedCall::Stands(approval) => approval,
                }
            }
        };
        if approval.status().is_terminal() {
            return Ok(ExecutedCall { approval, output: None });
        }
        let id = approval.id();
        let shown = ledger.map(|ledger| ledger.show(&approval));
        let waited = self.wait_and_dispatch(run, approval, inside).await;
        drop(shown);
        match waited {
            Ok(executed) => Ok(executed),
            Err(reason) => Err(self.not_begun(id, is_known, reason).await),
        }
    }

    /// Waits until an approval is decided, and runs it if it may.
    ///
    /// # Cancel safety
    /// Dropped while it waits, that is on the record, and the policy says what becomes of the
    /// question.
    async fn wait_and_dispatch(
        self: &Arc<Self>,
        run: &RunContext,
        approval: Arc<Approval>,
        inside: Option<CurrentBody>,
    ) -> Result<ExecutedCall, NotRun> {
        let id = approval.id();
        let waiter = ChangeFeed::wait_for(self, id);
        let mut asked = approval;
        loop {
            let waiting = IfGone::new(self, &asked, || vec![CallEvent::Abandoned]);
            let asking = inside.clone().map(AskingGuard::new);
            loop {
                let approval = self.bring_up_to_date(id).await.map_err(unavailable)?;
                if approval.is_none_or(|approval| approval.status() != Status::Pending) {
                    break;
                }
                waiter.news().await;
            }
            waiting.call_off();
            drop(asking);
            let executed = self.dispatch(run, id, CallerKind::Program).await?;
            if executed.approval.status() != Status::Pending {
                return Ok(executed);
            }
            // It is asked again, because something changed or went wrong: the caller waits on.
            asked = executed.approval;
        }
    }

    /// Returns what is said of a call that is approved and could not begin. It did not run, and
    /// that stays true: who cannot make the same call again never runs it, so that it ends here, on
    /// the record.
    async fn not_begun(
        self: &Arc<Self>,
        id: ApprovalId,
        is_known: bool,
        reason: NotRun,
    ) -> CallError {
        let stands = self.load(id).await.ok().flatten();
        if let Some(ended) = stands.filter(|approval| approval.status().is_terminal()) {
            return ended_before_it_began(ended, reason);
        }
        if !is_known {
            let why = format!("its caller was told that it did not run: {}", reason.for_reviewer());
            match self.cancel(id, &why).await {
                Ok(ended) => return ended_before_it_began(ended, reason),
                Err(DecideError::Unknown(_)) => return CallError::NotRun(reason),
                Err(_) => {}
            }
        }
        CallError::NotYet(reason)
    }
}

/// Returns what is said of a call that ended while an attempt could not begin: why, unless an
/// earlier attempt began.
fn ended_before_it_began(ended: Arc<Approval>, reason: NotRun) -> CallError {
    if ended.not_run().is_some() { CallError::NotRun(reason) } else { without_value(ended) }
}

/// Returns why a call that did not run here has no value.
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
