//! Unit of work: the events that take an approval from one stored version to the next.

use std::sync::Arc;

use gate_core::approval::{Approval, Refused, Status};
use gate_core::assessment::GateDenial;
use gate_core::grants::{GiveBack, LimitCharge, LimitKey, WAITING};
use gate_core::id::RunId;
use gate_core::ports::Changeset;
use gate_core::records::{CallEvent, Record};
use gate_core::text::DAY;
use jiff::Timestamp;

/// One or more events that are written together, with the approval after them, a record of each,
/// and their charges and give-backs on limits.
pub(crate) struct UnitOfWork {
    approval: Approval,
    /// The status before the first event; `None` for a new approval.
    before: Option<Status>,
    /// The version that the approval gets, for any number of events.
    version: u64,
    records: Vec<Record>,
}

impl UnitOfWork {
    /// Begins with a new approval and its first event.
    pub(crate) fn begin(mut approval: Approval, event: CallEvent, now: Timestamp) -> Self {
        let mut records = Vec::with_capacity(2);
        records.push(approval.record(event, now));
        Self { version: approval.version(), before: None, approval, records }
    }

    /// Begins from a stored version.
    pub(crate) fn from(approval: &Approval) -> Self {
        let before = Some(approval.status());
        Self {
            version: approval.version() + 1,
            before,
            approval: approval.clone(),
            records: Vec::with_capacity(1),
        }
    }

    /// Applies the next event.
    pub(crate) fn then(&mut self, event: CallEvent, now: Timestamp) -> Result<(), Refused> {
        self.approval.advance(&event, now)?;
        self.approval.set_version(self.version);
        self.records.push(self.approval.record(event, now));
        Ok(())
    }

    /// Returns the approval after the events so far.
    pub(crate) fn approval(&self) -> &Approval {
        &self.approval
    }

    pub(crate) fn status(&self) -> Status {
        self.approval.status()
    }

    /// Adds the events to a changeset.
    pub(crate) fn join(self, changeset: &mut Changeset) -> Arc<Approval> {
        self.change_limits(changeset);
        let approval = Arc::new(self.approval);
        changeset.approvals.push(Arc::clone(&approval));
        changeset.records.extend(self.records);
        approval
    }

    /// Returns a changeset with only these events.
    pub(crate) fn into_changeset(self) -> (Changeset, Arc<Approval>) {
        let mut changeset = Changeset::at(self.approval.changed_at());
        self.change_limits(&mut changeset);
        changeset.approvals.reserve_exact(1);
        changeset.records = self.records;
        let approval = Arc::new(self.approval);
        changeset.approvals.push(Arc::clone(&approval));
        (changeset, approval)
    }

    /// Adds the charges and give-backs of the events. All ways in which a call can end go through
    /// this function.
    fn change_limits(&self, changeset: &mut Changeset) {
        let (before, after) = (self.before, self.approval.status());
        // An unchanged status, as after one vote of several, must not be counted twice.
        if before == Some(after) {
            return;
        }
        if refuses(&self.approval) {
            changeset.charges.push(refused_once(&self.approval.subject().family()));
        }
        let mut give_back = |limit| {
            changeset.given_back.push(GiveBack { taken_for: self.approval.id(), limit });
        };
        match before {
            // A call that never ran uses no limit.
            Some(Status::Approved)
                if after != Status::Dispatched && self.approval.attempts() == 0 =>
            {
                give_back(None);
            }
            Some(Status::Pending) if self.approval.subject().request().is_some() => {
                give_back(Some(WAITING));
            }
            _ => {}
        }
    }
}

/// Returns whether a call that did not run counts towards the limit of its family. A call that the
/// application cancelled does not.
fn refuses(approval: &Approval) -> bool {
    match approval.status() {
        Status::Denied => !approval.assessment().is_denied_for(GateDenial::TooMany),
        Status::Rejected | Status::Expired => true,
        Status::Cancelled => approval.revoked_by().is_some(),
        _ => false,
    }
}

/// Returns the charge that counts one more call of a family that did not run.
pub(crate) fn refused_once(family: &RunId) -> LimitCharge {
    LimitCharge { key: refused(family), amount: 1, max: u64::MAX, window: DAY, taken_for: None }
}

/// Returns the counter of a family's calls that did not run.
pub(crate) fn refused(family: &RunId) -> LimitKey {
    LimitKey::refused(family)
}
