//! Where approvals, grants, counters and records are kept.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::BoxFuture;
use crate::values::approval::{Approval, Status};
use crate::values::event::Record;
use crate::values::grant::Grant;
use crate::values::id::{ApprovalId, CallId, RunId, ToolName};
use crate::values::limit::{LimitKey, Take};

/// Keeps everything that must outlive a moment. It decides nothing: it writes a transition whole or not at all.
///
/// Five methods. What they promise is tested by one suite, `gate_runtime::testing::conformance` (feature `testing`):
///
/// 1. [`commit`](Self::commit) is atomic and isolated: all of a transition or nothing, one after the other.
/// 2. What it said is committed, every later read sees.
/// 3. Of two transitions from one version, one commits; of two takes of the last place of a limit, one.
/// 4. Records are numbered from 1 without gaps, in the order of the commits.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), gate_runtime::StoreError> {
/// use gate_runtime::{Committed, MemoryStore, Store, Timestamp, Transition};
/// let store = MemoryStore::new();
/// let nothing = Transition::at(Timestamp::UNIX_EPOCH);
/// assert_eq!(store.commit(nothing).await?, Committed::Done);
/// # Ok(()) }
/// ```
pub trait Store: Send + Sync + 'static {
    /// What is known that bears on one proposed call. One round trip: it is asked before every call.
    fn recall<'a>(&'a self, about: &'a Proposal) -> BoxFuture<'a, Result<Recalled, StoreError>>;

    /// Writes a transition: all of it, or nothing.
    fn commit(&self, transition: Transition) -> BoxFuture<'_, Result<Committed, StoreError>>;

    /// Approvals, oldest first.
    fn approvals<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>>;

    /// Records after a number, in order, at most so many.
    fn records(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>>;

    /// Follows the number of the last record, whoever writes it, in this process or another.
    fn watch(&self) -> watch::Receiver<u64>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn recall<'a>(&'a self, about: &'a Proposal) -> BoxFuture<'a, Result<Recalled, StoreError>> {
        (**self).recall(about)
    }

    fn commit(&self, transition: Transition) -> BoxFuture<'_, Result<Committed, StoreError>> {
        (**self).commit(transition)
    }

    fn approvals<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        (**self).approvals(filter)
    }

    fn records(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        (**self).records(after, limit)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        (**self).watch()
    }
}

/// A proposed call, as far as the store needs to know it.
///
/// ```
/// use gate_runtime::{Proposal, Timestamp};
/// let proposal = Proposal::new("run-42", "call_1", "issue_refund", Timestamp::UNIX_EPOCH);
/// assert_eq!(proposal.run, "run-42");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Proposal {
    /// Its run.
    pub run: RunId,
    /// Its id.
    pub call: CallId,
    /// Its tool.
    pub tool: ToolName,
    /// Counters whose use is asked for, with the windows that end now.
    pub counters: Vec<(LimitKey, std::time::Duration)>,
    /// Now, by the gate's clock.
    pub now: Timestamp,
}

impl Proposal {
    /// A call with no counters.
    pub fn new(run: impl Into<RunId>, call: impl Into<CallId>, tool: impl Into<ToolName>, now: Timestamp) -> Self {
        Self { run: run.into(), call: call.into(), tool: tool.into(), counters: Vec::new(), now }
    }
}

/// What is known that bears on a proposed call.
///
/// ```
/// # use gate_runtime::prelude::*;
/// use gate_runtime::{Proposal, Status, Store, Timestamp};
/// # /// Drop a table.
/// # #[gated_tool(policy = "always_deny", destructive)] fn drop_table(name: String) {}
/// # registry! { pub Tools for () { DropTable } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let gate: Gate<Tools> = Gate::builder(()).store(store.clone()).build().await?;
/// let turn = gate.run("run-42").submit([ToolCall::new("call_1", "drop_table", r#"{"name":"orders"}"#)]).await?;
/// # let _ = turn;
///
/// let known = store.recall(&Proposal::new("run-42", "call_1", "drop_table", Timestamp::now())).await?;
/// assert_eq!(known.denials, 1);
/// assert!(known.approval.is_some_and(|approval| approval.status() == Status::Denied));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recalled {
    /// The approval of this very call: same run, same call id.
    pub approval: Option<Arc<Approval>>,
    /// Approvals of the same tool in the same run that people rejected, oldest first.
    pub rejected: Vec<Arc<Approval>>,
    /// How many calls of the run were denied.
    pub denials: u64,
    /// The run's standing permissions for the tool that are not used up, revoked or over.
    pub grants: Vec<Arc<Grant>>,
    /// For each counter asked for, how much of its window is used.
    pub used: Vec<u64>,
}

/// What is written together.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), gate_runtime::StoreError> {
/// use gate_runtime::{Committed, DAY, LimitKey, MemoryStore, Proposal, Store, Take, Timestamp, Transition};
/// let (store, now) = (MemoryStore::new(), Timestamp::UNIX_EPOCH);
/// let key = LimitKey::new("refunds", "null");
/// let mut transition = Transition::at(now);
/// transition.takes.push(Take { key: key.clone(), amount: 3, max: 10, window: DAY });
/// assert_eq!(store.commit(transition).await?, Committed::Done);
///
/// let mut proposal = Proposal::new("run-42", "call_1", "issue_refund", now);
/// proposal.counters.push((key, DAY));
/// assert_eq!(store.recall(&proposal).await?.used, [3]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transition {
    /// When, by the gate's clock.
    pub at: Timestamp,
    /// Approvals; each is written only over the version before its own, and version 1 only where its run has no such call.
    pub approvals: Vec<Arc<Approval>>,
    /// Standing permissions; each is written only over the version before its own.
    pub grants: Vec<Arc<Grant>>,
    /// Uses of limits; each must fit.
    pub takes: Vec<Take>,
    /// What happened. The store numbers them.
    pub records: Vec<Record>,
}

impl Transition {
    /// Nothing, yet.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at, approvals: Vec::new(), grants: Vec::new(), takes: Vec::new(), records: Vec::new() }
    }
}

/// How a commit ended.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), gate_runtime::StoreError> {
/// use gate_runtime::{Committed, DAY, LimitKey, MemoryStore, Store, Take, Timestamp, Transition};
/// let store = MemoryStore::new();
/// let mut transition = Transition::at(Timestamp::UNIX_EPOCH);
/// transition.takes.push(Take { key: LimitKey::new("refunds", "null"), amount: 1, max: 1, window: DAY });
/// assert_eq!(store.commit(transition.clone()).await?, Committed::Done);
/// assert_eq!(store.commit(transition).await?, Committed::LimitReached(0));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// All of it is written.
    Done,
    /// Nothing is written: someone else changed an approval or a grant, or there is such a call already. Read again.
    Conflict,
    /// Nothing is written: a limit is used up. The place of its take.
    LimitReached(usize),
}

/// Which approvals.
///
/// ```
/// use gate_runtime::{ApprovalFilter, Status};
/// let pending = ApprovalFilter::all().run("run-42").status(Status::Pending).limit(50);
/// # let _ = pending;
/// ```
#[derive(Clone, Debug, Default)]
pub struct ApprovalFilter {
    pub(crate) ids: Vec<ApprovalId>,
    pub(crate) run: Option<RunId>,
    pub(crate) status: Option<Status>,
    pub(crate) limit: Option<usize>,
}

impl ApprovalFilter {
    /// Every approval.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// This one only; said again: these only.
    #[must_use]
    pub fn id(mut self, id: ApprovalId) -> Self {
        self.ids.push(id);
        self
    }

    /// Of this run.
    #[must_use]
    pub fn run(mut self, run: impl Into<RunId>) -> Self {
        self.run = Some(run.into());
        self
    }

    /// In this state.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    /// The ids it names; empty: any.
    #[must_use]
    pub fn ids(&self) -> &[ApprovalId] {
        &self.ids
    }

    /// The run it names.
    #[must_use]
    pub fn of_run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// The state it names.
    #[must_use]
    pub fn in_status(&self) -> Option<Status> {
        self.status
    }

    /// How many it wants at most.
    #[must_use]
    pub fn at_most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Whether it admits an approval.
    #[must_use]
    pub fn admits(&self, approval: &Approval) -> bool {
        (self.ids.is_empty() || self.ids.contains(&approval.id()))
            && self.run.as_ref().is_none_or(|run| *run == approval.subject.info.run)
            && self.status.is_none_or(|status| status == approval.status)
    }
}

/// What kind of trouble a store is in.
///
/// ```
/// use gate_runtime::{StoreError, StoreErrorKind};
/// fn is_worth_another_try(error: &StoreError) -> bool {
///     error.kind() == StoreErrorKind::Unavailable
/// }
/// assert!(is_worth_another_try(&StoreError::new(StoreErrorKind::Unavailable, "no connection")));
/// assert!(!is_worth_another_try(&StoreError::new(StoreErrorKind::Corrupt, "a record is not JSON")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It does not answer, or cannot write: it may again, later.
    Unavailable,
    /// What it holds does not fit what it should.
    Corrupt,
}

/// The store could not do its part: nothing runs.
///
/// ```
/// use gate_runtime::{StoreError, StoreErrorKind};
/// let error = StoreError::new(StoreErrorKind::Unavailable, "the disk is full");
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    problem: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// What happened.
    pub fn new(kind: StoreErrorKind, problem: impl fmt::Display) -> Self {
        Self { kind, problem: problem.to_string(), source: None }
    }

    /// What happened below.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store: {}", self.problem)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
