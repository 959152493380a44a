//! The ports of a gate: a store, a clock, a directory of people, witnesses, notifiers.

pub(crate) mod clock;
pub(crate) mod directory;
pub(crate) mod notifier;
pub(crate) mod store;
pub(crate) mod witness;

use std::pin::Pin;

pub use clock::Clock;
pub use directory::{Directory, DirectoryError};
pub use notifier::{DeliveryNotice, Notifier, NotifyError};
pub use store::{
    ALIKE, ActiveControls, ApprovalFilter, ApprovalStore, CallHistory, CallQuery, Changeset,
    CommitOutcome, DeliveryFilter, DeliveryOrder, KnownTool, OutboxStore, REFUSALS, RecordFilter,
    RecordLog, RecordSignal, RecordWatch, RunChange, RunChanges, RunQuery, Store, StoreError,
    StoreErrorKind,
};
pub use witness::{Witness, WitnessError};

/// A boxed future, which the object-safe methods of ports return.
///
/// ```
/// use gate_runtime::store::BoxFuture;
/// fn answer() -> BoxFuture<'static, u8> { Box::pin(async { 42 }) }
/// # let _ = answer();
/// ```
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
