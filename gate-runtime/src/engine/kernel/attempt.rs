//! Which of the times that a body began.

use gate_core::approval::Approval;
use gate_core::id::ApprovalId;

/// One of the times that the body of a call began, or is to: what is said of one is not said of the
/// next.
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
