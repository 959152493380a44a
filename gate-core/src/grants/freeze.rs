//! Freezes: an operator's order that certain calls must not run for now.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::context::{AgentHop, RunInfo};
use crate::call::subject::CallSubject;
use crate::id::{AgentName, ReviewerId, ToolName};
use crate::people::identity::same_person;

/// The calls that a [`Freeze`] stops.
///
/// ```
/// use gate_runtime::grants::FreezeScope;
/// assert_eq!(FreezeScope::tool("issue_refund").to_string(), "the tool issue_refund");
/// assert_eq!(FreezeScope::Everything.to_string(), "everything");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum FreezeScope {
    /// Every call.
    Everything,
    /// Calls of one tool. A remote agent chooses the names of its tools, so freezing one of them
    /// stops calls of all its tools.
    Tool {
        /// The tool.
        tool: ToolName,
    },
    /// Calls of one agent, and of the agents that it calls.
    Agent {
        /// The agent.
        agent: AgentName,
    },
}

impl FreezeScope {
    /// Calls of one tool.
    pub fn tool(name: impl Into<ToolName>) -> Self {
        Self::Tool { tool: name.into() }
    }

    /// Calls of one agent, and of the agents that it calls.
    pub fn agent(name: impl Into<AgentName>) -> Self {
        Self::Agent { agent: name.into() }
    }

    fn covers(&self, subject: &CallSubject) -> bool {
        let RunInfo { agent: acting, passages: hops, .. } = &*subject.info;
        match self {
            Self::Everything => true,
            Self::Tool { tool } => {
                *tool == subject.tool || (subject.request.is_some() && is_of(tool, acting))
            }
            Self::Agent { agent } => {
                let is = |name: &AgentName| same_person(name.as_str(), agent.as_str());
                let calls = |hop: &AgentHop| matches!(hop, AgentHop::Called { by, .. } if is(by));
                is(acting) || hops.iter().any(calls)
            }
        }
    }
}

/// Returns whether a tool belongs to a remote agent, like `billing-bot/pay`.
fn is_of(tool: &ToolName, agent: &AgentName) -> bool {
    tool.as_str().split_once('/').is_some_and(|(of, _)| of == agent.as_str())
}

impl fmt::Display for FreezeScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Tool { tool } => write!(f, "the tool {tool}"),
            Self::Agent { agent } => write!(f, "the agent {agent}"),
        }
    }
}

/// A freeze. Until it is lifted, no body of a call that it covers begins, in any process that
/// shares the store.
///
/// People can still decide; calls that they approve wait. Calls that a rule or a grant would let
/// through at once are refused. Bodies that already run continue to their end.
///
/// ```
/// # fn show(freeze: &gate_runtime::grants::Freeze) {
/// println!(
///     "{} is stopped since {} by {}: {}",
///     freeze.scope(),
///     freeze.since(),
///     freeze.by(),
///     freeze.reason()
/// );
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    #[doc(hidden)]
    pub scope: FreezeScope,
    #[doc(hidden)]
    pub reason: String,
    #[doc(hidden)]
    pub by: ReviewerId,
    #[doc(hidden)]
    pub since: Timestamp,
}

impl Freeze {
    /// Returns the scope: the calls that it stops. There is one freeze for each scope, and freezing
    /// it again replaces the reason.
    #[must_use]
    pub fn scope(&self) -> &FreezeScope {
        &self.scope
    }

    /// Returns the reason, which the model gets too.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the person who froze.
    #[must_use]
    pub fn by(&self) -> &ReviewerId {
        &self.by
    }

    /// Returns when it began.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Returns whether it stops a call.
    #[must_use]
    pub fn stops(&self, subject: &CallSubject) -> bool {
        self.scope.covers(subject)
    }
}
