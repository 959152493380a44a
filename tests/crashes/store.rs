//! A store whose process dies around its commits, and a clock that the test sets.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::grants::Grant;
use gate_runtime::id::{Digest, GrantId};
use gate_runtime::notify::Delivery;
use gate_runtime::records::Record;
use gate_runtime::store::{
    ActiveControls, ApprovalFilter, ApprovalStore, BoxFuture, CallHistory, CallQuery, Changeset,
    Clock, CommitOutcome, DeliveryFilter, OutboxStore, RecordFilter, RecordLog, RecordWatch,
    RunChanges, RunQuery, StoreError, SystemClock,
};
use gate_runtime::tool::Descriptor;
use gate_runtime::{Approval, Timestamp};
use gate_sqlite::SqliteStore;

use crate::steps::{Fuse, When};

/// The machine's clock, and so much on: leases end without anybody waiting for it.
pub struct Ahead(pub Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().checked_add(self.0).unwrap()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move { SystemClock.sleep_until(at.checked_sub(self.0).unwrap()).await })
    }
}

/// The file, and the step at which the process dies.
pub struct Deadly {
    pub file: SqliteStore,
    pub fuse: Arc<Fuse>,
}

impl RecordLog for Deadly {
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        let kinds: Vec<&'static str> = changeset.records.iter().map(Record::kind).collect();
        self.fuse.pass(When::Before, &kinds);
        let is_last = self.fuse.is_due(When::During, &kinds);
        if is_last {
            self.fuse.light();
        }
        let commit = self.file.commit(changeset);
        Box::pin(async move {
            let end = commit.await;
            if is_last {
                // Whatever the store says, nobody hears it any more.
                std::future::pending::<()>().await;
            }
            if matches!(end, Ok(CommitOutcome::Done)) {
                self.fuse.pass(When::After, &kinds);
            }
            end
        })
    }

    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
        self.file.records(filter)
    }

    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>> {
        self.file.record_texts(filter)
    }

    fn watch(&self) -> RecordWatch {
        self.file.watch()
    }
}

impl ApprovalStore for Deadly {
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>> {
        self.file.load_history(about)
    }

    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        self.file.approvals(filter)
    }

    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>> {
        self.file.run_changes(query)
    }

    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>> {
        self.file.grant(id)
    }

    fn active_controls(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>> {
        self.file.active_controls(now)
    }

    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>> {
        self.file.tool(digest)
    }
}

impl OutboxStore for Deadly {
    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>> {
        self.file.deliveries(filter)
    }
}
