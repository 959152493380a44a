//! Finds the argument and return types of a tool's function by traits, and not by the spelling of
//! types.
//!
//! The macro sees a type only as tokens, and an alias of `Result` looks like any other type. Method
//! resolution sees the type itself: an inherent method of `Probe<Result<T, E>>` is found before the
//! trait's method for any `Probe<T>`. The bounds are on the methods, so that a type that fits
//! neither gets one error with our message.

use std::fmt;
use std::future::{Pending, pending};
use std::marker::PhantomData;

use gate_core::call::ToolOutcome;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::tool::codec;
use super::tool::codec::{ArgumentList, MakeSchema};
use super::tool::{ArgumentPart, ToolArg};

/// A value that a tool may return: any type that serialises.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// #[derive(serde::Serialize)]
/// pub struct Receipt {
///     cents: u64,
/// }
///
/// /// Refund the customer.
/// #[gated_tool(policy = "never_ask")]
/// fn refund(cents: u64) -> Receipt {
///     Receipt { cents }
/// }
/// # registry! { pub Tools for () { Refund } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
///
/// let turn =
///     gate.run("run-42").submit([ToolCall::new("call_1", "refund", r#"{"cents":500}"#)]).await?;
/// assert_eq!(turn.answers()[0].for_model(), r#"{"cents":500}"#);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a tool",
    label = "the model could not be given this",
    note = "add `#[derive(serde::Serialize)]` to `{Self}`, or return something that serialises"
)]
pub trait ToolOutput: Serialize {}
#[diagnostic::do_not_recommend]
impl<T: Serialize> ToolOutput for T {}

/// An error that a tool may fail with: any type that can be displayed.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// pub struct NoSuchOrder;
///
/// impl std::fmt::Display for NoSuchOrder {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("there is no such order")
///     }
/// }
///
/// /// Read one order.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn get_order(order_id: String) -> Result<String, NoSuchOrder> {
///     # let _ = order_id;
///     Err(NoSuchOrder)
/// }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
///
/// let call = ToolCall::new("call_1", "get_order", r#"{"order_id":"A-1"}"#);
/// let turn = gate.run("run-42").submit([call]).await?;
/// assert!(turn.answers()[0].for_model().ends_with(" there is no such order"));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a tool",
    label = "the model could not be told this",
    note = "implement `std::fmt::Display` for `{Self}`: its text goes to the model"
)]
pub trait ToolError: fmt::Display {}
#[diagnostic::do_not_recommend]
impl<E: fmt::Display> ToolError for E {}

/// A probe of a type.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// Creates a probe of a type.
    #[expect(clippy::new_without_default, reason = "only generated code makes one")]
    #[must_use]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Probe<Result<T, E>> {
    /// Returns the outcome of a fallible function.
    pub fn outcome(&self, returned: &Result<T, E>) -> ToolOutcome
    where
        T: ToolOutput,
        E: ToolError,
    {
        match returned {
            Ok(value) => outcome_of(value),
            Err(error) => ToolOutcome::failed(error),
        }
    }

    /// Returns a probe of the type of a successful result.
    #[must_use]
    pub fn good(&self) -> Probe<T> {
        Probe::new()
    }
}

/// The methods of a [`Probe`] for any other type.
pub trait ProbePlain<T> {
    /// Returns the outcome of an infallible function.
    fn outcome(&self, returned: &T) -> ToolOutcome
    where
        T: ToolOutput;

    /// Returns a probe of the type of a successful result.
    fn good(&self) -> Probe<T>;
}

impl<T> ProbePlain<T> for Probe<T> {
    fn outcome(&self, returned: &T) -> ToolOutcome
    where
        T: ToolOutput,
    {
        outcome_of(returned)
    }

    fn good(&self) -> Probe<T> {
        Probe::new()
    }
}

impl<T: JsonSchema> Probe<T> {
    /// Returns the schema of a type that has one.
    #[must_use]
    pub fn schema(&self) -> Option<MakeSchema> {
        Some(T::json_schema)
    }
}

impl<T: Sync> Probe<T> {
    /// True if a type is `Sync`.
    pub const IS_SYNC: bool = true;

    /// Returns the body that borrows this state.
    pub fn body<F>(&self, body: F) -> F {
        body
    }
}

/// The methods of a [`Probe`] for a state that is not `Sync`.
///
/// A registry for it does not compile, and reports the reason. A substitute future avoids a second
/// error for each body that borrows it and so is not `Send`.
pub trait ProbeUnshared {
    /// False, because the type is not `Sync`.
    const IS_SYNC: bool = false;

    /// Returns a future that never ends.
    fn body<F: Future>(&self, body: F) -> Pending<F::Output>;
}

impl<T> ProbeUnshared for Probe<T> {
    fn body<F: Future>(&self, _: F) -> Pending<F::Output> {
        pending()
    }
}

/// The method of a [`Probe`] for a type without a schema.
pub trait ProbeSchemaless {
    /// Returns no schema.
    fn schema(&self) -> Option<MakeSchema>;
}

impl<T> ProbeSchemaless for Probe<T> {
    fn schema(&self) -> Option<MakeSchema> {
        None
    }
}

impl<T: ToolArg> Probe<T> {
    /// Lists an argument.
    pub fn argument(
        &self,
        into: &mut ArgumentList,
        name: &'static str,
        about: &'static str,
        is_secret: bool,
    ) {
        into.add::<T>(name, about, is_secret);
    }

    /// Reads an argument.
    ///
    /// # Errors
    /// If the type does not accept it.
    pub fn take(&self, from: &Value, name: &'static str) -> Result<T, serde_json::Error> {
        codec::take(from, name)
    }

    /// Writes an argument.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(
        &self,
        into: &mut Map<String, Value>,
        name: &'static str,
        argument: &T,
    ) -> Result<(), serde_json::Error> {
        codec::put(into, name, argument)
    }
}

impl<P: ArgumentPart> Probe<P> {
    /// Lists an argument with attributes.
    pub fn part(&self, into: &mut ArgumentList) {
        into.add_part::<P>();
    }

    /// Reads an argument with attributes, from the fields that they define.
    ///
    /// # Errors
    /// If the type does not accept it.
    pub fn take_part(&self, from: &Value) -> Result<P, serde_json::Error> {
        P::deserialize(from)
    }

    /// Writes an argument with attributes, and returns it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put_part(&self, into: &mut Map<String, Value>, part: P) -> Result<P, serde_json::Error> {
        codec::put_part(into, &part).map(|()| part)
    }
}

/// The methods of a [`Probe`] for an argument that does not fit. The compiler reports the error
/// elsewhere, and these methods never run.
#[expect(clippy::missing_errors_doc, reason = "it always fails")]
pub trait ProbeUnfit<T> {
    /// Lists nothing.
    fn argument(&self, _: &mut ArgumentList, _: &'static str, _: &'static str, _: bool) {}

    /// Lists nothing.
    fn part(&self, _: &mut ArgumentList) {}

    /// Reads nothing.
    fn take(&self, _: &Value, _: &'static str) -> Result<T, serde_json::Error> {
        Err(serde::de::Error::custom("an argument does not fit"))
    }

    /// Reads nothing.
    fn take_part(&self, _: &Value) -> Result<T, serde_json::Error> {
        Err(serde::de::Error::custom("an argument does not fit"))
    }

    /// Writes nothing.
    fn put(
        &self,
        _: &mut Map<String, Value>,
        _: &'static str,
        _: &T,
    ) -> Result<(), serde_json::Error> {
        Err(serde::ser::Error::custom("an argument does not fit"))
    }

    /// Writes nothing.
    fn put_part(&self, _: &mut Map<String, Value>, _: T) -> Result<T, serde_json::Error> {
        Err(serde::ser::Error::custom("an argument does not fit"))
    }
}

impl<T> ProbeUnfit<T> for Probe<T> {}

fn outcome_of<T: Serialize>(value: &T) -> ToolOutcome {
    match serde_json::to_string(value) {
        Ok(json) => ToolOutcome::Returned { json: json.into() },
        Err(error) => ToolOutcome::failed(format_args!(
            "it ran, but its result cannot be written as JSON: {error}"
        )),
    }
}
