//! The run ledger: calls that wait, that may run, or whose end the application does not have.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;
use gate_core::approval::{Approval, Status};
use gate_core::id::{ApprovalId, RunId};
use gate_core::ports::{ApprovalStore, Changeset, RunChange, RunChanges, RunQuery, StoreError};
use rpds::RedBlackTreeMapSync;

use crate::lock::{Mutex, lock};

/// The calls of an outermost run and of its nested runs whose end the application does not have.
///
/// The store is the authority, and this is a cache of it. Every new state of a call is added by
/// [`note`](Self::note), which keeps the newer version, and never adds a call again whose end the
/// application has. So the order, the task and the number of additions do not matter. No lock is
/// held across an await.
pub(crate) struct RunLedger {
    family: RunId,
    state: Mutex<LedgerState>,
    /// Locked while the store is read, so that one reader's changes are added before the next one
    /// reads.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct LedgerState {
    /// The number of the record up to which the store was read.
    seq: u64,
    /// The number of times that the store was read.
    reads: u64,
    /// The calls that wait for people. A copy of any size is cheap.
    waiting: RedBlackTreeMapSync<ApprovalId, Arc<Approval>>,
    /// The other calls, by run.
    others: HashMap<RunId, BTreeMap<ApprovalId, OwedCall>>,
    /// Calls that were answered since the store was last read, which it need not report.
    answered: Vec<ApprovalId>,
    /// Calls of bodies whose questions are shown, and the number of waiters of each.
    waiter_counts: HashMap<ApprovalId, usize>,
    /// The calls whose ends the application has, and whether that is written to the store.
    acknowledged: HashMap<ApprovalId, bool>,
}

/// A moment before something was learned of a call: see [`RunLedger::record`].
#[derive(Clone, Copy)]
pub(crate) struct LedgerVersion {
    reads: u64,
}

struct OwedCall {
    approval: Arc<Approval>,
    /// The version that the application has taken already, of a call that has not ended.
    taken_version: Option<u64>,
}

impl RunLedger {
    pub(crate) fn new(family: RunId) -> Self {
        Self { family, state: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    /// Returns the outermost run.
    pub(crate) fn family(&self) -> &RunId {
        &self.family
    }

    /// Reads the changes since the last read.
    pub(crate) async fn refresh(&self, store: &dyn ApprovalStore) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        let (query, written) = lock(&self.state).query(&self.family);
        let changes = store.run_changes(&query).await?;
        lock(&self.state).apply_changes(&changes, &written);
        Ok(())
    }

    /// Returns the present moment.
    pub(crate) fn moment(&self) -> LedgerVersion {
        LedgerVersion { reads: lock(&self.state).reads }
    }

    /// Adds a call in its present state, unless a newer version is known.
    ///
    /// `before` is a moment before the call had this state. If the store was read since, and the
    /// call is not known here, another task may have returned its end: then only the store knows
    /// whether it is still owed.
    pub(crate) fn note(&self, approval: &Arc<Approval>, version: LedgerVersion) {
        lock(&self.state).record_since(approval, version);
    }

    /// [Adds](Self::record) a call of a batch. If it is added, the batch has it, and the store need
    /// not report it; otherwise the store alone knows whether it is owed.
    pub(crate) fn record_of_batch(&self, approval: &Arc<Approval>, version: LedgerVersion) {
        let mut known = lock(&self.state);
        if known.record_since(approval, version) && approval.status().is_terminal() {
            known.answered.push(approval.id());
        }
    }

    /// Returns the calls that waited at the last read.
    pub(crate) fn waiting(&self) -> RedBlackTreeMapSync<ApprovalId, Arc<Approval>> {
        lock(&self.state).waiting.clone()
    }

    /// Returns the calls of a run that may run, or whose unknown end may be settled.
    pub(crate) fn unfinished(&self, run: &RunId) -> Vec<Arc<Approval>> {
        let is_unfinished = |owed: &&OwedCall| !owed.approval.status().is_terminal();
        let known = lock(&self.state);
        let of_run = known.others.get(run).into_iter().flat_map(BTreeMap::values);
        of_run.filter(is_unfinished).map(|owed| Arc::clone(&owed.approval)).collect()
    }

    /// Returns the calls of a run with an answer that the application does not have.
    pub(crate) fn answers(&self, run: &RunId) -> Vec<Arc<Approval>> {
        let has_answer = |owed: &&OwedCall| {
            let status = owed.approval.status();
            (status.is_terminal() || status == Status::Indeterminate)
                && owed.taken_version != Some(owed.approval.version())
        };
        let known = lock(&self.state);
        let of_run = known.others.get(run).into_iter().flat_map(BTreeMap::values);
        of_run.filter(has_answer).map(|owed| Arc::clone(&owed.approval)).collect()
    }

    /// Returns the last known state of a call, if this ledger has the call.
    pub(crate) fn find(&self, approval: &Approval) -> Option<Arc<Approval>> {
        lock(&self.state).find(approval).cloned()
    }

    /// Records that the application has the answers to these calls. Once that is written, the ends
    /// are no longer owed; events after the answer still are.
    pub(crate) fn take(&self, returned: &[Arc<Approval>]) {
        let mut known = lock(&self.state);
        for approval in returned {
            let (id, run) = (approval.id(), approval.subject().info().run());
            if approval.status().is_terminal() {
                known.forget(run, id);
                known.acknowledged.insert(id, false);
            } else if let Some(owed) =
                known.others.get_mut(run).and_then(|of_run| of_run.get_mut(&id))
            {
                owed.taken_version = Some(approval.version());
            }
        }
    }

    /// Shows a call of a body as a question of the run, until the body has the answer or is gone.
    pub(crate) fn show(&self, approval: &Arc<Approval>) -> QuestionGuard<'_> {
        let mut known = lock(&self.state);
        known.acknowledged.remove(&approval.id());
        *known.waiter_counts.entry(approval.id()).or_default() += 1;
        known.record(approval);
        QuestionGuard {
            ledger: self,
            run: approval.subject().info().run().clone(),
            id: approval.id(),
        }
    }

    /// Adds taken ends that are not written yet to a changeset.
    pub(crate) fn acknowledge(&self, changeset: &mut Changeset) {
        let known = lock(&self.state);
        changeset
            .acknowledged
            .extend(known.acknowledged.iter().filter(|(_, written)| !**written).map(|(id, _)| *id));
    }

    /// Records that the ends that [`acknowledge`](Self::acknowledge) added are written.
    pub(crate) fn acknowledged(&self, ids: &[ApprovalId]) {
        let mut known = lock(&self.state);
        for id in ids {
            if let Some(written) = known.acknowledged.get_mut(id) {
                *written = true;
            }
        }
    }
}

/// Shows the question of a body's call until this guard is dropped. After that, the call is not
/// owed, because only the body needs its answer.
pub(crate) struct QuestionGuard<'a> {
    ledger: &'a RunLedger,
    run: RunId,
    id: ApprovalId,
}

impl Drop for QuestionGuard<'_> {
    fn drop(&mut self) {
        let mut known = lock(&self.ledger.state);
        if let Some(others) = known.waiter_counts.get_mut(&self.id).filter(|count| **count > 1) {
            *others -= 1;
            return;
        }
        known.waiter_counts.remove(&self.id);
        known.waiting.remove_mut(&self.id);
        known.forget(&self.run, self.id);
        known.acknowledged.insert(self.id, false);
    }
}

impl LedgerState {
    /// Returns the query for the store, and the calls that it can no longer report.
    fn query(&mut self, family: &RunId) -> (RunQuery, Vec<ApprovalId>) {
        let mut query = RunQuery::after(family, self.seq);
        query.known = std::mem::take(&mut self.answered);
        query.known.extend(self.acknowledged.keys());
        let written =
            self.acknowledged.iter().filter(|(_, written)| **written).map(|(id, _)| *id).collect();
        (query, written)
    }

    fn apply_changes(&mut self, changes: &RunChanges, written: &[ApprovalId]) {
        for RunChange { approval, is_owed, .. } in &changes.calls {
            let is_shown = approval.status() == Status::Pending
                && self.waiter_counts.contains_key(&approval.id());
            if *is_owed || is_shown {
                self.record(approval);
            } else {
                // Another process has its end, or is the only one that needs it.
                self.waiting.remove_mut(&approval.id());
                self.forget(approval.subject().info().run(), approval.id());
            }
        }
        self.seq = self.seq.max(changes.seq);
        self.reads += 1;
        // The store has these, and no longer reports them, so they need not be kept.
        for id in written {
            self.acknowledged.remove(id);
        }
    }

    fn find(&self, approval: &Approval) -> Option<&Arc<Approval>> {
        let id = approval.id();
        let other = || Some(&self.others.get(approval.subject().info().run())?.get(&id)?.approval);
        self.waiting.get(&id).or_else(other)
    }

    /// Adds a call in its present state, and returns whether the ledger has the call.
    fn record_since(&mut self, approval: &Arc<Approval>, version: LedgerVersion) -> bool {
        let is_known = self.reads == version.reads || self.find(approval).is_some();
        if is_known {
            self.record(approval);
        }
        is_known
    }

    fn record(&mut self, approval: &Arc<Approval>) {
        let (id, run) = (approval.id(), approval.subject().info().run());
        // A late addition must not add a call again whose end the application has.
        if self.acknowledged.contains_key(&id)
            || self.find(approval).is_some_and(|known| known.version() >= approval.version())
        {
            return;
        }
        if approval.status() == Status::Pending {
            self.forget(run, id);
            self.waiting.insert_mut(id, Arc::clone(approval));
        } else {
            self.waiting.remove_mut(&id);
            let of_run = self.others.entry(run.clone()).or_default();
            let charged = of_run.get(&id).and_then(|owed| owed.taken_version);
            of_run.insert(id, OwedCall { approval: Arc::clone(approval), taken_version: charged });
        }
    }

    fn forget(&mut self, run: &RunId, id: ApprovalId) {
        if let Some(of_run) = self.others.get_mut(run) {
            of_run.remove(&id);
            if of_run.is_empty() {
                self.others.remove(run);
            }
        }
    }
}
