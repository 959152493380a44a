//! Filters of stored approvals and records.

use crate::approval::state::Approval;
use crate::approval::status::Status;
use crate::id::{ApprovalId, CaseId, RunId};
use crate::records::record::Record;

/// A filter of approvals.
///
/// ```
/// use gate_runtime::review::Status;
/// use gate_runtime::store::ApprovalFilter;
/// let pending = ApprovalFilter::all().run("run-42").status(Status::Pending).limit(50);
/// # let _ = pending;
/// ```
#[derive(Clone, Debug, Default)]
pub struct ApprovalFilter {
    pub(crate) ids: Vec<ApprovalId>,
    pub(crate) run: Option<RunId>,
    pub(crate) within: Option<RunId>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) after: Option<ApprovalId>,
    pub(crate) limit: Option<usize>,
}

impl ApprovalFilter {
    /// Creates a filter of all approvals.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Restricts it to this approval. May be called repeatedly for several approvals.
    #[must_use]
    pub fn id(mut self, id: ApprovalId) -> Self {
        self.ids.push(id);
        self
    }

    /// Restricts it to this run.
    #[must_use]
    pub fn run(mut self, run: impl Into<RunId>) -> Self {
        self.run = Some(run.into());
        self
    }

    /// Restricts it to this run and the runs nested in it at any depth.
    #[must_use]
    pub fn within(mut self, run: impl Into<RunId>) -> Self {
        self.within = Some(run.into());
        self
    }

    /// Restricts it to this status. May be called repeatedly for any of several statuses.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.statuses.push(status);
        self
    }

    /// Restricts it to approvals after this one, for the next page. Admits none if that approval
    /// does not exist.
    #[must_use]
    pub fn after(mut self, id: ApprovalId) -> Self {
        self.after = Some(id);
        self
    }

    /// Limits the number of results.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    /// Returns the ids it names; empty for any.
    #[must_use]
    pub fn ids(&self) -> &[ApprovalId] {
        &self.ids
    }

    /// Returns the run that it names.
    #[must_use]
    pub fn of_run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// Returns the run that it names with its nested runs.
    #[must_use]
    pub fn is_within(&self) -> Option<&RunId> {
        self.within.as_ref()
    }

    /// Returns the statuses it names; empty for any.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// Returns the approval after which they come.
    #[must_use]
    pub fn is_after(&self) -> Option<ApprovalId> {
        self.after
    }

    /// Returns the largest number of approvals that the filter admits.
    #[must_use]
    pub fn at_most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Returns whether it admits an approval, regardless of its place.
    #[must_use]
    pub fn admits(&self, approval: &Approval) -> bool {
        (self.ids.is_empty() || self.ids.contains(&approval.id()))
            && self.admits_whatever_its_id(approval)
    }

    /// Returns whether it admits an approval that was found by its id, without checking the id.
    #[doc(hidden)]
    #[must_use]
    pub fn admits_whatever_its_id(&self, approval: &Approval) -> bool {
        self.run.as_ref().is_none_or(|run| *run == approval.subject.info.run)
            && self.within.as_ref().is_none_or(|run| approval.subject.info.run.is_within(run))
            && (self.statuses.is_empty() || self.statuses.contains(&approval.status))
    }
}

/// A filter of records.
///
/// ```
/// use gate_runtime::store::RecordFilter;
/// let of_a_ticket = RecordFilter::after(0).case("ticket-7").limit(100);
/// # let _ = of_a_ticket;
/// ```
#[derive(Clone, Debug)]
pub struct RecordFilter {
    after: u64,
    case: Option<CaseId>,
    call: Option<ApprovalId>,
    limit: Option<usize>,
}

impl RecordFilter {
    /// Creates a filter of records after a number: 0 for all.
    #[must_use]
    pub fn after(seq: u64) -> Self {
        Self { after: seq, case: None, call: None, limit: None }
    }

    /// Restricts it to this case.
    #[must_use]
    pub fn case(mut self, case: impl Into<CaseId>) -> Self {
        self.case = Some(case.into());
        self
    }

    /// Restricts it to this call. A store must find these records without reading all others,
    /// because the gate reads them before the call begins.
    #[must_use]
    pub fn call(mut self, id: ApprovalId) -> Self {
        self.call = Some(id);
        self
    }

    /// Limits the number of results.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    /// Returns the number after which they come.
    #[must_use]
    pub fn is_after(&self) -> u64 {
        self.after
    }

    /// Returns the case it names.
    #[must_use]
    pub fn of_case(&self) -> Option<&CaseId> {
        self.case.as_ref()
    }

    /// Returns the call it names.
    #[must_use]
    pub fn of_call(&self) -> Option<ApprovalId> {
        self.call
    }

    /// Returns the largest number of records that the filter admits.
    #[must_use]
    pub fn at_most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Returns whether it admits a record.
    #[must_use]
    pub fn admits(&self, record: &Record) -> bool {
        record.seq() > self.after
            && self.case.as_ref().is_none_or(|case| record.case() == Some(case))
            && self
                .call
                .is_none_or(|call| record.subject().is_some_and(|subject| subject.approval == call))
    }
}
