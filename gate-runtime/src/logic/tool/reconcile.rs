//! Reconcilers: functions of a tool that find out whether a call took effect.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use gate_core::call::ToolOutcome;
use serde_json::Value;

use super::Tool;
use super::call::{AnyCall, AnyState, Call, read_exact};
use crate::logic::context::CallContext;
use crate::logic::tool_spec::ToolSpec;

/// The answer of a tool's reconciler: whether a call with an unknown outcome took effect.
///
/// ```
/// use gate_runtime::prelude::*;
/// # #[derive(Default)] pub struct Billing { refunds: std::collections::BTreeMap<String, u64> }
///
/// /// Issue a refund.
/// #[gated_tool(policy = "always_ask", reconcile = "was_refunded")]
/// fn issue_refund(
///     #[state] billing: &Billing,
///     #[context] context: &CallContext,
///     order_id: String,
/// ) -> u64 {
///     // The payment provider keeps the key with the refund.
///     # let _ = billing;
///     let key = context.idempotency_key();
///     # let _ = (key, order_id);
///     2_400
/// }
///
/// async fn was_refunded(call: Call<IssueRefund>) -> ReconcileOutcome<u64> {
///     match call.state().refunds.get(&call.context().idempotency_key()) {
///         Some(cents) => ReconcileOutcome::Yes(*cents),
///         None => ReconcileOutcome::No,
///     }
/// }
/// # registry! { pub Tools for Billing { IssueRefund } }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconcileOutcome<T> {
    /// The call took effect, and returned this value.
    Yes(T),
    /// The call took no effect, and will not take effect: the approved call may run, once. If the
    /// earlier attempt could still take effect, like a request in progress, return
    /// [`Unknown`](Self::Unknown), or make the other system refuse it first.
    No,
    /// It is unknown, and a person has to find out.
    Unknown,
}

impl<T> ReconcileOutcome<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> ReconcileOutcome<U> {
        match self {
            Self::Yes(value) => ReconcileOutcome::Yes(change(value)),
            Self::No => ReconcileOutcome::No,
            Self::Unknown => ReconcileOutcome::Unknown,
        }
    }
}

type ReconcileFuture<T> = Pin<Box<dyn Future<Output = ReconcileOutcome<T>> + Send>>;

/// A tool that can find out whether one of its calls took effect.
pub trait ReconcilableTool: Tool {
    /// Finds out whether a call took effect.
    fn happened(call: Call<Self>) -> ReconcileFuture<Self::Output>;
}

/// The reconciler of a [`ReconcilableTool`], without its type.
#[derive(Clone, Copy)]
pub struct ToolReconciler(FindOut);

type FindOut =
    fn(&Value, &ToolSpec, Arc<CallContext>, &AnyState) -> Option<ReconcileFuture<ToolOutcome>>;

impl ToolReconciler {
    /// Returns the reconciler of a tool.
    #[must_use]
    pub const fn of<T: ReconcilableTool>() -> Self {
        Self(find_out::<T>)
    }

    /// Asks the reconciler. Returns `None` if it cannot be asked about this call.
    pub(crate) fn ask(
        self,
        arguments: &Value,
        spec: &ToolSpec,
        context: Arc<CallContext>,
        state: &AnyState,
    ) -> Option<ReconcileFuture<ToolOutcome>> {
        (self.0)(arguments, spec, context, state)
    }
}

fn find_out<T: ReconcilableTool>(
    arguments: &Value,
    spec: &ToolSpec,
    context: Arc<CallContext>,
    state: &AnyState,
) -> Option<ReconcileFuture<ToolOutcome>> {
    let call = AnyCall::new(read_exact::<T>(arguments, spec).ok()?, context, state).ok()?;
    let call = call.typed::<T>().ok()?.clone();
    Some(Box::pin(async move { T::happened(call).await.map(|output| T::outcome(&output)) }))
}

impl fmt::Debug for ToolReconciler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolReconciler")
    }
}
