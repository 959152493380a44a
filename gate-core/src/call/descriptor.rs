//! Descriptors of tools: the description for models, and the schema that arguments must match.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::summary::ToolSummary;
use crate::id::ToolName;
use crate::text::digest::Digest;
use crate::text::json::canonical;

/// Hints about the effects of a tool. Policies decide: a hint never loosens a verdict.
///
/// ```
/// use gate_runtime::tool::Annotations;
/// let hints = Annotations { destructive: true, ..Annotations::default() };
/// assert!(!hints.read_only);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the four hints of the Model Context Protocol")]
pub struct Annotations {
    /// Set if the tool changes nothing.
    pub read_only: bool,
    /// Set if its effect cannot be undone. A reviewer confirms such a call with more than a key
    /// press.
    pub destructive: bool,
    /// Set if running it twice with the same call id has the effect of running it once.
    pub idempotent: bool,
    /// Set if it reaches systems beyond the application's own.
    pub open_world: bool,
}

/// The descriptor of a tool: name, description, the JSON Schema of arguments and result, hints.
///
/// The input schema admits no unknown field, at any depth.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// /// Read one order.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn get_order(
///     /** Like `A-1001`. */
///     order_id: String,
/// ) -> String {
///     order_id
/// }
///
/// let descriptor = GetOrder::descriptor();
/// assert_eq!(
///     descriptor.input_schema()["properties"]["order_id"]["description"],
///     "Like `A-1001`."
/// );
/// assert!(descriptor.annotations().read_only);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    #[doc(hidden)]
    pub name: ToolName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub title: Option<String>,
    #[doc(hidden)]
    pub description: String,
    #[doc(hidden)]
    pub input_schema: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub output_schema: Option<Value>,
    #[doc(hidden)]
    pub annotations: Annotations,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[doc(hidden)]
    pub asks_on_error: bool,
    /// The names of the arguments in the order of their author; empty if that is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[doc(hidden)]
    pub order: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub summary: Option<ToolSummary>,
    #[doc(hidden)]
    pub digest: Digest,
}

/// The first item of the digested list of a remote tool, which no gate has.
const REMOTE: &str = "remote";

impl Descriptor {
    /// Creates the descriptor of a remote program's tool, from that program's description.
    #[doc(hidden)]
    #[must_use]
    pub fn remote(
        name: ToolName,
        description: String,
        input_schema: Value,
        annotations: Annotations,
    ) -> Self {
        let described = json!([REMOTE, name, description, input_schema, annotations]);
        Self {
            name,
            title: None,
            description,
            digest: Digest::of(canonical(&described).unwrap_or_default()),
            input_schema,
            output_schema: None,
            annotations,
            timeout: None,
            asks_on_error: false,
            order: Vec::new(),
            summary: None,
        }
    }

    /// Returns whether it is a remote program's tool. All of its descriptor is that program's
    /// claim.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.name.as_str().contains('/')
    }

    /// Returns the name that a model uses.
    #[must_use]
    pub fn name(&self) -> &ToolName {
        &self.name
    }

    /// Returns the title for people.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Returns the template of its summary, if its author wrote one.
    #[must_use]
    pub fn summary(&self) -> Option<&ToolSummary> {
        self.summary.as_ref()
    }

    /// Returns its description, for the model.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the JSON Schema (2020-12) of the arguments: an object.
    #[must_use]
    pub fn input_schema(&self) -> &Value {
        &self.input_schema
    }

    /// Returns the JSON Schema of a successful result, if the returned type has one.
    #[must_use]
    pub fn output_schema(&self) -> Option<&Value> {
        self.output_schema.as_ref()
    }

    /// Returns whether a tool's effect cannot be undone. `true` for an unknown tool, which may do
    /// anything.
    #[doc(hidden)]
    #[must_use]
    pub fn is_destructive(known: Option<&Self>) -> bool {
        known.is_none_or(|tool| tool.annotations.destructive)
    }

    /// Returns the hints about its effects.
    #[must_use]
    pub fn annotations(&self) -> Annotations {
        self.annotations
    }

    /// Returns the time that its body may take.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns whether people are asked what to do when its body fails.
    #[must_use]
    pub fn asks_on_error(&self) -> bool {
        self.asks_on_error
    }

    /// Returns the digest of the descriptor and of the function's source. Another tool with the
    /// same name has another digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
