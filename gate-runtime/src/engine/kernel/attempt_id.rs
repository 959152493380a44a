//! Identifies one attempt to run the body of a call.

use gate_core::approval::Approval;
use gate_core::id::ApprovalId;

/// One attempt to run the body of a call. An event about one attempt does not apply to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttemptId {
    pub(crate) approval: ApprovalId,
    number: u32,
}

impl AttemptId {
    pub(crate) fn of(approval: &Approval) -> Self {
        Self { approval: approval.id(), number: approval.attempts() }
    }

    pub(crate) fn number(approval: ApprovalId, number: u32) -> Self {
        Self { approval, number }
    }
}
