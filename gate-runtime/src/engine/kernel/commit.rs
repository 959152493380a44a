//! Commits that are completed even if the caller is dropped.

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
    /// Writes a changeset after which the caller must act on an approval. While the trail cannot be
    /// written, refuses changesets in which a body begins.
    ///
    /// # Cancel safety
    /// If dropped before it is done, the changeset may or may not be written. If it is written, the
    /// caller will never act on the approval, and the events of `otherwise` are applied instead.
    pub(crate) async fn commit_for(
        self: &Arc<Self>,
        changeset: Changeset,
        next: &Arc<Approval>,
        otherwise: Option<fn() -> Vec<CallEvent>>,
    ) -> Result<CommitOutcome, StoreError> {
        if changeset.dispatches()
            && let Some(last_error) = self.trail.as_ref().and_then(TrailHandle::last_error)
        {
            return Err(StoreError::new(StoreErrorKind::Unavailable, last_error));
        }
        let core = Arc::clone(self);
        let mut commit = Box::pin(async move { core.store.commit(changeset).await });
        // A commit that ends at the first poll, like that of a memory store, needs no task.
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
                // The deadline is kept even if the caller was dropped meanwhile.
                core.settle(&next);
            }
            let unclaimed =
                otherwise.filter(|_| is_done).map(|events| IfGone::new(&core, &next, events));
            // If the caller was dropped, this drops `unclaimed`, which then applies its events.
            drop(answer.send((committed, unclaimed)));
        });
        match answered.await {
            Ok((committed, unclaimed)) => {
                unclaimed.into_iter().for_each(IfGone::call_off);
                committed
            }
            Err(error) => Err(StoreError::new(StoreErrorKind::Unavailable, error)),
        }
    }
}
