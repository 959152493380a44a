//! Anthropic's Messages.
//!
//! ```
//! use gate_runtime::dialect::anthropic;
//! # use gate_runtime::prelude::*;
//! # /// Read one order.
//! # #[gated_tool(policy = "never_ask", read_only)]
//! # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
//! # registry! { pub Tools for () { GetOrder } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let response = serde_json::json!({"role": "assistant", "stop_reason": "tool_use", "content": [
//! #     {"type": "tool_use", "id": "toolu_1", "name": "get_order", "input": {"order_id": "A-1"}}
//! # ]});
//! let tools = anthropic::strict_tools(Tools::descriptors())?; // for the request
//! assert_eq!(tools[0]["input_schema"]["type"], "object");
//!
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let turn = gate.run("run-42").submit(anthropic::tool_calls(&response)?).await?;
//! let message = anthropic::message(&turn); // for the next request
//! assert_eq!(message["content"][0]["content"], "A-1: paid");
//! # Ok(()) }
//! ```

use gate_core::call::{Descriptor, Message, ToolCall};
use serde_json::{Value, json};

use super::{
    CalledTools, DialectError, NotStrict, is_error, late, message_of, strict, text_at,
    tool_result_text, with,
};
use crate::engine::session::answer::Answer;
use crate::engine::session::turn::Turn;

const NAME: &str = "Anthropic Messages";

/// Returns the `tools` of a request, with unchanged schemas.
///
/// ```
/// use gate_runtime::dialect::anthropic;
/// use gate_runtime::prelude::*;
///
/// /// Read one order.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn get_order(order_id: String) -> String {
///     format!("{order_id}: paid")
/// }
///
/// let tools = anthropic::tools(&[GetOrder::descriptor()]);
/// assert_eq!(tools[0]["name"], "get_order");
/// assert_eq!(tools[0]["input_schema"]["required"][0], "order_id");
/// ```
#[must_use]
pub fn tools(descriptors: &[Descriptor]) -> Vec<Value> {
    descriptors
        .iter()
        .map(|descriptor| tool(descriptor, &strict::plain_schema(descriptor)))
        .collect()
}

/// Returns the `tools` of a request in strict mode, in which the model can only write arguments
/// that match the schema.
///
/// ```
/// use gate_runtime::dialect::anthropic;
/// use gate_runtime::prelude::*;
///
/// /// Find orders.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn find_orders(text: String, year: Option<u16>) -> String {
///     format!("none of {year:?} with {text}")
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let tools = anthropic::strict_tools(&[FindOrders::descriptor()])?;
/// assert_eq!(tools[0]["strict"], true);
/// assert_eq!(tools[0]["input_schema"]["required"], serde_json::json!(["text", "year"]));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns [`NotStrict`], with the tool and the field, if a schema cannot be strict, like a map
/// with arbitrary keys.
pub fn strict_tools(descriptors: &[Descriptor]) -> Result<Vec<Value>, NotStrict> {
    let strict = |descriptor: &Descriptor| {
        Ok(with(tool(descriptor, &strict::strict_schema(descriptor)?), "strict", true))
    };
    descriptors.iter().map(strict).collect()
}

fn tool(descriptor: &Descriptor, schema: &Value) -> Value {
    json!({
        "name": descriptor.name(),
        "description": descriptor.description(),
        "input_schema": schema,
    })
}

/// Returns the tool calls of a response, or of an assistant's message, in order. Calls of
/// Anthropic's own tools, which run at Anthropic, are not included.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::dialect::anthropic;
/// use serde_json::json;
///
/// let message = json!({"role": "assistant", "content": [
///     {"type": "text", "text": "I look it up."},
///     {"type": "tool_use", "id": "toolu_1", "name": "get_order", "input": {"order_id": "A-1"}},
/// ]});
/// let calls = anthropic::tool_calls(&message)?;
/// assert_eq!(calls.len(), 1);
/// assert_eq!(calls[0].arguments(), r#"{"order_id":"A-1"}"#);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the value is neither a response nor a message.
pub fn tool_calls(response: &Value) -> Result<Vec<ToolCall>, DialectError> {
    let content = match &response["content"] {
        Value::String(_) => return Ok(Vec::new()),
        Value::Array(blocks) => blocks,
        _ => return Err(DialectError::new(NAME, "it has no `content`")),
    };
    let call = |block: &Value| {
        // Arguments are JSON here. Missing arguments become an empty text, and the gate answers
        // what is missing.
        let arguments =
            if block["input"].is_null() { String::new() } else { block["input"].to_string() };
        ToolCall::new(text_at(block, "id"), text_at(block, "name"), arguments)
    };
    Ok(content.iter().filter(|block| block["type"] == "tool_use").map(call).collect())
}

/// Returns the message that answers a turn. It has a result for each call, in order, also for calls
/// that wait, so that no call is left without one.
///
/// Failures and calls that did not run are marked as errors. A call of an earlier turn already has
/// a result, that it waits. Its late answer follows as text, in which the tool's output is one
/// quoted JSON string, described as data.
///
/// ```
/// use gate_runtime::dialect::anthropic;
/// # use gate_runtime::prelude::*;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)]
/// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let turn = gate
///     .run("run-42")
///     .submit([ToolCall::new("toolu_1", "delete_acount", r#"{"user_id":"mia"}"#)])
///     .await?;
/// let message = anthropic::message(&turn);
/// assert_eq!(message["content"][0]["tool_use_id"], "toolu_1");
/// assert_eq!(message["content"][0]["is_error"], true); // there is no such tool
/// # Ok(()) }
/// ```
#[must_use]
pub fn message(turn: &Turn) -> Value {
    let result = |answer: &Answer| {
        json!({
            "type": "tool_result",
            "tool_use_id": answer.call(),
            "content": answer.for_model(),
            "is_error": is_error(answer),
        })
    };
    let late = |answer: &Answer| json!({"type": "text", "text": late(answer)});
    let content: Vec<Value> =
        turn.answers().iter().map(result).chain(turn.late().iter().map(late)).collect();
    json!({"role": "user", "content": content})
}

/// Converts the `messages` of a request for a run's [`history`](crate::Run::history). Tool results,
/// documents and search results in a user's message count as messages of tools, not of the user.
/// The request's `system` is not among the messages: add it with `Message::system(…)`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::run::Message;
/// use gate_runtime::dialect::anthropic;
/// use serde_json::json;
///
/// let history = anthropic::history(&[
///     json!({"role": "user", "content": "Where is A-1?"}),
///     json!({"role": "assistant", "content": [
///         {"type": "tool_use", "id": "toolu_1", "name": "get_order", "input": {"order_id": "A-1"}}
///     ]}),
///     json!({"role": "user", "content": [
///         {"type": "tool_result", "tool_use_id": "toolu_1", "content": "A-1: paid"}
///     ]}),
/// ])?;
/// assert_eq!(history, [Message::user("Where is A-1?"), Message::tool("get_order", "A-1: paid")]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the role of a message is not `user`, `assistant` or `system`.
pub fn history(messages: &[Value]) -> Result<Vec<Message>, DialectError> {
    let mut called = CalledTools::default();
    let mut history = Vec::new();
    for message in messages {
        let content = &message["content"];
        let by: fn(String) -> Message = match message["role"].as_str() {
            Some("user") => Message::user,
            Some("assistant") => Message::agent,
            Some("system") => Message::system,
            _ => {
                return Err(DialectError::new(
                    NAME,
                    format!("a message has the role {}", message["role"]),
                ));
            }
        };
        if let Value::String(text) = content {
            history.push(message_of(by, text.clone()));
        }
        for block in content.as_array().into_iter().flatten() {
            match block["type"].as_str() {
                Some("text") => history.push(message_of(by, text_at(block, "text"))),
                Some("tool_use") => called.note(&block["id"], &block["name"]),
                Some("tool_result") => {
                    history.push(Message::tool(
                        called.name(&block["tool_use_id"]),
                        tool_result_text(&block["content"]),
                    ));
                }
                // Thinking and proposed calls are not messages, and pictures have no text.
                None | Some("thinking" | "redacted_thinking" | "server_tool_use" | "image") => {}
                // Documents, search results and results of Anthropic's own tools are not the user's
                // or the agent's own words.
                Some(other) => history.push(Message::tool(other, block.to_string())),
            }
        }
    }
    Ok(history)
}
