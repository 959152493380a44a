//! 6. Trust.
//!
//! # Secrets
//!
//! An argument in `secret(…)` reaches the body and the rules, and nothing else: no store, record,
//! log, error, reviewer or saved run. In its place stands a keyed commitment, which binds the
//! approval to the value all the same. A misspelt name there does not compile.
//!
//! ```
//! use gate_runtime::prelude::*;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! /// Sign in somewhere.
//! #[gated_tool(policy = "never_ask", secret(password))]
//! fn sign_in(user: String, password: String) -> usize {
//!     password.len()
//! }
//!
//! registry! { pub Tools for () { SignIn } }
//!
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! let run = gate.run("run-42");
//! let turn = run
//!     .submit([ToolCall::new("1", "sign_in", r#"{"user":"mia","password":"hunter2"}"#)])
//!     .await?;
//! assert_eq!(turn.answers()[0].for_model(), "7"); // the body had it
//! assert!(!run.state().await?.to_json().contains("hunter2")); // nobody else
//! # Ok(()) }
//! ```
//!
//! Nobody who has the database can try out a PIN, because the commitment is keyed. So a gate with a
//! store of yours, whose tools have secrets, needs a [`GateKey`](crate::GateKey). Make it once by
//! `GateKey::create("gate.key")`, or `gate audit key gate gate.key`, and add
//! `.key(GateKey::read("gate.key")?)` in every process. Keep the file apart from the database and
//! its backups. To replace the key, give the new one by `.key(…)` and the old one by
//! [`.earlier_keys([…])`](crate::GateBuilder::earlier_keys).
//!
//! The clear value is in the process that took the call, and nowhere else. After a restart, submit
//! the same call again under the same id: the commitment shows that it is the same.
//!
//! What a body returns is searched for the secrets among its arguments, in many writings. Return a
//! result that is a secret itself as a [`SecretOutput`](crate::SecretOutput): a typed call gets the
//! value, and the model, the record and reviewers get `[secret]`.
//!
//! # The record
//!
//! Every verdict, decision, dispatch and outcome is a [`Record`](crate::Record) in the store,
//! written with the state change that it describes, before its effect. A record names the policy
//! and the tool by the digest of their text, so it says under which rules something was approved.
//!
//! ```
//! use gate_runtime::prelude::*;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # /// Ring a bell.
//! # #[gated_tool(policy = "never_ask")] fn ring() {}
//! # registry! { pub Tools for () { Ring } }
//! # let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! ring(&gate.run("run-42")).await?;
//! let story: Vec<_> = gate.records(0, 100).await?.iter().map(|record| record.kind()).collect();
//! assert_eq!(story, ["gate_built", "assessed", "dispatched", "finished"]);
//! # Ok(()) }
//! ```
//!
//! # Saved runs
//!
//! [`Run::state`](crate::Run::state) is a run as JSON, to go on later or in another process: see
//! [`RunState`](crate::RunState) and the example `resume`. It is authenticated with the gate's
//! [`key`](crate::GateBuilder::key), so give all processes the same, and keep it as you keep a
//! password. The store stays the authority: what it knows of a call counts, and an old state cannot
//! undo it. What was approved under other rules, or for another version of the tool, is asked
//! again; whoever decides after such a deployment is told so
//! ([`Interruption::tool_notice`](crate::Interruption::tool_notice)).
//!
//! # When a process dies
//!
//! A call is dispatched on the record before its body starts. If the process dies in between,
//! nobody knows whether it took effect: it is [`Indeterminate`](crate::Status::Indeterminate). The
//! same holds for a future that is dropped while the body runs; spawn what must go on.
//!
//! What runs is vouched for by its process; half a minute after that ends, the call counts as lost.
//! [`gate.recover()`](crate::Gate::recover), or `gate recover` at the command line, lists such
//! calls. Three can settle one: a person who looks (`gate settle`); the tool's own function that
//! looks, by `reconcile`; and the tool itself, if it is `idempotent`: then it runs again when its
//! run goes on, under the same [key](crate::CallContext::idempotency_key).
//!
//! ```
//! use gate_runtime::prelude::*;
//! # #[derive(Default)]
//! # pub struct Provider { refunds: std::sync::Mutex<std::collections::BTreeMap<String, u64>> }
//!
//! /// Issue a refund.
//! #[gated_tool(policy = "always_ask", reconcile = "was_refunded")]
//! async fn issue_refund(
//!     #[state] provider: &Provider,
//!     #[context] context: &CallContext,
//!     cents: u64,
//! ) -> u64 {
//!     // The provider keeps the key, and refuses to refund twice under one.
//!     provider.refunds.lock().unwrap().insert(context.idempotency_key(), cents);
//!     cents
//! }
//!
//! async fn was_refunded(call: Call<IssueRefund>) -> ReconcileOutcome<u64> {
//!     let refunds = call.state().refunds.lock().unwrap();
//!     refunds
//!         .get(&call.context().idempotency_key())
//!         .map_or(ReconcileOutcome::No, |cents| ReconcileOutcome::Yes(*cents))
//! }
//! # registry! { pub Tools for Provider { IssueRefund } }
//! ```
//!
//! A failure that only people can judge asks them: `on_error = "ask"` over a tool, or
//! [`run.guard(…)`](crate::Run::guard) around anything else. An approval runs it again; nothing
//! else does.
//!
//! When something goes wrong, [`gate.freeze(…)`](crate::Gate::freeze) stops a tool, an agent or
//! everything, in every process that shares the store.
//!
//! [`MemoryStore`](crate::MemoryStore) forgets everything with the process; the crate `gate-sqlite`
//! has a store that does not. Another one implements [`Store`](crate::Store): eleven methods, all
//! of them required, and `testing::conformance` to hold them to it.
//!
//! # When somebody changed the database
//!
//! Before a call that was read from the store runs, the gate makes it again from its records, and
//! compares. If they differ, nothing runs: the answer is
//! [`CallResult::Approved`](crate::CallResult) with [`NotRun::Disputed`](crate::NotRun), and a
//! typed call gives [`CallError::NotYet`](crate::CallError), or `CallError::NotRun` if nobody knows
//! its id. Do not propose it again: tell an operator. `SECURITY.md` in the repository says what the
//! operator does.
//!
//! # What it cannot do
//!
//! `SECURITY.md` in the repository says against whom Gate defends, and what it cannot see.
