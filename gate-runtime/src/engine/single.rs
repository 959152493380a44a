//! Single calls by programs: waited for until they are decided, with the value itself.

use std::sync::Arc;

use serde_json::Value;

use super::core::Core;
use super::dispatch::Executed;
use super::error::CallError;
use super::if_gone::IfGone;
use super::intake::{Circumstances, Raw};
use super::open::{Opened, Plan, unavailable};
use super::turn::{Answer, CallResult};
use super::wait::Hub;
use crate::values::approval::{Approval, Status};
use crate::values::event::CallEvent;
use crate::values::id::CallId;
use crate::values::outcome::NotRun;

impl Core {
    /// Takes one call in, and waits for its decision.
    pub(crate) async fn call(
        self: &Arc<Self>,
        run: &Circumstances,
        id: CallId,
        tool: &'static str,
        arguments: Result<Value, serde_json::Error>,
    ) -> Result<Executed, NotRun> {
        let raw = Raw::Value(arguments);
        let proposed = self.read_raw(run, &id, &tool.into(), raw, run.reasoning.clone()).await?;
        let approval = match self.plan(run, proposed).await? {
            Plan::Known(approval) => approval,
            Plan::New(draft) => match self.open(run, *draft, false, true).await? {
                Opened::Run(approval, arguments, context) => {
                    let executed = self.execute(approval, arguments, context).await;
                    if executed.approval.status != Status::Pending {
                        return Ok(executed);
                    }
                    // It failed, and people are asked what to do.
                    executed.approval
                }
                Opened::Stands(approval) => approval,
            },
        };
        if approval.status.is_terminal() {
            return Ok(Executed { approval, output: None });
        }
        self.wait_and_dispatch(run, approval).await
    }

    /// Waits until an approval is decided, and runs it if it may.
    ///
    /// # Cancel safety
    /// Dropped while it waits, that is on the record, and the policy says what becomes of the question.
    async fn wait_and_dispatch(
        self: &Arc<Self>,
        run: &Circumstances,
        approval: Arc<Approval>,
    ) -> Result<Executed, NotRun> {
        let id = approval.id();
        let waiter = Hub::wait_for(self, id);
        let mut asked = approval;
        loop {
            let waiting = IfGone::new(self, &asked, || CallEvent::Abandoned);
            loop {
                let approval = self.bring_up_to_date(id).await.map_err(unavailable)?;
                if approval.is_none_or(|approval| approval.status != Status::Pending) {
                    break;
                }
                waiter.news().await;
            }
            waiting.call_off();
            let executed = self.dispatch(run, id).await?;
            if executed.approval.status != Status::Pending {
                return Ok(executed);
            }
            // It is asked again, because something changed or went wrong: the caller waits on.
            asked = executed.approval;
        }
    }
}

/// Why a call that did not run here has no value.
pub(crate) fn without_value(approval: Arc<Approval>) -> CallError {
    match Answer::of(approval).result().clone() {
        CallResult::Ran(outcome) => CallError::RanElsewhere(outcome),
        CallResult::Responded(outcome) => CallError::Responded(outcome),
        CallResult::NotRun(reason) => CallError::NotRun(reason),
        CallResult::Indeterminate(why) => CallError::Indeterminate(why),
        CallResult::Waiting => CallError::NotRun(unavailable("it waits again")),
    }
}
