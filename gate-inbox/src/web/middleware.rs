//! Middleware for all requests and responses.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::{self, ApiProblem, NOT_HERE, UNAVAILABLE};
use crate::inbox::BadUrl;
use crate::pages;
use crate::state::AppState;
use crate::unread;

/// The time limit of a request. A stream of events begins at once.
const PATIENCE: Duration = Duration::from_secs(30);

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'; connect-src \
                      'self'";

/// The base URL of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BaseUrl {
    /// On this machine, by any of its loopback names.
    Loopback,
    /// At this address, over TLS.
    At {
        /// Scheme, host and port.
        origin: String,
        /// Host and port.
        host: String,
    },
}

impl BaseUrl {
    pub(crate) fn at(url: &str) -> Result<Self, BadUrl> {
        let origin = url.strip_suffix('/').unwrap_or(url).to_ascii_lowercase();
        let host = origin.strip_prefix("https://").ok_or(BadUrl)?.to_owned();
        let is_of_host =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if host.is_empty() || !host.chars().all(is_of_host) {
            return Err(BadUrl);
        }
        Ok(Self::At { origin, host })
    }

    /// Returns whether cookies go over TLS only.
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self, Self::At { .. })
    }

    /// Returns whether a request is for this inbox, and not for another name that resolves to this
    /// machine.
    fn is_host(&self, named: &str) -> bool {
        let named = named.to_ascii_lowercase();
        match self {
            Self::At { host, .. } => named == *host,
            Self::Loopback => {
                let name = named.rsplit_once(':').map_or(named.as_str(), |(name, port)| {
                    if port.bytes().all(|digit| digit.is_ascii_digit()) { name } else { &named }
                });
                matches!(name, "localhost" | "127.0.0.1" | "[::1]")
            }
        }
    }

    fn is_origin(&self, named: &str, host: &str) -> bool {
        match self {
            Self::At { origin, .. } => named == origin,
            Self::Loopback => {
                named.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host))
            }
        }
    }

    /// Returns whether a form was sent from a page of this inbox, by what the browser reports.
    pub(crate) fn is_from_here(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| {
            // A header that is not text reads as empty, which matches neither the site nor the
            // origin.
            headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default())
        };
        let host = text(header::HOST).next().unwrap_or_default();
        text(SITE).all(|site| matches!(site, "same-origin" | "none"))
            && text(header::ORIGIN).all(|origin| self.is_origin(origin, host))
    }
}

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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
        let words = "This inbox does not serve the address in the request. Open it at its own.";
        if is_api {
            ApiProblem::new(NOT_HERE, words).into_response()
        } else {
            pages::notice(StatusCode::MISDIRECTED_REQUEST, "Wrong address", words).into_response()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_its_host() {
        for name in ["127.0.0.1:8484", "localhost", "LOCALHOST:80", "[::1]:8484", "[::1]"] {
            assert!(BaseUrl::Loopback.is_host(name), "{name}");
        }
        for name in [
            "evil.example:8484",
            "127.0.0.1.evil.example",
            "localhost.",
            "",
            "10.0.0.1",
            "[::1]:x",
            "a:b@localhost",
        ] {
            assert!(!BaseUrl::Loopback.is_host(name), "{name}");
        }
        let base_url = BaseUrl::at("https://Gate.example.com/").unwrap();
        assert!(base_url.is_host("gate.example.com") && base_url.is_secure());
        assert!(!base_url.is_host("localhost") && !base_url.is_host("gate.example.com:444"));
        for wrong in [
            "http://gate.example.com",
            "gate.example.com",
            "https://",
            "https://a/b",
            "https://a b",
            "https://u@a",
        ] {
            assert_eq!(BaseUrl::at(wrong), Err(BadUrl), "{wrong}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_none_of_ours() {
        let sent = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("127.0.0.1:8484"));
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            BaseUrl::Loopback.is_from_here(&headers)
        };
        assert!(
            sent(&[])
                && sent(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8484")])
        );
        for wrong in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "http://127.0.0.1:9000"),
            ("origin", "null"),
        ] {
            assert!(!sent(&[wrong]), "{wrong:?}");
        }
    }
}
