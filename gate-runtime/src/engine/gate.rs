//! A gate with the type of its tools.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::id::RunId;

use super::any_gate::AnyGate;
use super::error::RunError;
use super::execution::current_body::CurrentBody;
use super::kernel::EngineCore;
use super::session::run::Run;
use super::session::run_session::{RunSession, check_agent};
use super::session::run_state::RunState;
use crate::logic::registry::Registry;

/// A gate, built from tools, policies, people and a store. Clones share everything.
///
/// `R` is the [registry](crate::registry!) of its tools. Its background work (deadlines) runs on
/// the tokio runtime in which it is used, and ends with the last clone. Methods that do not depend
/// on its tools are in [`AnyGate`].
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask")]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let order = get_order(&gate.run("run-42"), "A-1001".into()).await?;
/// assert_eq!(order, "A-1001: paid");
/// # Ok(()) }
/// ```
pub struct Gate<R: Registry> {
    any: AnyGate,
    registry: PhantomData<fn() -> R>,
}

impl<R: Registry> Gate<R> {
    pub(crate) fn assembled(core: Arc<EngineCore>) -> Self {
        Self { any: AnyGate { core }, registry: PhantomData }
    }

    /// Returns a run of an agent. Every record of the run has this id, and call ids are unique
    /// within it. The id must not contain `>`, which separates the ids of [nested
    /// runs](Run::child).
    #[must_use]
    pub fn run(&self, id: impl Into<RunId>) -> Run<R> {
        let id = id.into();
        let nested =
            CurrentBody::of(&self.core).and_then(|current_body| current_body.nested(id.as_str()));
        let session = nested.unwrap_or_else(|| Arc::new(RunSession::begin(&self.core, id)));
        Run::of(Arc::clone(&self.core), session)
    }

    /// Resumes a run from its state. [`Run::proceed`] then runs the calls that were approved, and
    /// lists those that still wait.
    ///
    /// A call that the store knows keeps the state that it has in the store. A call that the store
    /// does not know is imported from the saved state. An imported approval lets nothing run:
    /// people are asked about the call again, because it may already have run elsewhere.
    ///
    /// # Errors
    /// Returns [`RunError::State`] for a state that was changed, or was written with another key or
    /// by a newer version, [`RunError::UnknownAgent`] if this gate does not know the agent, and
    /// [`RunError::Store`] if the store does not answer. Nothing is imported in these cases.
    pub async fn resume(&self, state: RunState) -> Result<Run<R>, RunError> {
        let core = &self.core;
        let body = state.read(&core.key).or_else(|error| {
            let mut earlier = core.earlier_keys.iter();
            earlier.find_map(|key| state.read(key).ok()).ok_or(error)
        })?;
        for run in body.family() {
            check_agent(core, run.info.agent())?;
        }
        for approval in body.family().into_iter().flat_map(|run| &run.approvals) {
            core.import(approval.clone()).await?;
        }
        let ids =
            body.family().into_iter().flat_map(|run| &run.approvals).map(Approval::id).collect();
        let stored_approvals = core.load_all(ids).await?;
        Ok(Run::of(Arc::clone(core), Arc::new(RunSession::resumed(core, body, &stored_approvals))))
    }
}

impl<R: Registry> Deref for Gate<R> {
    type Target = AnyGate;

    fn deref(&self) -> &AnyGate {
        &self.any
    }
}

impl<R: Registry> From<Gate<R>> for AnyGate {
    fn from(gate: Gate<R>) -> Self {
        gate.any
    }
}

impl<R: Registry> Clone for Gate<R> {
    fn clone(&self) -> Self {
        Self { any: self.any.clone(), registry: PhantomData }
    }
}

impl<R: Registry> fmt::Debug for Gate<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.any, f)
    }
}
