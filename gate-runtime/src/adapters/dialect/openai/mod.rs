//! OpenAI's Chat Completions, and compatible servers.
//!
//! ```
//! use gate_runtime::dialect::openai;
//! # use gate_runtime::prelude::*;
//! # /// Read one order.
//! # #[gated_tool(policy = "never_ask", read_only)]
//! # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
//! # registry! { pub Tools for () { GetOrder } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let response = serde_json::json!({"choices": [{"message": {
//! #     "role": "assistant",
//! #     "tool_calls": [{
//! #         "id": "call_1",
//! #         "type": "function",
//! #         "function": {"name": "get_order", "arguments": r#"{"order_id":"A-1"}"#},
//! #     }],
//! # }}]});
//! let tools = openai::strict_tools(Tools::descriptors())?; // for the request
//! assert_eq!(tools[0]["function"]["strict"], true);
//!
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let turn = gate.run("run-42").submit(openai::tool_calls(&response)?).await?;
//! let messages = openai::messages(&turn); // for the next request
//! assert_eq!(messages[0]["content"], "A-1: paid");
//! # Ok(()) }
//! ```

pub mod responses;

pub use super::strict::NotStrict;

use gate_core::call::{Descriptor, Message, ToolCall};
use serde_json::{Value, json};

use super::{CalledTools, DialectError, late, message_of, strict, text_of, tool_result_text, with};
use crate::engine::session::answer::Answer;
use crate::engine::session::turn::Turn;

const NAME: &str = "OpenAI Chat Completions";

/// Returns the `tools` of a request, with unchanged schemas.
///
/// ```
/// use gate_runtime::dialect::openai;
/// use gate_runtime::prelude::*;
///
/// /// Read one order.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn get_order(order_id: String) -> String {
///     format!("{order_id}: paid")
/// }
///
/// let tools = openai::tools(&[GetOrder::descriptor()]);
/// assert_eq!(tools[0]["function"]["name"], "get_order");
/// assert_eq!(tools[0]["function"]["parameters"]["required"][0], "order_id");
/// ```
#[must_use]
pub fn tools(descriptors: &[Descriptor]) -> Vec<Value> {
    plain_functions(descriptors, tool)
}

/// Returns the `tools` of a request in strict mode, in which the model can only write arguments
/// that match the schema.
///
/// Strict mode supports a part of JSON Schema in which every field is required: optional fields
/// become nullable, or are always given. Unsupported keywords (lengths, defaults, formats) move
/// into the description, and the gate still checks them.
///
/// ```
/// use gate_runtime::dialect::openai;
/// use gate_runtime::prelude::*;
///
/// /// Find orders.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn find_orders(text: String, year: Option<u16>) -> String {
///     format!("none of {year:?} with {text}")
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let tools = openai::strict_tools(&[FindOrders::descriptor()])?;
/// assert_eq!(tools[0]["function"]["strict"], true);
/// assert_eq!(tools[0]["function"]["parameters"]["required"], serde_json::json!(["text", "year"]));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns [`NotStrict`], with the tool and the field, if a schema cannot be strict, like a map
/// with arbitrary keys.
pub fn strict_tools(descriptors: &[Descriptor]) -> Result<Vec<Value>, NotStrict> {
    strict_functions(descriptors, tool)
}

/// Writes tools with their schemas as they are.
fn plain_functions(descriptors: &[Descriptor], wrap: fn(Value) -> Value) -> Vec<Value> {
    let plain = |descriptor| wrap(function(descriptor, &strict::plain_schema(descriptor), false));
    descriptors.iter().map(plain).collect()
}

/// Writes tools in strict mode.
fn strict_functions(
    descriptors: &[Descriptor],
    wrap: fn(Value) -> Value,
) -> Result<Vec<Value>, NotStrict> {
    let strict =
        |descriptor| Ok(wrap(function(descriptor, &strict::strict_schema(descriptor)?, true)));
    descriptors.iter().map(strict).collect()
}

fn function(descriptor: &Descriptor, parameters: &Value, strict: bool) -> Value {
    json!({
        "name": descriptor.name(),
        "description": descriptor.description(),
        "parameters": parameters,
        "strict": strict,
    })
}

/// Returns a function as Chat Completions has it, inside of a tool.
fn tool(function: Value) -> Value {
    with(json!({"type": "function"}), "function", function)
}

/// Returns the tool calls of a response, or of an assistant's message, in order.
///
/// A call with arguments that are not JSON is included, and the gate answers it with the problem. A
/// call without an id or a name is included too, so that it is answered and not lost.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::dialect::openai;
/// use serde_json::json;
///
/// let message = json!({"role": "assistant", "tool_calls": [{
///     "id": "call_1",
///     "type": "function",
///     "function": {"name": "get_order", "arguments": r#"{"order_id":"A-1"}"#},
/// }]});
/// let calls = openai::tool_calls(&message)?;
/// assert_eq!(calls[0].id(), "call_1");
/// assert_eq!(calls[0].arguments(), r#"{"order_id":"A-1"}"#);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the value is neither a response nor a message, or has a call in the
/// deprecated form `function_call`.
pub fn tool_calls(response: &Value) -> Result<Vec<ToolCall>, DialectError> {
    let message = match response.get("choices") {
        Some(choices) => choices.get(0).and_then(|choice| choice.get("message")),
        None => Some(response),
    };
    let message =
        message.and_then(Value::as_object).ok_or_else(|| not_ours("it has no message"))?;
    if message.get("function_call").is_some_and(|call| !call.is_null()) {
        return Err(not_ours(
            "it calls by `function_call`: give the model `tools`, not `functions`",
        ));
    }
    match message.get("tool_calls") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(calls)) => Ok(calls.iter().map(tool_call).collect()),
        Some(_) => Err(not_ours("its `tool_calls` are not a list")),
    }
}

fn tool_call(call: &Value) -> ToolCall {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let function = call.get("function");
    let arguments = function.and_then(|function| function.get("arguments"));
    let arguments = match arguments {
        Some(Value::String(text)) => text.clone(),
        // Some servers send the arguments as a JSON object, not as text.
        Some(other) => other.to_string(),
        None => String::new(),
    };
    ToolCall::new(
        text(call.get("id")),
        text(function.and_then(|function| function.get("name"))),
        arguments,
    )
}

fn not_ours(problem: &str) -> DialectError {
    DialectError::new(NAME, problem)
}

/// Returns the messages that answer a turn: one for each call, in order, also for calls that wait,
/// so that no call is left without an answer.
///
/// A call of an earlier turn already has an answer, that it waits. Its late answer follows as a
/// system message. In it, the tool's output is one quoted JSON string, described as data, so that
/// it does not count as an instruction of the system.
///
/// ```
/// use gate_runtime::dialect::openai;
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
/// let messages = openai::messages(&turn);
/// assert_eq!(messages[0]["tool_call_id"], "call_1");
/// assert!(
///     messages[0]["content"]
///         .as_str()
///         .is_some_and(|text| text.contains("Not run yet: a person has been asked."))
/// );
/// # Ok(()) }
/// ```
#[must_use]
pub fn messages(turn: &Turn) -> Vec<Value> {
    let answer = |answer: &Answer| {
        json!({
            "role": "tool",
            "tool_call_id": answer.call(),
            "content": answer.for_model(),
        })
    };
    let late = |answer: &Answer| json!({"role": "system", "content": late(answer)});
    turn.answers().iter().map(answer).chain(turn.late().iter().map(late)).collect()
}

/// Converts the `messages` of a request for a run's [`history`](crate::Run::history).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::run::Message;
/// use gate_runtime::dialect::openai;
/// use serde_json::json;
///
/// let history = openai::history(&[
///     json!({"role": "user", "content": "Where is A-1?"}),
///     json!({"role": "assistant", "content": "I look it up.", "tool_calls": [{
///         "id": "call_1",
///         "type": "function",
///         "function": {"name": "get_order", "arguments": r#"{"order_id":"A-1"}"#},
///     }]}),
///     json!({"role": "tool", "tool_call_id": "call_1", "content": "A-1: paid"}),
/// ])?;
/// assert_eq!(history[0], Message::user("Where is A-1?"));
/// assert_eq!(history[2], Message::tool("get_order", "A-1: paid"));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the role of a message is not `system`, `developer`, `user`, `assistant` or
/// `tool`.
pub fn history(messages: &[Value]) -> Result<Vec<Message>, DialectError> {
    let mut called = CalledTools::default();
    let mut history = Vec::with_capacity(messages.len());
    for message in messages {
        let text = text_of(&message["content"]);
        history.push(match message["role"].as_str() {
            Some("system" | "developer") => message_of(Message::system, text),
            Some("user") => message_of(Message::user, text),
            Some("tool") => Message::tool(
                called.name(&message["tool_call_id"]),
                tool_result_text(&message["content"]),
            ),
            Some("assistant") => {
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let function = &call["function"];
                    called.note(&call["id"], &function["name"]);
                }
                Message::agent(text)
            }
            _ => return Err(not_ours(&format!("a message has the role {}", message["role"]))),
        });
    }
    Ok(history)
}
