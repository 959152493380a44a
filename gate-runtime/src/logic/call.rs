//! A proposed call as rules see it: typed.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::state::Provides;
use super::tool::Tool;
use crate::values::context::CallContext;

/// One proposed call: its arguments as typed fields (by `Deref`), its [`context`](Self::context) and the tool's
/// [`state`](Self::state).
///
/// Rules are closures over it. It cannot run anything. `Debug` prints no arguments. Cloning is cheap.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// /// Small refunds go through.
/// #[policy]
/// fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
///     rules
///         .auto_approve("under $50, for the customer themselves")
///             .when(|call| call.amount_cents < 5_000)
///             .when(|call| call.context().on_behalf_of().is_some_and(|who| *who == call.customer_id.as_str()))
///         .otherwise(ask(anyone()))
/// }
///
/// /// Issue a refund.
/// #[gated_tool(policy = "refunds")]
/// fn issue_refund(customer_id: String, amount_cents: u64) -> String {
///     format!("{amount_cents} to {customer_id}")
/// }
/// ```
pub struct Call<T: Tool> {
    proposed: Arc<Proposed<T>>,
    state: Arc<dyn Provides<T::State>>,
}

struct Proposed<T> {
    arguments: T,
    context: CallContext,
}

impl<T: Tool> Call<T> {
    pub(crate) fn new(arguments: T, context: CallContext, state: Arc<dyn Provides<T::State>>) -> Self {
        Self { proposed: Arc::new(Proposed { arguments, context }), state }
    }

    /// Who proposes it, for whom, in which run, after what was said, and when.
    #[must_use]
    pub fn context(&self) -> &CallContext {
        &self.proposed.context
    }

    /// The tool's state: the part of the gate's state that its function takes.
    #[must_use]
    pub fn state(&self) -> &T::State {
        (*self.state).provide()
    }
}

impl<T: Tool> Deref for Call<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.proposed.arguments
    }
}

impl<T: Tool> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self { proposed: Arc::clone(&self.proposed), state: Arc::clone(&self.state) }
    }
}

impl<T: Tool> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {} of {})", T::NAME, self.context().call, self.context().info.run)
    }
}
