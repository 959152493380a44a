//! The traits of the tools that `#[gated_tool]` makes from functions.

pub(crate) mod call;
pub(crate) mod codec;
pub(crate) mod describe;
pub(crate) mod permit;
pub(crate) mod policy;
pub(crate) mod reconcile;
pub(crate) mod state;
pub mod summary;

use std::sync::Arc;
use std::time::Duration;

use gate_core::call::{Annotations, Descriptor, ToolOutcome, ToolSummary};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::codec::{ArgumentList, MakeSchema};
use self::permit::Permit;
use self::policy::Policy;
use self::reconcile::ToolReconciler;
use self::state::SharedState;

/// A gated function. One value of the type is one call: its fields are the arguments.
///
/// Made by [`#[gated_tool]`](macro@crate::gated_tool); there is no need to write one by hand.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// /// Read one order.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn get_order(/** Like `A-1001`. */ order_id: String) -> String {
///     format!("order {order_id}: paid")
/// }
///
/// assert_eq!(GetOrder::NAME, "get_order");
/// assert_eq!(GetOrder::descriptor().description(), "Read one order.");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gated tool",
    label = "not a gated tool",
    note = "name the type that `#[gated_tool(policy = \"…\")]` makes of a function: `fn \
        issue_refund` makes `IssueRefund`"
)]
pub trait Tool: Sized + Send + Sync + 'static {
    /// The state that the function takes as `#[state]`; `()` if it takes none.
    type State: 'static;

    /// The value that the function returns.
    type Output: Send + 'static;

    /// The name that a model uses.
    const NAME: &'static str;

    /// The description of the tool in the attribute and the doc comments.
    #[doc(hidden)]
    const ABOUT: ToolMetadata;

    /// The policy that the attribute names.
    fn policy() -> Policy<Self>;

    /// Returns the sentence that describes what a call would do.
    #[doc(hidden)]
    #[must_use]
    fn summary() -> Option<ToolSummary> {
        None
    }

    /// Lists the arguments, for the schema.
    #[doc(hidden)]
    fn arguments(into: &mut ArgumentList);

    /// Reads a call from JSON that fits the schema.
    #[doc(hidden)]
    fn read(from: &Value) -> Result<Self, serde_json::Error>;

    /// Writes the call as JSON, and returns both.
    #[doc(hidden)]
    fn write(self) -> Result<(Value, Self), serde_json::Error>;

    /// Returns the call as JSON.
    #[doc(hidden)]
    fn into_json(self) -> Result<Value, serde_json::Error> {
        self.write().map(|(json, _)| json)
    }

    /// Returns the outcome, for the model and the record, of the function's return value.
    #[doc(hidden)]
    fn outcome(output: &Self::Output) -> ToolOutcome;

    /// The function that finds out whether a call with an unknown outcome took effect.
    #[doc(hidden)]
    const RECONCILER: Option<ToolReconciler> = None;

    /// Runs the body. Only the engine has a [`Permit`].
    fn run(permit: Permit<Self>, state: &Self::State) -> impl Future<Output = Self::Output> + Send;

    /// Describes the tool for a model.
    #[must_use]
    fn descriptor() -> Descriptor {
        let mut arguments = ArgumentList::default();
        Self::arguments(&mut arguments);
        describe::describe(Self::NAME, &Self::ABOUT, &arguments, Self::summary())
    }
}

/// A tool that works in a gate with the state `S`: its own state is `()`, or a part that `S`
/// [provides](crate::tool::Provides).
///
/// ```
/// use gate_runtime::tool::InState;
/// use gate_runtime::prelude::*;
/// use std::sync::Arc;
///
/// pub struct Billing {
///     currency: &'static str,
/// }
/// pub struct App {
///     billing: Billing,
/// }
///
/// impl Provides<Billing> for App {
///     fn provide(&self) -> &Billing {
///         &self.billing
///     }
/// }
///
/// /// Refund the customer.
/// #[gated_tool(policy = "always_ask")]
/// fn refund(#[state] billing: &Billing, cents: u64) -> String {
///     format!("{cents} {}", billing.currency)
/// }
///
/// // In a gate with an `App`, the tool gets its `Billing`.
/// let part =
///     <Refund as InState<App>>::share(&Arc::new(App { billing: Billing { currency: "CHF" } }));
/// assert_eq!((*part).provide().currency, "CHF");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gated tool",
    label = "not a gated tool",
    note = "name the type that `#[gated_tool(policy = \"…\")]` makes of a function: `fn \
        issue_refund` makes `IssueRefund`"
)]
pub trait InState<S>: Tool {
    /// Returns the tool's part of the state.
    fn share(state: &Arc<S>) -> SharedState<Self::State>
    where
        S: Send + Sync;
}

/// The description of a tool in its attribute and its doc comments.
#[derive(Clone, Copy, Debug)]
pub struct ToolMetadata {
    /// A title for people.
    pub title: Option<&'static str>,
    /// The description of what it does, for the model.
    pub description: &'static str,
    /// Hints.
    pub annotations: Annotations,
    /// The time that its body may take.
    pub timeout: Option<Duration>,
    /// True if people are asked what to do when its body fails.
    pub asks_on_error: bool,
    /// The schema of its return value, if the type has one.
    pub output: fn() -> Option<MakeSchema>,
    /// The function as tokens, so that a changed body is noticed.
    pub source: &'static str,
    /// True if many calls may borrow the state at once. A tool whose state is not `Sync` never
    /// runs.
    pub is_state_sync: bool,
}

/// A value that a tool may take: any type that serialises, deserialises and has a schema.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// pub enum Priority { Low, High }
///
/// /// Open a ticket.
/// #[gated_tool(policy = "never_ask")]
/// fn open_ticket(text: String, priority: Priority) -> String {
///     # let _ = priority;
///     text
/// }
///
/// let descriptor = OpenTicket::descriptor();
/// assert_eq!(
///     descriptor.input_schema()["$defs"]["Priority"]["enum"],
///     serde_json::json!(["Low", "High"])
/// );
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a tool argument",
    label = "not a tool argument",
    note = "add `#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]` to `{Self}`"
)]
pub trait ToolArg: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static> ToolArg for T {}

/// Checks at a type's own span that it can be an argument. Called by generated code.
pub const fn is_argument<T: ToolArg>() {}

/// An argument with attributes: a struct with it as its only field. Implemented by generated code.
pub trait ArgumentPart: Serialize + DeserializeOwned + JsonSchema {}
