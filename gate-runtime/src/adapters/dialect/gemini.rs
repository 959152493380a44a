//! Gemini's `generateContent`.
//!
//! ```
//! use gate_runtime::dialect::gemini;
//! # use gate_runtime::prelude::*;
//! # /// Read one order.
//! # #[gated_tool(policy = "never_ask", read_only)]
//! # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
//! # registry! { pub Tools for () { GetOrder } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let response = serde_json::json!({
//! #     "responseId": "r1",
//! #     "candidates": [{"content": {"role": "model", "parts": [
//! #         {"functionCall": {"name": "get_order", "args": {"order_id": "A-1"}}},
//! #     ]}}],
//! # });
//! let tools = gemini::tools(Tools::descriptors()); // for the request
//! assert_eq!(tools[0]["functionDeclarations"][0]["name"], "get_order");
//!
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let turn = gate.run("run-42").submit(gemini::tool_calls(&response)?).await?;
//! let content = gemini::content(&turn); // for the next request
//! assert_eq!(content["parts"][0]["functionResponse"]["response"]["output"], "A-1: paid");
//! # Ok(()) }
//! ```
//!
//! Not every Gemini API gives ids to calls. If a call has none, its id consists of the response's
//! id and the call's place, so that the same response submitted twice is still one call.

use gate_core::call::{Descriptor, Message, ToolCall};
use serde_json::{Value, json};

use super::{DialectError, is_error, late, message_of, strict, text_at, with};
use crate::engine::session::answer::Answer;
use crate::engine::session::turn::Turn;

const NAME: &str = "Gemini";

/// The prefix of the ids that this module creates, which Gemini does not know.
const OURS: &str = "gate/";

/// Returns the `tools` of a request: one tool with all functions.
///
/// ```
/// use gate_runtime::dialect::gemini;
/// use gate_runtime::prelude::*;
///
/// /// Read one order.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn get_order(order_id: String) -> String {
///     format!("{order_id}: paid")
/// }
///
/// let tools = gemini::tools(&[GetOrder::descriptor()]);
/// let function = &tools[0]["functionDeclarations"][0];
/// assert_eq!(function["name"], "get_order");
/// assert_eq!(function["parametersJsonSchema"]["required"][0], "order_id");
/// ```
#[must_use]
pub fn tools(descriptors: &[Descriptor]) -> Vec<Value> {
    let function = |descriptor: &Descriptor| {
        json!({
            "name": descriptor.name(),
            "description": descriptor.description(),
            "parametersJsonSchema": strict::plain_schema(descriptor),
        })
    };
    let functions: Vec<Value> = descriptors.iter().map(function).collect();
    vec![json!({"functionDeclarations": functions})]
}

/// Returns the function calls of a response, or of a content of the model, in order.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::dialect::gemini;
/// use serde_json::json;
///
/// let response = json!({
///     "responseId": "r1",
///     "candidates": [{"content": {"role": "model", "parts": [
///         {"text": "I look it up."},
///         {"functionCall": {"name": "get_order", "args": {"order_id": "A-1"}}},
///     ]}}],
/// });
/// let calls = gemini::tool_calls(&response)?;
/// assert_eq!(calls.len(), 1);
/// assert_eq!(calls[0].arguments(), r#"{"order_id":"A-1"}"#);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the value is neither a response nor a content.
pub fn tool_calls(response: &Value) -> Result<Vec<ToolCall>, DialectError> {
    let content = response.pointer("/candidates/0/content").unwrap_or(response);
    let parts = match &content["parts"] {
        Value::Array(parts) => parts.as_slice(),
        // A response that was blocked has a candidate without parts.
        _ if response["candidates"].is_array() => &[],
        _ => return Err(DialectError::new(NAME, "it has no `candidates`, and no `parts`")),
    };
    let calls = parts.iter().enumerate().filter(|(_, part)| part["functionCall"].is_object());
    let call = |(index, part): (usize, &Value)| {
        let call = &part["functionCall"];
        let id = match (call["id"].as_str(), response["responseId"].as_str()) {
            (Some(id), _) => id.to_owned(),
            (None, Some(response)) => format!("{OURS}{response}/{index}"),
            (None, None) => String::new(),
        };
        // A function without parameters is called without `args`.
        let arguments =
            if call["args"].is_null() { "{}".to_owned() } else { call["args"].to_string() };
        ToolCall::new(id, text_at(call, "name"), arguments)
    };
    Ok(calls.map(call).collect())
}

/// Returns the content that answers a turn. It has a response for each call, in order, also for
/// calls that wait.
///
/// Failures and calls that did not run are an `error`, everything else is an `output`. A call of an
/// earlier turn already has a response, that it waits. Its late answer follows as text, in which
/// the tool's output is one quoted JSON string, described as data.
///
/// ```
/// use gate_runtime::dialect::gemini;
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
///     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
///     .await?;
/// let content = gemini::content(&turn);
/// let response = &content["parts"][0]["functionResponse"];
/// assert_eq!(response["name"], "delete_account");
/// assert!(response["response"]["output"].is_string()); // that it waits is no error
/// # Ok(()) }
/// ```
#[must_use]
pub fn content(turn: &Turn) -> Value {
    let response = |answer: &Answer| {
        let member = if is_error(answer) { "error" } else { "output" };
        let response = json!({"name": answer.tool(), "response": {member: answer.for_model()}});
        let id = answer.call().as_str();
        json!({
            "functionResponse":
                if id.starts_with(OURS) { response } else { with(response, "id", id) },
        })
    };
    let late = |answer: &Answer| json!({"text": late(answer)});
    let parts: Vec<Value> =
        turn.answers().iter().map(response).chain(turn.late().iter().map(late)).collect();
    json!({"role": "user", "parts": parts})
}

/// Converts the `contents` of a request for a run's [`history`](crate::Run::history). Function
/// responses in a user's content count as messages of tools, not of the user. The request's
/// `systemInstruction` is not among the contents: add it with `Message::system(…)`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::run::Message;
/// use gate_runtime::dialect::gemini;
/// use serde_json::json;
///
/// let history = gemini::history(&[
///     json!({"role": "user", "parts": [{"text": "Where is A-1?"}]}),
///     json!({"role": "model", "parts": [
///         {"functionCall": {"name": "get_order", "args": {"order_id": "A-1"}}}
///     ]}),
///     json!({"role": "user", "parts": [
///         {"functionResponse": {"name": "get_order", "response": {"output": "A-1: paid"}}}
///     ]}),
/// ])?;
/// assert_eq!(history, [Message::user("Where is A-1?"), Message::tool("get_order", "A-1: paid")]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the role of a content is not `user`, `model` or `function`.
pub fn history(contents: &[Value]) -> Result<Vec<Message>, DialectError> {
    let mut history = Vec::new();
    for content in contents {
        let by: fn(String) -> Message = match content["role"].as_str() {
            // For Gemini, a content without a role is the user's.
            Some("user") | None => Message::user,
            Some("model") => Message::agent,
            // The older role of responses: its texts are results of functions.
            Some("function") => |text| Message::tool("unknown", text),
            _ => {
                return Err(DialectError::new(
                    NAME,
                    format!("a content has the role {}", content["role"]),
                ));
            }
        };
        for part in content["parts"].as_array().into_iter().flatten() {
            let response = &part["functionResponse"];
            if response.is_object() {
                history
                    .push(Message::tool(text_at(response, "name"), text_of(&response["response"])));
            }
            // Thoughts of the model are not messages.
            if let Some(text) = part["text"].as_str().filter(|_| part["thought"] != true) {
                history.push(message_of(by, text.to_owned()));
            }
        }
    }
    Ok(history)
}

/// Returns a function's response as text: its output if it has nothing else, or its JSON.
fn text_of(response: &Value) -> String {
    let only = response.as_object().filter(|response| response.len() == 1);
    let only = only.and_then(|response| response.get("output").or(response.get("error"))?.as_str());
    only.map_or_else(|| response.to_string(), str::to_owned)
}
