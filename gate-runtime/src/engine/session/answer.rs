//! The answer to one call: its result, and the text for the model.

use std::sync::Arc;

use gate_core::approval::{Approval, Status, model_text};
use gate_core::call::{NotRun, ToolOutcome};
use gate_core::id::{CallId, ToolName};

/// The result of one call, for the model.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)]
/// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { GetOrder, DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let turn = gate
///     .run("run-42")
///     .submit([
///         ToolCall::new("call_1", "get_order", r#"{"order_id":"A-1"}"#),
///         ToolCall::new("call_2", "delete_account", r#"{"user_id":"mia"}"#),
///         ToolCall::new("call_3", "delete_acount", r#"{"user_id":"mia"}"#),
///     ])
///     .await?;
/// assert!(matches!(turn.answers()[0].result(), CallResult::Ran(_)));
/// assert_eq!(*turn.answers()[1].result(), CallResult::Waiting);
/// assert!(matches!(turn.answers()[2].result(), CallResult::NotRun(NotRun::Invalid { .. })));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum CallResult {
    /// The call ran, and its tool returned or failed.
    Ran(ToolOutcome),
    /// A person gave this answer in the tool's place. The call did not run; if there was an earlier
    /// attempt, the text for the model describes it.
    Responded(ToolOutcome),
    /// The call did not run, for this reason.
    NotRun(NotRun),
    /// People are asked.
    Waiting,
    /// The call is approved and will run. Other calls of its batch hold it back, or it could not
    /// begin yet, for the given reason. If that is [`NotRun::Disputed`], the store and the records
    /// of the call differ: it does not run until a person has ended it or repaired the store.
    Approved(Option<NotRun>),
    /// The call runs in this process and has not ended, usually because it waits for people to
    /// decide a call of its own.
    Running,
    /// The call began, and its end is unknown.
    Indeterminate(String),
}

/// The answer to one call of a batch.
///
/// ```
/// # fn show(answer: &gate_runtime::run::Answer) {
/// println!("{} {}: {}", answer.call(), answer.kind(), answer.for_model());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    call: CallId,
    tool: ToolName,
    result: CallResult,
    approval: Option<Arc<Approval>>,
}

impl Answer {
    /// Creates the answer to a call that was refused before any rule evaluated it.
    pub(crate) fn refused(call: CallId, tool: ToolName, reason: NotRun) -> Self {
        Self { call, tool, result: CallResult::NotRun(reason), approval: None }
    }

    /// Creates the answer from a call's present state. `blocked_by` is the reason why an approved
    /// call could not begin.
    pub(crate) fn of(approval: Arc<Approval>, blocked_by: Option<NotRun>) -> Self {
        let (call, tool) = (approval.subject().call().clone(), approval.subject().tool().clone());
        Self { call, tool, result: result_of(&approval, blocked_by), approval: Some(approval) }
    }

    /// Marks the call as running.
    pub(crate) fn running(mut self) -> Self {
        self.result = CallResult::Running;
        self
    }

    /// Returns the id that the model gave.
    #[must_use]
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// Returns the tool that the model named.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Returns the result of the call.
    #[must_use]
    pub fn result(&self) -> &CallResult {
        &self.result
    }

    /// Returns the approval; `None` for a call that was refused before any rule evaluated it.
    #[must_use]
    pub fn approval(&self) -> Option<&Arc<Approval>> {
        self.approval.as_ref()
    }

    /// Returns the result as one word: `succeeded`, `failed`, `responded`, `waiting`, `approved`,
    /// `running` or `indeterminate`, or the reason why it did not run: `denied`, `rejected`,
    /// `expired`, `cancelled`, `frozen`, `invalid`, `nobody_to_ask` or `unavailable`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.result {
            CallResult::Ran(ToolOutcome::Returned { .. }) => "succeeded",
            CallResult::Ran(ToolOutcome::Failed { .. }) => "failed",
            CallResult::Responded(_) => "responded",
            CallResult::NotRun(reason) => reason.kind(),
            CallResult::Waiting => "waiting",
            CallResult::Approved(_) => "approved",
            CallResult::Running => "running",
            CallResult::Indeterminate(_) => "indeterminate",
        }
    }

    /// Returns whether the call has not ended: people are asked, it is approved and has not begun,
    /// or it has begun and people are asked about a call of its own.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.result, CallResult::Waiting | CallResult::Approved(_) | CallResult::Running)
    }

    /// Returns the text that the model gets as the tool's result: the output as it is, or a notice
    /// of the gate in `<gate-notice>…</gate-notice>`. An output with such a mark is
    /// [disarmed](ToolOutcome::for_model).
    #[must_use]
    pub fn for_model(&self) -> String {
        let approval = self.approval.as_deref();
        match &self.result {
            CallResult::Ran(outcome) => model_text::ran(outcome, approval),
            CallResult::Responded(outcome) => model_text::responded(outcome, approval),
            CallResult::NotRun(reason) => model_text::not_run(reason, approval),
            CallResult::Waiting => model_text::waiting(approval),
            CallResult::Approved(why) => model_text::approved(why.as_ref(), approval),
            CallResult::Running => model_text::running(),
            CallResult::Indeterminate(_) => model_text::indeterminate(approval),
        }
    }
}

fn result_of(approval: &Approval, blocked_by: Option<NotRun>) -> CallResult {
    let outcome = || {
        // The model must not take a damaged row for a success.
        approval.outcome().cloned().unwrap_or_else(|| ToolOutcome::failed("its outcome is missing"))
    };
    match approval.status() {
        Status::Pending => CallResult::Waiting,
        Status::Approved => CallResult::Approved(blocked_by),
        Status::Succeeded | Status::Failed => CallResult::Ran(outcome()),
        Status::Responded => CallResult::Responded(outcome()),
        Status::Dispatched => {
            CallResult::Indeterminate("it is running, or was when its process ended".to_owned())
        }
        Status::Indeterminate => {
            CallResult::Indeterminate(approval.note().unwrap_or_default().to_owned())
        }
        Status::Denied | Status::Rejected | Status::Expired | Status::Cancelled => {
            match approval.not_run() {
                Some(reason) => CallResult::NotRun(reason),
                None => CallResult::NotRun(NotRun::Unavailable {
                    problem: "its state says nothing".to_owned(),
                }),
            }
        }
    }
}
