//! The changes that a store writes together, and the outcome of the commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::approval::state::Approval;
use crate::approval::status::Status;
use crate::call::descriptor::Descriptor;
use crate::grants::freeze::Freeze;
use crate::grants::grant::Grant;
use crate::grants::limit::{GiveBack, LimitCharge};
use crate::id::ApprovalId;
use crate::records::delivery::Delivery;
use crate::records::event::{CallEvent, GateEvent, RecordEvent};
use crate::records::record::Record;

/// The changes that a store writes together.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::grants::{LimitCharge, LimitKey};
/// use gate_runtime::policy::DAY;
/// use gate_runtime::store::{ApprovalStore, CallQuery, Changeset, CommitOutcome, RecordLog};
/// let (store, now) = (MemoryStore::new(), Timestamp::UNIX_EPOCH);
/// let key = LimitKey::new("refunds", "null");
/// let mut changeset = Changeset::at(now);
/// changeset.charges.push(LimitCharge {
///     key: key.clone(),
///     amount: 3,
///     max: 10,
///     window: DAY,
///     taken_for: None,
/// });
/// assert_eq!(store.commit(changeset).await?, CommitOutcome::Done);
///
/// let mut proposal = CallQuery::new("run-42", "call_1", "issue_refund", now);
/// proposal.counters.push((key, DAY));
/// assert_eq!(store.load_history(&proposal).await?.used, [3]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Changeset {
    /// The time, by the gate's clock.
    pub at: Timestamp,
    /// Approvals. Each is written only over its previous version, and version 1 only if its run has
    /// no call with its id.
    pub approvals: Vec<Arc<Approval>>,
    /// Grants. Each is written only over its previous version.
    pub grants: Vec<Arc<Grant>>,
    /// Freezes. Each replaces the freeze with the same scope.
    pub freezes: Vec<Freeze>,
    /// Freezes that are lifted. The store must have exactly these.
    pub lifted: Vec<Freeze>,
    /// Charges on limits, all of which must fit.
    pub charges: Vec<LimitCharge>,
    /// Charges to give back. Nothing is given back for a call that had ended before.
    pub given_back: Vec<GiveBack>,
    /// Calls whose end the application has: they are no longer owed to their runs. They may be
    /// among the new approvals of this changeset.
    pub acknowledged: Vec<ApprovalId>,
    /// Tools, for processes that do not have them. A tool that the store already has stays, and
    /// only its [`written`](super::KnownTool::written) changes.
    pub tools: Vec<Arc<Descriptor>>,
    /// Deliveries. Each is written only over its previous version, and version 1 only if its
    /// notifier has no delivery about that record.
    pub deliveries: Vec<Arc<Delivery>>,
    /// Deliveries to delete. The store must have each in this version.
    pub forgotten: Vec<Arc<Delivery>>,
    /// The records of these changes. The store numbers them.
    pub records: Vec<Record>,
}

impl Changeset {
    /// Creates an empty changeset.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self {
            at,
            approvals: Vec::new(),
            grants: Vec::new(),
            freezes: Vec::new(),
            lifted: Vec::new(),
            charges: Vec::new(),
            given_back: Vec::new(),
            acknowledged: Vec::new(),
            tools: Vec::new(),
            deliveries: Vec::new(),
            forgotten: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Creates a changeset with a record of a gate's event.
    #[doc(hidden)]
    #[must_use]
    pub fn noting(at: Timestamp, event: GateEvent) -> Self {
        Self { records: vec![Record::of_gate(at, event)], ..Self::at(at) }
    }

    /// Returns whether it lets a body begin. If so, a store checks the freezes.
    #[must_use]
    pub fn dispatches(&self) -> bool {
        self.dispatched().next().is_some()
    }

    /// Returns whether a freeze stops a body that it lets begin.
    #[must_use]
    pub fn is_stopped_by(&self, freeze: &Freeze) -> bool {
        self.dispatched().any(|approval| freeze.stops(approval.subject()))
    }

    /// Returns the approvals whose bodies it lets begin, without those that already run and only
    /// get a heartbeat.
    fn dispatched(&self) -> impl Iterator<Item = &Arc<Approval>> {
        let begins = |approval: &&Arc<Approval>| {
            approval.status() == Status::Dispatched
                && self.records.iter().any(|record| {
                    let is_dispatched =
                        matches!(record.event(), RecordEvent::Call(CallEvent::Dispatched));
                    is_dispatched
                        && record
                            .subject()
                            .is_some_and(|subject| subject.approval() == approval.id())
                })
        };
        self.approvals.iter().filter(begins)
    }

    /// Returns whether it writes one approval, grant or delivery twice, or two approvals for one
    /// call. One of the two would be lost.
    #[must_use]
    pub fn writes_twice(&self) -> bool {
        fn has_twins<T: Ord>(mut all: impl ExactSizeIterator<Item = T>) -> bool {
            let mut seen = BTreeSet::new();
            all.len() > 1 && !all.all(|one| seen.insert(one))
        }
        let calls = self
            .approvals
            .iter()
            .map(|approval| (approval.subject().info().run(), approval.subject().call()));
        has_twins(self.approvals.iter().map(|approval| approval.id()))
            || has_twins(calls)
            || has_twins(self.grants.iter().map(|grant| grant.id()))
            || has_twins(
                self.deliveries.iter().map(|delivery| (delivery.record(), delivery.notifier())),
            )
    }

    /// Returns the place of the first charge that does not fit, given the used part of each window.
    /// Charges on one counter add up.
    ///
    /// # Errors
    /// Returns the error of `used` if the used part of a window cannot be read.
    pub fn limit_reached<E>(
        &self,
        mut used: impl FnMut(&LimitCharge) -> Result<u64, E>,
    ) -> Result<Option<usize>, E> {
        for (index, take) in self.charges.iter().enumerate() {
            let before = self.charges.iter().take(index).filter(|earlier| earlier.key == take.key);
            if !take
                .fits(before.fold(used(take)?, |sum, earlier| sum.saturating_add(earlier.amount)))
            {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}

/// The outcome of a commit.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::grants::{LimitCharge, LimitKey};
/// use gate_runtime::policy::DAY;
/// use gate_runtime::store::{Changeset, CommitOutcome, RecordLog};
/// let store = MemoryStore::new();
/// let mut changeset = Changeset::at(Timestamp::UNIX_EPOCH);
/// changeset.charges.push(LimitCharge {
///     key: LimitKey::new("refunds", "null"),
///     amount: 1,
///     max: 1,
///     window: DAY,
///     taken_for: None,
/// });
/// assert_eq!(store.commit(changeset.clone()).await?, CommitOutcome::Done);
/// assert_eq!(store.commit(changeset).await?, CommitOutcome::LimitReached(0));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum CommitOutcome {
    /// All of it is written.
    Done,
    /// Nothing is written: another process changed an approval, a grant or a delivery, or lifted a
    /// freeze, or the call already exists. Read again.
    Conflict,
    /// Nothing is written: a freeze stops a body that it would let begin.
    Frozen,
    /// Nothing is written: a limit is used up. Contains the place of its charge.
    LimitReached(usize),
}
