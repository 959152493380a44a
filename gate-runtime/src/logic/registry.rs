//! The compile-time checked set of tools.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, OnceLock};

use gate_core::call::{Descriptor, ToolCall};
use gate_core::text::{SchemaError, english};
use serde_json::Value;

use super::erased_tool::ErasedTool;
use super::schema::SchemaErrors;
use super::tool::codec::ArgumentList;
use super::tool::describe::written_schema;
use super::tool::policy::AnyPolicy;
use super::tool::state::GateState;
use super::tool::{InState, Tool};
use super::tool_spec::{ArgumentCodec, ToolSpecs};

/// A set of tools that a gate offers. Made by [`registry!`](macro@crate::registry).
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { order_id }
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)] fn delete_account(user_id: String) {}
/// registry! {
///     /// Everything the support agent may call.
///     pub SupportTools for () { GetOrder, DeleteAccount }
/// }
///
/// assert_eq!(SupportTools::NAMES, ["get_order", "delete_account"]);
/// assert_eq!(SupportTools::descriptors().len(), 2);
/// match SupportTools::parse(&ToolCall::new("call_1", "get_order", r#"{"order_id":"A-1"}"#))
///     .unwrap()
/// {
///     SupportToolsCall::GetOrder(call) => assert_eq!(call.order_id, "A-1"),
///     SupportToolsCall::DeleteAccount(_) => panic!("another tool"),
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a registry of tools",
    label = "not a registry",
    note = "make one with `registry! {{ pub {Self} for YourState {{ Tool, … }} }}`"
)]
pub trait Registry: Sized + 'static {
    /// The state of a gate that offers these tools.
    type State: GateState;

    /// Any call of these tools, typed: an enum for exhaustive matches.
    type Call;

    /// The names of the tools, in the order in which they were listed.
    const NAMES: &'static [&'static str];

    /// The tools.
    #[doc(hidden)]
    const TOOLS: &'static [ListedTool<Self>];

    /// The descriptors, ready to check calls against; made once.
    #[doc(hidden)]
    fn specs() -> &'static ToolSpecs;

    /// Parses a model's call as a typed call. It runs nothing and asks nobody.
    ///
    /// # Errors
    /// Returns an error if the tool is unknown or the arguments do not fit, with the place of each
    /// problem.
    fn parse(call: &ToolCall) -> Result<Self::Call, SchemaErrors> {
        let known = Self::TOOLS.iter().zip(0..).find(|(tool, _)| *call.tool() == tool.name);
        let Some((tool, index)) = known else {
            return Err(
                SchemaError::new("", unknown_tool(call.tool().as_str(), Self::NAMES)).into()
            );
        };
        let value = Self::specs().read(index, call)?;
        let unread = |_| {
            SchemaError::new("", "the arguments fit their schema, but their type refuses them")
                .into()
        };
        (tool.read)(&value).map_err(unread)
    }

    /// Returns the descriptions of the tools for a model, from which every dialect is made.
    #[must_use]
    fn descriptors() -> &'static [Descriptor] {
        Self::specs().descriptors()
    }

    /// Returns the section of a system prompt that explains to the model which tools ask a person,
    /// that it should just call them, and that a rejection is final.
    #[must_use]
    fn instructions() -> String {
        let policies = Self::TOOLS.iter().map(|tool| Arc::clone((tool.policy)().view()));
        let policies: Vec<_> = policies.collect();
        super::instructions::write(Self::NAMES, &policies)
    }
}

/// A tool in a registry, without its type.
pub struct ListedTool<R: Registry> {
    name: &'static str,
    descriptor: fn() -> Descriptor,
    policy: fn() -> AnyPolicy,
    bind: fn(&Arc<R::State>) -> ErasedTool,
    read: fn(&Value) -> Result<R::Call, serde_json::Error>,
    codec: ArgumentCodec,
}

impl<R: Registry> ListedTool<R> {
    /// Creates the entry of a tool. This is the only place where a registry has bounds on a tool's
    /// type.
    #[must_use]
    pub const fn of<T: InState<R::State>>() -> Self
    where
        R::Call: From<T>,
    {
        Self {
            name: T::NAME,
            descriptor: T::descriptor,
            policy: policy_of::<T>,
            bind: ErasedTool::of::<T, R::State>,
            read: read_as::<T, R::Call>,
            codec: ArgumentCodec {
                written_schema: written_schema_of::<T>,
                is_plain: is_plain::<T>,
                optional: optional::<T>,
                rewrite: rewrite::<T>,
            },
        }
    }

    pub(crate) fn bind(&self, state: &Arc<R::State>) -> ErasedTool {
        (self.bind)(state)
    }
}

fn policy_of<T: Tool>() -> AnyPolicy {
    T::policy().any
}

fn read_as<T: Tool, C: From<T>>(value: &Value) -> Result<C, serde_json::Error> {
    match T::read(value) {
        Ok(call) => Ok(C::from(call)),
        Err(error) => Err(error),
    }
}

fn written_schema_of<T: Tool>() -> Value {
    let mut arguments = ArgumentList::default();
    T::arguments(&mut arguments);
    written_schema(&arguments)
}

fn is_plain<T: Tool>() -> bool {
    let mut arguments = ArgumentList::default();
    T::arguments(&mut arguments);
    arguments.is_plain()
}

fn optional<T: Tool>() -> Vec<&'static str> {
    let mut arguments = ArgumentList::default();
    T::arguments(&mut arguments);
    arguments.optional()
}

fn rewrite<T: Tool>(given: &Value) -> Result<Value, serde_json::Error> {
    match T::read(given) {
        Ok(call) => call.into_json(),
        Err(error) => Err(error),
    }
}

impl<R: Registry> fmt::Debug for ListedTool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ToolSpecs {
    /// The specs of a registry's tools.
    #[must_use]
    pub fn of<R: Registry>() -> Self {
        Self::new(R::TOOLS.iter().map(|tool| ((tool.descriptor)(), tool.codec)))
    }
}

/// The registry of a gate without tools: for programs where people decide about the calls of other
/// programs, such as a command line.
///
/// It shows and decides the calls in the store. It has no rules: an edit is checked against the
/// stored schema, and the process that has the tool evaluates it again before it runs.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::NoTools;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let desk: Gate<NoTools> = Gate::builder(())
///     .directory(StaticDirectory::new().person("dana", ["manager"]))
///     .build()
///     .await?;
/// for asked in desk.pending().await? {
///     println!("{}", asked.approval().tool());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub enum NoTools {}

impl Registry for NoTools {
    type State = ();
    type Call = Infallible;
    const NAMES: &'static [&'static str] = &[];
    const TOOLS: &'static [ListedTool<Self>] = &[];

    fn specs() -> &'static ToolSpecs {
        static SPECS: OnceLock<ToolSpecs> = OnceLock::new();
        SPECS.get_or_init(ToolSpecs::of::<Self>)
    }
}

/// Returns the message for an unknown tool, with the names of the known tools.
pub(crate) fn unknown_tool(name: &str, known: &[&str]) -> String {
    let suggestion = english::closest(name, known.iter().copied())
        .map(|near| format!("; did you mean `{near}`?"));
    format!(
        "There is no tool `{}`. The tools are {}{}",
        name.escape_debug(),
        english::list(known),
        suggestion.unwrap_or_default()
    )
}

/// A registry that has this tool.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::tool::Offers;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
///
/// /// Works in every gate that has the tool.
/// async fn is_paid<R: Offers<GetOrder>>(run: &Run<R>, order_id: &str) -> Result<bool, CallError> {
///     Ok(get_order(run, order_id.into()).await?.ends_with("paid"))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
///
/// assert!(is_paid(&gate.run("run-42"), "A-1").await?);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "the registry `{Self}` does not offer `{T}`",
    label = "not in `{Self}`",
    note = "add `{T}` to `registry! {{ … {Self} … {{ … }} }}`"
)]
pub trait Offers<T>: Registry {}

/// Returns the names of a registry's tools.
#[must_use]
pub const fn names<R: Registry, const N: usize>() -> [&'static str; N] {
    let mut names = [""; N];
    let (mut rest, mut tools) = (names.as_mut_slice(), R::TOOLS);
    while let ([name, others @ ..], [tool, more @ ..]) = (rest, tools) {
        *name = tool.name;
        (rest, tools) = (others, more);
    }
    names
}

/// The name of the placeholder for a tool that was written with a mistake. The mistake is reported
/// elsewhere, so a registry does not report it again.
pub const MISTAKEN: &str = "<mistaken>";

/// Returns whether model providers accept the name at an index: `[A-Za-z0-9_-]{1,64}`, or
/// [`MISTAKEN`].
#[must_use]
pub const fn is_tool_name(names: &[&str], index: usize) -> bool {
    let (_, [name, ..]) = names.split_at(index) else { return false };
    let mut rest = name.as_bytes();
    if is_same(rest, MISTAKEN.as_bytes()) {
        return true;
    }
    if rest.is_empty() || rest.len() > 64 {
        return false;
    }
    while let [first, others @ ..] = rest {
        if !(first.is_ascii_alphanumeric() || *first == b'_' || *first == b'-') {
            return false;
        }
        rest = others;
    }
    true
}

/// Returns whether the name at an index differs from all names before it, or is [`MISTAKEN`].
#[must_use]
pub const fn is_new_name(names: &[&str], index: usize) -> bool {
    let (mut earlier, [name, ..]) = names.split_at(index) else { return false };
    while let [first, others @ ..] = earlier {
        if is_same(name.as_bytes(), first.as_bytes())
            && !is_same(name.as_bytes(), MISTAKEN.as_bytes())
        {
            return false;
        }
        earlier = others;
    }
    true
}

const fn is_same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([x, a_rest @ ..], [y, b_rest @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.is_empty() && b.is_empty()
}
