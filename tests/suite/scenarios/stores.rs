//! The stores that every scenario runs over, and some that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gate_runtime::grants::Grant;
use gate_runtime::id::{Digest, GrantId};
use gate_runtime::notify::Delivery;
use gate_runtime::records::Record;
use gate_runtime::store::{
    ActiveControls, ApprovalFilter, ApprovalStore, BoxFuture, CallHistory, CallQuery, Changeset,
    CommitOutcome, DeliveryFilter, OutboxStore, RecordFilter, RecordLog, RecordWatch, RunChanges,
    RunQuery, Store, StoreError, StoreErrorKind,
};
use gate_runtime::tool::Descriptor;
use gate_runtime::{Approval, MemoryStore, Timestamp};

/// A store that gates share, as processes share a database.
pub type Shared = Arc<dyn Store>;

/// Runs each test over every store.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(std::sync::Arc::new(gate_runtime::MemoryStore::new())).await;
                }
            )*
        }

        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    let folder = tempfile::tempdir().unwrap();
                    let store = gate_sqlite::SqliteStore::open(folder.path().join("gate.db"))
                        .await
                        .unwrap();
                    super::$test(std::sync::Arc::new(store)).await;
                }
            )*
        }
    };
}
pub(crate) use on_every_store;

/// A store of the test's own.
pub fn fresh() -> Shared {
    Arc::new(MemoryStore::new())
}

/// A store in front of another one, which a test makes misbehave.
pub struct Troubled {
    pub inner: Shared,
    /// The commit, counted from now, that fails; 0 for none.
    pub fails_at: AtomicUsize,
    /// Set where it does not tell of all calls of a run.
    pub is_deaf: AtomicBool,
    /// The function that gives approvals the form in which they are read.
    pub reads: Box<dyn Fn(Arc<Approval>) -> Arc<Approval> + Send + Sync>,
}

impl Troubled {
    /// Fails at one commit from now on: 1 is the next.
    pub fn failing(inner: Shared) -> Arc<Self> {
        Arc::new(Self {
            inner,
            fails_at: AtomicUsize::new(0),
            is_deaf: AtomicBool::new(false),
            reads: Box::new(|approval| approval),
        })
    }

    /// Shows other approvals than it keeps.
    pub fn tampering(
        inner: Shared,
        reads: impl Fn(Arc<Approval>) -> Arc<Approval> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner,
            fails_at: AtomicUsize::new(0),
            is_deaf: AtomicBool::new(false),
            reads: Box::new(reads),
        })
    }

    pub fn fail_at(&self, commit: usize) {
        self.fails_at.store(commit, Ordering::SeqCst);
    }
}

impl RecordLog for Troubled {
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        let left = self.fails_at.load(Ordering::SeqCst);
        self.fails_at.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            return Box::pin(async {
                Err(StoreError::new(StoreErrorKind::Unavailable, "the disk is full"))
            });
        }
        self.inner.commit(changeset)
    }

    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
        self.inner.records(filter)
    }

    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>> {
        self.inner.record_texts(filter)
    }

    fn watch(&self) -> RecordWatch {
        self.inner.watch()
    }
}

impl ApprovalStore for Troubled {
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>> {
        self.inner.load_history(about)
    }

    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        if self.is_deaf.load(Ordering::SeqCst) && filter.is_within().is_some() {
            return Box::pin(async {
                Err(StoreError::new(StoreErrorKind::Unavailable, "no connection"))
            });
        }
        Box::pin(async move {
            Ok(self.inner.approvals(filter).await?.into_iter().map(|a| (self.reads)(a)).collect())
        })
    }

    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>> {
        self.inner.run_changes(query)
    }

    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>> {
        self.inner.grant(id)
    }

    fn active_controls(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>> {
        self.inner.active_controls(now)
    }

    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>> {
        self.inner.tool(digest)
    }
}

impl OutboxStore for Troubled {
    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>> {
        self.inner.deliveries(filter)
    }
}
