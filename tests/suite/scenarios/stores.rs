//! The stores that every scenario runs over, and some that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gate_runtime::store::{
    ApprovalFilter, BoxFuture, Changeset, CommitOutcome, Store, StoreError, StoreErrorKind,
};
use gate_runtime::testing::{LayeredStore, StoreLayer};
use gate_runtime::{Approval, MemoryStore};

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

/// Returns a new store.
pub fn fresh() -> Shared {
    Arc::new(MemoryStore::new())
}

/// A wrapper around a store that a test can make fail.
pub struct FaultyStore {
    pub inner: Shared,
    /// The commit, counted from now, that fails; 0 for none.
    pub fails_at: AtomicUsize,
    /// True if it leaves out some calls of a run.
    pub is_deaf: AtomicBool,
    /// The function that transforms approvals when they are read.
    pub reads: Box<dyn Fn(Arc<Approval>) -> Arc<Approval> + Send + Sync>,
}

impl FaultyStore {
    /// Returns a store that fails at one commit from now on; 1 is the next.
    pub fn failing(inner: Shared) -> Arc<LayeredStore<Self>> {
        Arc::new(LayeredStore(Self {
            inner,
            fails_at: AtomicUsize::new(0),
            is_deaf: AtomicBool::new(false),
            reads: Box::new(|approval| approval),
        }))
    }

    /// Returns a store that shows other approvals than it keeps.
    pub fn tampering(
        inner: Shared,
        reads: impl Fn(Arc<Approval>) -> Arc<Approval> + Send + Sync + 'static,
    ) -> Arc<LayeredStore<Self>> {
        Arc::new(LayeredStore(Self {
            inner,
            fails_at: AtomicUsize::new(0),
            is_deaf: AtomicBool::new(false),
            reads: Box::new(reads),
        }))
    }

    pub fn fail_at(&self, commit: usize) {
        self.fails_at.store(commit, Ordering::SeqCst);
    }
}

impl StoreLayer for FaultyStore {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

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
}
