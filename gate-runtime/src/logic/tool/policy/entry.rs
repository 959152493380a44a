//! A stored rule.

use std::panic::Location;
use std::sync::Arc;

use gate_core::approval::Requirement;
use gate_core::assessment::Verdict;
use gate_core::call::{Message, RunInfo};
use jiff::Timestamp;

use super::condition::RuleCondition;
use super::limit::RuleLimit;
use crate::logic::context::CallContext;
use crate::logic::tool::call::{AnyCall, AnyState, OtherTool};

pub(crate) type MakeCall =
    dyn FnOnce(Arc<CallContext>, &AnyState) -> Result<AnyCall, OtherTool> + Send + Sync;

/// An example for any tool.
pub(crate) struct AnyExample {
    pub(crate) call: Box<MakeCall>,
    pub(crate) info: RunInfo,
    pub(crate) history: Vec<Message>,
    pub(crate) at: Option<Timestamp>,
}

/// One rule as it was built.
pub(crate) struct RuleEntry {
    pub(crate) name: String,
    pub(crate) effect: Verdict,
    pub(crate) place: SourceLocation,
    pub(crate) requirement: Option<Requirement>,
    pub(crate) conditions: Vec<RuleCondition>,
    pub(crate) limits: Vec<RuleLimit>,
    /// Calls, and whether the rule must match them.
    pub(crate) examples: Vec<(AnyExample, bool)>,
}

impl RuleEntry {
    pub(crate) fn waits(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, RuleCondition::Later(_)))
    }
}

/// The location at which a rule begins, from the compiler.
pub(crate) type SourceLocation = Option<&'static Location<'static>>;
