//! What a file with tools and policies needs: `use gate_runtime::prelude::*;`.

pub use crate::{
    Agent, Annotations, Call, CallContext, CallError, CallResult, DAY, EVERY_DAY, Edit, Example, Gate, HOUR, MINUTE,
    MemoryStore, Message, NotRun, Origin, Provides, Registry, Rules, Run, Scope, StaticDirectory, Tool, ToolCall,
    ToolOutcome, Turn, Verdict, WEEK, WEEKDAYS, always_ask, always_deny, anyone, approve, ask, days, deny, gated_tool,
    hours, minutes, never_ask, policy, principal, registry, role, time,
};
