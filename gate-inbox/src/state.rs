//! The things that every page works with.

use std::sync::Arc;

use gate_runtime::store::Clock;
use gate_runtime::{AnyGate, FileDirectory};

use crate::auth::authenticator::SignIn;
use crate::auth::rate_limit::RateLimiter;
use crate::auth::session_store::SessionStore;
use crate::notify::{Callbacks, Links};
use crate::pending::cache::PendingCache;
use crate::projections::projector::RecordProjector;
use crate::sealed::SealedTrail;
use crate::slack_actions::SlackActions;
use crate::web::base_url::BaseUrl;
use crate::web::sse::SseHub;

/// The things that every page works with.
pub(crate) struct AppState {
    pub(crate) gate: AnyGate,
    pub(crate) people: FileDirectory,
    pub(crate) sign_in: Arc<dyn SignIn>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: SessionStore,
    pub(crate) throttle: RateLimiter,
    /// The limit for API tokens, separate from sign-ins: programs that share an address do not keep
    /// people out.
    pub(crate) wrong_tokens: RateLimiter,
    pub(crate) pending: PendingCache,
    pub(crate) sse: SseHub,
    pub(crate) projector: RecordProjector,
    pub(crate) base_url: BaseUrl,
    pub(crate) trail: Option<SealedTrail>,
    pub(crate) slack: Option<SlackActions>,
    pub(crate) links: Option<Links>,
    pub(crate) callbacks: Option<Callbacks>,
}
