//! Calls that a tool's body makes: nested in the call whose body it is.

use std::sync::Arc;

use gate_core::id::CallId;

use crate::engine::kernel::EngineCore;
use crate::engine::kernel::attempt::AttemptId;
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
    pub(crate) thread: Option<Arc<RunSession>>,
}

impl CurrentBody {
    /// The body that polls whoever asks, if that is one of the same gate. A task that a body spawns
    /// is not inside it.
    pub(crate) fn of(core: &Arc<EngineCore>) -> Option<Self> {
        INSIDE
            .try_with(|inside| Arc::ptr_eq(&inside.core, core).then(|| inside.clone()))
            .ok()
            .flatten()
    }

    /// Does something inside, such as polling the body.
    pub(crate) fn scope<T>(&self, polls: impl FnOnce() -> T) -> T {
        INSIDE.sync_scope(self.clone(), polls)
    }

    /// The run of an id that the body begins: nested in the run of its call.
    pub(crate) fn nested(&self, id: &str) -> Option<Arc<RunSession>> {
        let outer = self.thread.as_ref()?;
        Some(outer.nested(&self.core, &format!("{}/{id}", self.call)))
    }
}

/// A call of a body that waits for people, until this is dropped: whoever waits for the body's end
/// need not in the meantime.
pub(crate) struct AskingGuard(CurrentBody);

impl AskingGuard {
    pub(crate) fn new(inside: CurrentBody) -> Self {
        inside.core.note_asking(inside.attempt, true);
        Self(inside)
    }
}

impl Drop for AskingGuard {
    fn drop(&mut self) {
        self.0.core.note_asking(self.0.attempt, false);
    }
}
