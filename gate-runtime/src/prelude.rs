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

pub use gate_macros::policy;

pub use crate::grants::Scope;
#[cfg(feature = "terminal")]
pub use crate::notify::Console;
pub use crate::policy::{
    DAY, EVERY_DAY, Example, FRIDAY, HOUR, MINUTE, MONDAY, SATURDAY, SUNDAY, THURSDAY, TUESDAY,
    Verdict, WEDNESDAY, WEEK, WEEKDAYS, WEEKENDS, always_ask, always_deny, anyone, approve, ask,
    days, deny, hours, minutes, never_ask, principal, role, time,
};
pub use crate::review::Edit;
pub use crate::run::{CallResult, Message, NotRun};
pub use crate::tool::{Annotations, Origin, Provides, ReconcileOutcome, ToolOutcome};
pub use crate::{
    Agent, Call, CallContext, CallError, Gate, MemoryStore, Registry, Rules, Run, StaticDirectory,
    Tool, ToolCall, Turn, gated_tool, registry,
};
