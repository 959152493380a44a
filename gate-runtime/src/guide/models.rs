//! 4. Models.
//!
//! A [dialect](crate::dialect) turns your tools into a provider's format, and its calls into
//! [`ToolCall`](crate::ToolCall)s. The loop is the same for all:
//!
//! ```
//! use gate_runtime::dialect::openai;
//! use gate_runtime::prelude::*;
//! use serde_json::{Value, json};
//!
//! /// Look up an order.
//! #[gated_tool(policy = "never_ask", read_only)]
//! fn get_order(
//!     /** Like `A-1001`. */
//!     order_id: String,
//! ) -> String {
//!     format!("{order_id}: paid")
//! }
//!
//! registry! { pub Tools for () { GetOrder } }
//!
//! # /// Stands for the provider: calls the tool, then says what it read.
//! # async fn send(request: &Value) -> Value {
//! #     let last = request["messages"].as_array().unwrap().last().unwrap();
//! #     let message = if last["role"] == "tool" {
//! #         json!({"role": "assistant", "content": last["content"]})
//! #     } else {
//! #         json!({"role": "assistant", "tool_calls": [{
//! #             "id": "call_1",
//! #             "type": "function",
//! #             "function": {"name": "get_order", "arguments": r#"{"order_id":"A-1001"}"#},
//! #         }]})
//! #     };
//! #     json!({"choices": [{"message": message}]})
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let run = gate.run("conversation-1").on_behalf_of("mia");
//!
//! // The instructions tell the model which tools ask a person, and that a rejection is final.
//! let mut messages = vec![
//!     json!({
//!         "role": "system",
//!         "content": format!("You help customers.\n\n{}", Tools::instructions()),
//!     }),
//!     json!({"role": "user", "content": "Is A-1001 paid?"}),
//! ];
//! loop {
//!     let request =
//!         json!({"messages": messages, "tools": openai::strict_tools(Tools::descriptors())?});
//!     let response = send(&request).await; // your HTTP client
//!     messages.push(response["choices"][0]["message"].clone());
//!     let calls = openai::tool_calls(&response)?;
//!     if calls.is_empty() {
//!         break;
//!     }
//!     run.set_history(openai::history(&messages)?); // who said what, for rules and reviewers
//!     let turn = run.submit(calls).await?;
//!     // One answer for each call, also for those that wait.
//!     messages.extend(openai::messages(&turn));
//! }
//! assert_eq!(messages.last().unwrap()["content"], "A-1001: paid");
//! # Ok(()) }
//! ```
//!
//! | for | tools | calls | answers | conversation |
//! |---|---|---|---|---|
//! | [OpenAI Chat Completions] | `strict_tools`, `tools` | `tool_calls` | `messages` | `history` |
//! | [OpenAI Responses] | `strict_tools`, `tools` | `tool_calls` | `input` | `history` |
//! | [Anthropic Messages] | `strict_tools`, `tools` | `tool_calls` | `message` | `history` |
//! | [Gemini] | `tools` | `tool_calls` | `content` | `history` |
//! | [MCP], as a server | `tools` | `tool_call` | `result` | |
//!
//! [OpenAI Chat Completions]: crate::dialect::openai
//! [OpenAI Responses]: crate::dialect::openai::responses
//! [Anthropic Messages]: crate::dialect::anthropic
//! [Gemini]: crate::dialect::gemini
//! [MCP]: crate::dialect::mcp
//!
//! # When the conversation gets too long
//!
//! Call [`run.compact(summary)`](crate::Run::compact), then tell the shorter conversation by
//! [`set_history`](crate::Run::set_history). What was heard before stays whose it was, and the
//! summary is nobody's word. Without `compact`, a summary in the user's role counts as said by the
//! user. Another process knows the summary once a call after it is on the record, if the gate has
//! the same [key](crate::GateBuilder::key).
//!
//! # What a model is told
//!
//! What ran, is told as the tool said it. The gate's own words stand in
//! `<gate-notice>…</gate-notice>`, which no tool's output can write: the instructions for the
//! system prompt say so. What did not run has a reason that the model can act on: a rule that
//! denies is named, with the advice not to try again; a person's reason is given; arguments that do
//! not fit are told field by field. Secrets, errors of the store and who the reviewers are stay out
//! of it. Your code reads the same from [`Answer::kind`](crate::Answer::kind) and
//! [`CallResult`](crate::CallResult).
//!
//! Too many denied calls in one run, and [`Turn::must_stop`](crate::Turn::must_stop) says that it
//! should end.
//!
//! Next: [Policies that scale](super::scale).
