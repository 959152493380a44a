//! Tools without their types, which the engine calls by name.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use gate_core::assessment::PolicyView;
use gate_core::call::ToolOutcome;
use gate_core::id::AgentName;
use gate_core::text::SchemaError;
use jiff::Timestamp;
use serde_json::Value;

use super::context::CallContext;
use super::time_limit::TimeLimit;
use super::tool::call::{AnyCall, AnyState, UnreadableArguments, part, read_exact};
use super::tool::permit::Permit;
use super::tool::policy::{AnyPolicy, PolicyEvaluation};
use super::tool::reconcile::{ReconcileOutcome, ToolReconciler};
use super::tool::{InState, Tool};
use super::tool_spec::ToolSpec;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The result of a tool's body: the outcome for the record, and the value itself.
pub(crate) struct BodyResult {
    pub(crate) outcome: ToolOutcome,
    pub(crate) output: Box<dyn Any + Send>,
}

type RunOf = fn(
    &Value,
    &ToolSpec,
    CallContext,
    &AnyState,
) -> Result<BoxFuture<'static, BodyResult>, UnreadableArguments>;

/// The evaluations of all policies of a tool for one call.
pub(crate) enum MaybeEvaluated<'a> {
    Done(Vec<PolicyEvaluation>),
    Pending(BoxFuture<'a, Result<Vec<PolicyEvaluation>, SchemaError>>),
}

/// A tool with its state, its policy, and the policies that agents have for it. Generated code
/// creates it, and the engine uses it.
pub struct ErasedTool {
    name: &'static str,
    of: TypeId,
    is_state_sync: bool,
    state: Box<AnyState>,
    policy: AnyPolicy,
    agents: BTreeMap<AgentName, AnyPolicy>,
    call: fn(&Value, Arc<CallContext>, &AnyState) -> Result<AnyCall, UnreadableArguments>,
    written: fn(AnyCall) -> Result<Option<Value>, UnreadableArguments>,
    run: RunOf,
    reconciler: Option<ToolReconciler>,
}

/// Reads a call for the rules.
fn call_of<T: Tool>(
    value: &Value,
    context: Arc<CallContext>,
    state: &AnyState,
) -> Result<AnyCall, UnreadableArguments> {
    match T::read(value) {
        Ok(arguments) => AnyCall::new(arguments, context, state).map_err(UnreadableArguments::from),
        Err(error) => Err(error.into()),
    }
}

/// Serializes the call after the rules have seen it; `None` if one of them kept it.
fn written_of<T: Tool>(call: AnyCall) -> Result<Option<Value>, UnreadableArguments> {
    match call.into_arguments::<T>()? {
        Some(arguments) => Ok(Some(arguments.write()?.0)),
        None => Ok(None),
    }
}

/// Reads a call, creates the permit and runs the body.
fn run_of<T: Tool>(
    value: &Value,
    spec: &ToolSpec,
    context: CallContext,
    state: &AnyState,
) -> Result<BoxFuture<'static, BodyResult>, UnreadableArguments> {
    let state = Arc::clone(part::<T>(state)?);
    let permit = Permit::new(read_exact::<T>(value, spec)?, context);
    Ok(Box::pin(async move {
        // A separate statement, because a part that is held while the body waits would have to be
        // `Sync` here, too.
        let body = T::run(permit, (*state).provide());
        let output = body.await;
        BodyResult { outcome: T::outcome(&output), output: Box::new(output) }
    }))
}

impl ErasedTool {
    /// Binds a tool to a state.
    #[must_use]
    pub fn of<T: InState<S>, S: Send + Sync>(state: &Arc<S>) -> Self {
        Self {
            name: T::NAME,
            of: TypeId::of::<T>(),
            is_state_sync: T::ABOUT.is_state_sync,
            state: Box::new(T::share(state)),
            policy: T::policy().any,
            agents: BTreeMap::new(),
            call: call_of::<T>,
            written: written_of::<T>,
            run: run_of::<T>,
            reconciler: T::RECONCILER,
        }
    }

    /// Returns the error that the arguments that would run are unknown.
    fn unread(&self, _: UnreadableArguments) -> SchemaError {
        let problem = format!(
            "`{}` reads the same arguments as another value each time: nothing runs",
            self.name
        );
        SchemaError::new("", problem)
    }

    /// Checks that the rules were given exactly these arguments, and did not change them.
    fn check_unchanged(
        &self,
        call: AnyCall,
        spec: &ToolSpec,
        arguments: &Value,
    ) -> Result<(), SchemaError> {
        if spec.is_plain {
            return Ok(());
        }
        let written = (self.written)(call).map_err(|unread| self.unread(unread))?;
        if written.is_none_or(|written| spec.writes(written, arguments)) {
            return Ok(());
        }
        let problem = "what the rules looked at is not what would run, or one of them changed it: \
            nothing runs";
        Err(SchemaError::new("", problem))
    }

    fn policies<'a>(
        &'a self,
        agent: &'a AgentName,
    ) -> impl Iterator<Item = (Option<&'a AgentName>, &'a AnyPolicy)> {
        let own = self.agents.get_key_value(agent).map(|(agent, policy)| (Some(agent), policy));
        [(None, &self.policy)].into_iter().chain(own)
    }

    pub(crate) fn is_state_sync(&self) -> bool {
        self.is_state_sync
    }

    pub(crate) fn policy(&self) -> &Arc<PolicyView> {
        self.policy.view()
    }

    pub(crate) fn agent_policies(&self) -> Vec<(AgentName, Arc<PolicyView>)> {
        self.agents
            .iter()
            .map(|(agent, policy)| (agent.clone(), Arc::clone(policy.view())))
            .collect()
    }

    /// Adds an agent's policy. Returns `false` if it is for another tool or the agent has one.
    pub(crate) fn adopt(&mut self, agent: AgentName, policy: AnyPolicy) -> bool {
        policy.is_of(self.of) && self.agents.insert(agent, policy).is_none()
    }

    /// Evaluates the examples of its policies, and returns the problems.
    pub(crate) async fn try_policies(
        &mut self,
        now: Timestamp,
        limit: &dyn TimeLimit,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let own = [(None, &mut self.policy)];
        let agents = self.agents.iter_mut().map(|(agent, policy)| (Some(agent), policy));
        for (agent, policy) in own.into_iter().chain(agents) {
            let whose = agent.map(|agent| format!(" of agent `{agent}`")).unwrap_or_default();
            let owner = format!("policy `{}`{whose} for `{}`", policy.view().name(), self.name);
            let mut found = policy.problems().to_vec();
            found.extend(policy.try_examples(&*self.state, now, limit).await);
            problems.extend(found.into_iter().map(|problem| format!("{owner}: {problem}")));
        }
        problems
    }

    /// Evaluates a call by the tool's policy and the agent's. An async rule may take as long as the
    /// limit allows.
    pub(crate) fn judge<'a>(
        &'a self,
        arguments: &'a Value,
        spec: &'a ToolSpec,
        context: CallContext,
        limit: &'a dyn TimeLimit,
    ) -> Result<MaybeEvaluated<'a>, SchemaError> {
        let call = (self.call)(arguments, Arc::new(context), &*self.state)
            .map_err(|unread| self.unread(unread))?;
        if !self.policies(call.context().agent()).any(|(_, policy)| policy.waits()) {
            let all = self
                .policies(call.context().agent())
                .map(|(agent, policy)| policy.evaluate(&call, agent));
            let all = all.collect();
            self.check_unchanged(call, spec, arguments)?;
            return Ok(MaybeEvaluated::Done(all));
        }
        Ok(MaybeEvaluated::Pending(Box::pin(async move {
            let mut all = Vec::new();
            for (agent, policy) in self.policies(call.context().agent()) {
                all.push(policy.evaluate_later(&call, agent, limit).await);
            }
            self.check_unchanged(call, spec, arguments)?;
            Ok(all)
        })))
    }

    /// Asks its reconciler whether a call took effect. Returns `None` if it has no reconciler, or
    /// if the reconciler cannot be asked about this call.
    pub(crate) fn reconcile(
        &self,
        arguments: &Value,
        spec: &ToolSpec,
        context: CallContext,
    ) -> Option<BoxFuture<'static, ReconcileOutcome<ToolOutcome>>> {
        self.reconciler?.ask(arguments, spec, Arc::new(context), &*self.state)
    }

    /// Creates the permit and runs the body. Only the engine calls this, after `Dispatched` is
    /// recorded.
    pub(crate) fn run(
        &self,
        arguments: &Value,
        spec: &ToolSpec,
        context: CallContext,
    ) -> Result<BoxFuture<'static, BodyResult>, SchemaError> {
        (self.run)(arguments, spec, context, &*self.state).map_err(|unread| self.unread(unread))
    }
}

impl fmt::Debug for ErasedTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErasedTool({})", self.name)
    }
}
