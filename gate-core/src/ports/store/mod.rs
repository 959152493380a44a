//! Where approvals, grants, counters, records and deliveries are kept.

mod delivery_filter;
mod error;
mod filter;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

pub use self::delivery_filter::{DeliveryFilter, DeliveryOrder};
pub use self::error::{StoreError, StoreErrorKind};
pub use self::filter::{ApprovalFilter, RecordFilter};
use super::BoxFuture;
use crate::approval::state::Approval;
use crate::approval::status::Status;
use crate::call::descriptor::Descriptor;
use crate::grants::freeze::Freeze;
use crate::grants::grant::Grant;
use crate::grants::limit::{GiveBack, LimitCharge, LimitKey};
use crate::id::{ApprovalId, CallId, CaseId, GrantId, RunId, ToolName};
use crate::records::delivery::Delivery;
use crate::records::event::{CallEvent, GateEvent, RecordEvent};
use crate::records::record::Record;
use crate::text::digest::Digest;

/// Keeps everything that must outlive a moment. It decides nothing: it writes a transition whole or
/// not at all.
///
/// Every method is required: a wrapper that forgot one would lose what it keeps safe. What they
/// promise is tested by one suite, `gate_runtime::testing::conformance` (feature `testing`):
///
/// 1. [`commit`](Self::commit) is atomic and isolated: all of a transition or nothing, one after
///    the other.
/// 2. What it said is committed, every later read sees.
/// 3. Of two transitions from one version, one commits; of two takes of the last place of a limit,
///    one.
/// 4. Records are numbered from 1 without gaps, in the order of the commits.
/// 5. Nothing is dispatched that a freeze stops which was committed before.
/// 6. Of those who take a delivery to deliver it, one gets it; and deliveries are no news to who
///    watches.
/// 7. Every new approval is owed to its run until a transition acknowledges it;
///    [`run_changes`](Self::run_changes) gives what is owed, or what changed after a number, and
///    costs nothing for anything else.
/// 8. No lookup costs more for what ended long ago: used-up permissions, used limits, finished
///    calls.
/// 9. [`records`](Self::records) and [`record_texts`](Self::record_texts) honour every part of the
///    filter, and find the records of one call without reading others: the gate asks for them
///    before each call that was read from the store runs.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::store::{Changeset, CommitOutcome, Store};
/// let store = MemoryStore::new();
/// let nothing = Changeset::at(Timestamp::UNIX_EPOCH);
/// assert_eq!(store.commit(nothing).await?, CommitOutcome::Done);
/// # Ok(()) }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Returns what is known that bears on one proposed call. One round trip: it is asked before
    /// every call.
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>>;

    /// Writes a transition: all of it, or nothing.
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>>;

    /// Approvals, oldest first.
    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>>;

    /// Records, in order.
    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>>;

    /// Returns what happened to the calls of a run and of those nested in it after a number.
    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>>;

    /// One standing permission, whatever became of it.
    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>>;

    /// Records with their numbers, in order, as the JSON that is kept of each: a trail seals all
    /// that is in it, also what this program does not know.
    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>>;

    /// Returns the permissions, stops and tools that hold beyond single calls.
    fn standing(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>>;

    /// Deliveries, in the order that is asked for. A delivery about record 0 is a mark: only who
    /// asks for that record gets it.
    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>>;

    /// A tool that some gate over this store had, by its digest.
    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>>;

    /// Follows the number of the last record, whoever writes it, in this process or another.
    fn watch(&self) -> watch::Receiver<u64>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>> {
        (**self).load_history(about)
    }

    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        (**self).commit(changeset)
    }

    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        (**self).approvals(filter)
    }

    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
        (**self).records(filter)
    }

    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>> {
        (**self).run_changes(query)
    }

    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>> {
        (**self).grant(id)
    }

    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>> {
        (**self).record_texts(filter)
    }

    fn standing(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>> {
        (**self).standing(now)
    }

    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>> {
        (**self).deliveries(filter)
    }

    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>> {
        (**self).tool(digest)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        (**self).watch()
    }
}

/// A proposed call, as far as the store needs to know it.
///
/// ```
/// use gate_runtime::Timestamp;
/// use gate_runtime::store::CallQuery;
/// let proposal = CallQuery::new("run-42", "call_1", "issue_refund", Timestamp::UNIX_EPOCH);
/// assert_eq!(proposal.run, "run-42");
/// ```
#[derive(Clone, Debug)]
pub struct CallQuery {
    /// Its run.
    pub run: RunId,
    /// The run by which refusals are kept: the outermost one in which its own is nested, or one for
    /// all runs of an agent in another program.
    pub family: RunId,
    /// Its case.
    pub case: Option<CaseId>,
    /// Its id.
    pub call: CallId,
    /// Its tool.
    pub tool: ToolName,
    /// The digest of what equal calls of the tool have in common: see
    /// [`Arguments::likeness`](crate::call::Arguments::likeness). `None`: nothing is known of them
    /// yet.
    pub likeness: Option<Digest>,
    /// Counters whose use is asked for, with the windows that end now.
    pub counters: Vec<(LimitKey, std::time::Duration)>,
    /// Now, by the gate's clock.
    pub now: Timestamp,
}

impl CallQuery {
    /// A call with no counters, in no case, of whose arguments nothing is known.
    pub fn new(
        run: impl Into<RunId>,
        call: impl Into<CallId>,
        tool: impl Into<ToolName>,
        now: Timestamp,
    ) -> Self {
        let run = run.into();
        Self {
            family: run.outermost(),
            run,
            case: None,
            call: call.into(),
            tool: tool.into(),
            likeness: None,
            counters: Vec::new(),
            now,
        }
    }
}

/// The facts that are known and that bear on a proposed call.
///
/// ```
/// # use gate_runtime::prelude::*;
/// use gate_runtime::Timestamp;
/// use gate_runtime::review::Status;
/// use gate_runtime::store::{CallQuery, Store};
/// # /// Drop a table.
/// # #[gated_tool(policy = "always_deny", destructive)] fn drop_table(name: String) {}
/// # registry! { pub Tools for () { DropTable } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let gate: Gate<Tools> = Gate::builder(()).store(store.clone()).build().await?;
/// let turn = gate
///     .run("run-42")
///     .submit([ToolCall::new("call_1", "drop_table", r#"{"name":"orders"}"#)])
///     .await?;
/// # let _ = turn;
///
/// let known = store
///     .load_history(&CallQuery::new("run-42", "call_1", "drop_table", Timestamp::now()))
///     .await?;
/// assert!(known.rejected.is_empty(), "no person refused anything");
/// assert!(known.approval.is_some_and(|approval| approval.status() == Status::Denied));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallHistory {
    /// The approval of this very call: same run, same call id.
    pub approval: Option<Arc<Approval>>,
    /// Calls of the tool that people refused, oldest first: in the family, every equal one and the
    /// newest [`REFUSALS`] of the others; in the same case, the newest [`REFUSALS`].
    pub rejected: Vec<Arc<Approval>>,
    /// Equal calls, in whatever run, that wait, are approved and have not run, or of which nobody
    /// knows how they ended: the newest [`ALIKE`], oldest first.
    pub alike: Vec<Arc<Approval>>,
    /// The standing permissions for the tool that hold in the run, and are not used up, revoked or
    /// over.
    pub grants: Vec<Arc<Grant>>,
    /// For each counter asked for, how much of its window is used.
    pub used: Vec<u64>,
}

/// The number of refusals that are recalled of a case, and of a family besides those of equal
/// calls.
pub const REFUSALS: usize = 8;

/// The number of equal calls that are recalled.
pub const ALIKE: usize = 8;

/// Which calls of a run.
///
/// ```
/// use gate_runtime::store::RunQuery;
/// let query = RunQuery::after("run-42", 17);
/// assert_eq!(query.family, "run-42");
/// ```
#[derive(Clone, Debug)]
pub struct RunQuery {
    /// The outermost run.
    pub family: RunId,
    /// The number of the record after which something happened to them; 0: all that is owed is
    /// wanted, whenever it changed.
    pub after: u64,
    /// Calls that are not asked for: whoever asks knows how they ended.
    pub known: Vec<ApprovalId>,
}

impl RunQuery {
    /// All that changed after a number in a run or one nested in it; after 0, all that is owed to
    /// it.
    pub fn after(family: impl Into<RunId>, seq: u64) -> Self {
        Self { family: family.into(), after: seq, known: Vec::new() }
    }
}

/// The changes that happened to the calls of a run.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::MemoryStore;
/// use gate_runtime::store::{RunQuery, Store};
/// let changes = MemoryStore::new().run_changes(&RunQuery::after("run-42", 0)).await?;
/// assert!(changes.calls.is_empty() && changes.seq == 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RunChanges {
    /// The calls, in the order in which they changed last.
    pub calls: Vec<RunChange>,
    /// The number up to which this is all.
    pub seq: u64,
}

/// The state of one call of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunChange {
    /// The number of the last record about it.
    pub seq: u64,
    /// The call.
    pub approval: Arc<Approval>,
    /// Set if it is owed: the application has not acknowledged what became of it.
    pub is_owed: bool,
}

/// The permissions, stops and tools that hold beyond single calls.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::store::Store;
/// let standing = MemoryStore::new().standing(Timestamp::now()).await?;
/// assert!(standing.grants.is_empty() && standing.freezes.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ActiveControls {
    /// The standing permissions that are not revoked and either still answer questions, or answered
    /// one of a call that has not begun: oldest first.
    pub grants: Vec<Arc<Grant>>,
    /// The stops, by scope.
    pub freezes: Vec<Freeze>,
    /// All versions of the tools that some gate over this store has, or had, by their names in the
    /// order of the alphabet.
    pub tools: Vec<KnownTool>,
}

/// One version of a tool that some gate over a store has, or had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownTool {
    /// Its name.
    pub name: ToolName,
    /// The digest of its descriptor.
    pub digest: Digest,
    /// The number of the last record of the [`Changeset`] that put it into the store last: of a
    /// gate's tools, the record that it was built.
    pub written: u64,
}

impl KnownTool {
    /// One version of a tool, as a store keeps it.
    #[must_use]
    pub fn new(name: impl Into<ToolName>, digest: Digest, written: u64) -> Self {
        Self { name: name.into(), digest, written }
    }
}

/// The changes that are written together.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::grants::{LimitCharge, LimitKey};
/// use gate_runtime::policy::DAY;
/// use gate_runtime::store::{CallQuery, Changeset, CommitOutcome, Store};
/// let (store, now) = (MemoryStore::new(), Timestamp::UNIX_EPOCH);
/// let key = LimitKey::new("refunds", "null");
/// let mut changeset = Changeset::at(now);
/// changeset.charges.push(LimitCharge {
///     key: key.clone(),
///     amount: 3,
///     max: 10,
///     window: DAY,
///     taken_for: None,
/// });
/// assert_eq!(store.commit(changeset).await?, CommitOutcome::Done);
///
/// let mut proposal = CallQuery::new("run-42", "call_1", "issue_refund", now);
/// proposal.counters.push((key, DAY));
/// assert_eq!(store.load_history(&proposal).await?.used, [3]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Changeset {
    /// When, by the gate's clock.
    pub at: Timestamp,
    /// Approvals; each is written only over the version before its own, and version 1 only where
    /// its run has no such call.
    pub approvals: Vec<Arc<Approval>>,
    /// Standing permissions; each is written only over the version before its own.
    pub grants: Vec<Arc<Grant>>,
    /// Stops; each in the place of one with the same scope.
    pub freezes: Vec<Freeze>,
    /// Stops that end; each must be there, just as it is here.
    pub lifted: Vec<Freeze>,
    /// Uses of limits; each must fit.
    pub charges: Vec<LimitCharge>,
    /// Uses of limits that are given back, since what they were taken for did not happen. Of a call
    /// that had ended before, nothing is.
    pub given_back: Vec<GiveBack>,
    /// Calls of which the application has what became of them: they are owed to their runs no more.
    /// Also such that are written here first.
    pub acknowledged: Vec<ApprovalId>,
    /// Tools, for processes that do not have them. One that is there already stays, and is
    /// [known](KnownTool::written) to be written again.
    pub tools: Vec<Arc<Descriptor>>,
    /// The deliveries that notifiers are to make; each is written only over the version before its
    /// own, and version 1 only where there is none of that notifier about that record.
    pub deliveries: Vec<Arc<Delivery>>,
    /// Deliveries that are deleted; each must be there in this version.
    pub forgotten: Vec<Arc<Delivery>>,
    /// The records of what happened. The store numbers them.
    pub records: Vec<Record>,
}

impl Changeset {
    /// Nothing, yet.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self {
            at,
            approvals: Vec::new(),
            grants: Vec::new(),
            freezes: Vec::new(),
            lifted: Vec::new(),
            charges: Vec::new(),
            given_back: Vec::new(),
            acknowledged: Vec::new(),
            tools: Vec::new(),
            deliveries: Vec::new(),
            forgotten: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Something that happened to the gate, and nothing else yet.
    #[doc(hidden)]
    #[must_use]
    pub fn noting(at: Timestamp, event: GateEvent) -> Self {
        Self { records: vec![Record::of_gate(at, event)], ..Self::at(at) }
    }

    /// Returns whether it lets a body begin: then a store looks for freezes that hold.
    #[must_use]
    pub fn dispatches(&self) -> bool {
        self.dispatched().next().is_some()
    }

    /// Returns whether a freeze that holds stops a body that it lets begin.
    #[must_use]
    pub fn is_stopped_by(&self, freeze: &Freeze) -> bool {
        self.dispatched().any(|approval| freeze.stops(approval.subject()))
    }

    /// The approvals whose bodies begin with it, and not those that run already and are only
    /// vouched for.
    fn dispatched(&self) -> impl Iterator<Item = &Arc<Approval>> {
        let begins = |approval: &&Arc<Approval>| {
            approval.status() == Status::Dispatched
                && self.records.iter().any(|record| {
                    let begun = matches!(record.event(), RecordEvent::Call(CallEvent::Dispatched));
                    begun
                        && record
                            .subject()
                            .is_some_and(|subject| subject.approval() == approval.id())
                })
        };
        self.approvals.iter().filter(begins)
    }

    /// Returns whether it writes one approval, one grant or one delivery twice, or two approvals
    /// for one call: of such, one would be lost.
    #[must_use]
    pub fn writes_twice(&self) -> bool {
        fn has_twins<T: Ord>(mut all: impl ExactSizeIterator<Item = T>) -> bool {
            let mut seen = BTreeSet::new();
            all.len() > 1 && !all.all(|one| seen.insert(one))
        }
        let calls = self
            .approvals
            .iter()
            .map(|approval| (approval.subject().info().run(), approval.subject().call()));
        has_twins(self.approvals.iter().map(|approval| approval.id()))
            || has_twins(calls)
            || has_twins(self.grants.iter().map(|grant| grant.id()))
            || has_twins(
                self.deliveries.iter().map(|delivery| (delivery.record(), delivery.notifier())),
            )
    }

    /// The place of the first take that does not fit, by how much of each window is used; takes of
    /// one counter add up.
    ///
    /// # Errors
    /// Where it cannot be learned how much is used.
    pub fn limit_reached<E>(
        &self,
        mut used: impl FnMut(&LimitCharge) -> Result<u64, E>,
    ) -> Result<Option<usize>, E> {
        for (place, take) in self.charges.iter().enumerate() {
            let before = self.charges.iter().take(place).filter(|earlier| earlier.key == take.key);
            if !take
                .fits(before.fold(used(take)?, |sum, earlier| sum.saturating_add(earlier.amount)))
            {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }
}

/// The way in which a commit ended.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::grants::{LimitCharge, LimitKey};
/// use gate_runtime::policy::DAY;
/// use gate_runtime::store::{Changeset, CommitOutcome, Store};
/// let store = MemoryStore::new();
/// let mut changeset = Changeset::at(Timestamp::UNIX_EPOCH);
/// changeset.charges.push(LimitCharge {
///     key: LimitKey::new("refunds", "null"),
///     amount: 1,
///     max: 1,
///     window: DAY,
///     taken_for: None,
/// });
/// assert_eq!(store.commit(changeset.clone()).await?, CommitOutcome::Done);
/// assert_eq!(store.commit(changeset).await?, CommitOutcome::LimitReached(0));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum CommitOutcome {
    /// All of it is written.
    Done,
    /// Nothing is written: someone else changed an approval, a grant or a delivery, or lifted a
    /// freeze, or there is such a call already. Read again.
    Conflict,
    /// Nothing is written: a freeze stops what it would let begin.
    Frozen,
    /// Nothing is written: a limit is used up. The place of its take.
    LimitReached(usize),
}
