//! Proposed calls, and the facts of their runs: agent, principal, case, earlier agents.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AgentName, CallId, CaseId, Principal, Role, RunId, ToolName};

/// The facts that all calls of a run share: its agent, its principal, its case.
///
/// ```
/// # fn show(run: &gate_runtime::run::RunInfo) {
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) passages: Vec<AgentHop>,
}

/// The separator between the id of a run and that of a run nested in it. No other run id may
/// contain it.
pub const NESTED: char = '>';

impl RunId {
    /// Returns the outermost run that this one is nested in, or this run if it is not nested.
    ///
    /// ```
    /// use gate_runtime::id::RunId;
    /// assert_eq!(RunId::from("run-42>call_7>1").outermost(), "run-42");
    /// ```
    #[must_use]
    pub fn outermost(&self) -> Self {
        // Run ids are short, and most runs are not nested.
        match self.as_str().bytes().position(|byte| byte == NESTED as u8) {
            Some(end) => self.as_str().get(..end).unwrap_or_default().into(),
            None => self.clone(),
        }
    }

    /// Returns whether this is the other run, or is nested in it at any depth.
    ///
    /// ```
    /// use gate_runtime::id::RunId;
    /// assert!(RunId::from("run-42>call_7").is_within(&"run-42".into()));
    /// assert!(!RunId::from("run-421").is_within(&"run-42".into()));
    /// ```
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let rest = self.as_str().strip_prefix(other.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(NESTED))
    }
}

/// A step by which a run got its present agent.
///
/// ```
/// use gate_runtime::run::AgentHop;
/// let passage = AgentHop::HandedOff { from: "triage".into() };
/// assert_eq!(passage.to_string(), "handed over by triage");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentHop {
    /// Another agent handed the run over.
    HandedOff {
        /// The agent.
        from: AgentName,
    },
    /// Another agent called it for a part of its own run.
    Called {
        /// The agent.
        by: AgentName,
        /// Its run.
        run: RunId,
    },
}

impl AgentHop {
    /// Returns the agent before.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        match self {
            Self::HandedOff { from } => from,
            Self::Called { by, .. } => by,
        }
    }
}

impl fmt::Display for AgentHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandedOff { from } => write!(f, "handed over by {from}"),
            Self::Called { by, run } => write!(f, "called by {by} in run {run}"),
        }
    }
}

impl RunInfo {
    /// Creates the facts of a run without a principal and without a case.
    pub fn new(run: impl Into<RunId>, agent: impl Into<AgentName>) -> Self {
        let (run, agent) = (run.into(), agent.into());
        Self { run, agent, principal: None, roles: Vec::new(), case: None, passages: Vec::new() }
    }

    /// Returns the run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns the agent that proposes calls.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// Returns the person it acts for.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// Returns the roles of the person it acts for, as the application set them. They never count
    /// as roles of a reviewer.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Returns the case it belongs to.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        self.case.as_ref()
    }

    /// Returns the steps by which the run got its agent, oldest first: the agents that handed it
    /// over, or called it. Empty for a run that its agent began.
    #[must_use]
    pub fn hops(&self) -> &[AgentHop] {
        &self.passages
    }

    /// Sets the agent that proposes calls.
    #[doc(hidden)]
    pub fn set_agent(&mut self, agent: impl Into<AgentName>) {
        self.agent = agent.into();
    }

    /// Sets the person it acts for.
    #[doc(hidden)]
    pub fn set_principal(&mut self, principal: Option<Principal>) {
        self.principal = principal;
    }

    /// Sets the roles of the person it acts for.
    #[doc(hidden)]
    pub fn set_roles(&mut self, roles: Vec<Role>) {
        self.roles = roles;
    }

    /// Sets the case it belongs to.
    #[doc(hidden)]
    pub fn set_case(&mut self, case: Option<CaseId>) {
        self.case = case;
    }

    /// Adds the step by which the run got its present agent.
    #[doc(hidden)]
    pub fn add_hop(&mut self, hop: AgentHop) {
        self.passages.push(hop);
    }

    /// Returns the number of runs in which it is nested.
    #[doc(hidden)]
    #[must_use]
    pub fn depth(&self) -> usize {
        self.passages.iter().filter(|hop| matches!(hop, AgentHop::Called { .. })).count()
    }
}

/// One call as a model proposed it: id, tool, arguments as JSON text, and the reason, if the model
/// gives one.
///
/// `Debug` prints no arguments.
///
/// ```
/// use gate_runtime::ToolCall;
/// let call = ToolCall::new("call_1", "issue_refund", r#"{"order_id":"A-1001"}"#)
///     .reasoning("charged twice");
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
    /// Creates a call with its arguments as JSON text.
    pub fn new(
        id: impl Into<CallId>,
        tool: impl Into<ToolName>,
        arguments: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), tool: tool.into(), arguments: arguments.into(), reasoning: None }
    }

    /// Sets the agent's claimed reason for the call.
    #[must_use]
    pub fn reasoning(mut self, text: impl Into<Arc<str>>) -> Self {
        self.reasoning = Some(text.into());
        self
    }

    /// Returns the agent's claimed reason for the call.
    #[doc(hidden)]
    #[must_use]
    pub fn shared_reasoning(&self) -> Option<&Arc<str>> {
        self.reasoning.as_ref()
    }

    /// Returns the id that the model gave.
    #[must_use]
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// Returns the tool that the model named.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Returns the arguments as the model wrote them.
    #[must_use]
    pub fn arguments(&self) -> &str {
        &self.arguments
    }
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall")
            .field("id", &self.id)
            .field("tool", &self.tool)
            .finish_non_exhaustive()
    }
}
