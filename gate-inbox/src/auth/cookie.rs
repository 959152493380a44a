//! Cookies of the inbox.

use axum::http::HeaderValue;
use axum::http::header::{self, HeaderMap};

use crate::web::base_url::BaseUrl;

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
