//! Gate puts a human, or a rule that a human wrote, between a language model and the functions it may call.
//!
//! What a person approves is exactly what runs, once, and it is on the record before it happens.

mod adapters;
mod assemble;
mod engine;
mod logic;
mod ports;
mod values;

pub mod prelude;

pub use adapters::dialect;
pub use adapters::directory::StaticDirectory;
pub use adapters::memory::MemoryStore;
pub use adapters::system_clock::SystemClock;
pub use adapters::terminal::Terminal;
#[cfg(feature = "testing")]
pub use adapters::testing;
pub use assemble::GateBuilder;
pub use engine::agent::Agent;
pub use engine::decide::{Decided, Edit};
pub use engine::error::{BuildError, CallError, DecideError, ReviewerError, RunError, StateError};
pub use engine::events::Events;
pub use engine::gate::Gate;
pub use engine::interruption::{Deciding, Interruption};
pub use engine::run::Run;
pub use engine::run_state::RunState;
pub use engine::turn::{Answer, CallResult, Turn};
pub use jiff::Timestamp;
pub use logic::call::Call;
pub use logic::descriptor::{Annotations, Descriptor};
pub use logic::permit::Permit;
pub use logic::policy::{
    Approves, Asks, Counted, Denies, EVERY_DAY, Effect, Example, LimitNeedsPer, OpenRule, Otherwise, Policy,
    RuleOutcome, Rules, Shared, TimeOfDay, Uncounted, WEEKDAYS, Weekdays, approve, deny, time,
};
pub use logic::probe::{ToolError, ToolOutput};
pub use logic::ready::{always_ask, always_deny, never_ask};
pub use logic::registry::{Offers, Registry};
pub use logic::schema::Misfits;
pub use logic::state::Provides;
pub use logic::tool::{InState, Tool, ToolArg};
pub use ports::BoxFuture;
pub use ports::clock::Clock;
pub use ports::directory::{Directory, DirectoryError};
pub use ports::overlay::{Objection, Overlay, OverlayCall};
pub use ports::store::{ApprovalFilter, Committed, Proposal, Recalled, Store, StoreError, StoreErrorKind, Transition};
pub use values::approval::{Approval, Refusal, Status};
pub use values::arguments::{Arguments, Commitment};
pub use values::assessment::{Assessment, Fallback, PolicyOutline, RuleOutline, RuleReport, RuleResult, Source};
pub use values::context::{CallContext, Message, RunInfo, Speaker, ToolCall};
pub use values::decision::{Decision, Reviewer, Vote};
pub use values::digest::{BadDigest, Digest};
pub use values::event::{CallEvent, Changes, Event, GateEvent, Record, Subject, ToolNote};
pub use values::grant::{BadScope, Grant, Scope};
pub use values::id::{
    AgentName, ApprovalId, BadId, CallId, CaseId, GrantId, Principal, ReviewerId, Role, RunId, ToolName,
};
pub use values::json::Misfit;
pub use values::limit::{LimitKey, Take};
pub use values::outcome::{NotRun, ToolOutcome};
pub use values::requirement::{Requirement, Tier, Who, anyone, ask, principal, role};
pub use values::time::{DAY, HOUR, MINUTE, WEEK, days, hours, minutes};
pub use values::transition::Refused;
pub use values::verdict::Verdict;

pub use gate_macros::{gated_tool, policy, registry};

/// What generated code names. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::logic::bound::{BoundTool, Specs};
    pub use crate::logic::policy::{DeclaredRules, PolicySource};
    pub use crate::logic::probe::{Probe, ProbePlain, ProbeSchemaless, ProbeUnfit};
    pub use crate::logic::registry::{Listed, is_new_name, is_tool_name, names};
    pub use crate::logic::tool::{About, Codec, ToolArgs, is_argument};
    pub use {schemars, serde};
}
