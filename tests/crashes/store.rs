//! A store whose process dies around its commits, and a clock that the test sets.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::records::Record;
use gate_runtime::store::{
    BoxFuture, Changeset, Clock, CommitOutcome, Store, StoreError, SystemClock,
};
use gate_runtime::testing::StoreLayer;
use gate_sqlite::SqliteStore;

use crate::steps::{KillSwitch, When};

/// The machine's clock, plus an offset, so that leases end without waiting.
pub struct AheadClock(pub Duration);

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().checked_add(self.0).unwrap()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move { SystemClock.sleep_until(at.checked_sub(self.0).unwrap()).await })
    }
}

/// The file, and the step at which the process dies.
pub struct KillingStore {
    pub file: SqliteStore,
    pub fuse: Arc<KillSwitch>,
}

impl StoreLayer for KillingStore {
    fn inner(&self) -> &dyn Store {
        &self.file
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        let kinds: Vec<&'static str> = changeset.records.iter().map(Record::kind).collect();
        self.fuse.pass(When::Before, &kinds);
        let is_last = self.fuse.is_due(When::During, &kinds);
        if is_last {
            self.fuse.light();
        }
        let commit = self.inner().commit(changeset);
        Box::pin(async move {
            let end = commit.await;
            if is_last {
                // The result of the store does not matter, because the process dies.
                std::future::pending::<()>().await;
            }
            if matches!(end, Ok(CommitOutcome::Done)) {
                self.fuse.pass(When::After, &kinds);
            }
            end
        })
    }
}
