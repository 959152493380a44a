//! The address of the inbox, and the requests and forms that belong to it.

use std::fmt;

use axum::http::{HeaderMap, HeaderName, header};

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
    pub(crate) fn is_host(&self, named: &str) -> bool {
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

/// The error for an address that cannot be the inbox's.
///
/// ```
/// let words = gate_inbox::BadUrl.to_string();
/// assert!(words.contains("https://gate.example.com"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadUrl;

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this is not the URL of an inbox: write it like \
            `https://gate.example.com`, without a path",
        )
    }
}

impl std::error::Error for BadUrl {}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
