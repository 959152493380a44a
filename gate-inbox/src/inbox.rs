//! The builder of an inbox.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use gate_runtime::audit::VerifierKey;
use gate_runtime::store::{Clock, SystemClock};
use gate_runtime::{AnyGate, FileDirectory};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::auth::authenticator::SignIn;
use crate::auth::rate_limit::RateLimiter;
use crate::auth::session_store::SessionStore;
use crate::notify::{BadSetting, Callbacks, Links, Slack};
use crate::pending::cache::PendingCache;
use crate::projections::projector::RecordProjector;
use crate::record_feed::RETRY;
use crate::routes;
use crate::sealed::SealedTrail;
use crate::slack_actions::SlackActions;
use crate::state::AppState;
use crate::web::base_url::{BadUrl, BaseUrl};
use crate::web::server;
use crate::web::sse::SseHub;

/// The default time without use after which a session ends.
const IDLE: Duration = Duration::from_mins(30);

/// The default time after which a session ends in any case.
const WHOLE: Duration = Duration::from_hours(12);

/// The pages on which people decide.
///
/// ```
/// # use gate_inbox::Inbox;
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::{FileDirectory, NoTools};
/// # async fn serve(
/// #     gate: Gate<NoTools>,
/// #     people: FileDirectory,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8484").await?;
/// Inbox::new(gate, people).serve(listener).await?;
/// # Ok(()) }
/// ```
#[must_use = "an inbox is there once it is served"]
pub struct Inbox {
    gate: AnyGate,
    people: FileDirectory,
    sign_in: Arc<dyn SignIn>,
    clock: Arc<dyn Clock>,
    base_url: BaseUrl,
    idle: Duration,
    whole: Duration,
    trail: Option<SealedTrail>,
    slack: Option<Slack>,
    links: Option<Links>,
    callbacks: Option<Callbacks>,
}

impl Inbox {
    /// Creates an inbox over a gate, for the people in a file, which must be the gate's directory.
    ///
    /// They sign in with their tokens. A session ends after half an hour without use, and after
    /// twelve hours in any case.
    pub fn new(gate: impl Into<AnyGate>, people: FileDirectory) -> Self {
        Self {
            gate: gate.into(),
            sign_in: Arc::new(people.clone()),
            people,
            clock: Arc::new(SystemClock),
            base_url: BaseUrl::Loopback,
            idle: IDLE,
            whole: WHOLE,
            trail: None,
            slack: None,
            links: None,
            callbacks: None,
        }
    }

    /// Sets the address for access from other machines, of a TLS proxy in front of the inbox:
    /// `https://gate.example.com`.
    ///
    /// Cookies are then only sent over TLS, and requests for another host are refused.
    ///
    /// ```
    /// # use gate_inbox::Inbox;
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # fn show(gate: Gate<NoTools>, people: FileDirectory) -> Result<(), gate_inbox::BadUrl> {
    /// let inbox = Inbox::new(gate, people).reached_at("https://gate.example.com")?;
    /// # let _ = inbox;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`BadUrl`], if it is not `https://` and a host, perhaps with a port.
    pub fn reached_at(mut self, url: &str) -> Result<Self, BadUrl> {
        self.base_url = BaseUrl::at(url)?;
        Ok(self)
    }

    /// Sets another way to sign in than tokens. The people must still be in the people file.
    ///
    /// ```
    /// # use gate_inbox::{Inbox, SignIn};
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # fn show(gate: Gate<NoTools>, people: FileDirectory, company: impl SignIn) {
    /// let inbox = Inbox::new(gate, people).sign_in(company);
    /// # let _ = inbox;
    /// # }
    /// ```
    pub fn sign_in(mut self, sign_in: impl SignIn) -> Self {
        self.sign_in = Arc::new(sign_in);
        self
    }

    /// Sets the time without use after which a session ends, and the time after which it ends in
    /// any case.
    ///
    /// ```
    /// # use gate_inbox::Inbox;
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # use gate_runtime::policy::{hours, minutes};
    /// # fn show(gate: Gate<NoTools>, people: FileDirectory) {
    /// let inbox = Inbox::new(gate, people).sessions(minutes(5), hours(1));
    /// # let _ = inbox;
    /// # }
    /// ```
    pub fn sessions(mut self, idle: Duration, whole: Duration) -> Self {
        (self.idle, self.whole) = (idle, whole);
        self
    }

    /// Serves checkpoints and receipts of the trail in a folder, which began with this key, over
    /// [the API](crate#programs).
    ///
    /// ```
    /// # use gate_inbox::Inbox;
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # fn show(
    /// #     gate: Gate<NoTools>,
    /// #     people: FileDirectory,
    /// #     key: gate_runtime::audit::VerifierKey,
    /// # ) {
    /// let inbox = Inbox::new(gate, people).trail("trail", key);
    /// # let _ = inbox;
    /// # }
    /// ```
    pub fn trail(mut self, folder: impl AsRef<Path>, key: VerifierKey) -> Self {
        self.trail = Some(SealedTrail::new(folder.as_ref(), key));
        self
    }

    /// Lets people decide with the buttons of [`Slack`]'s messages: its requests are accepted at
    /// `/slack/actions`.
    ///
    /// The people file maps people to Slack: `slack = "U012AB3CD"` is their member ID. A click is
    /// about the content that the message showed; a call that has changed since is not decided.
    ///
    /// ```
    /// # use gate_inbox::{Inbox, Slack};
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # fn show(
    /// #     gate: Gate<NoTools>,
    /// #     people: FileDirectory,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// # let (token, signing_secret) = ("xoxb-1-2-abc", "8f742231b10e8888abcd99yyyzzz85a5");
    /// let slack =
    ///     Slack::new(token, "#approvals", "https://gate.example.com")?.buttons(signing_secret)?;
    /// let inbox =
    ///     Inbox::new(gate, people).reached_at("https://gate.example.com")?.slack(slack)?;
    /// # let _ = inbox;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`BadSetting`] if it has no [buttons](Slack::buttons): then requests could not be verified.
    ///
    /// # Security
    /// A request is verified before it is parsed: Slack must have signed all of it at most five
    /// minutes ago, and it counts once. Slack is then trusted to identify the member: anyone who
    /// controls a person's Slack account can decide as that person, except for destructive calls,
    /// and except for people who have a key. Each process that serves an inbox remembers only the
    /// requests that it has accepted itself.
    pub fn slack(mut self, slack: Slack) -> Result<Self, BadSetting> {
        if slack.signing().is_none() {
            return Err(BadSetting::new(
                "these messages have no buttons: pass Slack's signing secret with `.buttons(…)`",
            ));
        }
        self.slack = Some(slack);
        Ok(self)
    }

    /// Serves the links in mails at `/link/…`, if they were made with the same key.
    ///
    /// ```
    /// # use gate_inbox::{Inbox, LinkKey, Links};
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # fn show(
    /// #     gate: Gate<NoTools>,
    /// #     people: FileDirectory,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let links = Links::new(LinkKey::in_file("links.key")?, "https://gate.example.com")?;
    /// let inbox = Inbox::new(gate, people).reached_at("https://gate.example.com")?.links(links);
    /// # let _ = inbox;
    /// # Ok(()) }
    /// ```
    pub fn links(mut self, links: Links) -> Self {
        self.links = Some(links);
        self
    }

    /// Lets remote agents give callback URLs for decisions. The gate must have these [`Callbacks`]
    /// as a notifier.
    pub fn callbacks(mut self, callbacks: &Callbacks) -> Self {
        self.callbacks = Some(callbacks.clone());
        self
    }

    /// Sets the clock of sessions, for tests.
    ///
    /// ```
    /// # use gate_inbox::Inbox;
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # use gate_runtime::store::SystemClock;
    /// # fn show(gate: Gate<NoTools>, people: FileDirectory) {
    /// let inbox = Inbox::new(gate, people).clock(SystemClock);
    /// # let _ = inbox;
    /// # }
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the pages as an axum router, for your own server. It must be at the root of its
    /// host, and its connections should have axum's `ConnectInfo<SocketAddr>`. Without that, all
    /// sign-in attempts count as coming from one address.
    ///
    /// ```
    /// # use std::net::SocketAddr;
    /// # use gate_inbox::Inbox;
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::{FileDirectory, NoTools};
    /// # async fn serve(
    /// #     gate: Gate<NoTools>,
    /// #     people: FileDirectory,
    /// #     listener: tokio::net::TcpListener,
    /// # ) -> std::io::Result<()> {
    /// let pages = Inbox::new(gate, people).router();
    /// axum::serve(listener, pages.into_make_service_with_connect_info::<SocketAddr>()).await
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub fn router(self) -> Router {
        let Self {
            gate,
            people,
            sign_in,
            clock,
            base_url,
            idle,
            whole,
            trail,
            slack,
            links,
            callbacks,
        } = self;
        let (sse_hub, projector) =
            (SseHub::follow(gate.events()), RecordProjector::follow(gate.events_after(0)));
        // What agents in other programs asked through an inbox before this one has nobody else.
        let keeper = gate.clone();
        tokio::spawn(async move {
            // Retried until the store answers once; from then on the gate keeps them itself.
            while keeper.keep_deadlines().await.is_err() {
                sleep(RETRY).await;
            }
        });
        let sessions = SessionStore::new(idle, whole);
        let (throttle, wrong_tokens, pending_cache) =
            (RateLimiter::default(), RateLimiter::default(), PendingCache::default());
        routes::all(Arc::new(AppState {
            gate,
            people,
            sign_in,
            clock,
            sessions,
            throttle,
            wrong_tokens,
            pending: pending_cache,
            sse: sse_hub,
            projector,
            base_url,
            trail,
            slack: slack.map(SlackActions::new),
            links,
            callbacks,
        }))
    }

    /// Serves the pages over HTTP/1.1, until the future is dropped.
    ///
    /// Connections are limited in number and in time, so that slow clients do not keep others away
    /// for long.
    ///
    /// # Errors
    /// Returns an error if other machines can reach the listener and
    /// [`reached_at`](Self::reached_at) was not called.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let is_open = !listener.local_addr()?.ip().is_loopback();
        if is_open && matches!(self.base_url, BaseUrl::Loopback) {
            let message = "other machines can reach this address: put a TLS proxy in front of it, \
                and configure the URL at which people reach the proxy";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        server::serve(listener, self.router()).await
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("people", &self.people).finish_non_exhaustive()
    }
}
