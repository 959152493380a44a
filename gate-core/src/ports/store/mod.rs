//! The store port: approvals, grants, counters, records and deliveries.

mod changeset;
mod controls;
mod delivery_filter;
mod error;
mod filter;
mod history;
mod record_watch;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::changeset::{Changeset, CommitOutcome};
pub use self::controls::{ActiveControls, KnownTool};
pub use self::delivery_filter::{DeliveryFilter, DeliveryOrder};
pub use self::error::{StoreError, StoreErrorKind};
pub use self::filter::{ApprovalFilter, RecordFilter};
pub use self::history::{ALIKE, CallHistory, CallQuery, REFUSALS, RunChange, RunChanges, RunQuery};
pub use self::record_watch::{RecordSignal, RecordWatch};
use super::BoxFuture;
use crate::approval::state::Approval;
use crate::call::descriptor::Descriptor;
use crate::grants::grant::Grant;
use crate::id::GrantId;
use crate::records::delivery::Delivery;
use crate::records::record::Record;
use crate::text::digest::Digest;

/// A store of everything that must be durable. It makes no decisions: it writes each changeset
/// completely or not at all.
///
/// A store implements three traits, and is then a `Store`: [`RecordLog`], to which everything is
/// committed, and which a trail seals; [`ApprovalStore`], which the gate queries about calls; and
/// [`OutboxStore`], which holds the deliveries of notifiers.
///
/// Every method is required, because a wrapper that forgot one would lose data. The conformance
/// suite, `gate_runtime::testing::conformance` (feature `testing`), tests these guarantees:
///
/// 1. [`commit`](RecordLog::commit) is atomic and isolated: changesets are written one after the
///    other, each completely or not at all.
/// 2. Every later read sees a committed changeset.
/// 3. Of two changesets from one version, one commits. Of two charges for the last place of a
///    limit, one commits.
/// 4. Records are numbered from 1 without gaps, in the order of the commits.
/// 5. No call is dispatched that an earlier committed freeze stops.
/// 6. Of several processes that claim a delivery, one gets it. Deliveries do not wake watchers.
/// 7. Every new approval is owed to its run until a changeset acknowledges it.
///    [`run_changes`](ApprovalStore::run_changes) returns the owed calls, or the calls that changed
///    after a record number, without reading other calls.
/// 8. No lookup becomes slower with ended data: used-up grants, used limits, finished calls.
/// 9. [`records`](RecordLog::records) and [`record_texts`](RecordLog::record_texts) apply every
///    part of the filter, and find the records of one call without reading others, because the gate
///    reads them before it runs a stored call.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::store::{Changeset, CommitOutcome, RecordLog, Store};
/// fn is_store(_: &impl Store) {}
/// let store = MemoryStore::new();
/// is_store(&store);
/// let nothing = Changeset::at(Timestamp::UNIX_EPOCH);
/// assert_eq!(store.commit(nothing).await?, CommitOutcome::Done);
/// # Ok(()) }
/// ```
pub trait Store: ApprovalStore + OutboxStore {}

impl<S: ApprovalStore + OutboxStore + ?Sized> Store for S {}

/// The log to which every changeset is committed, with numbered records of all events.
pub trait RecordLog: Send + Sync + 'static {
    /// Writes a changeset completely, or not at all.
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>>;

    /// Returns records, in order.
    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>>;

    /// Returns the stored JSON of records with their numbers, in order. A trail seals all of it,
    /// including fields that this program does not know.
    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>>;

    /// Follows the number of the last record, which this process or another one writes.
    fn watch(&self) -> RecordWatch;
}

/// The approvals, grants, freezes and counters, as the gate queries them.
pub trait ApprovalStore: RecordLog {
    /// Returns the history of a proposed call. The gate calls it before every call, so it should
    /// take one round trip.
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>>;

    /// Returns approvals, oldest first.
    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>>;

    /// Returns the changes after a record number of the calls of a run and the runs nested in it.
    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>>;

    /// Returns a grant, in any state.
    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>>;

    /// Returns the grants, freezes and tools, which apply beyond single calls.
    fn active_controls(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>>;

    /// Returns a tool that a gate over this store has or had, by its digest.
    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>>;
}

/// The outbox: the deliveries of notifiers, and their states.
pub trait OutboxStore: RecordLog {
    /// Returns deliveries, in the order of the filter. A delivery about record 0 is a cursor, which
    /// only a filter for that record admits.
    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>>;
}

/// Hands the signatures of all methods of a [`Store`] to a macro, by which a wrapper passes them on
/// and forgets none. Where it is used, the types of the signatures must be imported.
#[doc(hidden)]
#[macro_export]
macro_rules! for_store_methods {
    ($wrapper:ident) => {
        $wrapper! {
            RecordLog {
                fn commit(
                    &self, changeset: Changeset
                ) -> BoxFuture<'_, Result<CommitOutcome, StoreError>>;
                fn records<'a>(
                    &'a self, filter: &'a RecordFilter
                ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>>;
                fn record_texts<'a>(
                    &'a self, filter: &'a RecordFilter
                ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>>;
                fn watch(&self) -> RecordWatch;
            }
            ApprovalStore {
                fn load_history<'a>(
                    &'a self, about: &'a CallQuery
                ) -> BoxFuture<'a, Result<CallHistory, StoreError>>;
                fn approvals<'a>(
                    &'a self, filter: &'a ApprovalFilter
                ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>>;
                fn run_changes<'a>(
                    &'a self, query: &'a RunQuery
                ) -> BoxFuture<'a, Result<RunChanges, StoreError>>;
                fn grant(
                    &self, id: GrantId
                ) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>>;
                fn active_controls(
                    &self, now: Timestamp
                ) -> BoxFuture<'_, Result<ActiveControls, StoreError>>;
                fn tool(
                    &self, digest: Digest
                ) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>>;
            }
            OutboxStore {
                fn deliveries<'a>(
                    &'a self, filter: &'a DeliveryFilter
                ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>>;
            }
        }
    };
}

macro_rules! store_behind_arc {
    ($($Trait:ident {$(
        fn $method:ident$(<$life:lifetime>)?(&$($lent:lifetime)? self
            $(, $argument:ident: $Argument:ty)?) -> $Output:ty;
    )*})*) => {$(
        impl<S: $Trait + ?Sized> $Trait for Arc<S> {$(
            fn $method$(<$life>)?(&$($lent)? self $(, $argument: $Argument)?) -> $Output {
                (**self).$method($($argument)?)
            }
        )*}
    )*};
}

for_store_methods!(store_behind_arc);
