//! The current body, in which the calls that it makes are nested.

use std::sync::Arc;

use gate_core::id::CallId;

use crate::engine::kernel::EngineCore;
use crate::engine::kernel::attempt_id::AttemptId;
use crate::engine::session::run_session::RunSession;

tokio::task_local! {
    static INSIDE: CurrentBody;
}

/// The body of a call that is being polled.
#[derive(Clone)]
pub(crate) struct CurrentBody {
    pub(crate) core: Arc<EngineCore>,
    pub(crate) attempt: AttemptId,
    pub(crate) call: CallId,
    /// The run of the call, if a model or a program of this process proposed it.
    pub(crate) session: Option<Arc<RunSession>>,
}

impl CurrentBody {
    /// Returns the body from which the caller is polled, if it is a body of the same gate. A task
    /// that a body spawns is not inside the body.
    pub(crate) fn of(core: &Arc<EngineCore>) -> Option<Self> {
        INSIDE
            .try_with(|current_body| {
                Arc::ptr_eq(&current_body.core, core).then(|| current_body.clone())
            })
            .ok()
            .flatten()
    }

    /// Runs a closure inside the body, such as polling it.
    pub(crate) fn scope<T>(&self, polls: impl FnOnce() -> T) -> T {
        INSIDE.sync_scope(self.clone(), polls)
    }

    /// Returns the run with this id that the body begins, nested in the run of its call.
    pub(crate) fn nested(&self, id: &str) -> Option<Arc<RunSession>> {
        let outer = self.session.as_ref()?;
        Some(outer.nested(&self.core, &format!("{}/{id}", self.call)))
    }
}

/// Marks a body as waiting for people until this guard is dropped. Meanwhile, callers need not wait
/// for the body's end.
pub(crate) struct AskingGuard(CurrentBody);

impl AskingGuard {
    pub(crate) fn new(current_body: CurrentBody) -> Self {
        current_body.core.count_question(current_body.attempt, true);
        Self(current_body)
    }
}

impl Drop for AskingGuard {
    fn drop(&mut self) {
        self.0.core.count_question(self.0.attempt, false);
    }
}
