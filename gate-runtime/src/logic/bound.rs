//! Tools without their types: what the engine calls by name.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::Arc;

use gate_core::assessment::PolicyOutline;
use gate_core::call::{Descriptor, ToolCall, ToolOutcome};
use gate_core::id::AgentName;
use gate_core::text::{ReadLimits, SchemaError, read};
use jiff::Timestamp;
use serde_json::Value;

use super::bounded::TimeLimit;
use super::context::CallContext;
use super::schema::{Checker, SchemaErrors, has_secrets};
use super::tool::call::{AnyCall, AnyState, part};
use super::tool::permit::Permit;
use super::tool::policy::{AnyPolicy, Evaluation};
use super::tool::reconcile::{ReconcileOutcome, Reconciler};
use super::tool::{InState, Tool};

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

/// A tool with its state, its policy, and the policies that agents have for it: generated code makes it, the engine uses it.
pub struct BoundTool {
    name: &'static str,
    of: TypeId,
    state: Box<AnyState>,
    policy: AnyPolicy,
    agents: BTreeMap<AgentName, AnyPolicy>,
    call: fn(&Value, Arc<CallContext>, &AnyState) -> Result<AnyCall, Unread>,
    run: fn(&Value, CallContext, &AnyState) -> Result<BoxFuture<'static, Ran>, Unread>,
    reconciler: Option<Reconciler>,
}

/// The schema fits, but the type does not take it. Its words could hold a value, so they are left out.
struct Unread;

impl<T: Display> From<T> for Unread {
    fn from(_: T) -> Self {
        Self
    }
}

/// Reads a call for the rules.
fn call_of<T: Tool>(value: &Value, context: Arc<CallContext>, state: &AnyState) -> Result<AnyCall, Unread> {
    match T::read(value) {
        Ok(arguments) => AnyCall::new(arguments, context, state).map_err(Unread::from),
        Err(error) => Err(error.into()),
    }
}

/// Reads a call, makes the permit and runs the body.
fn run_of<T: Tool>(value: &Value, context: CallContext, state: &AnyState) -> Result<BoxFuture<'static, Ran>, Unread> {
    let state = Arc::clone(part::<T>(state)?);
    let permit = Permit::new(T::read(value)?, context);
    Ok(Box::pin(async move {
        let output = T::run(permit, (*state).provide()).await;
        Ran { outcome: T::outcome(&output), output: Box::new(output) }
    }))
}

impl BoundTool {
    /// Binds a tool to a state.
    #[must_use]
    pub fn of<T: InState<S>, S>(state: &Arc<S>) -> Self {
        Self {
            name: T::NAME,
            of: TypeId::of::<T>(),
            state: Box::new(T::share(state)),
            policy: T::policy().any,
            agents: BTreeMap::new(),
            call: call_of::<T>,
            run: run_of::<T>,
            reconciler: T::RECONCILER,
        }
    }

    fn unread(&self, _: Unread) -> SchemaError {
        SchemaError::new("", format!("the arguments fit the schema of `{}`, but its type refuses them", self.name))
    }

    fn policies<'a>(&'a self, agent: &'a AgentName) -> impl Iterator<Item = (Option<&'a AgentName>, &'a AnyPolicy)> {
        let own = self.agents.get_key_value(agent).map(|(agent, policy)| (Some(agent), policy));
        [(None, &self.policy)].into_iter().chain(own)
    }

    pub(crate) fn policy(&self) -> &Arc<PolicyOutline> {
        self.policy.outline()
    }

    pub(crate) fn agent_policies(&self) -> Vec<(AgentName, Arc<PolicyOutline>)> {
        self.agents.iter().map(|(agent, policy)| (agent.clone(), Arc::clone(policy.outline()))).collect()
    }

    /// Takes an agent's policy; `false` if it is for another tool or the agent has one.
    pub(crate) fn adopt(&mut self, agent: AgentName, policy: AnyPolicy) -> bool {
        policy.is_of(self.of) && self.agents.insert(agent, policy).is_none()
    }

    /// What is wrong with its policies.
    pub(crate) async fn try_policies(&mut self, now: Timestamp, limit: &dyn TimeLimit) -> Vec<String> {
        let mut problems = Vec::new();
        let own = [(None, &mut self.policy)];
        let agents = self.agents.iter_mut().map(|(agent, policy)| (Some(agent), policy));
        for (agent, policy) in own.into_iter().chain(agents) {
            let whose = agent.map(|agent| format!(" of agent `{agent}`")).unwrap_or_default();
            let owner = format!("policy `{}`{whose} for `{}`", policy.outline().name(), self.name);
            let mut found = policy.problems().to_vec();
            found.extend(policy.try_examples(&*self.state, now, limit).await);
            problems.extend(found.into_iter().map(|problem| format!("{owner}: {problem}")));
        }
        problems
    }

    /// Judges a call by the tool's policy and the agent's. A rule that waits may take as long as the limit says.
    pub(crate) fn judge<'a>(
        &'a self,
        arguments: &Value,
        context: CallContext,
        limit: &'a dyn TimeLimit,
    ) -> Result<Judging<'a>, SchemaError> {
        let call = (self.call)(arguments, Arc::new(context), &*self.state).map_err(|unread| self.unread(unread))?;
        if !self.policies(call.context().agent()).any(|(_, policy)| policy.waits()) {
            let all = self.policies(call.context().agent()).map(|(agent, policy)| policy.evaluate(&call, agent));
            return Ok(Judging::Done(all.collect()));
        }
        Ok(Judging::Later(Box::pin(async move {
            let mut all = Vec::new();
            for (agent, policy) in self.policies(call.context().agent()) {
                all.push(policy.evaluate_later(&call, agent, limit).await);
            }
            all
        })))
    }

    /// Asks its reconciler whether a call happened; `None` where it has none, or it cannot be asked about such a call.
    pub(crate) fn reconcile(
        &self,
        arguments: &Value,
        context: CallContext,
    ) -> Option<BoxFuture<'static, ReconcileOutcome<ToolOutcome>>> {
        self.reconciler?.ask(arguments, Arc::new(context), &*self.state)
    }

    /// Makes the permit and runs the body. The engine calls it after `Dispatched` is on the record, and nobody else.
    pub(crate) fn run(&self, arguments: &Value, context: CallContext) -> Result<BoxFuture<'static, Ran>, SchemaError> {
        (self.run)(arguments, context, &*self.state).map_err(|unread| self.unread(unread))
    }
}

impl fmt::Debug for BoundTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundTool({})", self.name)
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
        Self { specs: descriptors.iter().map(Spec::of).collect(), descriptors }
    }

    /// The descriptors, in the order of the registry.
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    pub(crate) fn get(&self, index: usize) -> Option<(&Descriptor, &Spec)> {
        Some((self.descriptors.get(index)?, self.specs.get(index)?))
    }

    /// Reads a call of the tool at a place, and checks it against its schema.
    pub(crate) fn read(&self, index: usize, call: &ToolCall) -> Result<Value, SchemaErrors> {
        let value = read(call.arguments(), DEFAULT_LIMITS)?;
        let (_, spec) = self.get(index).ok_or_else(|| SchemaErrors::from(SchemaError::new("", "no such tool")))?;
        spec.check(&value)?;
        Ok(value)
    }
}

impl Spec {
    pub(crate) fn of(descriptor: &Descriptor) -> Self {
        let schema = descriptor.input_schema();
        let checker = if descriptor.is_remote() { Checker::of_foreign(schema) } else { Checker::new(schema) };
        Self { checker, has_secrets: has_secrets(schema) }
    }

    pub(crate) fn check(&self, value: &Value) -> Result<(), SchemaErrors> {
        if !value.is_object() {
            return Err(SchemaError::new("", "expected an object with the arguments").into());
        }
        match &self.checker {
            Ok(checker) => checker.check(value),
            Err(problem) => Err(SchemaError::new("", format!("its schema cannot be used: {problem}")).into()),
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
