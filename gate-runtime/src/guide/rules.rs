//! 2. Rules.
//!
//! A policy is a function over [`Rules`](crate::Rules) of a tool. Each rule has a name, which
//! people read, and conditions, which are closures over the typed call:
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// Refunds: small ones go through, large ones need two managers, and there is a limit.
//! #[policy]
//! fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
//!     rules
//!         .deny("above the legal limit")
//!         .when(|call| call.amount_cents > 1_000_000)
//!         .matches(IssueRefund { order_id: "A-1".into(), amount_cents: 1_000_001 })
//!         .ask("large", ask(role("manager")).count(2))
//!         .when(|call| call.amount_cents > 100_000)
//!         .auto_approve("under $50")
//!         .when(|call| call.amount_cents < 5_000)
//!         .not_matches(IssueRefund { order_id: "A-1".into(), amount_cents: 5_000 })
//!         .otherwise(ask(role("manager")))
//! }
//!
//! /// Issue a refund to the original payment method.
//! #[gated_tool(policy = "refunds")]
//! fn issue_refund(order_id: String, amount_cents: u64) -> String {
//!     format!("refunded {amount_cents} of {order_id}")
//! }
//! # registry! { pub Tools for () { IssueRefund } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let people = StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]);
//! let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
//!
//! // What would the rules say? Nothing runs, nobody is asked, nothing is stored.
//! let call = ToolCall::new("1", "issue_refund", r#"{"order_id":"A-1","amount_cents":250000}"#);
//! let assessment = gate.run("a test").assess(&call).await?;
//! assert_eq!(assessment.verdict(), Verdict::Ask);
//! assert_eq!(
//!     assessment.to_string(),
//!     "\
//! policy refunds
//!   · deny    above the legal limit
//!   ● ask     large: 2 of role manager
//!   · approve under $50
//!   · ask     otherwise: a manager"
//! );
//! # Ok(()) }
//! ```
//!
//! # How a verdict comes about
//!
//! Every rule is looked at, whatever the order, and **the strictest that matches wins**: `Approve <
//! Ask < Deny`. What no rule matches falls to `otherwise`; without one, any reviewer is asked. A
//! rule that returns an error, panics or hangs never approves. It denies nothing either: where a
//! denial hangs on it, the call does not run, an approval stays, and the call can be tried again.
//! So a rule more can only make what other rules decide stricter, and nobody must read a policy
//! from top to bottom to know what it does.
//!
//! # Mistakes are found early
//!
//! A misspelt field, policy or tool does not compile. Examples (`matches`, `not_matches`) are tried
//! when the gate is built, with the gate's own state; a role that nobody holds, a limit of 0, two
//! rules of one name are found there too, all at once.
//!
//! # What a condition may look at
//!
//! The arguments are fields of `call`. [`call.state()`](crate::Call::state) is the tool's part of
//! your application, [`call.context()`](crate::Call::context) says who asks, for whom, when, after
//! what was said; [`call.origin(&call.field)`](crate::Call::origin) where a value came from. A
//! condition returns `bool`, or a `Result` of it: `true` always means "this rule matches". One that
//! has to wait is `.when_async(|call| async move { … })`.
//!
//! ```
//! use gate_runtime::prelude::*;
//! # #[derive(Default)] pub struct Shop { customers: Vec<String> }
//! # impl Shop {
//! #     fn knows(&self, customer: &str) -> bool {
//! #         self.customers.iter().any(|known| known == customer)
//! #     }
//! # }
//!
//! /// Only in the daytime, and only for customers we know.
//! #[policy]
//! fn vouchers(rules: Rules<SendVoucher>) -> Rules<SendVoucher> {
//!     rules
//!         .auto_approve("a customer we know, in the daytime")
//!         .when(|call| call.state().knows(&call.customer_id))
//!         .between(time(8, 0), time(18, 0), WEEKDAYS, "Europe/Zurich")
//!         .deny("for the agent's own principal")
//!         .when(|call| {
//!             call.context().on_behalf_of().is_some_and(|who| *who == call.customer_id.as_str())
//!         })
//!         .otherwise(ask(anyone()))
//! }
//!
//! /// Send a voucher.
//! #[gated_tool(policy = "vouchers")]
//! fn send_voucher(#[state] shop: &Shop, customer_id: String) -> bool {
//!     shop.knows(&customer_id)
//! }
//! # let _ = vouchers();
//! ```
//!
//! A rule that approves needs a condition, hours or a limit: a policy that goes on without one does
//! not compile. A rule for every call says so, with [`.always()`](crate::RuleBuilder::always).
//! Whole days are `.on(WEEKENDS, "Europe/Zurich")` or `.on(MONDAY | THURSDAY, "UTC")`; days and
//! hours that never come together are refused when the gate is built.
//!
//! Next: [People](super::people).
