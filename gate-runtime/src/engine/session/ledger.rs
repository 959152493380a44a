//! The run ledger: calls that wait, that may run, or whose end the application has not taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;
use gate_core::approval::{Approval, Status};
use gate_core::id::{ApprovalId, RunId};
use gate_core::ports::{ApprovalStore, Changeset, RunChange, RunChanges, RunQuery, StoreError};
use rpds::RedBlackTreeMapSync;

use crate::lock::{Mutex, lock};

/// The calls of an outermost run and of its nested runs whose end the application has not taken.
///
/// The store is the authority; this holds what was read of it. Whatever is learned of a call is
/// added by [`note`](Self::record), which keeps the newer version and never brings back a call that
/// has been taken since. So the order, the task and the number of notes do not matter. No lock is
/// held across an await.
pub(crate) struct RunLedger {
    family: RunId,
    known: Mutex<LedgerState>,
    /// Held while the store is read, so that one reader's changes are added before the next one
    /// asks.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct LedgerState {
    /// The number of the record up to which the store was read.
    seq: u64,
    /// The number of times that the store was read.
    reads: u64,
    /// The calls that wait for people. A copy is cheap, however many there are.
    waiting: RedBlackTreeMapSync<ApprovalId, Arc<Approval>>,
    /// The others, by run.
    others: HashMap<RunId, BTreeMap<ApprovalId, OwedCall>>,
    /// Calls that were answered since the store was last read, which it need not report.
    answered: Vec<ApprovalId>,
    /// Calls of bodies whose questions are shown, and the number of waiters of each.
    shown: HashMap<ApprovalId, usize>,
    /// Calls whose ends the application has, and whether that is written to the store.
    taken: HashMap<ApprovalId, bool>,
}

/// A moment before something was learned of a call: see [`RunLedger::record`].
#[derive(Clone, Copy)]
pub(crate) struct LedgerVersion {
    reads: u64,
}

struct OwedCall {
    approval: Arc<Approval>,
    /// The version that the application has taken already, of a call that has not ended.
    taken: Option<u64>,
}

impl RunLedger {
    pub(crate) fn new(family: RunId) -> Self {
        Self { family, known: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    /// Returns the outermost run.
    pub(crate) fn family(&self) -> &RunId {
        &self.family
    }

    /// Reads what changed since it was last read.
    pub(crate) async fn refresh(&self, store: &dyn ApprovalStore) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        let (query, written) = lock(&self.known).query(&self.family);
        let changes = store.run_changes(&query).await?;
        lock(&self.known).apply_changes(&changes, &written);
        Ok(())
    }

    /// Returns the present moment.
    pub(crate) fn moment(&self) -> LedgerVersion {
        LedgerVersion { reads: lock(&self.known).reads }
    }

    /// Adds a call as it stands, unless a newer version is known.
    ///
    /// `before` is a moment before the call stood like this. If the store was read since, and the
    /// call is not known here, others may have reported and taken its end: then the store alone
    /// says whether it is still owed.
    pub(crate) fn note(&self, approval: &Arc<Approval>, before: LedgerVersion) {
        lock(&self.known).record_since(approval, before);
    }

    /// [Adds](Self::record) a call of a batch. If it is added, the batch has it, and the store need
    /// not report it; otherwise the store alone knows whether it is owed.
    pub(crate) fn record_of_batch(&self, approval: &Arc<Approval>, before: LedgerVersion) {
        let mut known = lock(&self.known);
        if known.record_since(approval, before) && approval.status().is_terminal() {
            known.answered.push(approval.id());
        }
    }

    /// Returns the calls that waited when they were last read.
    pub(crate) fn waiting(&self) -> RedBlackTreeMapSync<ApprovalId, Arc<Approval>> {
        lock(&self.known).waiting.clone()
    }

    /// Returns the calls of a run that may run, or whose end may still be found out.
    pub(crate) fn unfinished(&self, run: &RunId) -> Vec<Arc<Approval>> {
        let is_unfinished = |owed: &&OwedCall| !owed.approval.status().is_terminal();
        let known = lock(&self.known);
        let of_run = known.others.get(run).into_iter().flat_map(BTreeMap::values);
        of_run.filter(is_unfinished).map(|owed| Arc::clone(&owed.approval)).collect()
    }

    /// Returns the calls of a run with an answer that the application has not taken.
    pub(crate) fn answers(&self, run: &RunId) -> Vec<Arc<Approval>> {
        let has_answer = |owed: &&OwedCall| {
            let status = owed.approval.status();
            (status.is_terminal() || status == Status::Indeterminate)
                && owed.taken != Some(owed.approval.version())
        };
        let known = lock(&self.known);
        let of_run = known.others.get(run).into_iter().flat_map(BTreeMap::values);
        of_run.filter(has_answer).map(|owed| Arc::clone(&owed.approval)).collect()
    }

    /// Returns a call as it stands, as far as this ledger knows it.
    pub(crate) fn find(&self, approval: &Approval) -> Option<Arc<Approval>> {
        lock(&self.known).find(approval).cloned()
    }

    /// Notes that the application has the answers to these calls. An end is owed no more once that
    /// is written; events after the answer are still owed.
    pub(crate) fn take(&self, returned: &[Arc<Approval>]) {
        let mut known = lock(&self.known);
        for status_sender in returned {
            let (id, run) = (status_sender.id(), status_sender.subject().info().run());
            if status_sender.status().is_terminal() {
                known.forget(run, id);
                known.taken.insert(id, false);
            } else if let Some(owed) =
                known.others.get_mut(run).and_then(|of_run| of_run.get_mut(&id))
            {
                owed.taken = Some(status_sender.version());
            }
        }
    }

    /// Shows a call of a body as a question of the run, until the body has the answer or is gone.
    pub(crate) fn show(&self, asked: &Arc<Approval>) -> QuestionGuard<'_> {
        let mut known = lock(&self.known);
        known.taken.remove(&asked.id());
        *known.shown.entry(asked.id()).or_default() += 1;
        known.record(asked);
        QuestionGuard { ledger: self, run: asked.subject().info().run().clone(), id: asked.id() }
    }

    /// Adds taken ends that are not written yet to a changeset.
    pub(crate) fn acknowledge(&self, changeset: &mut Changeset) {
        let known = lock(&self.known);
        changeset
            .acknowledged
            .extend(known.taken.iter().filter(|(_, written)| !**written).map(|(id, _)| *id));
    }

    /// Notes that the ends which [`acknowledge`](Self::acknowledge) added are written.
    pub(crate) fn acknowledged(&self, ids: &[ApprovalId]) {
        let mut known = lock(&self.known);
        for id in ids {
            if let Some(written) = known.taken.get_mut(id) {
                *written = true;
            }
        }
    }
}

/// Shows the question of a body's call until it is dropped. Then the call is owed to nobody,
/// because the body alone looks after it.
pub(crate) struct QuestionGuard<'a> {
    ledger: &'a RunLedger,
    run: RunId,
    id: ApprovalId,
}

impl Drop for QuestionGuard<'_> {
    fn drop(&mut self) {
        let mut known = lock(&self.ledger.known);
        if let Some(others) = known.shown.get_mut(&self.id).filter(|count| **count > 1) {
            *others -= 1;
            return;
        }
        known.shown.remove(&self.id);
        known.waiting.remove_mut(&self.id);
        known.forget(&self.run, self.id);
        known.taken.insert(self.id, false);
    }
}

impl LedgerState {
    /// Returns the query for the store, and the calls that it can no longer report.
    fn query(&mut self, family: &RunId) -> (RunQuery, Vec<ApprovalId>) {
        let mut query = RunQuery::after(family, self.seq);
        query.known = std::mem::take(&mut self.answered);
        query.known.extend(self.taken.keys());
        let written =
            self.taken.iter().filter(|(_, written)| **written).map(|(id, _)| *id).collect();
        (query, written)
    }

    fn apply_changes(&mut self, changes: &RunChanges, written: &[ApprovalId]) {
        for RunChange { approval, is_owed, .. } in &changes.calls {
            let is_shown =
                approval.status() == Status::Pending && self.shown.contains_key(&approval.id());
            if *is_owed || is_shown {
                self.record(approval);
            } else {
                // Another process has taken it, or looks after it alone.
                self.waiting.remove_mut(&approval.id());
                self.forget(approval.subject().info().run(), approval.id());
            }
        }
        self.seq = self.seq.max(changes.seq);
        self.reads += 1;
        // The store knows these, and reports them no more: they need not be remembered.
        for id in written {
            self.taken.remove(id);
        }
    }

    fn find(&self, approval: &Approval) -> Option<&Arc<Approval>> {
        let id = approval.id();
        let other = || Some(&self.others.get(approval.subject().info().run())?.get(&id)?.approval);
        self.waiting.get(&id).or_else(other)
    }

    /// Adds a call as it stands, and returns whether the ledger knows the call.
    fn record_since(&mut self, approval: &Arc<Approval>, before: LedgerVersion) -> bool {
        let is_known = self.reads == before.reads || self.find(approval).is_some();
        if is_known {
            self.record(approval);
        }
        is_known
    }

    fn record(&mut self, approval: &Arc<Approval>) {
        let (id, run) = (approval.id(), approval.subject().info().run());
        // A late note must not bring back a call that the application has taken.
        if self.taken.contains_key(&id)
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
            let charged = of_run.get(&id).and_then(|owed| owed.taken);
            of_run.insert(id, OwedCall { approval: Arc::clone(approval), taken: charged });
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
