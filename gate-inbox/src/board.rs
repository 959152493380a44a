//! All that waits, read once for everybody who asks at the same time.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::{ApprovalFilter, Status, StoreError};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::office::Questions;
use crate::waiting::Waiting;

/// Of so much time, reading for open pages takes one part at most: with very many questions, they are a moment late, and agents and deciders are not.
const SHARE: u32 = 5;

/// The longest that a reading is put off.
const LATE: Duration = Duration::from_secs(2);

/// The last reading: when it began, how long it took, and what it found.
#[derive(Debug)]
struct Reading {
    begun: Instant,
    took: Duration,
    found: Arc<Waiting>,
}

/// All that waits.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Option<Reading>>);

impl Board {
    /// All that waits, oldest first, as it is now or was a moment after this was asked: never as it was before.
    ///
    /// When something happens, every open list asks. Whoever waits for a reading that began after they asked takes what it found.
    /// A page that only looks for news waits its turn; somebody who opens one does not.
    pub(crate) async fn pending(&self, gate: &dyn Questions, is_live: bool) -> Result<Arc<Waiting>, StoreError> {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if let Some(Reading { begun, took, found }) = &*last {
            if *begun > asked {
                return Ok(Arc::clone(found));
            }
            if is_live {
                sleep_until(*begun + took.saturating_mul(SHARE).min(LATE)).await;
            }
        }
        let begun = Instant::now();
        let found = gate.list(&ApprovalFilter::all().status(Status::Pending)).await?;
        let found = Arc::new(Waiting::of(found));
        *last = Some(Reading { begun, took: begun.elapsed(), found: Arc::clone(&found) });
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use gate_runtime::prelude::*;
    use gate_runtime::{
        AgentName, ApprovalId, BoxFuture, CaseId, DecideError, Events, Grant, Interruption, NoTools, Record, Remote,
        Reviewer, ReviewerError, ReviewerId, Standing, TrailStatus,
    };

    use super::*;

    /// Counts how often it is read.
    struct Counting(Gate<NoTools>, AtomicUsize);

    impl Questions for Counting {
        fn list<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Interruption>, StoreError>> {
            Box::pin(async move {
                self.1.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                self.0.interruptions(filter).await
            })
        }

        fn one(&self, id: ApprovalId) -> BoxFuture<'_, Result<Option<Interruption>, StoreError>> {
            Box::pin(self.0.interruption(id))
        }

        fn case(&self, case: CaseId) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
            Box::pin(self.0.case(case))
        }

        fn reviewer(&self, who: ReviewerId) -> BoxFuture<'_, Result<Reviewer, ReviewerError>> {
            Box::pin(self.0.reviewer(who))
        }

        fn events(&self) -> Events {
            self.0.events()
        }

        fn story(&self) -> Events {
            self.0.events_after(0)
        }

        fn records(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
            Box::pin(self.0.records(after, limit))
        }

        fn remote(&self, agent: AgentName) -> Remote {
            self.0.remote(agent)
        }

        fn trail(&self) -> Option<TrailStatus> {
            self.0.trail()
        }

        fn standing(&self) -> BoxFuture<'_, Result<Standing, StoreError>> {
            Box::pin(self.0.standing())
        }

        fn revoke(&self, grant: Arc<Grant>, by: Reviewer) -> BoxFuture<'_, Result<(), DecideError>> {
            Box::pin(async move { self.0.revoke(&grant, &by).await })
        }
    }

    #[tokio::test]
    async fn many_who_ask_at_once_are_one_or_two_readings_and_who_asks_later_is_another() {
        let gate = Counting(Gate::builder(()).build().await.unwrap(), AtomicUsize::new(0));
        let board = Board::default();
        let all = join_all((0..100).map(|_| board.pending(&gate, true))).await;
        assert!(all.into_iter().all(|found| found.is_ok()));
        let read = gate.1.load(Ordering::SeqCst);
        assert!((1..=2).contains(&read), "{read}");
        board.pending(&gate, true).await.unwrap();
        assert_eq!(gate.1.load(Ordering::SeqCst), read + 1);
    }
}
