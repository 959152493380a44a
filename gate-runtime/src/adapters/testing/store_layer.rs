//! Layers over a store, for tests.

use std::ops::Deref;
use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::call::Descriptor;
use gate_core::grants::Grant;
use gate_core::id::GrantId;
use gate_core::ports::{
    ActiveControls, ApprovalFilter, ApprovalStore, BoxFuture, CallHistory, CallQuery, Changeset,
    CommitOutcome, DeliveryFilter, OutboxStore, RecordFilter, RecordLog, RecordWatch, RunChanges,
    RunQuery, Store, StoreError,
};
use gate_core::records::{Delivery, Record};
use gate_core::text::Digest;
use jiff::Timestamp;

macro_rules! store_layer {
    ($($Trait:ident {$(
        fn $method:ident$(<$life:lifetime>)?(&$($lent:lifetime)? self
            $(, $argument:ident: $Argument:ty)?) -> $Output:ty;
    )*})*) => {
        /// A layer over a store, for a test that counts, delays or fails some of its operations.
        ///
        /// A layer overrides the methods that the test is about, and forwards all others. Wrap it
        /// in a [`LayeredStore`] to use it as a store. For a wrapper that keeps data, implement the
        /// traits of a [`Store`] instead: the compiler then requires every method.
        ///
        /// ```
        /// use std::sync::atomic::{AtomicUsize, Ordering};
        ///
        /// use gate_runtime::prelude::*;
        /// use gate_runtime::store::{BoxFuture, Changeset, CommitOutcome, Store, StoreError};
        /// use gate_runtime::testing::{LayeredStore, StoreLayer};
        /// use gate_runtime::NoTools;
        ///
        /// #[derive(Default)]
        /// struct CommitCounter(MemoryStore, AtomicUsize);
        ///
        /// impl StoreLayer for CommitCounter {
        ///     fn inner(&self) -> &dyn Store {
        ///         &self.0
        ///     }
        ///
        ///     fn commit(
        ///         &self,
        ///         changeset: Changeset,
        ///     ) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        ///         self.1.fetch_add(1, Ordering::SeqCst);
        ///         self.inner().commit(changeset)
        ///     }
        /// }
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        ///
        /// let store = std::sync::Arc::new(LayeredStore(CommitCounter::default()));
        /// let gate: Gate<NoTools> = Gate::builder(()).store(store.clone()).build().await?;
        /// let run = gate.run("run-42");
        /// let before = store.1.load(Ordering::SeqCst);
        /// run.log_action("looked it up", &serde_json::json!({}), None).await?;
        /// assert_eq!(store.1.load(Ordering::SeqCst) - before, 1);
        /// # Ok(()) }
        /// ```
        pub trait StoreLayer: Send + Sync + 'static {
            /// Returns the store below.
            fn inner(&self) -> &dyn Store;
            $($(
                #[doc = concat!(
                    "Passes on [`", stringify!($Trait), "::", stringify!($method), "`]."
                )]
                fn $method$(<$life>)?(&$($lent)? self $(, $argument: $Argument)?) -> $Output {
                    self.inner().$method($($argument)?)
                }
            )*)*
        }

        $(
            impl<L: StoreLayer> $Trait for LayeredStore<L> {$(
                fn $method$(<$life>)?(&$($lent)? self $(, $argument: $Argument)?) -> $Output {
                    StoreLayer::$method(&self.0 $(, $argument)?)
                }
            )*}
        )*
    };
}

gate_core::for_store_methods!(store_layer);

/// A [`StoreLayer`] as a store. It dereferences to the layer.
#[derive(Debug)]
pub struct LayeredStore<L>(pub L);

impl<L> Deref for LayeredStore<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.0
    }
}
