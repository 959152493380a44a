//! The things that every page works with.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::grants::Grant;
use gate_runtime::id::{AgentName, ApprovalId, CaseId, ReviewerId};
use gate_runtime::people::ReviewerError;
use gate_runtime::records::{EventStream, Record};
use gate_runtime::remote::RemoteCaller;
use gate_runtime::review::DecideError;
use gate_runtime::store::{ActiveControls, ApprovalFilter, BoxFuture, Clock, StoreError};
use gate_runtime::trail::TrailStatus;
use gate_runtime::{FileDirectory, Gate, Interruption, Registry, Reviewer};

use crate::auth::authenticator::SignIn;
use crate::auth::rate_limit::RateLimiter;
use crate::auth::session_store::SessionStore;
use crate::notify::{Callbacks, Links};
use crate::pending::cache::PendingCache;
use crate::projections::projector::RecordProjector;
use crate::routes::slack::SlackActions;
use crate::sealed::SealedTrail;
use crate::web::middleware::BaseUrl;
use crate::web::sse::SseHub;

/// The time to wait where the store does not answer.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// The things that every page works with.
pub(crate) struct AppState {
    pub(crate) gate: Arc<dyn GateBackend>,
    pub(crate) people: FileDirectory,
    pub(crate) sign_in: Arc<dyn SignIn>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: SessionStore,
    pub(crate) throttle: RateLimiter,
    /// For tokens of the API, apart from those who sign in: programs that share an address do not
    /// keep people out.
    pub(crate) wrong_tokens: RateLimiter,
    pub(crate) board: PendingCache,
    pub(crate) live: SseHub,
    pub(crate) chronicle: RecordProjector,
    pub(crate) place: BaseUrl,
    pub(crate) trail: Option<SealedTrail>,
    pub(crate) slack: Option<SlackActions>,
    pub(crate) links: Option<Links>,
    pub(crate) callbacks: Option<Callbacks>,
}

/// The part of a gate that an inbox needs, whatever tools it has.
pub(crate) trait GateBackend: Send + Sync + 'static {
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
    fn events(&self) -> EventStream;
    /// All that happened, and then what happens.
    fn story(&self) -> EventStream;
    fn records(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>>;
    fn trail(&self) -> Option<TrailStatus>;
    fn remote(&self, agent: AgentName) -> RemoteCaller;
    fn standing(&self) -> BoxFuture<'_, Result<ActiveControls, StoreError>>;
    fn keep_deadlines(&self) -> BoxFuture<'_, Result<(), StoreError>>;
    fn revoke(&self, grant: Arc<Grant>, by: Reviewer) -> BoxFuture<'_, Result<(), DecideError>>;
}

impl<R: Registry> GateBackend for Gate<R> {
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

    fn events(&self) -> EventStream {
        Gate::events(self)
    }

    fn story(&self) -> EventStream {
        self.events_after(0)
    }

    fn records(
        &self,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        Box::pin(Gate::records(self, after, limit))
    }

    fn remote(&self, agent: AgentName) -> RemoteCaller {
        Gate::remote(self, agent)
    }

    fn trail(&self) -> Option<TrailStatus> {
        Gate::trail(self)
    }

    fn standing(&self) -> BoxFuture<'_, Result<ActiveControls, StoreError>> {
        Box::pin(Gate::standing(self))
    }

    fn keep_deadlines(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(Gate::keep_deadlines(self))
    }

    fn revoke(&self, grant: Arc<Grant>, by: Reviewer) -> BoxFuture<'_, Result<(), DecideError>> {
        Box::pin(async move { Gate::revoke(self, &grant, &by).await })
    }
}
