//! The serialized form of a run's state.

use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::call::{NotRun, RunInfo};
use gate_core::id::{ApprovalId, CallId, ToolName};
use serde::{Deserialize, Serialize};

/// The content of a state.
#[derive(Serialize, Deserialize)]
pub(crate) struct StateBody {
    pub(crate) info: Arc<RunInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Arc<str>>,
    pub(crate) current: Vec<BatchSlot>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier: Vec<ApprovalId>,
    pub(crate) approvals: Vec<Approval>,
    /// The runs nested in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nested: Vec<StateBody>,
}

/// One call of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum BatchSlot {
    /// It has an approval.
    Call { approval: ApprovalId },
    /// It was refused before any rule saw it.
    Refused { call: CallId, tool: ToolName, reason: NotRun },
}
