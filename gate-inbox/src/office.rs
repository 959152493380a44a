//! The things that every page works with.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::{
    AgentName, ApprovalFilter, ApprovalId, BoxFuture, CaseId, Clock, DecideError, Events,
    FileDirectory, Gate, Grant, Interruption, Record, Registry, Remote, Reviewer, ReviewerError,
    ReviewerId, Standing, StoreError, TrailStatus,
};

use crate::board::Board;
use crate::chronicle::Chronicle;
use crate::guard::Place;
use crate::live::Live;
use crate::notify::{Callbacks, Links};
use crate::routes::slack::Counter;
use crate::sealed::SealedTrail;
use crate::sessions::Sessions;
use crate::sign_in::SignIn;
use crate::throttle::Throttle;

/// The time to wait where the store does not answer.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// The things that every page works with.
pub(crate) struct Office {
    pub(crate) gate: Arc<dyn Questions>,
    pub(crate) people: FileDirectory,
    pub(crate) sign_in: Arc<dyn SignIn>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: Sessions,
    pub(crate) throttle: Throttle,
    /// For tokens of the API, apart from those who sign in: programs that share an address do not
    /// keep people out.
    pub(crate) wrong_tokens: Throttle,
    pub(crate) board: Board,
    pub(crate) live: Live,
    pub(crate) chronicle: Chronicle,
    pub(crate) place: Place,
    pub(crate) trail: Option<SealedTrail>,
    pub(crate) slack: Option<Counter>,
    pub(crate) links: Option<Links>,
    pub(crate) callbacks: Option<Callbacks>,
}

/// The part of a gate that an inbox needs, whatever tools it has.
pub(crate) trait Questions: Send + Sync + 'static {
    fn list<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Interruption>, StoreError>>;
    fn one(&self, id: ApprovalId) -> BoxFuture<'_, Result<Option<Interruption>, StoreError>>;
    fn case(
        &self,
        case: CaseId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>>;
    fn reviewer(&self, who: ReviewerId) -> BoxFuture<'_, Result<Reviewer, ReviewerError>>;
    fn events(&self) -> Events;
    /// All that happened, and then what happens.
    fn story(&self) -> Events;
    fn records(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>>;
    fn trail(&self) -> Option<TrailStatus>;
    fn remote(&self, agent: AgentName) -> Remote;
    fn standing(&self) -> BoxFuture<'_, Result<Standing, StoreError>>;
    fn keep_deadlines(&self) -> BoxFuture<'_, Result<(), StoreError>>;
    fn revoke(&self, grant: Arc<Grant>, by: Reviewer) -> BoxFuture<'_, Result<(), DecideError>>;
}

impl<R: Registry> Questions for Gate<R> {
    fn list<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Interruption>, StoreError>> {
        Box::pin(self.interruptions(filter))
    }

    fn one(&self, id: ApprovalId) -> BoxFuture<'_, Result<Option<Interruption>, StoreError>> {
        Box::pin(self.interruption(id))
    }

    fn case(
        &self,
        case: CaseId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        Box::pin(self.case_after(case, after, limit))
    }

    fn reviewer(&self, who: ReviewerId) -> BoxFuture<'_, Result<Reviewer, ReviewerError>> {
        Box::pin(Gate::reviewer(self, who))
    }

    fn events(&self) -> Events {
        Gate::events(self)
    }

    fn story(&self) -> Events {
        self.events_after(0)
    }

    fn records(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        Box::pin(Gate::records(self, after, limit))
    }

    fn remote(&self, agent: AgentName) -> Remote {
        Gate::remote(self, agent)
    }

    fn trail(&self) -> Option<TrailStatus> {
        Gate::trail(self)
    }

    fn standing(&self) -> BoxFuture<'_, Result<Standing, StoreError>> {
        Box::pin(Gate::standing(self))
    }

    fn keep_deadlines(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(Gate::keep_deadlines(self))
    }

    fn revoke(&self, grant: Arc<Grant>, by: Reviewer) -> BoxFuture<'_, Result<(), DecideError>> {
        Box::pin(async move { Gate::revoke(self, &grant, &by).await })
    }
}
