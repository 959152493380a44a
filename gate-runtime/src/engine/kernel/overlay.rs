//! The overlays of a gate.

use std::sync::Arc;

use gate_core::approval::Requirement;
use gate_core::assessment::{Opinion, Verdict};

use crate::ports::overlay::{Objection, OnFailure, Overlay};

/// An overlay, with the name and failure behaviour that it had when the gate was built.
pub(crate) struct GateOverlay {
    name: String,
    on_failure: OnFailure,
    pub(crate) overlay: Arc<dyn Overlay>,
}

impl GateOverlay {
    pub(crate) fn new(overlay: Arc<dyn Overlay>) -> Self {
        Self { name: overlay.name().to_owned(), on_failure: overlay.on_failure(), overlay }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the requirement that applies if it fails; `None` if a failure denies the call.
    pub(crate) fn asks_on_failure(&self) -> Option<&Requirement> {
        match &self.on_failure {
            OnFailure::Deny => None,
            OnFailure::Ask(requirement) => Some(requirement),
        }
    }

    pub(crate) fn failed(&self, reason: String) -> Opinion {
        let requirement = self.asks_on_failure().cloned();
        let verdict = if requirement.is_some() { Verdict::Ask } else { Verdict::Deny };
        Opinion::Overlay { name: self.name.clone(), verdict, reason, requirement, failed: true }
    }

    pub(crate) fn objects(&self, objection: Objection) -> Opinion {
        let Objection { reason, requirement } = objection;
        // A requirement that nobody could meet, or that needs nobody, is always a mistake.
        if let Some(problem) = requirement.as_ref().and_then(Requirement::problem) {
            return self.failed(format!("it asks for {problem}"));
        }
        let reason = if reason.trim().is_empty() { "it gave no reason".to_owned() } else { reason };
        let verdict = if requirement.is_some() { Verdict::Ask } else { Verdict::Deny };
        Opinion::Overlay { name: self.name.clone(), verdict, reason, requirement, failed: false }
    }
}
