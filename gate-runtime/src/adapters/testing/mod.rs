//! Tools for tests: a manual clock, layers over a store, and the conformance suite of stores.
//!
//! ```
//! use gate_runtime::prelude::*;
//! use gate_runtime::testing::ManualClock;
//! # /// Delete an account.
//! # #[gated_tool(policy = "deletions", destructive)] fn delete_account(user_id: String) {}
//! # registry! { pub Tools for () { DeleteAccount } }
//!
//! #[policy]
//! fn deletions(rules: Rules<DeleteAccount>) -> Rules<DeleteAccount> {
//!     rules.otherwise(ask(anyone()).within(minutes(30)))
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let clock = ManualClock::at("2026-11-21T09:00:00Z".parse()?);
//! let gate: Gate<Tools> = Gate::builder(()).clock(clock.clone()).build().await?;
//! let run = gate.run("run-42");
//! let turn =
//!     run.submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
//! assert!(turn.is_waiting());
//!
//! clock.advance(HOUR);
//! gate.run_due().await;
//! assert_eq!(run.proceed().await?.answers()[0].kind(), "expired");
//! # Ok(()) }
//! ```

mod clock;
mod conformance;
mod store_layer;

pub use clock::ManualClock;
pub use conformance::{ConformanceFailure, conformance};
pub use store_layer::{LayeredStore, StoreLayer};
