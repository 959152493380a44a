//! OpenAI's Responses.
//!
//! ```
//! use gate_runtime::dialect::openai::responses;
//! # use gate_runtime::prelude::*;
//! # /// Read one order.
//! # #[gated_tool(policy = "never_ask", read_only)]
//! # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
//! # registry! { pub Tools for () { GetOrder } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let response = serde_json::json!({"output": [{
//! #     "type": "function_call",
//! #     "call_id": "call_1",
//! #     "name": "get_order",
//! #     "arguments": r#"{"order_id":"A-1"}"#,
//! # }]});
//! let tools = responses::strict_tools(Tools::descriptors())?; // for the request
//! assert_eq!(tools[0]["name"], "get_order");
//!
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let turn = gate.run("run-42").submit(responses::tool_calls(&response)?).await?;
//! let input = responses::input(&turn); // for the next request
//! assert_eq!(input[0]["output"], "A-1: paid");
//! # Ok(()) }
//! ```

use gate_core::call::{Descriptor, Message, ToolCall};
use serde_json::{Value, json};

use super::super::{
    CalledTools, DialectError, late, message_of, text_at, text_of, tool_result_text, with,
};
use super::NotStrict;
use crate::engine::session::answer::Answer;
use crate::engine::session::turn::Turn;

const NAME: &str = "OpenAI Responses";

/// Returns the `tools` of a request, with unchanged schemas.
///
/// ```
/// use gate_runtime::dialect::openai::responses;
/// use gate_runtime::prelude::*;
///
/// /// Read one order.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn get_order(order_id: String) -> String {
///     format!("{order_id}: paid")
/// }
///
/// let tools = responses::tools(&[GetOrder::descriptor()]);
/// assert_eq!(tools[0]["name"], "get_order");
/// assert_eq!(tools[0]["parameters"]["required"][0], "order_id");
/// ```
#[must_use]
pub fn tools(descriptors: &[Descriptor]) -> Vec<Value> {
    super::plain_functions(descriptors, tool)
}

/// Returns the `tools` of a request in strict mode, as
/// [`openai::strict_tools`](super::strict_tools) does.
///
/// ```
/// use gate_runtime::dialect::openai::responses;
/// use gate_runtime::prelude::*;
///
/// /// Find orders.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn find_orders(text: String, year: Option<u16>) -> String {
///     format!("none of {year:?} with {text}")
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let tools = responses::strict_tools(&[FindOrders::descriptor()])?;
/// assert_eq!(tools[0]["strict"], true);
/// assert_eq!(tools[0]["parameters"]["required"], serde_json::json!(["text", "year"]));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns [`NotStrict`], with the tool and the field, if a schema cannot be strict.
pub fn strict_tools(descriptors: &[Descriptor]) -> Result<Vec<Value>, NotStrict> {
    super::strict_functions(descriptors, tool)
}

/// Returns a function as Responses has it, which is a tool itself.
fn tool(function: Value) -> Value {
    with(function, "type", "function")
}

/// Returns the function calls of a response, or of a list of its items, in order. Calls of OpenAI's
/// own tools are not included.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::dialect::openai::responses;
/// use serde_json::json;
///
/// let response = json!({"output": [
///     {"type": "reasoning", "id": "rs_1", "summary": []},
///     {
///         "type": "function_call",
///         "call_id": "call_1",
///         "name": "get_order",
///         "arguments": r#"{"order_id":"A-1"}"#,
///     },
/// ]});
/// let calls = responses::tool_calls(&response)?;
/// assert_eq!(calls.len(), 1);
/// assert_eq!(calls[0].arguments(), r#"{"order_id":"A-1"}"#);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the value is neither a response nor a list of items.
pub fn tool_calls(response: &Value) -> Result<Vec<ToolCall>, DialectError> {
    let items = response["output"].as_array().or(response.as_array());
    let items = items.ok_or_else(|| DialectError::new(NAME, "it has no `output`"))?;
    let calls = items.iter().filter(|item| item["type"] == "function_call");
    Ok(calls
        .map(|call| {
            ToolCall::new(
                text_at(call, "call_id"),
                text_at(call, "name"),
                text_at(call, "arguments"),
            )
        })
        .collect())
}

/// Returns the items that answer a turn: one for each call, in order, also for calls that wait;
/// then late answers, as in [`openai::messages`](super::messages).
///
/// ```
/// use gate_runtime::dialect::openai::responses;
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
/// let input = responses::input(&turn);
/// assert_eq!(input[0]["type"], "function_call_output");
/// assert!(
///     input[0]["output"]
///         .as_str()
///         .is_some_and(|text| text.contains("Not run yet: a person has been asked."))
/// );
/// # Ok(()) }
/// ```
#[must_use]
pub fn input(turn: &Turn) -> Vec<Value> {
    let answer = |answer: &Answer| {
        json!({
            "type": "function_call_output",
            "call_id": answer.call(),
            "output": answer.for_model(),
        })
    };
    let late =
        |answer: &Answer| json!({"type": "message", "role": "system", "content": late(answer)});
    turn.answers().iter().map(answer).chain(turn.late().iter().map(late)).collect()
}

/// Converts the items of a conversation for a run's [`history`](crate::Run::history). Reasoning is
/// left out; items of OpenAI's own tools count as messages of a tool.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::run::Message;
/// use gate_runtime::dialect::openai::responses;
/// use serde_json::json;
///
/// let history = responses::history(&[
///     json!({"role": "user", "content": "Where is A-1?"}),
///     json!({
///         "type": "function_call",
///         "call_id": "call_1",
///         "name": "get_order",
///         "arguments": r#"{"order_id":"A-1"}"#,
///     }),
///     json!({"type": "function_call_output", "call_id": "call_1", "output": "A-1: paid"}),
/// ])?;
/// assert_eq!(history, [Message::user("Where is A-1?"), Message::tool("get_order", "A-1: paid")]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns an error if the role of a message is not `system`, `developer`, `user` or `assistant`.
pub fn history(items: &[Value]) -> Result<Vec<Message>, DialectError> {
    let mut called = CalledTools::default();
    let mut history = Vec::new();
    for item in items {
        match item["type"].as_str() {
            None | Some("message") => {
                let text = text_of(&item["content"]);
                history.push(match item["role"].as_str() {
                    Some("system" | "developer") => message_of(Message::system, text),
                    Some("user") => message_of(Message::user, text),
                    Some("assistant") => Message::agent(text),
                    _ => {
                        return Err(DialectError::new(
                            NAME,
                            format!("a message has the role {}", item["role"]),
                        ));
                    }
                });
            }
            Some("function_call") => called.note(&item["call_id"], &item["name"]),
            Some("function_call_output") => {
                history.push(Message::tool(
                    called.name(&item["call_id"]),
                    tool_result_text(&item["output"]),
                ));
            }
            // Reasoning and mere references are not messages.
            Some("reasoning" | "item_reference") => {}
            // Results of OpenAI's own tools, and of the tools of other servers.
            Some(other) => history.push(Message::tool(other, item.to_string())),
        }
    }
    Ok(history)
}
