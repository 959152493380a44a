//! Example calls, with which a rule is checked when the gate is built.

use std::sync::Arc;

use gate_core::call::{Message, RunInfo};
use gate_core::id::{AgentName, ApprovalId, Principal, Role};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::AnyPolicy;
use super::condition::RuleCondition;
use super::entry::{AnyExample, RuleEntry};
use crate::logic::context::CallContext;
use crate::logic::time_limit::TimeLimit;
use crate::logic::tool::Tool;
use crate::logic::tool::call::{AnyCall, AnyState, OtherTool};
use crate::provenance::{CallFacts, RunHistory, choices};

/// An example call for a rule, with its context.
///
/// A call by itself is an example: `.matches(IssueRefund { … })`. A rule's hours are only checked
/// if the example has a time: [`at`](Self::at).
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Pay.
/// # #[gated_tool(policy = "payments")] fn pay(amount_cents: u64) {}
/// #[policy]
/// fn payments(rules: Rules<Pay>) -> Rules<Pay> {
///     rules
///         .auto_approve("what the intern may")
///         .when(|call| call.context().agent() == "intern" && call.amount_cents < 100)
///         .matches(Example::of(Pay { amount_cents: 99 }).agent("intern"))
///         .not_matches(Pay { amount_cents: 99 })
///         .otherwise(ask(anyone()))
/// }
/// # let _ = payments();
/// ```
#[must_use]
pub struct Example<T: Tool> {
    call: T,
    info: RunInfo,
    history: Vec<Message>,
    at: Option<Timestamp>,
}

impl<T: Tool> Example<T> {
    /// Creates an example of a call by an agent named `agent`, without a principal.
    pub fn of(call: T) -> Self {
        let info = RunInfo::new("example", "agent");
        Self { call, info, history: Vec::new(), at: None }
    }

    /// Sets the agent that proposes the call.
    pub fn agent(mut self, name: impl Into<AgentName>) -> Self {
        self.info.set_agent(name);
        self
    }

    /// Sets the person for whom it runs.
    pub fn on_behalf_of(mut self, principal: impl Into<Principal>) -> Self {
        self.info.set_principal(Some(principal.into()));
        self
    }

    /// Sets the roles of the person for whom it runs.
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<Role>>) -> Self {
        self.info.set_roles(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the messages before the call.
    pub fn history(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.history = messages.into_iter().collect();
        self
    }

    /// Sets the time of the call.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.at = Some(now);
        self
    }
}

impl<T: Tool> Example<T> {
    pub(super) fn erased(self) -> AnyExample {
        let Self { call, info, history, at } = self;
        let call = move |context: Arc<CallContext>, state: &AnyState| {
            let (arguments, call) = call.write().map_err(|_| OtherTool)?;
            let (schema, today) =
                (T::descriptor(), context.now.to_zoned_datetime(TimeZone::UTC).date());
            let choices = Arc::new(choices(schema.input_schema()));
            context.asked.set_facts(|| CallFacts::new(T::NAME, arguments, choices, Some(today)));
            AnyCall::new(call, context, state)
        };
        AnyExample { call: Box::new(call), info, history, at }
    }
}

impl<T: Tool> From<T> for Example<T> {
    fn from(call: T) -> Self {
        Self::of(call)
    }
}

impl<T: Tool> std::fmt::Debug for Example<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Example({})", T::NAME)
    }
}

impl AnyPolicy {
    /// Evaluates all examples once. Returns the rules that do not behave as their examples require.
    pub(crate) async fn try_examples(
        &mut self,
        state: &AnyState,
        now: Timestamp,
        limit: &dyn TimeLimit,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        for entry in &mut self.entries {
            let examples = std::mem::take(&mut entry.examples);
            for (index, (example, is_match)) in examples.into_iter().enumerate() {
                if let Some(problem) = entry.try_example(example, is_match, state, now, limit).await
                {
                    let method = if is_match { "matches" } else { "not_matches" };
                    problems.push(format!(
                        "rule \"{}\", example {} (`.{method}(…)`): {problem}",
                        entry.name,
                        index + 1
                    ));
                }
            }
        }
        problems
    }
}

impl RuleEntry {
    async fn try_example(
        &self,
        example: AnyExample,
        is_match: bool,
        state: &AnyState,
        now: Timestamp,
        limit: &dyn TimeLimit,
    ) -> Option<String> {
        let AnyExample { call, info, history, at } = example;
        let context = CallContext {
            info: info.into(),
            call: "example".into(),
            approval: ApprovalId::new(),
            reasoning: None,
            history: RunHistory::new(history),
            now: at.unwrap_or(now),
            asked: Arc::default(),
        };
        let call = match call(context.into(), state) {
            Ok(call) => call,
            Err(other) => return Some(other.into()),
        };
        for condition in &self.conditions {
            if matches!(condition, RuleCondition::Hours(_)) && at.is_none() {
                continue;
            }
            match condition.look_later(&call, limit).await {
                Ok(true) => {}
                Ok(false) if is_match => {
                    return Some("the rule does not match it, but should".to_owned());
                }
                Ok(false) => return None,
                Err(error) => return Some(format!("the rule fails on it: {error}")),
            }
        }
        (!is_match).then(|| "the rule matches it, but should not".to_owned())
    }
}
