//! Settings of notifiers.

use std::fmt;
use std::sync::Arc;

use gate_runtime::review::SanitizedText;

/// An invalid setting of a notifier. Its message repeats no secret.
///
/// ```
/// use gate_inbox::PagerDuty;
/// let error = PagerDuty::new("not a key").unwrap_err();
/// assert!(error.to_string().contains("32 letters and digits"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting(String);

impl BadSetting {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadSetting {}

/// A secret text, which `Debug` does not show.
#[derive(Clone)]
pub(crate) struct SecretText(Arc<str>);

impl SecretText {
    /// Creates a secret from a file or the environment, without a trailing line end.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Parses the address of a service, without a final slash: over TLS, or on this machine, because
/// secrets are sent to it.
pub(crate) fn base(url: &str) -> Result<Arc<str>, BadSetting> {
    let url = url.trim_end_matches('/');
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '@' | '?' | '#' | '"' | '\\');
    let host = url.strip_prefix("https://").or_else(|| {
        let rest = url.strip_prefix("http://")?;
        let name = rest.split('/').next()?;
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        is_loopback(name).then_some(rest)
    });
    match host {
        Some(host)
            if !host.is_empty() && !host.starts_with(['/', ':']) && host.chars().all(is_plain) =>
        {
            Ok(url.into())
        }
        _ => Err(BadSetting::new(format!(
            "`{}` is no address for secrets: write it like `https://example.com`, or \
             `http://127.0.0.1:8080` on this machine",
            SanitizedText::of(url)
        ))),
    }
}

/// Returns whether a host is this machine, whatever any name server says.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_the_machine() {
        for (good, kept) in [
            ("https://slack.com/api/", "https://slack.com/api"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/api", "http://[::1]:8080/api"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(base(good).unwrap().as_ref(), kept);
        }
        for wrong in [
            "",
            "slack.com",
            "https://",
            "https:///x",
            "http://slack.com",
            "http://127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "https://u:p@slack.com",
            "https://a b",
            "https://a?b",
            "ftp://a",
        ] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_debug_shows_a_secret() {
        let secret = SecretText::new("xoxb-1\n");
        assert_eq!((secret.reveal(), format!("{secret:?}").as_str()), ("xoxb-1", "Secret(…)"));
    }
}
