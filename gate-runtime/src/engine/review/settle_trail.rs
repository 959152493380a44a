//! Settles a divergence between database and trail, by order of a person.

use std::collections::BTreeMap;
use std::sync::Arc;

use gate_core::approval::{Approval, Refused, Status};
use gate_core::call::CallSubject;
use gate_core::id::ApprovalId;
use gate_core::ports::Changeset;
use gate_core::records::{CallEvent, GateEvent, RecordEvent, ResetEntry, TrailEntry};

use crate::engine::any_gate::AnyGate;
use crate::engine::kernel::{EngineCore, StepError};
use crate::engine::review::reviewer::Reviewer;
use crate::sealing::compare::compare;
use crate::sealing::error::{Divergence, TrailError};
use crate::sealing::reader::TrailReader;
use crate::sealing::writer_lease::{WriterLease, open};
use crate::sealing::{Trail, blocking};

/// A call whose body began according to the trail, but not according to the database.
///
/// ```
/// # fn show(lost: &gate_runtime::trail::OrphanedCall) {
/// println!(
///     "{} ran in {}{}",
///     lost.subject().tool(),
///     lost.subject().info().run(),
///     if lost.was_open() { ": cancelled" } else { "" }
/// );
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OrphanedCall {
    subject: Arc<CallSubject>,
    was_open: bool,
}

impl OrphanedCall {
    /// Returns the call.
    #[must_use]
    pub fn subject(&self) -> &CallSubject {
        &self.subject
    }

    /// Returns whether the call could still run according to the database. If so, it was cancelled
    /// there. Otherwise the database did not have it, and it was imported from the trail, so that
    /// it is not new if it is proposed again.
    #[must_use]
    pub fn was_open(&self) -> bool {
        self.was_open
    }
}

impl AnyGate {
    /// Compares the store with a trail, and returns where they diverge, if they do. Changes
    /// nothing.
    ///
    /// # Errors
    /// Returns an error if the store or the trail cannot be read.
    pub async fn compare_with(
        &self,
        trail: &Arc<TrailReader>,
    ) -> Result<Option<Divergence>, TrailError> {
        compare(&*self.core.store, trail).await
    }

    /// Lets a trail continue from the present content of the store, by order of a person. The trail
    /// keeps both histories, and records who settled the divergence and why.
    ///
    /// Calls that began according to the trail and are open in the store would run again, so they
    /// are cancelled. Calls that the store does not know are imported from the trail, and do not
    /// run again either. Returns both.
    ///
    /// Call this on a gate without a trail, because a gate with the trail cannot be built while
    /// they diverge.
    ///
    /// # Errors
    /// Returns [`TrailError::NotDiverged`] if they agree, [`TrailError::Busy`] while another
    /// process writes the trail, and an error if the person is not in the directory or gives no
    /// reason.
    pub async fn settle_trail(
        &self,
        trail: &Arc<Trail>,
        by: &Reviewer,
        reason: &str,
    ) -> Result<Vec<OrphanedCall>, TrailError> {
        let core = &self.core;
        core.check_person(by).await.map_err(TrailError::Refused)?;
        if reason.trim().is_empty() {
            return Err(TrailError::Refused(Refused::ReasonRequired.into()));
        }
        let writes = Arc::clone(trail);
        // While the lease is held, no other process can seal records that were not compared.
        let Some(mut lease) = blocking(move || WriterLease::take(&writes)).await? else {
            return Err(TrailError::Busy { folder: trail.folder.clone() });
        };
        let reader = reader_of(trail).await?;
        let divergence = compare(&*core.store, &reader).await?.ok_or(TrailError::NotDiverged)?;
        let begun_calls = begun_since(&reader, divergence.seq()).await?;
        let mut orphaned = Vec::new();
        for (id, call) in begun_calls {
            orphaned.extend(core.close(id, call).await?);
        }
        let (at, by, reason) = (core.now(), by.id().clone(), reason.to_owned());
        let settled = lease.appended();
        let parting = ResetEntry { at, by, next: divergence.seq(), reason, settled };
        let (writes, written) = (Arc::clone(trail), parting.clone());
        blocking(move || {
            lease.append_reset(&written)?;
            lease.publish(&writes)
        })
        .await?;
        let ResetEntry { by, next, reason, .. } = parting;
        core.write_alone(Changeset::noting(
            at,
            GateEvent::TrailSettled { by, next, settled, reason },
        ))
        .await?;
        Ok(orphaned)
    }
}

impl EngineCore {
    /// Prevents a call that began according to the trail from beginning again. Does nothing if the
    /// store also has that it began.
    async fn close(
        self: &Arc<Self>,
        id: ApprovalId,
        call: UnsettledCall,
    ) -> Result<Option<OrphanedCall>, TrailError> {
        let UnsettledCall { subject, approval: latest, .. } = call;
        let Some(approval) = self.load(id).await? else {
            if let Some(current) = latest {
                self.import(current).await?;
            }
            return Ok(Some(OrphanedCall { subject, was_open: false }));
        };
        if !matches!(approval.status(), Status::Pending | Status::Approved) {
            return Ok(None);
        }
        let reason = "the trail says that it began, and the database had lost that".to_owned();
        match self.step(id, &CallEvent::Cancelled { reason }).await {
            Err(StepError::Store(error)) => Err(error.into()),
            // The call ended in the meantime.
            Err(StepError::Refused | StepError::Unknown) => Ok(None),
            Ok(_) => Ok(Some(OrphanedCall { subject, was_open: true })),
        }
    }
}

pub(crate) async fn reader_of(trail: &Arc<Trail>) -> Result<Arc<TrailReader>, TrailError> {
    let trail = Arc::clone(trail);
    blocking(move || open(&trail)).await.map(Arc::new)
}

/// A call according to the trail.
pub(crate) struct UnsettledCall {
    subject: Arc<CallSubject>,
    /// The approval, if the trail has its records from the first one on.
    approval: Option<Approval>,
    has_begun: bool,
}

/// Returns the calls whose bodies began in the trail's records from a number on.
pub(crate) async fn begun_since(
    reader: &Arc<TrailReader>,
    seq: u64,
) -> Result<BTreeMap<ApprovalId, UnsettledCall>, TrailError> {
    let trail = Arc::clone(reader);
    blocking(move || {
        let mut calls = BTreeMap::<ApprovalId, UnsettledCall>::new();
        for read in trail.entries(0) {
            let (index, bytes) = read?;
            let TrailEntry::Record(record) = trail.read(index, &bytes)? else { continue };
            let (Some(subject), RecordEvent::Call(event)) =
                (record.shared_subject(), record.event())
            else {
                continue;
            };
            if record.seq() < seq {
                continue;
            }
            let known = calls.remove(&subject.approval());
            let (before, has_begun) =
                known.map_or((None, false), |call| (call.approval, call.has_begun));
            // After a reset entry, the trail may contain the call's beginning a second time.
            let before = before.filter(|_| !matches!(event, CallEvent::Assessed { .. }));
            // If the records do not follow from each other, there is no state to import, but the
            // call is still listed.
            let latest = Approval::after(before.as_ref(), &record).ok();
            let has_begun = has_begun || matches!(event, CallEvent::Dispatched);
            calls.insert(
                subject.approval(),
                UnsettledCall { subject: Arc::clone(subject), approval: latest, has_begun },
            );
        }
        calls.retain(|_, call| call.has_begun);
        Ok(calls)
    })
    .await
}
