//! A store that is looked at while an engine uses it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use gate_runtime::grants::Grant;
use gate_runtime::id::{Digest, GrantId};
use gate_runtime::notify::Delivery;
use gate_runtime::records::Record;
use gate_runtime::store::{
    ActiveControls, ApprovalFilter, ApprovalStore, BoxFuture, CallHistory, CallQuery, Changeset,
    CommitOutcome, DeliveryFilter, OutboxStore, RecordFilter, RecordLog, RecordWatch, RunChanges,
    RunQuery, Store, StoreError,
};
use gate_runtime::tool::Descriptor;
use gate_runtime::{Approval, Timestamp};

/// Keeps what is committed, and when approvals were last asked for.
pub(crate) struct Observed<S> {
    store: S,
    transitions: Mutex<Vec<Changeset>>,
    looks: Mutex<Vec<Instant>>,
}

impl<S> Observed<S> {
    pub(crate) fn new(store: S) -> Arc<Self> {
        Arc::new(Self { store, transitions: Mutex::default(), looks: Mutex::default() })
    }

    pub(crate) fn transitions(&self) -> MutexGuard<'_, Vec<Changeset>> {
        self.transitions.lock().unwrap()
    }

    /// When approvals were first asked for after a moment.
    pub(crate) fn looked_after(&self, moment: Instant) -> Option<Instant> {
        self.looks.lock().unwrap().iter().copied().find(|look| *look > moment)
    }
}

impl<S: Store> RecordLog for Observed<S> {
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        self.transitions().push(changeset.clone());
        self.store.commit(changeset)
    }

    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
        self.store.records(filter)
    }

    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>> {
        self.store.record_texts(filter)
    }

    fn watch(&self) -> RecordWatch {
        self.store.watch()
    }
}

impl<S: Store> ApprovalStore for Observed<S> {
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>> {
        self.store.load_history(about)
    }

    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        self.looks.lock().unwrap().push(Instant::now());
        self.store.approvals(filter)
    }

    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>> {
        self.store.run_changes(query)
    }

    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>> {
        self.store.grant(id)
    }

    fn active_controls(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>> {
        self.store.active_controls(now)
    }

    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>> {
        self.store.tool(digest)
    }
}

impl<S: Store> OutboxStore for Observed<S> {
    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>> {
        self.store.deliveries(filter)
    }
}
