//! 5. Policies that scale.
//!
//! # Limits
//!
//! A threshold alone is salami-sliced: a hundred refunds of $49.99 are all under $50. A limit
//! counts what a rule approves, for each value of a key, in the store's own transaction, so that
//! two calls at once cannot both take the last place. Beyond it the rule does not match.
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// Refunds: small ones go through, a few for each customer.
//! #[policy]
//! fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
//!     rules
//!         .auto_approve("under $50")
//!         .when(|call| call.amount_cents < 5_000)
//!         .at_most(3)
//!         .per(DAY)
//!         .by(|call| call.customer_id.clone())
//!         .budget(|call| call.amount_cents, 10_000)
//!         .per(WEEK)
//!         .by(|call| call.customer_id.clone())
//!         .otherwise(ask(anyone()))
//! }
//!
//! /// Issue a refund.
//! #[gated_tool(policy = "refunds")]
//! fn issue_refund(customer_id: String, amount_cents: u64) -> u64 {
//!     amount_cents
//! }
//! # registry! { pub Tools for () { IssueRefund } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let refund = |id: usize| {
//!     ToolCall::new(
//!         id.to_string(),
//!         "issue_refund",
//!         r#"{"customer_id":"c-88","amount_cents":2000}"#,
//!     )
//! };
//! let turn = gate.run("run-42").submit((0..100).map(refund)).await?;
//! assert_eq!(turn.outputs().count(), 3);
//! # Ok(()) }
//! ```
//!
//! Money in decimals is an [`Amount`](crate::Amount), which is exact: `.budget(|call|
//! call.amount.parse::<Amount>(), Amount::hundredths(50_050)).per(DAY)` for a text,
//! `Amount::try_from(call.amount)` for a float. Where a call has no plain amount (`1e3`,
//! `1,000.00`, a negative number), the rule has failed, and a person is asked.
//!
//! # Where values come from
//!
//! A payment that a mail told the agent to make is small, and to somebody new. Approve what the
//! *user* said, and ask about the rest: `.when(|call| call.origin(&call.recipient).is_user())`. See
//! [`Call::origin`](crate::Call::origin), and the example `provenance`.
//!
//! Whoever says a value first, keeps it: the mail's account number stays the mail's when the user
//! repeats it, when the conversation is [compacted](crate::Run::compact), for another
//! [`Run`](crate::Run) of the same id, and after a restart, for the store has what tools returned.
//! Two things are up to you. Tell a run what the user says *before* you submit what follows from
//! it, and give the gate a [key](crate::GateBuilder::key), or a new process does not know what was
//! said before a tool repeated it, and asks people.
//!
//! A value must have been said whole, and a number of one or two digits, as an id, beside what it
//! identifies. An optional argument is asked about by
//! [`said_or_absent`](crate::Call::said_or_absent): absent are `None` and an empty list. A default
//! is a value like any other: for a `bool` that the model left out, write `!call.urgent ||
//! call.origin(&call.urgent).is_user()`.
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// Files: the one that the user named, at the time that the user said, if any.
//! #[policy]
//! fn files(rules: Rules<DeleteFile>) -> Rules<DeleteFile> {
//!     rules
//!         .auto_approve("as the user said")
//!         .when(|call| call.origin(&call.file_id).is_user() && call.said_or_absent(&call.at))
//!         .otherwise(ask(anyone()))
//! }
//!
//! /// Delete a file.
//! #[gated_tool(policy = "files", destructive)]
//! fn delete_file(file_id: String, at: Option<String>) -> String {
//!     format!("deleted {file_id} {at:?}")
//! }
//! # registry! { pub Tools for () { DeleteFile } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let run = gate
//!     .run("run-42")
//!     .history([Message::user("I leave on June 13 at 10 am. Delete file 7 at 9:30 pm.")]);
//! let delete = |id: &str, arguments: &str| ToolCall::new(id, "delete_file", arguments);
//! let turn = run
//!     .submit([
//!         delete("1", r#"{"file_id":"7"}"#),
//!         delete("2", r#"{"file_id":"7","at":"21:30"}"#),
//!         delete("3", r#"{"file_id":"13"}"#),
//!         delete("4", r#"{"file_id":"10","at":"21:30"}"#),
//!     ])
//!     .await?;
//! let kinds: Vec<&str> = turn.answers().iter().map(|answer| answer.kind()).collect();
//! assert_eq!(kinds, ["succeeded", "succeeded", "waiting", "waiting"]);
//! # Ok(()) }
//! ```
//!
//! # One rule for many tools
//!
//! A policy that reads no field is generic. What tools share is a trait of yours, and a function
//! that adds rules to whatever is given:
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// A call about somebody's account.
//! trait OfAccount: Tool { fn account(&self) -> &str; }
//!
//! /// What holds for every call about an account.
//! fn own_account_only<T: OfAccount>(rules: Rules<T>) -> Rules<T> {
//!     rules
//!         .deny("another one's account")
//!             .when(|call| call.context().on_behalf_of().is_none_or(|who| *who != call.account()))
//!         .into()
//! }
//!
//! /// Close an account.
//! #[policy]
//! fn closing(rules: Rules<CloseAccount>) -> Rules<CloseAccount> {
//!     own_account_only(rules).otherwise(ask(principal()))
//! }
//!
//! /// Close an account.
//! #[gated_tool(policy = "closing", destructive)]
//! fn close_account(account: String) {}
//!
//! impl OfAccount for CloseAccount { fn account(&self) -> &str { &self.account } }
//! # let _ = closing();
//! ```
//!
//! # Agents
//!
//! An [`Agent`](crate::Agent) may have policies beside the tools' own; the strictest wins, so it
//! can only tighten. [`Run::hand_off`](crate::Run::hand_off) gives a run to another agent,
//! [`Run::child`](crate::Run::child) is the run of an agent that this one calls. Every record names
//! the whole chain. See the example `agents`.
//!
//! # Overlays
//!
//! What is not about one tool (a freeze, a budget for all, a policy language of your company's) is
//! an [`Overlay`](crate::Overlay): it sees every call, untyped, and can only object. While one
//! fails, nothing runs, unless it says whom its failure asks
//! ([`on_failure`](crate::Overlay::on_failure)). See the example `overlay`.
//!
//! # Tests
//!
//! Examples in rules are checked whenever a gate is built. For the rest,
//! [`Run::assess`](crate::Run::assess) judges without acting, with the context that you give the
//! run, and says which rule did what:
//!
//! ```
//! use gate_runtime::prelude::*;
//! # /// Deploy.
//! # #[gated_tool(policy = "deployments")] fn deploy(version: String) {}
//! # #[policy] fn deployments(rules: Rules<Deploy>) -> Rules<Deploy> {
//! # rules
//! #     .deny("by the intern")
//! #     .when(|call| call.context().agent() == "intern")
//! #     .otherwise(ask(anyone()))
//! # }
//! # registry! { pub Tools for () { Deploy } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let gate: Gate<Tools> = Gate::builder(()).agent("intern").agent("lead").build().await?;
//! let deploy = ToolCall::new("1", "deploy", r#"{"version":"2.0"}"#);
//! for (agent, verdict) in [("intern", Verdict::Deny), ("lead", Verdict::Ask)] {
//!     assert_eq!(gate.run("test").agent(agent).assess(&deploy).await?.verdict(), verdict);
//! }
//! # Ok(()) }
//! ```
//!
//! # When a tool is added
//!
//! A `match` over [the registry's enum of calls](crate::registry!) stops compiling until it says of
//! the new tool too: for prices, labels, metrics, whatever must not be forgotten. See the example
//! `exhaustive`.
//!
//! Next: [Trust](super::trust).
