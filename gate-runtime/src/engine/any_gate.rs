//! A gate without the type of its tools.

use std::fmt;
use std::sync::Arc;

use gate_core::approval::{Approval, Status};
use gate_core::id::{ApprovalId, CaseId, Principal, ReviewerId};
use gate_core::ports::{
    ApprovalFilter, CallQuery, Changeset, CommitOutcome, DeliveryFilter, KnownTool, RecordFilter,
    Store, StoreError,
};
use gate_core::records::{CallEvent, Delivery, Record};

use super::call::run_context::RunContext;
use super::kernel::EngineCore;
use super::kernel::events::EventStream;
use super::kernel::unit_of_work::UnitOfWork;
use super::review::error::ReviewerError;
use super::review::interruption::Interruption;
use crate::engine::review::reviewer::Reviewer;
use crate::sealing::{TrailError, TrailHandle, TrailStatus};

/// A gate without the type of its tools, for programs in which people decide, and for programs that
/// observe or operate a gate. Clones share everything.
///
/// A [`Gate`](crate::Gate) dereferences to it, and converts into it with `From`. An inbox or a
/// command can use it without a type parameter.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::{AnyGate, NoTools};
/// async fn count_waiting(gate: &AnyGate) -> Result<usize, gate_runtime::store::StoreError> {
///     Ok(gate.pending().await?.len())
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<NoTools> = Gate::builder(()).build().await?;
/// assert_eq!(count_waiting(&gate).await?, 0);
/// let kept = AnyGate::from(gate);
/// assert_eq!(count_waiting(&kept).await?, 0);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AnyGate {
    pub(crate) core: Arc<EngineCore>,
}

impl AnyGate {
    /// Returns a [`Reviewer`] for a person in the directory, with which that person can decide.
    ///
    /// The person's roles are looked up at each decision, in the directory of the gate that takes
    /// the decision: a role that was removed in the meantime does not count.
    ///
    /// # Security
    /// Call it for a person whom your application has signed in, and never pass the result to an
    /// agent.
    ///
    /// # Errors
    /// Returns an error if the directory does not know the person, or does not answer.
    pub async fn reviewer(&self, who: impl Into<ReviewerId>) -> Result<Reviewer, ReviewerError> {
        let who = who.into();
        self.core.roles_of(&who).await.map(|_| Reviewer::from_directory(who))
    }

    /// Returns a [`Reviewer`] for the person for whom a run acts, who can answer only if a policy
    /// asks exactly that person.
    ///
    /// # Security
    /// As for [`reviewer`](Self::reviewer), your application must ensure that this person answers.
    #[must_use]
    pub fn principal(&self, who: impl Into<Principal>) -> Reviewer {
        Reviewer::from_principal(&who.into())
    }

    /// Returns the calls of all runs that wait for people, oldest first.
    ///
    /// # Errors
    /// Returns an error if the store does not answer.
    pub async fn pending(&self) -> Result<Vec<Interruption>, StoreError> {
        self.interruptions(&ApprovalFilter::all().status(Status::Pending)).await
    }

    /// Returns the questions that a filter admits, oldest first. The filter can select a page.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// use gate_runtime::review::Status;
    /// use gate_runtime::store::ApprovalFilter;
    /// # async fn pages<R: Registry>(
    /// #     gate: Gate<R>,
    /// # ) -> Result<(), gate_runtime::store::StoreError> {
    /// let mut page = ApprovalFilter::all().status(Status::Pending).limit(50);
    /// loop {
    ///     let questions = gate.interruptions(&page).await?;
    ///     let Some(last) = questions.last() else { break };
    ///     page = page.after(last.id());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn interruptions(
        &self,
        filter: &ApprovalFilter,
    ) -> Result<Vec<Interruption>, StoreError> {
        let approvals = self.core.store.approvals(filter).await?;
        let known = self.core.tools_of(&approvals).await?;
        let mut found = Vec::new();
        for approval in approvals {
            found.push(self.of(approval, &known).await?);
        }
        Ok(found)
    }

    /// Returns an approval, in any state; `None` if there is none with this id.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Arc<Approval>>, StoreError> {
        self.core.load(id).await
    }

    /// Returns the question of an approval, in any state, to decide or cancel it; `None` if there
    /// is none with this id.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn interruption(&self, id: ApprovalId) -> Result<Option<Interruption>, StoreError> {
        match self.core.load(id).await? {
            Some(approval) => {
                let known = self.core.tools_of(std::slice::from_ref(&approval)).await?;
                let asked = self.of(approval, &known).await?;
                let outdated =
                    self.core.outdated_permissions(&asked.approval, asked.descriptor()).await?;
                let disputed = self.core.dispute_notice(&asked.approval).await?.map(Into::into);
                Ok(Some(Interruption { outdated: outdated.into(), disputed, ..asked }))
            }
            None => Ok(None),
        }
    }

    async fn of(
        &self,
        approval: Arc<Approval>,
        known: &[KnownTool],
    ) -> Result<Interruption, StoreError> {
        let stored = self.core.stored_tool(&approval).await?;
        let tool_notice = self.core.tool_notice(&approval, known).await?.map(Into::into);
        let run = RunContext::of_stored(&self.core, approval.subject());
        let interruption = Interruption::new(Arc::clone(&self.core), run, approval);
        Ok(Interruption { stored, tool_notice, ..interruption })
    }

    /// Keeps the deadlines of all calls that wait or run, as long as this gate lives: due calls
    /// expire, escalate or count as lost.
    ///
    /// A gate with tools does this by itself, and every gate does it for questions that are asked
    /// through it. A gate without tools in a long-lived process, like an inbox, must call it.
    /// Otherwise the deadlines of questions that an earlier process asked are only applied when
    /// somebody reads these questions.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::NoTools;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate: Gate<NoTools> = Gate::builder(()).build().await?;
    /// gate.keep_deadlines().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the store does not answer. Some deadlines may be kept by then; call it
    /// again for the others.
    pub async fn keep_deadlines(&self) -> Result<(), StoreError> {
        if self.core.tools.is_empty() { self.core.load_deadlines().await } else { Ok(()) }
    }

    /// Returns a stream of all later records.
    #[must_use]
    pub fn events(&self) -> EventStream {
        EventStream::after(Arc::<dyn Store>::clone(&self.core.store), None)
    }

    /// Returns a stream of all records after a number, existing and later ones; 0 for all records.
    #[must_use]
    pub fn events_after(&self, seq: u64) -> EventStream {
        EventStream::after(Arc::<dyn Store>::clone(&self.core.store), Some(seq))
    }

    /// Returns records of a case after a number, in order, up to a limit.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn case_after(
        &self,
        case: impl Into<CaseId>,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        self.core.store.records(&RecordFilter::after(seq).case(case).limit(limit)).await
    }

    /// Returns records after a number, in order, up to a limit.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn records(&self, after: u64, limit: usize) -> Result<Vec<Arc<Record>>, StoreError> {
        self.core.store.records(&RecordFilter::after(after).limit(limit)).await
    }

    /// Returns all records of a case, oldest first.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn case(&self, case: impl Into<CaseId>) -> Result<Vec<Arc<Record>>, StoreError> {
        self.core.store.records(&RecordFilter::after(0).case(case)).await
    }

    /// Returns the deliveries that a filter admits, of the notifiers of all gates over this store.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// use gate_runtime::notify::DeliveryState;
    /// use gate_runtime::store::DeliveryFilter;
    /// # async fn show<R: Registry>(gate: Gate<R>) -> Result<(), gate_runtime::store::StoreError> {
    /// for delivery in gate.deliveries(&DeliveryFilter::all().state(DeliveryState::Dead)).await? {
    ///     eprintln!("{}: {}", delivery.id(), delivery.problem().unwrap_or_default());
    ///     gate.deliver_again(&delivery).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Arc<Delivery>>, StoreError> {
        self.core.store.deliveries(filter).await
    }

    /// Retries a dead delivery, with as many attempts as a new one and the same id. Returns `None`
    /// if it is no longer dead.
    ///
    /// A process that has its notifier makes the delivery: this process at once, another one within
    /// a minute.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn deliver_again(
        &self,
        delivery: &Delivery,
    ) -> Result<Option<Arc<Delivery>>, StoreError> {
        let now = self.core.now();
        let Some(revived) = delivery.revived(now).map(Arc::new) else { return Ok(None) };
        let mut changeset = Changeset::at(now);
        changeset.deliveries.push(Arc::clone(&revived));
        if self.core.store.commit(changeset).await? != CommitOutcome::Done {
            return Ok(None);
        }
        self.core.outbox.wake();
        Ok(Some(revived))
    }

    /// Returns the state of the trail, if the gate has one.
    #[must_use]
    pub fn trail(&self) -> Option<TrailStatus> {
        self.core.trail.as_ref().map(TrailHandle::status)
    }

    /// Seals all existing records, and returns the state of the trail. Records are also sealed
    /// automatically a little later; call this before a program ends.
    ///
    /// If another process writes the trail, this waits until that process has sealed the records.
    /// Does nothing for a gate without a trail.
    ///
    /// # Errors
    /// Returns an error if the trail cannot be written.
    pub async fn seal(&self) -> Result<TrailStatus, TrailError> {
        match &self.core.trail {
            Some(trail) => trail.seal().await,
            None => Ok(TrailStatus::default()),
        }
    }

    /// Applies the escalations and expiries that are due. A gate does this by itself; a test with a
    /// manual clock calls this to wait until it is done.
    pub async fn run_due(&self) {
        self.core.run_due().await;
    }
}

impl EngineCore {
    /// Imports an approval from another store, if this store does not know its call.
    pub(crate) async fn import(self: &Arc<Self>, approval: Approval) -> Result<(), StoreError> {
        let now = self.now();
        let subject = &approval.subject();
        let known = CallQuery::new(subject.info().run(), subject.call(), subject.tool(), now);
        if self.store.load_history(&known).await?.approval.is_none() {
            let imported = approval.imported(now);
            let event = CallEvent::Imported { approval: Some(Arc::new(imported.without_salts())) };
            let (changeset, imported) = UnitOfWork::begin(imported, event, now).into_changeset();
            // A conflict means that another process has just imported it.
            if self.store.commit(changeset).await? == CommitOutcome::Done {
                self.settle(&imported);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for AnyGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.core, f)
    }
}
