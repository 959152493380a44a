//! Commits that are seen through, also where whoever waits for them goes away.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use gate_core::approval::{Approval, Status};
use gate_core::ports::{Changeset, CommitOutcome, StoreError, StoreErrorKind};
use gate_core::records::CallEvent;
use tokio::sync::oneshot;

use super::EngineCore;
use super::drop_guard::IfGone;
use crate::sealing::TrailHandle;

impl EngineCore {
    /// Writes a transition after which somebody has something to do with an approval. None in which
    /// a body begins, while the trail cannot be written.
    ///
    /// # Cancel safety
    /// Dropped before it is done, the transition is written or not, as the store says; if it is,
    /// what was to be done with the approval never will be, and then this happens to it instead.
    pub(crate) async fn commit_for(
        self: &Arc<Self>,
        changeset: Changeset,
        next: &Arc<Approval>,
        otherwise: Option<fn() -> Vec<CallEvent>>,
    ) -> Result<CommitOutcome, StoreError> {
        if changeset.dispatches()
            && let Some(trouble) = self.trail.as_ref().and_then(TrailHandle::trouble)
        {
            return Err(StoreError::new(StoreErrorKind::Unavailable, trouble));
        }
        let core = Arc::clone(self);
        let mut commit = Box::pin(async move { core.store.commit(changeset).await });
        // A store in memory has no need of a task.
        let at_once = poll_fn(|context| Poll::Ready(commit.as_mut().poll(context))).await;
        if let Poll::Ready(committed) = at_once {
            return committed;
        }
        let (answer, answered) = oneshot::channel();
        let (core, next) = (Arc::clone(self), Arc::clone(next));
        tokio::spawn(async move {
            let committed = commit.await;
            let is_done = matches!(committed, Ok(CommitOutcome::Done));
            if is_done && next.status() == Status::Pending {
                // Somebody keeps its deadline, also where whoever asked went away in this moment.
                core.settle(&next);
            }
            let unclaimed =
                otherwise.filter(|_| is_done).map(|events| IfGone::new(&core, &next, events));
            drop(answer.send((committed, unclaimed)));
        });
        match answered.await {
            Ok((committed, unclaimed)) => {
                unclaimed.into_iter().for_each(IfGone::call_off);
                committed
            }
            Err(gone) => Err(StoreError::new(StoreErrorKind::Unavailable, gone)),
        }
    }
}
