//! One run of an agent: its calls, one by one or in batches.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gate_core::approval::Status;
use gate_core::assessment::Assessment;
use gate_core::call::{AgentHop, Message, NotRun, RunInfo, ToolCall};
use gate_core::id::{AgentName, ApprovalId, CallId, CaseId, Principal, Role};
use gate_core::ports::{ApprovalFilter, BoxFuture, Changeset};
use gate_core::records::GateEvent;
use gate_core::text::read_value;
use serde_json::Value;

use super::run_session::{RunSession, check_agent};
use super::run_state::RunState;
use super::turn::Turn;
use crate::engine::call::blocking::{BlockingCall, without_value};
use crate::engine::call::run_context::RunContext;
use crate::engine::error::{CallError, RunError};
use crate::engine::kernel::EngineCore;
use crate::engine::review::error::DecideError;
use crate::logic::registry::{Offers, Registry};
use crate::logic::tool::Tool;

/// One run of an agent, created by [`Gate::run`](crate::Gate::run). Every call of a model goes
/// through it.
///
/// [`submit`](Self::submit) takes a batch of calls and never waits for people; [`call`](Self::call)
/// takes one typed call and waits for the decision. Call ids are unique within a run: repeating a
/// call with its id returns the stored result.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).agent("support").build().await?;
/// let run = gate.run("run-42").agent("support").on_behalf_of("mia_li_3668");
///
/// let turn =
///     run.submit([ToolCall::new("call_1", "get_order", r#"{"order_id":"A-1001"}"#)]).await?;
/// assert_eq!(turn.answers()[0].for_model(), "A-1001: paid");
///
/// assert_eq!(get_order(&run, "A-1001".into()).await?, "A-1001: paid");
/// # Ok(()) }
/// ```
pub struct Run<R: Registry> {
    core: Arc<EngineCore>,
    session: Arc<RunSession>,
    registry: PhantomData<fn() -> R>,
}

impl<R: Registry> Run<R> {
    pub(crate) fn of(core: Arc<EngineCore>, session: Arc<RunSession>) -> Self {
        Self { core, session, registry: PhantomData }
    }

    /// Sets the agent that runs. Defaults to the gate's agent, if it has only one.
    #[must_use]
    pub fn agent(self, name: impl Into<AgentName>) -> Self {
        self.session.change(|info| info.set_agent(name));
        self
    }

    /// Sets the person for whom it runs, who does not count as an approver of its calls.
    #[must_use]
    pub fn on_behalf_of(self, principal: impl Into<Principal>) -> Self {
        self.session.change(|info| info.set_principal(Some(principal.into())));
        self
    }

    /// Sets the roles of the person for whom it runs, which rules can read. They never count as
    /// roles of a reviewer.
    #[must_use]
    pub fn roles(self, roles: impl IntoIterator<Item = impl Into<Role>>) -> Self {
        self.session.change(|info| info.set_roles(roles.into_iter().map(Into::into).collect()));
        self
    }

    /// Sets the case that it belongs to.
    #[must_use]
    pub fn case(self, case: impl Into<CaseId>) -> Self {
        self.session.change(|info| info.set_case(Some(case.into())));
        self
    }

    /// Sets the agent's claimed reason, for calls that have none of their own. Reviewers see it as
    /// a claim of the agent.
    #[must_use]
    pub fn reasoning(self, text: impl Into<Arc<str>>) -> Self {
        self.session.set_reasoning(text.into());
        self
    }

    /// Sets the conversation so far, oldest message first. Rules can read it as the call's history,
    /// and it determines the [origins](crate::tool::Origin) of values.
    ///
    /// Each [dialect](crate::dialect) converts its own conversations:
    /// `run.history(openai::history(&messages)?)`.
    #[must_use]
    pub fn history(self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.set_history(messages);
        self
    }

    /// Replaces the conversation, for an application that keeps it as a list of messages. A text
    /// that was in it before, or recently in another run of the gate, is not parsed again.
    ///
    /// Rules read only this conversation. The origins of values depend on everything that was ever
    /// added to the run, by any handle, and on the outputs of its tools. So a window may leave out
    /// the beginning, and a summary of that part does not count as the user's words: see
    /// [`compact`](Self::compact).
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::dialect::openai;
    /// # /// Read one order.
    /// # #[gated_tool(policy = "never_ask")]
    /// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
    /// # registry! { pub Tools for () { GetOrder } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
    /// # let run = gate.run("run-42");
    /// # let mut messages =
    /// #     vec![serde_json::json!({"role": "user", "content": "Where is A-1001?"})];
    /// # let answer = serde_json::json!({"role": "assistant", "tool_calls": [{
    /// #     "id": "1",
    /// #     "type": "function",
    /// #     "function": {"name": "get_order", "arguments": r#"{"order_id":"A-1001"}"#},
    /// # }]});
    /// messages.push(answer.clone());
    /// run.set_history(openai::history(&messages)?);
    /// let turn = run.submit(openai::tool_calls(&answer)?).await?;
    /// messages.extend(openai::messages(&turn));
    /// # Ok(()) }
    /// ```
    pub fn set_history(&self, messages: impl IntoIterator<Item = Message>) {
        self.session.set_history(messages.into_iter().collect());
    }

    /// Adds a message to the history.
    pub fn add_message(&self, message: Message) {
        self.session.add_message(message);
    }

    /// Replaces the conversation so far by a summary.
    ///
    /// A text always keeps the speaker who first said it in the run, and tool outputs stay tool
    /// outputs. Values that are only in the summary count as made by the agent, whoever wrote it.
    /// So an application may afterwards pass its conversation to [`set_history`](Self::set_history)
    /// with the summary in any role.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # #[policy] fn as_said(rules: Rules<Pay>) -> Rules<Pay> {
    /// # rules
    /// #     .auto_approve("said")
    /// #     .when(|call| call.origin(&call.to).is_user())
    /// #     .otherwise(ask(anyone()))
    /// # }
    /// # /// Pay.
    /// # #[gated_tool(policy = "as_said")] fn pay(to: String) {}
    /// # registry! { pub Tools for () { Pay } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
    /// let run = gate.run("run-42").history([Message::user("Pay bob@example.com.")]);
    /// let summary = "The user wants bob@example.com and zoe@example.com to be paid.";
    /// run.compact(summary);
    /// run.set_history([Message::user(summary), Message::user("Go on.")]);
    /// let pay = |to: &str| ToolCall::new(to, "pay", format!(r#"{{"to":"{to}"}}"#));
    /// let turn = run.submit([pay("bob@example.com"), pay("zoe@example.com")]).await?;
    /// assert!(!turn.answers()[0].is_waiting());
    /// assert!(turn.answers()[1].is_waiting(), "the summary is nobody's word");
    /// # Ok(()) }
    /// ```
    pub fn compact(&self, summary: impl Into<Arc<str>>) {
        self.session.compact(summary.into());
    }

    /// Returns the facts of the run: agent, principal, case, and the steps by which the run got its
    /// agent.
    #[must_use]
    pub fn info(&self) -> Arc<RunInfo> {
        self.session.info()
    }

    /// Returns the nested run of an agent that this run calls for a part of its work: an agent as a
    /// tool. The id identifies the work, for example the id of the call with which the outer model
    /// requested it. The same id returns the same run, also after
    /// [`Gate::resume`](crate::Gate::resume).
    ///
    /// A nested run acts for the same person in the same case, with the policies of its own agent.
    /// Approvals and grants of the outer run do not count in it, nor the reverse. Its questions are
    /// among the outer run's [interruptions](Turn::interruptions), and its calls are in the outer
    /// run's [`state`](Self::state). Once they are decided, `proceed` of the nested run returns
    /// their answers, and its agent continues.
    ///
    /// In its history, the user is the outer agent, which may have made up its words. Only the
    /// words of the person in the outer run were [said by the user](crate::tool::Origin::User).
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Delete a file.
    /// # #[gated_tool(policy = "always_ask")]
    /// # fn delete_file(path: String) -> String { format!("deleted {path}") }
    /// # registry! { pub Tools for () { DeleteFile } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["manager"]);
    /// let gate: Gate<Tools> =
    ///     Gate::builder(()).agent("lead").agent("cleaner").directory(people).build().await?;
    /// let outer = gate.run("run-42").agent("lead").on_behalf_of("mia");
    ///
    /// // The lead's model calls the cleaner, whose model proposes this:
    /// let inner = outer.child("call_7").agent("cleaner");
    /// let turn =
    ///     inner.submit([ToolCall::new("1", "delete_file", r#"{"path":"/tmp/x"}"#)]).await?;
    /// assert!(turn.is_waiting());
    ///
    /// // The question is among those of the outer run.
    /// outer.proceed().await?.interruptions()[0].approve(&gate.reviewer("dana").await?).await?;
    /// assert_eq!(
    ///     outer.child("call_7").proceed().await?.answers()[0].for_model(),
    ///     "deleted /tmp/x"
    /// );
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn child(&self, id: impl AsRef<str>) -> Self {
        Self::of(Arc::clone(&self.core), self.session.nested(&self.core, id.as_ref()))
    }

    /// Hands the run over to another agent. From now on, that agent's policies evaluate new calls.
    /// Earlier calls still belong to the agent that proposed them.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Refund.
    /// # #[gated_tool(policy = "always_ask")] fn refund(order: String) {}
    /// # registry! { pub Tools for () { Refund } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate: Gate<Tools> = Gate::builder(()).agent("triage").agent("billing").build().await?;
    /// let run = gate.run("run-42").agent("triage");
    /// run.hand_off("billing")?;
    /// assert_eq!(run.info().agent(), "billing");
    /// assert_eq!(run.info().hops()[0].to_string(), "handed over by triage");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Returns [`RunError::UnknownAgent`] if the gate does not know the agent. The run then keeps
    /// its agent.
    pub fn hand_off(&self, to: impl Into<AgentName>) -> Result<(), RunError> {
        let to = to.into();
        check_agent(&self.core, &to)?;
        self.session.change(|info| {
            info.add_hop(AgentHop::HandedOff { from: info.agent().clone() });
            info.set_agent(to);
        });
        Ok(())
    }

    pub(crate) fn core(&self) -> &Arc<EngineCore> {
        &self.core
    }

    pub(crate) fn run_context(&self) -> Result<RunContext, RunError> {
        RunContext::of(&self.core, &self.session)
    }

    /// Submits a batch of calls, as a model proposed them. Never waits for people.
    ///
    /// When this returns, the calls that rules approve have run, the calls that rules deny have
    /// their answer, and the others are [interruptions](Turn::interruptions). Answers come in the
    /// order of the calls. A call that fits no tool gets the problem as its answer, and does not
    /// affect the others.
    ///
    /// # Errors
    /// Returns an error if the run itself cannot continue, because its agent is unknown. If the
    /// store does not answer, that is not an error here: the answers of the calls are
    /// [`Unavailable`](NotRun::Unavailable).
    ///
    /// # Cancel safety
    /// It may be dropped at any time, and called from any task during other operations of the run.
    /// A call belongs to the run once it is recorded: calls that a dropped `submit` recorded are in
    /// the next turn. If a body runs when this is dropped, its call becomes indeterminate; a call
    /// whose body was about to begin stays approved.
    pub async fn submit(
        &self,
        calls: impl IntoIterator<Item = ToolCall>,
    ) -> Result<Turn, RunError> {
        let calls: Vec<ToolCall> = calls.into_iter().collect();
        self.core.submit(&self.run_context()?, &self.session, &calls).await
    }

    /// Acknowledges a turn: the application has it, and will pass it to the model. Its answers to
    /// ended calls are in no later turn.
    ///
    /// Submitting the next batch acknowledges all earlier turns. So only an application that reads
    /// late answers without submitting calls needs this.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Delete a file.
    /// # #[gated_tool(policy = "always_ask")]
    /// # fn delete_file(path: String) -> String { format!("deleted {path}") }
    /// # registry! { pub Tools for () { DeleteFile } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["manager"]);
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// let run = gate.run("run-42");
    /// let turn = run.submit([ToolCall::new("1", "delete_file", r#"{"path":"/tmp/x"}"#)]).await?;
    /// let _ = run.submit([]).await?; // the conversation goes on
    /// turn.interruptions()[0].approve(&gate.reviewer("dana").await?).await?;
    ///
    /// let turn = run.proceed().await?;
    /// assert_eq!(turn.late()[0].for_model(), "deleted /tmp/x");
    /// // Without this, a run that is resumed after a crash would return the answer again.
    /// run.acknowledge(&turn).await?;
    /// assert!(run.proceed().await?.late().is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the store does not answer. The turn's answers are then repeated, but
    /// only after a restart.
    pub async fn acknowledge(&self, turn: &Turn) -> Result<(), RunError> {
        Ok(self.core.acknowledge(&self.session, turn).await?)
    }

    /// Runs the calls that have been approved in the meantime, and returns the present state of the
    /// batch. Never waits for people.
    ///
    /// Before a call runs, tool, policy and arguments are compared with the approved ones, and the
    /// rules are evaluated again.
    ///
    /// # Errors
    /// Returns an error if the run cannot continue, because its agent is unknown or the store does
    /// not answer.
    ///
    /// # Cancel safety
    /// As for [`submit`](Self::submit).
    pub async fn proceed(&self) -> Result<Turn, RunError> {
        self.core.proceed(&self.run_context()?, &self.session).await
    }

    /// Waits until people have decided every call of the batch, and runs the approved ones.
    ///
    /// # Errors
    /// As for [`proceed`](Self::proceed).
    ///
    /// # Cancel safety
    /// It may be dropped at any time. If a body runs then, its call becomes indeterminate.
    pub async fn wait(&self) -> Result<Turn, RunError> {
        self.core.wait(&self.run_context()?, &self.session).await
    }

    /// Makes one typed call, and waits for the decision if one is needed.
    ///
    /// Returns the value that the tool's function returned, its own `Result` included: a call that
    /// did not *run* is a [`CallError`], a call that *failed* is not. The tool's function,
    /// `issue_refund(&run, …)`, is the short form of this method.
    ///
    /// # Errors
    /// Returns [`CallError`] if there is no value: the call did not run, a person answered in its
    /// place, or its end is unknown.
    ///
    /// # Cancel safety
    /// If dropped while people are asked, the question is kept or cancelled, as its policy
    /// configures, and the call does not run by itself later. If dropped while the body runs, the
    /// call becomes indeterminate.
    pub fn call<T: Tool>(&self, call: T) -> BoxFuture<'_, Result<T::Output, CallError>>
    where
        R: Offers<T>,
    {
        Box::pin(self.wait_for(ApprovalId::new().to_string().into(), false, call))
    }

    /// Makes a typed call with your own id. With the same id and arguments, it is the same call.
    ///
    /// # Errors
    /// As for [`call`](Self::call). For a call that ran before, returns [`CallError::RanElsewhere`]
    /// with the stored result.
    ///
    /// # Cancel safety
    /// As for [`call`](Self::call). Calling it again with the same id waits for a question that was
    /// kept.
    pub fn call_as<T: Tool>(
        &self,
        id: impl Into<CallId>,
        call: T,
    ) -> BoxFuture<'_, Result<T::Output, CallError>>
    where
        R: Offers<T>,
    {
        Box::pin(self.wait_for(id.into(), true, call))
    }

    async fn wait_for<T: Tool>(
        &self,
        id: CallId,
        is_known: bool,
        call: T,
    ) -> Result<T::Output, CallError> {
        let run =
            self.run_context().map_err(|error| NotRun::Invalid { problem: error.to_string() })?;
        let arguments = call.into_json();
        let executed =
            self.core.call(&run, BlockingCall { id, tool: T::NAME, arguments, is_known }).await?;
        if let Some(output) = executed.output
            && let Ok(output) = output.downcast::<T::Output>()
        {
            return Ok(*output);
        }
        Err(without_value(executed.approval))
    }

    /// Evaluates a call without acting: nothing runs, nobody is asked, nothing is stored, no limit
    /// is charged.
    ///
    /// # Errors
    /// Returns the reason if the call would be refused before any rule evaluates it, or if the
    /// store does not answer.
    pub async fn assess(&self, call: &ToolCall) -> Result<Assessment, NotRun> {
        let run =
            self.run_context().map_err(|error| NotRun::Invalid { problem: error.to_string() })?;
        self.core.assess(&run, call).await
    }

    /// Records an action that does not pass the gate, like a mail that was read or a page that was
    /// shown. `in_reply_to` is the call that led to it.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Issue a refund.
    /// # #[gated_tool(policy = "never_ask")] fn issue_refund(order_id: String) {}
    /// # registry! { pub Tools for () { IssueRefund } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
    /// let run = gate.run("run-42").case("ticket-7");
    /// let turn =
    ///     run.submit([ToolCall::new("call_1", "issue_refund", r#"{"order_id":"A-1"}"#)]).await?;
    /// let refund = turn.answers()[0].approval().map(|approval| approval.id());
    /// run.log_action("told the customer", &serde_json::json!({"by": "mail"}), refund).await?;
    /// let kinds: Vec<&str> =
    ///     gate.case("ticket-7").await?.iter().map(|record| record.kind()).collect();
    /// assert_eq!(kinds, ["assessed", "dispatched", "finished", "action"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Returns an error, and records nothing, if the run's agent is unknown, the details contain a
    /// number beyond ±2^53, are nested deeper than 64 levels or are too long, or if the store does
    /// not answer.
    pub async fn log_action(
        &self,
        action: impl Into<String>,
        details: &Value,
        in_reply_to: Option<ApprovalId>,
    ) -> Result<(), RunError> {
        let (info, now) = (self.run_context()?.info, self.core.now());
        let details = read_value(details, self.core.limits).map_err(RunError::Details)?;
        let event = GateEvent::Action { info, action: action.into(), details, in_reply_to };
        Ok(self.core.write_alone(Changeset::noting(now, event)).await?)
    }

    /// Cancels every call of the run and its nested runs that waits, or is approved and has not
    /// begun. Returns the number of cancelled calls.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn cancel(&self, reason: &str) -> Result<usize, RunError> {
        let mut count = 0;
        let all = ApprovalFilter::all().within(self.session.run_id());
        let open = all.status(Status::Pending).status(Status::Approved);
        for approval in self.core.store.approvals(&open).await? {
            match self.core.cancel(approval.id(), reason).await {
                Ok(ended) if ended.status() == Status::Cancelled => count += 1,
                Err(DecideError::Store(error)) => return Err(error.into()),
                // The call ran before and stays as it was, or another task was faster and it can no
                // longer be cancelled.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(count)
    }

    /// Returns the state of the run and its nested runs, to resume later or elsewhere: see
    /// [`RunState`].
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn state(&self) -> Result<RunState, RunError> {
        self.session.ledger.refresh(&*self.core.store).await?;
        Ok(RunState::write(&self.core.key, &self.session)?)
    }
}

impl<R: Registry> fmt::Debug for Run<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.info();
        write!(f, "Run({} by {})", info.run(), info.agent())
    }
}
