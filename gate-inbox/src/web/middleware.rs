//! Middleware for all requests and responses.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::{self, ApiProblem, NOT_HERE, UNAVAILABLE};
use crate::pages;
use crate::state::AppState;
use crate::unread;

/// The time limit of a request. A stream of events begins at once.
const PATIENCE: Duration = Duration::from_secs(30);

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'; connect-src \
                      'self'";

/// Refuses requests for other hosts, limits the time of a request, and sets the headers of every
/// response.
pub(crate) async fn secure_requests(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let is_here = match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
        (Some(Ok(host)), None) => app.base_url.is_host(host),
        _ => false,
    };
    let is_api = request.uri().path().starts_with(api::PLACE);
    let request = request.map(unread::drain_unread);
    let mut response = if is_here {
        tokio::time::timeout(PATIENCE, next.run(request)).await.unwrap_or_else(|_| {
            let message = "The request took too long. Check whether anything was decided.";
            if is_api {
                return ApiProblem::new(UNAVAILABLE, message).into_response();
            }
            pages::notice(StatusCode::SERVICE_UNAVAILABLE, "Timed out", message).into_response()
        })
    } else {
        let problem = "This inbox does not serve the address in the request. Open it at its own.";
        if is_api {
            ApiProblem::new(NOT_HERE, problem).into_response()
        } else {
            pages::notice(StatusCode::MISDIRECTED_REQUEST, "Wrong address", problem).into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Browsers must send the origin, which tells where a form was sent from.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.base_url.is_secure() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    response
}
