//! The circumstances of a call: who proposes it, for whom, in which run, after what was said.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{AgentName, ApprovalId, CallId, CaseId, Principal, Role, RunId, ToolName};

/// Who runs, for whom, in which matter: what all calls of a run share.
///
/// ```
/// # fn show(run: &gate_runtime::RunInfo) {
/// println!("{} acts for {:?} in {}", run.agent(), run.principal(), run.run());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    pub(crate) run: RunId,
    pub(crate) agent: AgentName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<Principal>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) case: Option<CaseId>,
}

impl RunInfo {
    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The agent that proposes calls.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// The person it acts for.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The roles of the person it acts for, as the application says. They never count as a reviewer's.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The matter it belongs to.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        self.case.as_ref()
    }
}

/// Who said something in a run's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Speaker {
    /// The instructions of the application.
    System,
    /// The person whom the run acts for.
    User,
    /// The model.
    Agent,
    /// The result of a tool.
    Tool {
        /// Which one.
        tool: ToolName,
    },
}

/// One entry of a run's history.
///
/// `Debug` names the speaker only.
///
/// ```
/// use gate_runtime::Message;
/// let message = Message::user("Please refund order A-1001.");
/// assert_eq!(message.text(), "Please refund order A-1001.");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    speaker: Speaker,
    text: String,
}

impl Message {
    /// What the application instructs.
    pub fn system(text: impl Into<String>) -> Self {
        Self { speaker: Speaker::System, text: text.into() }
    }

    /// What the person says.
    pub fn user(text: impl Into<String>) -> Self {
        Self { speaker: Speaker::User, text: text.into() }
    }

    /// What the model says.
    pub fn agent(text: impl Into<String>) -> Self {
        Self { speaker: Speaker::Agent, text: text.into() }
    }

    /// What a tool returned.
    pub fn tool(tool: impl Into<ToolName>, text: impl Into<String>) -> Self {
        Self { speaker: Speaker::Tool { tool: tool.into() }, text: text.into() }
    }

    /// Who said it.
    #[must_use]
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// What was said.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, …)", self.speaker)
    }
}

/// The circumstances of one call, as rules and tool bodies see them.
///
/// A tool takes it as `#[context] context: &CallContext`; a rule reads it by `call.context()`.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// /// Says who asks.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn whoami(#[context] context: &CallContext) -> String {
///     format!("{} in {}", context.agent(), context.run())
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CallContext {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) call: CallId,
    pub(crate) approval: ApprovalId,
    pub(crate) reasoning: Option<Arc<str>>,
    pub(crate) history: Arc<Vec<Message>>,
    pub(crate) now: Timestamp,
}

impl CallContext {
    /// The id that the model gave to the call: within its run the same for every attempt.
    #[must_use]
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// The id of the approval under which it runs.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.info.run
    }

    /// The agent that proposed it.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        &self.info.agent
    }

    /// The person the run acts for.
    #[must_use]
    pub fn on_behalf_of(&self) -> Option<&Principal> {
        self.info.principal.as_ref()
    }

    /// The roles of the person the run acts for.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.info.roles
    }

    /// The matter the run belongs to.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        self.info.case.as_ref()
    }

    /// Why the agent says it proposes the call: its claim, to be shown, never to be trusted.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.reasoning.as_deref()
    }

    /// What was said in the run so far, oldest first, as the application told the gate.
    #[must_use]
    pub fn history(&self) -> &[Message] {
        &self.history
    }

    /// When the call is judged, or run: the gate's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("run", &self.info.run)
            .field("call", &self.call)
            .field("agent", &self.info.agent)
            .finish_non_exhaustive()
    }
}

/// One call as a model proposed it: id, tool, arguments as JSON text, and why, if it says.
///
/// `Debug` prints no arguments.
///
/// ```
/// use gate_runtime::ToolCall;
/// let call = ToolCall::new("call_1", "issue_refund", r#"{"order_id":"A-1001"}"#).reasoning("charged twice");
/// assert_eq!(call.tool(), "issue_refund");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub(crate) id: CallId,
    pub(crate) tool: ToolName,
    pub(crate) arguments: String,
    pub(crate) reasoning: Option<Arc<str>>,
}

impl ToolCall {
    /// A call with its arguments as JSON text.
    pub fn new(id: impl Into<CallId>, tool: impl Into<ToolName>, arguments: impl Into<String>) -> Self {
        Self { id: id.into(), tool: tool.into(), arguments: arguments.into(), reasoning: None }
    }

    /// Why the agent says it proposes the call.
    #[must_use]
    pub fn reasoning(mut self, text: impl Into<Arc<str>>) -> Self {
        self.reasoning = Some(text.into());
        self
    }

    /// The id that the model gave.
    #[must_use]
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// The tool that the model named.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// The arguments as the model wrote them.
    #[must_use]
    pub fn arguments(&self) -> &str {
        &self.arguments
    }
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall").field("id", &self.id).field("tool", &self.tool).finish_non_exhaustive()
    }
}
