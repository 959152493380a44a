//! Tools without their types: what the engine calls by name.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::call::Call;
use super::descriptor::Descriptor;
use super::permit::Permit;
use super::policy::{Evaluation, Policy};
use super::schema::{Checker, Misfits, has_secrets};
use super::state::Provides;
use super::tool::{InState, Tool};
use crate::values::context::{CallContext, ToolCall};
use crate::values::id::AgentName;
use crate::values::json::{Misfit, ReadLimits, read};
use crate::values::outcome::ToolOutcome;
use crate::values::outline::PolicyOutline;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a tool's body gave back: for the record, and as it is.
pub(crate) struct Ran {
    pub(crate) outcome: ToolOutcome,
    pub(crate) output: Box<dyn Any + Send>,
}

/// The evaluations of all policies of a tool for one call.
pub(crate) enum Judging<'a> {
    Done(Vec<Evaluation>),
    Later(BoxFuture<'a, Vec<Evaluation>>),
}

/// A tool with its state, its policy, and the policies that agents have for it.
pub(crate) trait AnyTool: Send + Sync {
    fn policy(&self) -> &Arc<PolicyOutline>;
    fn agent_policies(&self) -> Vec<(AgentName, Arc<PolicyOutline>)>;
    /// Takes an agent's policy; `false` if it is for another tool or the agent has one.
    fn adopt(&mut self, agent: AgentName, policy: Box<dyn Any + Send + Sync>) -> bool;
    /// What is wrong with its policies.
    fn try_policies(&mut self, now: Timestamp) -> BoxFuture<'_, Vec<String>>;
    /// Judges a call by the tool's policy and the agent's.
    fn judge<'a>(&'a self, arguments: &Value, context: CallContext) -> Result<Judging<'a>, Misfit>;
    /// Makes the permit and runs the body. The engine calls it after `Dispatched` is on the record, and nobody else.
    fn run(&self, arguments: &Value, context: CallContext) -> Result<BoxFuture<'static, Ran>, Misfit>;
}

struct Typed<T: Tool> {
    state: Arc<dyn Provides<T::State>>,
    policy: Policy<T>,
    agents: BTreeMap<AgentName, Policy<T>>,
    read: fn(&Value) -> Result<T, serde_json::Error>,
}

impl<T: Tool> Typed<T> {
    fn arguments(&self, value: &Value) -> Result<T, Misfit> {
        // The schema fits, but the type does not take it: its words could hold a value, so they are left out.
        (self.read)(value).map_err(|_| {
            Misfit::new("", format!("the arguments fit the schema of `{}`, but its type refuses them", T::NAME))
        })
    }

    fn policies<'a>(&'a self, agent: &'a AgentName) -> impl Iterator<Item = (Option<&'a AgentName>, &'a Policy<T>)> {
        let own = self.agents.get_key_value(agent).map(|(agent, policy)| (Some(agent), policy));
        [(None, &self.policy)].into_iter().chain(own)
    }
}

impl<T: Tool> AnyTool for Typed<T> {
    fn policy(&self) -> &Arc<PolicyOutline> {
        self.policy.outline()
    }

    fn agent_policies(&self) -> Vec<(AgentName, Arc<PolicyOutline>)> {
        self.agents.iter().map(|(agent, policy)| (agent.clone(), Arc::clone(policy.outline()))).collect()
    }

    fn adopt(&mut self, agent: AgentName, policy: Box<dyn Any + Send + Sync>) -> bool {
        policy.downcast::<Policy<T>>().is_ok_and(|policy| self.agents.insert(agent, *policy).is_none())
    }

    fn try_policies(&mut self, now: Timestamp) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async move {
            let mut problems = Vec::new();
            let own = [(None, &mut self.policy)];
            let agents = self.agents.iter_mut().map(|(agent, policy)| (Some(agent), policy));
            for (agent, policy) in own.into_iter().chain(agents) {
                let whose = agent.map(|agent| format!(" of agent `{agent}`")).unwrap_or_default();
                let owner = format!("policy `{}`{whose} for `{}`", policy.outline().name(), T::NAME);
                let mut found = policy.problems().to_vec();
                found.extend(policy.try_examples(&self.state, now).await);
                problems.extend(found.into_iter().map(|problem| format!("{owner}: {problem}")));
            }
            problems
        })
    }

    fn judge<'a>(&'a self, arguments: &Value, context: CallContext) -> Result<Judging<'a>, Misfit> {
        let call = Call::new(self.arguments(arguments)?, context, Arc::clone(&self.state));
        if !self.policies(call.context().agent()).any(|(_, policy)| policy.waits()) {
            let all = self.policies(call.context().agent()).map(|(agent, policy)| policy.evaluate(&call, agent));
            return Ok(Judging::Done(all.collect()));
        }
        Ok(Judging::Later(Box::pin(async move {
            let mut all = Vec::new();
            for (agent, policy) in self.policies(call.context().agent()) {
                all.push(policy.evaluate_later(&call, agent).await);
            }
            all
        })))
    }

    fn run(&self, arguments: &Value, context: CallContext) -> Result<BoxFuture<'static, Ran>, Misfit> {
        let permit = Permit::new(self.arguments(arguments)?, context);
        let state = Arc::clone(&self.state);
        Ok(Box::pin(async move {
            let output = T::run(permit, (*state).provide()).await;
            Ran { outcome: T::outcome(&output), output: Box::new(output) }
        }))
    }
}

/// A tool bound to a gate's state: generated code makes it, the engine opens it.
pub struct BoundTool(pub(crate) Box<dyn AnyTool>);

impl BoundTool {
    /// Binds a tool to a state.
    #[must_use]
    pub fn of<T: InState<S>, S>(state: &Arc<S>) -> Self {
        let state = T::share(state);
        Self(Box::new(Typed::<T> { state, policy: T::policy(), agents: BTreeMap::new(), read: T::codec().read }))
    }
}

impl fmt::Debug for BoundTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundTool({})", self.0.policy().name())
    }
}

/// The descriptors of a registry's tools, ready to check calls against: made once.
pub struct Specs {
    descriptors: Vec<Descriptor>,
    specs: Vec<Spec>,
}

/// How the arguments of one tool are checked.
pub(crate) struct Spec {
    pub(crate) checker: Result<Checker, String>,
    pub(crate) has_secrets: bool,
}

impl Specs {
    /// Prepares descriptors.
    #[must_use]
    pub fn new(descriptors: Vec<Descriptor>) -> Self {
        let specs = descriptors.iter().map(|descriptor| Spec {
            checker: Checker::new(descriptor.input_schema()),
            has_secrets: has_secrets(descriptor.input_schema()),
        });
        Self { specs: specs.collect(), descriptors }
    }

    /// The descriptors, in the order of the registry.
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    pub(crate) fn get(&self, index: usize) -> Option<(&Descriptor, &Spec)> {
        Some((self.descriptors.get(index)?, self.specs.get(index)?))
    }

    /// Reads a call as the typed call of the tool at a place.
    ///
    /// # Errors
    /// Where the arguments do not fit.
    pub fn read<T: Tool>(&self, index: usize, call: &ToolCall) -> Result<T, Misfits> {
        let value = read(&call.arguments, DEFAULT_LIMITS)?;
        let unfit = |problem: &str| Misfits::from(Misfit::new("", problem));
        let (_, spec) = self.get(index).ok_or_else(|| unfit("no such tool"))?;
        spec.check(&value)?;
        (T::codec().read)(&value).map_err(|_| unfit("the arguments fit their schema, but their type refuses them"))
    }
}

impl Spec {
    pub(crate) fn check(&self, value: &Value) -> Result<(), Misfits> {
        if !value.is_object() {
            return Err(Misfit::new("", "expected an object with the arguments").into());
        }
        match &self.checker {
            Ok(checker) => checker.check(value),
            Err(problem) => Err(Misfit::new("", format!("its schema cannot be used: {problem}")).into()),
        }
    }
}

impl fmt::Debug for Specs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.descriptors.iter().map(Descriptor::name)).finish()
    }
}

/// How much JSON a call may hold, unless a gate says otherwise: 256 KiB, 64 deep.
pub(crate) const DEFAULT_LIMITS: ReadLimits = ReadLimits { bytes: 256 * 1024, depth: 64 };
