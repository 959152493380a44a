//! Grants and freezes, which apply beyond single calls.

use std::convert::Infallible;
use std::sync::Arc;

use gate_core::approval::{Approval, QuorumMember, Refused, Requirement, Status, shortfall};
use gate_core::call::{CallSubject, NotRun};
use gate_core::grants::{Freeze, FreezeScope, Grant, Scope, ScopeError};
use gate_core::id::{ApprovalId, ReviewerId, ToolName};
use gate_core::people::same_person;
use gate_core::ports::{
    ActiveControls, ApprovalFilter, Changeset, CommitOutcome, StoreError, StoreErrorKind,
};
use gate_core::records::{CallEvent, GateEvent, Record};

use super::error::{DecideError, ReviewerError};
use crate::engine::any_gate::AnyGate;
use crate::engine::call::not_run::unavailable;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::unit_of_work::UnitOfWork;
use crate::engine::review::reviewer::Reviewer;

impl AnyGate {
    /// Returns the active grants and freezes, and the known tools.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn active_controls(&self) -> Result<ActiveControls, StoreError> {
        self.core.store.active_controls(self.core.now()).await
    }

    /// Freezes calls in every process that shares the store, until the freeze is lifted. Calls that
    /// a rule or a grant would let through are refused, and calls that people approve wait. Bodies
    /// that already run continue to their end.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::grants::FreezeScope;
    /// # /// Read one order.
    /// # #[gated_tool(policy = "never_ask")]
    /// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
    /// # registry! { pub Tools for () { GetOrder } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["oncall"]);
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// let dana = gate.reviewer("dana").await?;
    /// let freeze = gate.freeze(FreezeScope::tool("get_order"), "incident 42", &dana).await?;
    /// let stopped = get_order(&gate.run("run-42"), "A-1".into()).await;
    /// assert!(matches!(stopped, Err(CallError::NotRun(NotRun::Frozen { .. }))));
    ///
    /// gate.lift_freeze(&freeze, &dana).await?;
    /// assert!(get_order(&gate.run("run-42"), "A-1".into()).await.is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Returns an error, and freezes nothing, if no gate over the store has such a tool, the
    /// directory does not know the reviewer, or the store does not answer.
    pub async fn freeze(
        &self,
        scope: FreezeScope,
        reason: impl Into<String>,
        by: &Reviewer,
    ) -> Result<Freeze, DecideError> {
        let core = &self.core;
        core.check_person(by).await?;
        let since = core.now();
        if let FreezeScope::Tool { tool } = &scope {
            let known = core.store.active_controls(since).await?.tools;
            if known.iter().all(|known| known.name != *tool) {
                let mut known: Vec<ToolName> = known.into_iter().map(|known| known.name).collect();
                known.dedup();
                return Err(DecideError::NoSuchTool { tool: tool.clone(), known });
            }
        }
        let freeze = Freeze { scope, reason: reason.into(), by: by.id().clone(), since };
        let mut changeset = Changeset::noting(since, GateEvent::Frozen { freeze: freeze.clone() });
        changeset.freezes.push(freeze.clone());
        let named = core.name_directory(&mut changeset).await.map_err(ReviewerError::Directory)?;
        core.write_alone(changeset).await?;
        core.named_directory(named);
        Ok(freeze)
    }

    /// Lifts a freeze. Calls that were approved in the meantime run when their run continues. Does
    /// nothing if the freeze is no longer active.
    ///
    /// # Errors
    /// As for [`freeze`](Self::freeze). Also returns [`Refused::Changed`] if somebody has frozen
    /// the same scope again in the meantime: check that freeze first.
    pub async fn lift_freeze(&self, freeze: &Freeze, by: &Reviewer) -> Result<(), DecideError> {
        let core = &self.core;
        core.check_person(by).await?;
        loop {
            let now = core.now();
            let freezes = core.store.active_controls(now).await?.freezes;
            match freezes.iter().find(|known| known.scope() == freeze.scope()) {
                None => return Ok(()),
                Some(known) if known != freeze => return Err(Refused::Changed.into()),
                Some(_) => {}
            }
            let event =
                GateEvent::FreezeLifted { scope: freeze.scope().clone(), by: by.id().clone() };
            let mut changeset = Changeset::noting(now, event);
            changeset.lifted.push(freeze.clone());
            if core.commit_decision(changeset).await? {
                return Ok(());
            }
        }
    }

    /// Revokes a grant. From now on it covers no call in any process, and calls that it covered and
    /// that have not begun are questions again. Does nothing if the grant is no longer active.
    ///
    /// # Errors
    /// Returns an error if the directory does not know the reviewer, or the store does not answer.
    pub async fn revoke(&self, grant: &Grant, by: &Reviewer) -> Result<(), DecideError> {
        let core = &self.core;
        core.check_person(by).await?;
        loop {
            let now = core.now();
            // This includes grants that are used up or have ended: calls that they covered and that
            // have not begun become questions again too.
            let known = core.store.grant(grant.id()).await?;
            let Some(known) = known.filter(|known| !known.is_revoked()) else { return Ok(()) };
            let event = GateEvent::GrantRevoked { grant: grant.id(), by: by.id().clone() };
            let mut changeset = Changeset::noting(now, event);
            changeset.grants.push(Arc::new(known.revoked()));
            // Calls that it covered and that have not begun are questions again.
            let approved =
                core.store.approvals(&ApprovalFilter::all().status(Status::Approved)).await?;
            for covered_approval in
                approved.iter().filter(|approval| approval.grant() == Some(grant.id()))
            {
                let mut unit = UnitOfWork::from(covered_approval);
                unit.then(CallEvent::Uncovered { grant: grant.id() }, now)?;
                unit.join(&mut changeset);
            }
            if core.commit_decision(changeset).await? {
                return Ok(());
            }
        }
    }
}

impl EngineCore {
    /// Returns the freeze that stops a call; `None` if no freeze stops it any more.
    pub(crate) async fn frozen(&self, approval: &Approval) -> Result<Option<NotRun>, NotRun> {
        let freezes = self.store.active_controls(self.now()).await.map_err(unavailable)?.freezes;
        let stops = freezes.into_iter().find(|freeze| freeze.stops(approval.subject()));
        Ok(stops.map(|freeze| NotRun::Frozen { reason: freeze.reason().to_owned() }))
    }

    /// Checks that an order comes from a reviewer in the directory, and not from an agent, or from
    /// a person who is only a principal.
    pub(crate) async fn check_person(&self, by: &Reviewer) -> Result<(), DecideError> {
        let is_agent =
            self.agents.iter().any(|agent| same_person(by.id().as_str(), agent.as_str()));
        if by.is_principal() || is_agent {
            let (reviewer, why) = (
                by.id().clone(),
                "it is for reviewers, and neither for agents nor for whom a run acts",
            );
            return Err(Refused::NotEntitled { reviewer, why: why.to_owned() }.into());
        }
        self.roles_of(by.id()).await?;
        Ok(())
    }

    /// Checks that a person may answer a question alone, with a grant: the begun steps must ask the
    /// person, with the roles that they have now. The principal may do so only if these steps ask
    /// the principal.
    pub(crate) async fn may_grant(
        &self,
        reviewer: &ReviewerId,
        subject: &CallSubject,
        requirements: &[Requirement],
        reached: &[usize],
    ) -> Result<(), DecideError> {
        if !requirements.iter().all(Requirement::takes_grants) {
            return Err(ScopeError::NotAllowed.into());
        }
        let info = subject.info();
        let is_principal =
            self.is_principal(reviewer, info).await.map_err(ReviewerError::Directory)?;
        let is_agent = self
            .is_named(reviewer, info.agent().as_str())
            .await
            .map_err(ReviewerError::Directory)?;
        let roles = self.roles_as(reviewer, is_principal).await?;
        let steps = reached.iter().copied().chain(std::iter::repeat(1));
        let steps_reached: Vec<_> = requirements.iter().zip(steps).collect();
        let alone =
            QuorumMember { who: reviewer.as_str(), roles: &roles, is_principal, is_signed: false };
        if is_agent || !shortfall(&steps_reached, &[alone]).is_met() {
            return Err(ScopeError::NeedsSeveral.into());
        }
        Ok(())
    }

    /// Returns whether a person [may answer](Self::may_grant) this question alone.
    pub(crate) async fn may_grant_for(
        &self,
        reviewer: &ReviewerId,
        approval: &Approval,
    ) -> Result<(), DecideError> {
        self.may_grant(
            reviewer,
            approval.subject(),
            approval.requirements(),
            approval.steps_reached(),
        )
        .await
    }

    /// Adds a grant, and the approvals of waiting calls that it covers.
    pub(crate) async fn give_grant(
        &self,
        scope: &Scope,
        approved: &Approval,
        reviewer: &Reviewer,
        changeset: &mut Changeset,
    ) -> Result<Arc<Grant>, DecideError> {
        if approved.status() != Status::Approved {
            return Err(ScopeError::NeedsSeveral.into());
        }
        self.may_grant_for(reviewer.id(), approved).await?;
        let grant = scope.clone().grant(approved, reviewer.id().clone(), changeset.at)?;
        self.give_and_cover(grant, approved.id(), changeset).await
    }

    /// Adds a new grant and approves the waiting calls that it covers, in any run. If they were
    /// new, nobody would be asked about them.
    async fn give_and_cover(
        &self,
        grant: Grant,
        approved: ApprovalId,
        changeset: &mut Changeset,
    ) -> Result<Arc<Grant>, DecideError> {
        let (now, by, mut grant) = (changeset.at, grant.by().clone(), grant);
        let waiting = ApprovalFilter::all().status(Status::Pending);
        let waiting = grant.run().into_iter().fold(waiting, |all, run| all.run(run.clone()));
        let mut covered_approvals = Vec::new();
        for other in
            self.store.approvals(&waiting).await?.iter().filter(|other| other.id() != approved)
        {
            let is_plain = other.failure().is_none()
                && !other.was_refused_before()
                && !other.needs_another_voter()
                && other.expiry_event(now).is_none();
            let fits = is_plain && grant.covers(other.subject(), other.arguments(), now);
            // If the directory does not answer, the call keeps waiting for people.
            if !fits || self.may_grant_for(&by, other).await.is_err() {
                continue;
            }
            let before = changeset.charges.len();
            changeset.charges.extend(grant.charges(other.arguments(), other.id()));
            // The grant is new, so only the calls before this one in the loop have used it.
            if changeset.limit_reached(|_| Ok::<_, Infallible>(0)) != Ok(None) {
                // This call would exceed the grant, so its charges are removed again.
                changeset.charges.truncate(before);
                continue;
            }
            grant = grant.used_before_it_is_given();
            let mut unit = UnitOfWork::from(other);
            unit.then(CallEvent::covered_by(&grant), now)?;
            covered_approvals.push(unit);
        }
        let grant = Arc::new(grant);
        changeset
            .records
            .push(Record::of_gate(now, GateEvent::GrantGiven { grant: Arc::clone(&grant) }));
        changeset.grants.push(Arc::clone(&grant));
        for unit_of_work in covered_approvals {
            unit_of_work.join(changeset);
        }
        Ok(grant)
    }

    /// Gives a grant for calls like one that is decided, or that nobody was asked about.
    pub(crate) async fn grant_like_call(
        self: &Arc<Self>,
        id: ApprovalId,
        scope: Scope,
        reviewer: &Reviewer,
    ) -> Result<Arc<Grant>, DecideError> {
        let approval = self.load(id).await?.ok_or(DecideError::Unknown(id))?;
        self.check_voter(&approval, reviewer).await?;
        if approval.status() == Status::Pending {
            return Err(Refused::NotNow(Status::Pending).into());
        }
        self.may_grant_for(reviewer.id(), &approval).await?;
        let now = self.now();
        if self.directory.key(reviewer.id(), now).await.map_err(ReviewerError::Directory)?.is_some()
        {
            return Err(ScopeError::NeedsVote.into());
        }
        loop {
            let grant = scope.clone().grant(&approval, reviewer.id().clone(), now)?;
            let mut changeset = Changeset::at(now);
            let grant = self.give_and_cover(grant, approval.id(), &mut changeset).await?;
            let covered_approvals = changeset.approvals.clone();
            if self.commit_decision(changeset).await? {
                for approval in &covered_approvals {
                    self.settle(approval);
                }
                return Ok(grant);
            }
        }
    }

    /// Commits a person's decision, with the digest of the directory that it was checked with.
    /// Returns `false` if something has changed since, and the decision must be made again.
    async fn commit_decision(&self, mut changeset: Changeset) -> Result<bool, DecideError> {
        let named = self.name_directory(&mut changeset).await.map_err(ReviewerError::Directory)?;
        let is_done = self.store.commit(changeset).await? == CommitOutcome::Done;
        if is_done {
            self.named_directory(named);
        }
        Ok(is_done)
    }

    /// Writes a changeset that cannot conflict with anything.
    pub(crate) async fn write_alone(&self, changeset: Changeset) -> Result<(), StoreError> {
        match self.store.commit(changeset).await? {
            CommitOutcome::Done => Ok(()),
            CommitOutcome::Conflict | CommitOutcome::Frozen | CommitOutcome::LimitReached(_) => {
                let problem = "it refused what conflicts with nothing";
                Err(StoreError::new(StoreErrorKind::Corrupt, problem))
            }
        }
    }
}
