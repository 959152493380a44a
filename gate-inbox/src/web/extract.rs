//! Extractors: the current user, and the forms that they send.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use gate_runtime::id::Digest;
use gate_runtime::people::{Directory as _, DirectoryError};

use crate::auth::cookie::{SESSION, read_cookie};
use crate::auth::current_user::CurrentUser;
use crate::auth::random;
use crate::auth::return_to::ReturnTo;
use crate::auth::session_store::Session;
use crate::forms::form_data::{FormData, LONGEST, content_type};
use crate::pages;
use crate::state::AppState;
use crate::web::page_error::PageError;

/// The header of a page's script when it polls for changes.
pub(crate) const LIVE: &str = "gate-live";

/// The path at which a page's script waits for changes, which does not count as use of a session
/// either.
pub(crate) const EVENTS: &str = "/events";

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

impl<S: Send + Sync> FromRequest<S> for FormData {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        if !content_type(request.headers()).starts_with(b"application/x-www-form-urlencoded") {
            let message = "This is not a form from this inbox.";
            return Err(PageError::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a form", message));
        }
        let too_long = || {
            let problem = "The form could not be read, or is too long. Nothing was decided.";
            PageError::with(StatusCode::PAYLOAD_TOO_LARGE, "Form not read", problem)
        };
        let length = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        // Refused by its length at once, and not only after that much was received.
        if length.is_some_and(|length: u64| length > LONGEST as u64) {
            return Err(too_long());
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| too_long())?;
        Ok(Self::parse(&body))
    }
}
