//! A store that is looked at while an engine uses it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use gate_runtime::Approval;
use gate_runtime::store::{ApprovalFilter, BoxFuture, Changeset, CommitOutcome, Store, StoreError};
use gate_runtime::testing::{LayeredStore, StoreLayer};

/// Keeps what is committed, and when approvals were last asked for.
pub(crate) struct ObservedStore<S> {
    store: S,
    transitions: Mutex<Vec<Changeset>>,
    looks: Mutex<Vec<Instant>>,
}

impl<S> ObservedStore<S> {
    pub(crate) fn new(store: S) -> Arc<LayeredStore<Self>> {
        Arc::new(LayeredStore(Self {
            store,
            transitions: Mutex::default(),
            looks: Mutex::default(),
        }))
    }

    pub(crate) fn transitions(&self) -> MutexGuard<'_, Vec<Changeset>> {
        self.transitions.lock().unwrap()
    }

    /// When approvals were first asked for after a moment.
    pub(crate) fn looked_after(&self, moment: Instant) -> Option<Instant> {
        self.looks.lock().unwrap().iter().copied().find(|look| *look > moment)
    }
}

impl<S: Store> StoreLayer for ObservedStore<S> {
    fn inner(&self) -> &dyn Store {
        &self.store
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        self.transitions().push(changeset.clone());
        self.store.commit(changeset)
    }

    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        self.looks.lock().unwrap().push(Instant::now());
        self.store.approvals(filter)
    }
}
