//! The assembled engine, whatever its tools.

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

/// A gate without the type of its tools, for programs in which people decide, or that watch or
/// operate it. Clones share everything.
///
/// A [`Gate`](crate::Gate) dereferences to it, and turns into it with `From`. An inbox or a command
/// holds it, and needs no type parameter.
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
    /// Returns the proof that a person may decide: the directory must know them.
    ///
    /// Their roles are looked up whenever they decide, in the directory of the gate where they do:
    /// a role that was taken away since does not count.
    ///
    /// # Security
    /// Call it for a person whom your application has signed in, and never hand it to an agent.
    ///
    /// # Errors
    /// Where the directory does not know the person, or does not answer.
    pub async fn reviewer(&self, who: impl Into<ReviewerId>) -> Result<Reviewer, ReviewerError> {
        let who = who.into();
        self.core.roles_of(&who).await.map(|_| Reviewer::from_directory(who))
    }

    /// Returns the proof that the person decides for whom a run acts, where a policy asks exactly
    /// that person.
    ///
    /// # Security
    /// As for [`reviewer`](Self::reviewer): your application vouches that this very person answers.
    #[must_use]
    pub fn principal(&self, who: impl Into<Principal>) -> Reviewer {
        Reviewer::from_principal(&who.into())
    }

    /// Returns everything that waits for people, of all runs, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn pending(&self) -> Result<Vec<Interruption>, StoreError> {
        self.interruptions(&ApprovalFilter::all().status(Status::Pending)).await
    }

    /// Returns the questions that a filter admits, oldest first: to page through many.
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
    /// Where the store does not answer.
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

    /// Returns one approval, whatever its state; `None` if there is none of this id.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Arc<Approval>>, StoreError> {
        self.core.load(id).await
    }

    /// Returns the question of one approval, whatever its state, to decide or to cancel; `None` if
    /// there is none of this id.
    ///
    /// # Errors
    /// Where the store does not answer.
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
        let asked = Interruption::new(Arc::clone(&self.core), run, approval);
        Ok(Interruption { stored, tool_notice, ..asked })
    }

    /// Keeps the deadlines of all calls that wait or run, whoever proposed them, as long as this
    /// gate lives: due calls expire, escalate or count as lost.
    ///
    /// A gate with tools does so by itself, and every gate does so for questions that are asked
    /// through it. A gate without tools in a long-lived process, like an inbox, has to call this:
    /// otherwise questions that an earlier process asked wait until somebody looks at them.
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
    /// Where the store does not answer: some are kept then, and it can be said again.
    pub async fn keep_deadlines(&self) -> Result<(), StoreError> {
        if self.core.tools.is_empty() { self.core.load_deadlines().await } else { Ok(()) }
    }

    /// Everything that happens from now on.
    #[must_use]
    pub fn events(&self) -> EventStream {
        EventStream::after(Arc::<dyn Store>::clone(&self.core.store), None)
    }

    /// Everything that happened after a record, and then what happens: 0 for everything.
    #[must_use]
    pub fn events_after(&self, seq: u64) -> EventStream {
        EventStream::after(Arc::<dyn Store>::clone(&self.core.store), Some(seq))
    }

    /// The records of a case after a number, in order, at most so many: to page through many.
    ///
    /// # Errors
    /// Where the store does not answer.
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
    /// Where the store does not answer.
    pub async fn records(&self, after: u64, limit: usize) -> Result<Vec<Arc<Record>>, StoreError> {
        self.core.store.records(&RecordFilter::after(after).limit(limit)).await
    }

    /// Returns all records of a case, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn case(&self, case: impl Into<CaseId>) -> Result<Vec<Arc<Record>>, StoreError> {
        self.core.store.records(&RecordFilter::after(0).case(case)).await
    }

    /// Returns the deliveries that a filter admits, of every gate over this store: what notifiers
    /// have delivered or are to deliver, and the state of each.
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
    /// Where the store does not answer.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Arc<Delivery>>, StoreError> {
        self.core.store.deliveries(filter).await
    }

    /// Puts a dead delivery back, with as many tries as a new one, under its id. Returns `None` if
    /// it is not dead any more.
    ///
    /// A process that has its notifier delivers it: this one at once, another one within a minute.
    ///
    /// # Errors
    /// Where the store does not answer.
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

    /// Seals all records that there are now, and returns the state of the trail. Records are also
    /// sealed without this, a little later; call it before a program ends.
    ///
    /// If another process writes the trail, this waits until that one has sealed them. Does nothing
    /// for a gate without a trail.
    ///
    /// # Errors
    /// If the trail cannot be written.
    pub async fn seal(&self) -> Result<TrailStatus, TrailError> {
        match &self.core.trail {
            Some(trail) => trail.seal().await,
            None => Ok(TrailStatus::default()),
        }
    }

    /// Applies escalations and expiries that are due. A gate does this by itself; a test with its
    /// own clock calls it to wait for it.
    pub async fn run_due(&self) {
        self.core.run_due().await;
    }
}

impl EngineCore {
    /// Imports an approval from elsewhere, if the store does not know its call.
    pub(crate) async fn import(self: &Arc<Self>, approval: Approval) -> Result<(), StoreError> {
        let now = self.now();
        let subject = &approval.subject();
        let known = CallQuery::new(subject.info().run(), subject.call(), subject.tool(), now);
        if self.store.load_history(&known).await?.approval.is_none() {
            let imported = approval.imported(now);
            let event = CallEvent::Imported { approval: Some(Arc::new(imported.without_salts())) };
            let (changeset, imported) = UnitOfWork::begin(imported, event, now).into_changeset();
            // A conflict means that someone else imports it at the same moment: then it is there.
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
