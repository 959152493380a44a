//! MCP, as a server that offers gated tools: its tool list, a `tools/call` request, its result.
//!
//! ```
//! use gate_runtime::dialect::mcp;
//! # use gate_runtime::prelude::*;
//! # /// Read one order.
//! # #[gated_tool(policy = "never_ask", read_only)]
//! # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
//! # registry! { pub Tools for () { GetOrder } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let request = serde_json::json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
//! #     "params": {"name": "get_order", "arguments": {"order_id": "A-1"}}});
//! let tools = mcp::tools(Tools::descriptors()); // for `tools/list`
//! assert_eq!(tools[0]["annotations"]["readOnlyHint"], true);
//!
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let turn = gate.run("session-42").submit([mcp::tool_call(&request)?]).await?;
//! let result = mcp::result(&turn.answers()[0]); // the `result` of the response
//! assert_eq!(result["content"][0]["text"], "A-1: paid");
//! # Ok(()) }
//! ```
//!
//! A request's id is the call's id. Use one run for each session, because ids repeat in other
//! sessions. A client accepts one answer to a request: if a person must decide, either wait before
//! you answer ([`Run::wait`](crate::Run::wait)), or answer that the call waits.

use gate_core::approval::model_text;
use gate_core::call::{Descriptor, ToolCall};
use serde_json::{Value, json};

use super::{DialectError, strict, with};
use crate::engine::session::answer::{Answer, CallResult};

const NAME: &str = "MCP";

/// Returns the `tools` of a `tools/list` result, with titles, annotations, and output schemas if
/// they are objects, as MCP requires.
///
/// ```
/// use gate_runtime::dialect::mcp;
/// use gate_runtime::prelude::*;
///
/// /// Delete an account.
/// #[gated_tool(policy = "always_ask", title = "Delete an account for good", destructive)]
/// fn delete_account(user_id: String) -> String {
///     format!("deleted {user_id}")
/// }
///
/// let tools = mcp::tools(&[DeleteAccount::descriptor()]);
/// assert_eq!(tools[0]["title"], "Delete an account for good");
/// assert_eq!(tools[0]["annotations"]["destructiveHint"], true);
/// ```
#[must_use]
pub fn tools(descriptors: &[Descriptor]) -> Vec<Value> {
    descriptors.iter().map(tool).collect()
}

fn tool(descriptor: &Descriptor) -> Value {
    let hints = descriptor.annotations();
    let mut tool = json!({
        "name": descriptor.name(),
        "description": descriptor.description(),
        "inputSchema": strict::plain_schema(descriptor),
        "annotations": {
            "readOnlyHint": hints.read_only,
            "destructiveHint": hints.destructive,
            "idempotentHint": hints.idempotent,
            "openWorldHint": hints.open_world,
        },
    });
    if let Some(title) = descriptor.title() {
        tool = with(tool, "title", title);
    }
    if let Some(schema) = descriptor.output_schema().filter(|schema| schema["type"] == "object") {
        tool = with(tool, "outputSchema", schema.clone());
    }
    tool
}

/// Returns the call of a `tools/call` request.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::dialect::mcp;
/// use serde_json::json;
///
/// let call = mcp::tool_call(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
///     "params": {"name": "get_order", "arguments": {"order_id": "A-1"}}}))?;
/// assert_eq!(call.id(), "7");
/// assert_eq!(call.arguments(), r#"{"order_id":"A-1"}"#);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the value is not such a request, or is a notification, which cannot be
/// answered.
pub fn tool_call(request: &Value) -> Result<ToolCall, DialectError> {
    if request["method"] != "tools/call" {
        return Err(DialectError::new(
            NAME,
            format!("its method is {}, not `tools/call`", request["method"]),
        ));
    }
    let id = match &request["id"] {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return Err(DialectError::new(NAME, "it has no id, so it cannot be answered")),
    };
    let params = &request["params"];
    let name =
        params["name"].as_str().ok_or_else(|| DialectError::new(NAME, "it names no tool"))?;
    let arguments = if params["arguments"].is_null() {
        "{}".to_owned()
    } else {
        params["arguments"].to_string()
    };
    Ok(ToolCall::new(id, name, arguments))
}

/// Returns the `result` of a `tools/call` response.
///
/// Every text that the tool did not return is marked as an error, also that a call waits. In MCP,
/// only an error may lack the structured content that an output schema requires.
///
/// ```
/// use gate_runtime::dialect::mcp;
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> serde_json::Value {
/// #     serde_json::json!({"order_id": order_id, "paid": true})
/// # }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let turn = gate
///     .run("run-42")
///     .submit([ToolCall::new("7", "get_order", r#"{"order_id":"A-1"}"#)])
///     .await?;
/// let result = mcp::result(&turn.answers()[0]);
/// assert_eq!(result["isError"], false);
/// assert_eq!(result["structuredContent"]["paid"], true);
/// # Ok(()) }
/// ```
#[must_use]
pub fn result(answer: &Answer) -> Value {
    let returned = match answer.result() {
        CallResult::Ran(outcome) => outcome.value(),
        _ => None,
    };
    let is_error = returned.is_none();
    // Some clients show this to the model instead of the text, so it must not imitate a mark of the
    // gate either.
    let structured = returned.filter(Value::is_object);
    let structured = structured.and_then(|value| {
        serde_json::from_str::<Value>(&model_text::disarmed(&value.to_string())).ok()
    });
    let result = json!({
        "content": [{"type": "text", "text": answer.for_model()}],
        "isError": is_error,
    });
    match structured {
        Some(value) => with(result, "structuredContent", value),
        None => result,
    }
}
