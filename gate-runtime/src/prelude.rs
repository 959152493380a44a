//! The items that a file with tools and policies needs: `use gate_runtime::prelude::*;`.
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// Read one order.
//! #[gated_tool(policy = "never_ask", read_only)]
//! fn get_order(order_id: String) -> String {
//!     format!("{order_id}: paid")
//! }
//!
//! registry! { pub Tools for () { GetOrder } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let gate: Gate<Tools> = Gate::builder(()).build().await?;
//! assert_eq!(get_order(&gate.run("run-42"), "A-1".into()).await?, "A-1: paid");
//! # Ok(()) }
//! ```

#[cfg(feature = "terminal")]
pub use crate::Console;
pub use crate::{
    Agent, Annotations, Call, CallContext, CallError, CallResult, DAY, EVERY_DAY, Edit, Example,
    FRIDAY, Gate, HOUR, MINUTE, MONDAY, MemoryStore, Message, NotRun, Origin, Provides,
    ReconcileOutcome, Registry, Rules, Run, SATURDAY, SUNDAY, Scope, StaticDirectory, THURSDAY,
    TUESDAY, Tool, ToolCall, ToolOutcome, Turn, Verdict, WEDNESDAY, WEEK, WEEKDAYS, WEEKENDS,
    always_ask, always_deny, anyone, approve, ask, days, deny, gated_tool, hours, minutes,
    never_ask, policy, principal, registry, role, time,
};
