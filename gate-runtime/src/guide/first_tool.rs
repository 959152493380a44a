//! 1. Gate your first tool.
//!
//! You have a function, and you want a model to be able to call it, but not just like that:
//!
//! ```
//! fn delete_account(user_id: String) -> String {
//!     format!("deleted {user_id}")
//! }
//! # assert_eq!(delete_account("mia".into()), "deleted mia");
//! ```
//!
//! Put [`#[gated_tool]`](macro@crate::gated_tool) over it, with a policy and a doc comment, which
//! is what the model reads. From then on nobody can call the body, you included. List it in a
//! [`registry!`](crate::registry!), and build a [`Gate`](crate::Gate):
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// Delete an account with everything in it.
//! #[gated_tool(policy = "always_ask", destructive)]
//! fn delete_account(
//!     /// Like `mia_li_3668`.
//!     user_id: String,
//! ) -> String {
//!     format!("deleted {user_id}")
//! }
//!
//! registry! { pub Tools for () { DeleteAccount } }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let people = StaticDirectory::new().person("dana", ["manager"]);
//!     let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
//!
//!     // One run is one agent at work. The call is what a model proposed: an id, a tool, arguments
//!     // as JSON.
//!     let run = gate.run("conversation-1").on_behalf_of("mia");
//!     let call = ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia_li_3668"}"#);
//!     let turn = run.submit([call]).await?;
//!     assert!(turn.is_waiting()); // nothing has run
//!
//!     // A person decides, and only then it runs.
//!     let dana = gate.reviewer("dana").await?;
//!     turn.interruptions()[0].approve(&dana).await?;
//!     let turn = run.proceed().await?;
//!     assert_eq!(turn.answers()[0].for_model(), "deleted mia_li_3668");
//!     Ok(())
//! }
//! ```
//!
//! # What the macro made
//!
//! - A type `DeleteAccount`: one value of it is one call, with the arguments as fields. Rules are
//!   closures over it.
//! - A [`Descriptor`](crate::Descriptor): name, description, JSON Schema. The schema admits no
//!   unknown field, so a model that makes one up is told so.
//! - A function `delete_account(&run, …)` for your own code. It goes through the gate as well,
//!   waits for the decision, and says [why it did not run](crate::CallError) if it did not.
//!
//! # What people read first
//!
//! A question begins with one sentence: the tool's title, or its name, with its first arguments.
//! Write a better one. The compiler checks that each name between braces is an argument, and that
//! its type has the format:
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// Issue a refund to the original payment method.
//! #[gated_tool(
//!     policy = "always_ask",
//!     summary = "Refund {amount_cents:cents} to {customer_id} for order {order_id}"
//! )]
//! fn issue_refund(customer_id: String, order_id: String, amount_cents: u64) -> String {
//!     format!("refunded {amount_cents} cents to {customer_id} for {order_id}")
//! }
//!
//! registry! { pub Tools for () { IssueRefund } }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let call = r#"{"customer_id":"c-88","order_id":"A-1001","amount_cents":1234500}"#;
//! let turn = gate.run("run-1").submit([ToolCall::new("call_1", "issue_refund", call)]).await?;
//! let headline = turn.interruptions()[0].review().headline().to_string();
//! assert_eq!(headline, "Refund 12,345.00 to c-88 for order A-1001");
//! # Ok(()) }
//! ```
//!
//! A value of several words stands in quotes, so that no argument passes for your words. A secret
//! is named as one, and cannot stand in a summary. `{customer.name}` names a field of an argument,
//! `{{` writes a brace, `None` reads "none". A new summary changes the tool's digest, so what waits
//! is judged again. The formats are `cents`, `bytes`, `time`, `duration` and `code`;
//! [`summary`](crate::summary) says which types have them.
//!
//! # What a tool can take
//!
//! Anything that serde and schemars know is an argument. Beside those there are two that the model
//! does not give: `#[state] db: &Db`, a part of your application, and `#[context] context:
//! &CallContext`, which says who asks.
//!
//! ```
//! use gate_runtime::prelude::*;
//! use std::sync::Mutex;
//!
//! /// What the application has.
//! #[derive(Default)]
//! pub struct App {
//!     notes: Mutex<Vec<String>>,
//! }
//!
//! /// Write a note.
//! #[gated_tool(policy = "never_ask")]
//! fn write_note(#[state] app: &App, #[context] context: &CallContext, text: String) -> usize {
//!     let mut notes = app.notes.lock().unwrap();
//!     notes.push(format!("{}: {text}", context.run()));
//!     notes.len()
//! }
//!
//! registry! { pub Tools for App { WriteNote } }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let gate: Gate<Tools> = Gate::builder(App::default()).build().await?;
//! // never_ask: it just runs.
//! let count = write_note(&gate.run("monday"), "buy cups".into()).await?;
//! assert_eq!(count, 1);
//! # Ok(()) }
//! ```
//!
//! Next: [Rules](super::rules), for what lies between "always ask" and "never ask".
