//! A result that is a secret as a whole.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::secret_scrubber::SECRET;

/// A result that is a secret as a whole: the program that calls the tool gets the value, and the
/// model, the records, the store and reviewers get `[secret]`.
///
/// Secrets among the arguments are searched for in a tool's output, in many encodings, but not if
/// translated, encrypted or shortened. Return `SecretOutput` if a result may contain such a form,
/// or a secret that was no argument.
///
/// Only a typed call, like `one_time_password(&run, …)`, returns the value, once, in the process in
/// which the body ran. [`Run::submit`](crate::Run::submit) and later reads of the call return
/// `[secret]`. An error that the tool returns is not hidden, so it must not contain secrets.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::tool::SecretOutput;
///
/// /// Make a one-time password.
/// #[gated_tool(policy = "never_ask")]
/// fn one_time_password(user: String) -> SecretOutput<String> {
///     SecretOutput::new(format!("{user}-493021"))
/// }
/// # registry! { pub Tools for () { OneTimePassword } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
///
/// let run = gate.run("run-42");
/// assert_eq!(one_time_password(&run, "mia".into()).await?.into_inner(), "mia-493021");
/// let turn =
///     run.submit([ToolCall::new("call_1", "one_time_password", r#"{"user":"mia"}"#)]).await?;
/// assert_eq!(turn.answers()[0].for_model(), "[secret]");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretOutput<T>(T);

impl<T> SecretOutput<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Hides the value.
impl<T> fmt::Debug for SecretOutput<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECRET)
    }
}

/// Hides the value, too.
impl<T> Serialize for SecretOutput<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SECRET)
    }
}

impl<T> JsonSchema for SecretOutput<T> {
    fn schema_name() -> Cow<'static, str> {
        "SecretOutput".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "const": SECRET})
    }
}
