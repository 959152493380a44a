//! Finds the person who sends a request.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use gate_runtime::id::{Digest, ReviewerId, Role};
use gate_runtime::people::{Directory as _, DirectoryError, Person};

use crate::auth::random;
use crate::auth::return_to::ReturnTo;
use crate::auth::session_store::Session;
use crate::forms::form_data::FormData;
use crate::pages;
use crate::state::AppState;
use crate::web::middleware::BaseUrl;
use crate::web::page_error::PageError;

/// The header of a page's script when it polls for changes.
pub(crate) const LIVE: &str = "gate-live";

/// The path at which a page's script waits for changes, which does not count as use of a session
/// either.
pub(crate) const EVENTS: &str = "/events";

/// A person who is signed in.
#[derive(Debug)]
pub(crate) struct CurrentUser {
    pub(crate) session: Digest,
    pub(crate) person: Person,
    /// Their roles now, delegated ones too.
    pub(crate) roles: Vec<Role>,
    pub(crate) form_secret: String,
}

impl CurrentUser {
    pub(crate) fn who(&self) -> &ReviewerId {
        self.person.id()
    }

    pub(crate) fn name(&self) -> &str {
        self.person.name().unwrap_or(self.who().as_str())
    }

    /// Returns whether their votes must be signed, which no page can do.
    pub(crate) fn must_sign(&self) -> bool {
        self.person.key().is_some()
    }
}

impl AppState {
    /// Returns the session of a cookie, if it has not ended, and its person could still sign in.
    pub(crate) async fn session(
        &self,
        id: Digest,
        is_used: bool,
    ) -> Result<Option<Session>, DirectoryError> {
        let Some(session) = self.sessions.find(id, self.clock.now(), is_used) else {
            return Ok(None);
        };
        if self.sign_in.still_holds(&session.signed_in).await? {
            return Ok(Some(session));
        }
        // A token that was replaced or removed ends all sessions that began with it.
        self.sessions.end(id);
        Ok(None)
    }
}

/// Returns the name of a cookie. With TLS, the prefix keeps other hosts and plain HTTP from setting
/// it.
pub(crate) fn cookie_name(base_url: &BaseUrl, name: &str) -> String {
    format!("{}{name}", if base_url.is_secure() { "__Host-" } else { "" })
}

/// Returns a cookie that no script can read and no other site sends along.
pub(crate) fn cookie(
    base_url: &BaseUrl,
    name: &str,
    value: &str,
    seconds: u64,
) -> Option<HeaderValue> {
    let name = cookie_name(base_url, name);
    let secure = if base_url.is_secure() { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).ok()
}

/// Returns the value of a cookie. If it comes twice, somebody else set at least one of them, so
/// none counts.
pub(crate) fn read_cookie(base_url: &BaseUrl, name: &str, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(base_url, name);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut found = all
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value.to_owned()),
        _ => None,
    }
}

/// The name of the session cookie.
pub(crate) const SESSION: &str = "gate_session";

/// Returns whether somebody follows a link from another site: then the browser withholds the
/// cookie, and its absence does not mean that they are signed out.
fn comes_from_elsewhere(parts: &Parts) -> bool {
    let is = |name, value: &str| {
        parts.headers.get(name).is_some_and(|found| found.as_bytes() == value.as_bytes())
    };
    parts.method == Method::GET
        && is("sec-fetch-site", "cross-site")
        && is("sec-fetch-mode", "navigate")
}

impl FromRequestParts<Arc<AppState>> for CurrentUser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<AppState>) -> Result<Self, PageError> {
        let wanted = ReturnTo::of(parts);
        let sign_in = || wanted.as_ref().map_or_else(PageError::sign_in, PageError::sign_in_for);
        let Some(cookie) = read_cookie(&app.base_url, SESSION, &parts.headers) else {
            return Err(if comes_from_elsewhere(parts) {
                PageError::new(pages::welcome())
            } else {
                sign_in()
            });
        };
        let id = Digest::of(cookie);
        // A page that only polls must not keep the session of an absent person alive.
        let is_used = !parts.headers.contains_key(LIVE) && parts.uri.path() != EVENTS;
        let session = app.session(id, is_used).await?.ok_or_else(sign_in)?;
        let (who, now) = (session.signed_in.who(), app.clock.now());
        let person = app.people.person(who, now)?.ok_or_else(PageError::sign_in)?;
        let roles = app.people.find(who, now).await?.ok_or_else(PageError::sign_in)?;
        Ok(Self { session: id, person, roles, form_secret: session.form_secret })
    }
}

/// A form that a person sent from a page of their session.
#[derive(Debug)]
pub(crate) struct SubmittedForm {
    pub(crate) user: CurrentUser,
    pub(crate) fields: FormData,
}

impl FromRequest<Arc<AppState>> for SubmittedForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &Arc<AppState>) -> Result<Self, PageError> {
        check_site(app, request.headers())?;
        let (mut parts, body) = request.into_parts();
        let user = CurrentUser::from_request_parts(&mut parts, app).await?;
        let fields = FormData::from_request(Request::from_parts(parts, body), app).await?;
        if !random::are_equal(&fields.get("form_secret"), &user.form_secret) {
            let message = "This form is not from your current session. Nothing was decided: open \
                the page again.";
            return Err(PageError::with(StatusCode::FORBIDDEN, "Not your form", message));
        }
        Ok(Self { user, fields })
    }
}

/// Refuses a form that was sent from another site.
pub(crate) fn check_site(app: &AppState, headers: &HeaderMap) -> Result<(), PageError> {
    if app.base_url.is_from_here(headers) {
        return Ok(());
    }
    let message = "Another site sent this form. Nothing was decided.";
    Err(PageError::with(StatusCode::FORBIDDEN, "From another site", message))
}
