//! Routes to sign in and out.

use std::sync::Arc;

use axum::extract::{FromRequest as _, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use gate_runtime::id::Digest;

use crate::auth::cookie::{SESSION, cookie, read_cookie};
use crate::auth::random;
use crate::auth::rate_limit;
use crate::auth::return_to::ReturnTo;
use crate::forms::form_data::FormData;
use crate::state::AppState;
use crate::web::extract::{SubmittedForm, check_site};
use crate::web::page_error::{PageError, PageResult};
use crate::{pages, security_log};

/// The cookie of a form for signing in, before there is a session.
const FORM: &str = "gate_form";

/// The time for which that form is valid, in seconds.
const FORM_LASTS: u64 = 3_600;

/// Shows the sign-in page.
pub(super) async fn ask(State(app): State<Arc<AppState>>, RawQuery(query): RawQuery) -> PageResult {
    let wanted = ReturnTo::in_fields(&FormData::parse(query.unwrap_or_default().as_bytes()));
    ask_again(&app, StatusCode::OK, wanted.as_ref(), None)
}

fn ask_again(
    app: &AppState,
    status: StatusCode,
    wanted: Option<&ReturnTo>,
    problem: Option<&str>,
) -> PageResult {
    let form = random::random()?;
    let page = pages::sign_in(status, &Digest::of(&form).to_string(), wanted, problem);
    Ok(with_cookie(page, cookie(&app.base_url, FORM, &form, FORM_LASTS)))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Begins a session for a person with a valid token.
pub(super) async fn sign_in(State(app): State<Arc<AppState>>, request: Request) -> PageResult {
    check_site(&app, request.headers())?;
    // An empty value is refused below: without the cookie, the form may come from another site.
    let form = read_cookie(&app.base_url, FORM, request.headers()).unwrap_or_default();
    let before = read_cookie(&app.base_url, SESSION, request.headers());
    let peer = rate_limit::address(request.extensions());
    let fields = FormData::from_request(request, &app).await?;
    let wanted = ReturnTo::in_fields(&fields);
    let wanted = wanted.as_ref();
    if form.is_empty()
        || !random::are_equal(&fields.get("form_secret"), &Digest::of(&form).to_string())
    {
        let message = "The page has expired, or your browser blocks cookies. Try again.";
        return ask_again(&app, StatusCode::FORBIDDEN, wanted, Some(message));
    }
    let now = app.clock.now();
    if let Err(wait) = app.throttle.begin(peer, now) {
        let seconds = wait.as_secs().max(1);
        let problem = format!("Too many wrong tokens. Try again in {seconds} seconds.");
        let mut page = ask_again(&app, StatusCode::TOO_MANY_REQUESTS, wanted, Some(&problem))?;
        page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return Ok(page);
    }
    let Some(signed_in) = app.sign_in.sign_in(fields.get("token").trim()).await? else {
        security_log::sign_in_failed(peer);
        let notice = "No reviewer has this token.";
        return ask_again(&app, StatusCode::FORBIDDEN, wanted, Some(notice));
    };
    app.throttle.was_right(peer);
    // Each sign-in sets a new cookie, so a cookie that an attacker set before is worthless.
    if let Some(before) = before {
        app.sessions.end(Digest::of(before));
    }
    security_log::signed_in(signed_in.who(), peer);
    let value = app.sessions.begin(signed_in, now)?;
    let to = wanted.map_or_else(|| "/".to_owned(), ReturnTo::path);
    let seconds = app.sessions.whole().as_secs();
    let response = with_cookie(
        Redirect::to(&to).into_response(),
        cookie(&app.base_url, SESSION, &value, seconds),
    );
    Ok(with_cookie(response, cookie(&app.base_url, FORM, "", 0)))
}

/// Ends the session, or all sessions of the person.
pub(super) async fn sign_out(
    State(app): State<Arc<AppState>>,
    sent: SubmittedForm,
) -> Result<Response, PageError> {
    security_log::signed_out(sent.user.who());
    if sent.fields.get("where") == "everywhere" {
        app.sessions.end_all(sent.user.who());
    } else {
        app.sessions.end(sent.user.session);
    }
    Ok(with_cookie(Redirect::to("/sign-in").into_response(), cookie(&app.base_url, SESSION, "", 0)))
}
