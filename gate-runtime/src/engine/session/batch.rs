//! The calls of one batch, in their last known states.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gate_core::approval::Approval;
use gate_core::call::{NotRun, ToolCall};
use gate_core::id::ApprovalId;

use super::answer::Answer;
use super::slots::BatchSlot;
use crate::lock::lock;

/// The calls of one batch, in order.
#[derive(Default)]
pub(crate) struct CallBatch {
    places: Mutex<Vec<BatchPlace>>,
}

/// The state of one call of a batch.
#[derive(Clone)]
pub(crate) enum BatchPlace {
    /// Nothing yet: the call is being proposed, or its caller was dropped before it was recorded.
    Empty,
    /// The call has an approval, in its last known state.
    Call(Arc<Approval>),
    /// The call was refused before any rule evaluated it.
    Refused(ToolCall, NotRun),
}

impl CallBatch {
    pub(crate) fn of(count: usize) -> Self {
        Self { places: Mutex::new(vec![BatchPlace::Empty; count]) }
    }

    /// Restores a batch from a saved state, and its calls from the store.
    pub(crate) fn resumed(slots: Vec<BatchSlot>, stored_approvals: &[Arc<Approval>]) -> Self {
        let find = |id: ApprovalId| {
            stored_approvals.iter().find(|approval| approval.id() == id).map(Arc::clone)
        };
        let to_place = |slot| match slot {
            BatchSlot::Call { approval } => {
                // Without its approval in the store, nothing is known about the call, so it gets no
                // answer.
                find(approval).map_or(BatchPlace::Empty, BatchPlace::Call)
            }
            BatchSlot::Refused { call, tool, reason } => {
                BatchPlace::Refused(ToolCall::new(call, tool, ""), reason)
            }
        };
        Self { places: Mutex::new(slots.into_iter().map(to_place).collect()) }
    }

    /// Returns the batch in the form of a saved state.
    pub(crate) fn slots(&self) -> Vec<BatchSlot> {
        let slot = |batch_place: &BatchPlace| match batch_place {
            BatchPlace::Empty => None,
            BatchPlace::Call(approval) => Some(BatchSlot::Call { approval: approval.id() }),
            BatchPlace::Refused(call, reason) => {
                let (call, tool) = (call.id().clone(), call.tool().clone());
                Some(BatchSlot::Refused { call, tool, reason: reason.clone() })
            }
        };
        lock(&self.places).iter().filter_map(slot).collect()
    }

    pub(crate) fn approvals(&self) -> Vec<Arc<Approval>> {
        let approval = |batch_place: &BatchPlace| match batch_place {
            BatchPlace::Call(approval) => Some(Arc::clone(approval)),
            BatchPlace::Empty | BatchPlace::Refused(..) => None,
        };
        lock(&self.places).iter().filter_map(approval).collect()
    }

    /// Returns the calls that have not ended.
    pub(crate) fn unfinished(&self) -> Vec<Arc<Approval>> {
        let unfinished = |batch_place: &BatchPlace| match batch_place {
            BatchPlace::Call(approval) if !approval.status().is_terminal() => {
                Some(Arc::clone(approval))
            }
            _ => None,
        };
        lock(&self.places).iter().filter_map(unfinished).collect()
    }

    pub(crate) fn fill(&self, index: usize, batch_place: BatchPlace) {
        if let Some(empty) = lock(&self.places).get_mut(index) {
            *empty = batch_place;
        }
    }

    /// Copies one place to another.
    pub(crate) fn repeat(&self, from: usize, to: usize) {
        let mut places = lock(&self.places);
        if let Some(batch_place) = places.get(from).cloned()
            && let Some(copy) = places.get_mut(to)
        {
            *copy = batch_place;
        }
    }

    /// Updates a call in all its places, unless they have a newer version.
    pub(crate) fn note(&self, approval: &Arc<Approval>) {
        for batch_place in lock(&self.places).iter_mut() {
            if let BatchPlace::Call(known) = batch_place
                && known.id() == approval.id()
                // Tasks report in any order: an older version must not undo a newer one.
                && known.version() < approval.version()
            {
                *known = Arc::clone(approval);
            }
        }
    }

    /// Returns the answers to its calls, in order.
    pub(crate) fn answers(&self, blocked: &BTreeMap<ApprovalId, NotRun>) -> Vec<Answer> {
        let answer = |batch_place: &BatchPlace| match batch_place {
            BatchPlace::Empty => None,
            BatchPlace::Call(approval) => {
                let blocked_by = blocked.get(&approval.id()).cloned();
                Some(Answer::of(Arc::clone(approval), blocked_by))
            }
            BatchPlace::Refused(call, reason) => {
                Some(Answer::refused(call.id().clone(), call.tool().clone(), reason.clone()))
            }
        };
        lock(&self.places).iter().filter_map(answer).collect()
    }
}
