//! Drop guard: records events when the owning future is dropped.

use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::records::CallEvent;

use super::EngineCore;
use super::attempt_id::AttemptId;

/// Applies events to an approval if it is dropped before [`call_off`](Self::call_off).
///
/// Outside a runtime, the events cannot be written and the approval stays as it is. That is safe,
/// because in no state does a body run by itself.
pub(crate) struct IfGone {
    core: Arc<EngineCore>,
    attempt: AttemptId,
    events: Option<fn() -> Vec<CallEvent>>,
}

impl IfGone {
    pub(crate) fn new(
        core: &Arc<EngineCore>,
        approval: &Approval,
        events: fn() -> Vec<CallEvent>,
    ) -> Self {
        Self { core: Arc::clone(core), attempt: AttemptId::of(approval), events: Some(events) }
    }

    pub(crate) fn call_off(mut self) {
        self.events = None;
    }
}

impl Drop for IfGone {
    fn drop(&mut self) {
        let Some(events) = self.events else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (core, attempt) = (Arc::clone(&self.core), self.attempt);
            // There is no caller to report an error to. A call that stays dispatched counts as lost
            // when its lease ends.
            runtime.spawn(async move { core.step_of(attempt, &events()).await.map(drop) });
        }
    }
}
