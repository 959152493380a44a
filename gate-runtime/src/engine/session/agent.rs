//! Agents, and their own policies.

use std::fmt;

use gate_core::id::AgentName;

use crate::logic::tool::Tool;
use crate::logic::tool::policy::{AnyPolicy, Policy};

/// An agent that a gate knows, with its own policies if it has any.
///
/// An agent's policy for a tool is evaluated together with the tool's policy. The strictest verdict
/// wins, so an agent's policy can only make it stricter.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)] fn delete_account(user_id: String) {}
/// let intern = Agent::new("intern").policy::<DeleteAccount>(always_deny());
/// assert_eq!(intern.name(), "intern");
/// ```
#[must_use]
pub struct Agent {
    pub(crate) name: AgentName,
    pub(crate) policies: Vec<(&'static str, AnyPolicy)>,
}

impl Agent {
    /// Creates an agent without policies of its own.
    pub fn new(name: impl Into<AgentName>) -> Self {
        Self { name: name.into(), policies: Vec::new() }
    }

    /// Adds the agent's policy for a tool, which applies together with the tool's own.
    pub fn policy<T: Tool>(mut self, policy: Policy<T>) -> Self {
        self.policies.push((T::NAME, policy.any));
        self
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &AgentName {
        &self.name
    }
}

impl<N: Into<AgentName>> From<N> for Agent {
    fn from(name: N) -> Self {
        Self::new(name)
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Agent({})", self.name)
    }
}
