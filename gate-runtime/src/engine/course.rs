//! An approval on its way from one stored version to the next.

use std::sync::Arc;

use jiff::Timestamp;

use crate::ports::store::Transition;
use crate::values::approval::{Approval, Status};
use crate::values::event::CallEvent;
use crate::values::record::Record;
use crate::values::transition::Refused;

/// One or more events that are written together: the approval after them, and a record of each.
pub(crate) struct Course {
    approval: Approval,
    /// The version that it will have, however many events lead to it.
    version: u64,
    records: Vec<Record>,
}

impl Course {
    /// A new approval, and the event that begins it.
    pub(crate) fn begin(approval: Approval, event: CallEvent, now: Timestamp) -> Self {
        let record = Record::of_call(now, Arc::clone(&approval.subject), approval.status, event);
        let mut records = Vec::with_capacity(2);
        records.push(record);
        Self { version: approval.version, approval, records }
    }

    /// On from a stored version.
    pub(crate) fn from(approval: &Approval) -> Self {
        Self { version: approval.version + 1, approval: approval.clone(), records: Vec::with_capacity(1) }
    }

    /// The next event.
    pub(crate) fn then(&mut self, event: CallEvent, now: Timestamp) -> Result<(), Refused> {
        self.approval.advance(&event, now)?;
        self.approval.version = self.version;
        let subject = Arc::clone(&self.approval.subject);
        self.records.push(Record::of_call(now, subject, self.approval.status, event));
        Ok(())
    }

    /// The approval after what happened so far.
    pub(crate) fn approval(&self) -> &Approval {
        &self.approval
    }

    pub(crate) fn status(&self) -> Status {
        self.approval.status
    }

    /// Adds it to what is written together.
    pub(crate) fn join(self, transition: &mut Transition) -> Arc<Approval> {
        let approval = Arc::new(self.approval);
        transition.approvals.push(Arc::clone(&approval));
        transition.records.extend(self.records);
        approval
    }

    /// All that is written.
    pub(crate) fn alone(self) -> (Transition, Arc<Approval>) {
        let mut transition = Transition::at(self.approval.changed_at);
        transition.approvals.reserve_exact(1);
        transition.records = self.records;
        let approval = Arc::new(self.approval);
        transition.approvals.push(Arc::clone(&approval));
        (transition, approval)
    }
}
