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

/// A store of everything that must be durable. It decides nothing: it writes a changeset completely
/// or not at all.
///
/// A store implements three traits, by who uses them, and is a `Store` then: [`RecordLog`], to
/// which everything is committed and which a trail seals; [`ApprovalStore`], which the gate asks
/// about calls; [`OutboxStore`], from which notifiers are served.
///
/// Every method is required, because a wrapper that forgot one would lose data. One suite tests
/// these promises, `gate_runtime::testing::conformance` (feature `testing`):
///
/// 1. [`commit`](RecordLog::commit) is atomic and isolated: a changeset is written completely or
///    not at all, one after the other.
/// 2. Every later read sees a committed changeset.
/// 3. Of two changesets from one version, one commits; of two charges for the last place of a
///    limit, one.
/// 4. Records are numbered from 1 without gaps, in the order of the commits.
/// 5. Nothing is dispatched that a freeze stops which was committed before.
/// 6. Of several processes that claim a delivery, one gets it; and deliveries do not wake watchers.
/// 7. Every new approval is owed to its run until a transition acknowledges it;
///    [`run_changes`](ApprovalStore::run_changes) gives what is owed, or what changed after a
///    number, and costs nothing for anything else.
/// 8. No lookup costs more for what ended long ago: used-up permissions, used limits, finished
///    calls.
/// 9. [`records`](RecordLog::records) and [`record_texts`](RecordLog::record_texts) honour every
///    part of the filter, and find the records of one call without reading others: the gate asks
///    for them before each call that was read from the store runs.
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

/// The log to which every changeset is committed: numbered records of what happened.
pub trait RecordLog: Send + Sync + 'static {
    /// Writes a changeset: all of it, or nothing.
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>>;

    /// Returns records, in order.
    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>>;

    /// Returns records with their numbers, in order, as the JSON that is kept of each: a trail
    /// seals all that is in it, also what this program does not know.
    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>>;

    /// Follows the number of the last record, whoever writes it, in this process or another.
    fn watch(&self) -> RecordWatch;
}

/// The approvals, grants, freezes and counters, as the gate asks about them.
pub trait ApprovalStore: RecordLog {
    /// Returns what is known that bears on one proposed call. One round trip: it is asked before
    /// every call.
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>>;

    /// Returns approvals, oldest first.
    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>>;

    /// Returns what happened to the calls of a run and of those nested in it after a number.
    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>>;

    /// Returns one standing permission, whatever became of it.
    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>>;

    /// Returns the permissions, stops and tools that hold beyond single calls.
    fn active_controls(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>>;

    /// Returns a tool that some gate over this store had, by its digest.
    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>>;
}

/// The outbox: what notifiers are to deliver, and how far each delivery is.
pub trait OutboxStore: RecordLog {
    /// Returns deliveries, in the order that is asked for. A delivery about record 0 is a cursor:
    /// only who asks for that record gets it.
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
