//! Sends one request, and interprets its answer.

use std::time::{Duration, Instant};

use gate_runtime::Timestamp;
use gate_runtime::notify::NotifyError;
use ureq::Agent;
use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;

use super::address::{AddressPolicy, ForbiddenAddress, GuardedResolver};
use super::secret::WebhookSecret;
use crate::notify::http::retry_after;

/// The most redirects that are followed.
const REDIRECTS: usize = 3;

/// Makes the HTTP agent for allowed addresses. It keeps no connection, because the address is
/// checked for each.
pub(super) fn agent(policy: AddressPolicy) -> Agent {
    let config = Agent::config_builder()
        // A proxy would resolve the name itself, past the check.
        .proxy(None)
        .max_redirects(0)
        .max_idle_connections(0)
        .http_status_as_error(false)
        .user_agent(concat!("gate/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(
        config,
        DefaultConnector::default(),
        GuardedResolver { address_policy: policy, names: DefaultResolver::default() },
    )
}

/// A signed message.
#[derive(Debug)]
pub(super) struct SignedMessage {
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) signatures: String,
    pub(super) body: String,
}

impl SignedMessage {
    /// Signs a message, with every secret, for a time.
    pub(super) fn signed(
        secrets: &[WebhookSecret],
        id: &str,
        now: Timestamp,
        body: String,
    ) -> Option<Self> {
        let timestamp = now.as_second();
        let signatures: Option<Vec<String>> =
            secrets.iter().map(|secret| secret.sign(id, timestamp, &body)).collect();
        Some(Self { id: id.to_owned(), timestamp, signatures: signatures?.join(" "), body })
    }
}

/// Sends a message, and follows redirects. Only the head of a response is read.
pub(super) fn send(
    agent: &Agent,
    url: &Uri,
    message: &SignedMessage,
    timeout: Duration,
) -> Result<(), NotifyError> {
    let started = Instant::now();
    let mut url = url.clone();
    for _ in 0..=REDIRECTS {
        let left = timeout.saturating_sub(started.elapsed());
        let request = agent
            .post(&url)
            .config()
            .timeout_global(Some(left))
            .build()
            .header("content-type", "application/json; charset=utf-8")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", message.timestamp.to_string())
            .header("webhook-signature", &message.signatures);
        let answer = request.send(&message.body).map_err(|error| unreachable(&error))?;
        match answer.status() {
            status if status.is_success() => return Ok(()),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => url = next(&url, &answer)?,
            status => return Err(refused(status, answer.headers())),
        }
    }
    Err(NotifyError::again(format!("it redirected more than {REDIRECTS} times")))
}

/// Describes why there is no answer, without the address, which not everybody who sees deliveries
/// may see.
fn unreachable(error: &ureq::Error) -> NotifyError {
    NotifyError::again(match error {
        ureq::Error::Other(other) => match other.downcast_ref::<ForbiddenAddress>() {
            Some(refused) => refused.to_string(),
            None => format!("it cannot be reached: {other}"),
        },
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host name does not resolve".to_owned(),
        ureq::Error::Io(error) => format!("it cannot be reached, or broke off: {}", error.kind()),
        other => format!("it did not send a valid HTTP answer: {other}"),
    })
}

fn refused(status: StatusCode, headers: &HeaderMap) -> NotifyError {
    let message = format!("it answered {}", status.as_u16());
    let wait = match status {
        StatusCode::GONE => {
            return NotifyError::never(format!("{message}: it accepts no more of them"));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => retry_after(headers),
        _ => None,
    };
    NotifyError::again(message).after(wait)
}

/// Returns the target of a redirect: over `https`, if it came from there.
fn next<T>(from: &Uri, answer: &Response<T>) -> Result<Uri, NotifyError> {
    let location = answer
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let unread = || NotifyError::again("it redirected to an address that is not of the web");
    let (scheme, host) =
        (from.scheme_str().unwrap_or_default(), from.authority().ok_or_else(unread)?);
    let whole = match location {
        rest if rest.starts_with("//") => format!("{scheme}:{rest}"),
        path if path.starts_with('/') => format!("{scheme}://{host}{path}"),
        url => url.to_owned(),
    };
    // The fragment is not sent.
    let whole = whole.split_once('#').map_or(whole.as_str(), |(url, _)| url);
    let to: Uri = whole.parse().map_err(|_| unread())?;
    let is_web = matches!(to.scheme_str(), Some("http" | "https"))
        && to.host().is_some_and(|host| !host.is_empty());
    let has_user = to.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !is_web || has_user {
        return Err(unread());
    }
    if scheme == "https" && to.scheme_str() != Some("https") {
        return Err(NotifyError::again(
            "it redirected from https to http, which anybody on the way can read",
        ));
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirected(from: &str, to: &str) -> Result<String, String> {
        let answer = Response::builder().header("location", to).body(()).unwrap();
        next(&from.parse().unwrap(), &answer)
            .map(|uri| uri.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_redirect_leads_to_the_web_and_never_back_to_http() {
        for (from, to, wanted) in [
            ("https://a.example/x?y", "/z?w#part", "https://a.example/z?w"),
            ("https://a.example:8443/x", "/z", "https://a.example:8443/z"),
            ("http://a.example/x", "//b.example/z", "http://b.example/z"),
            ("http://a.example/x", "https://b.example/", "https://b.example/"),
        ] {
            assert_eq!(redirected(from, to).as_deref(), Ok(wanted), "{to}");
        }
        let message = redirected("https://a.example/x", "http://a.example/x").unwrap_err();
        assert!(message.contains("from https to http"), "{message}");
        assert!(redirected("https://a.example/x", "HTTP://a.example/x").is_err());
        for bad in [
            "",
            "z",
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://",
            "https://u:p@a.example/",
            "http://[::1",
        ] {
            assert!(redirected("https://a.example/x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn who_asks_to_be_left_alone_says_how_long_or_until_when() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            refused(StatusCode::SERVICE_UNAVAILABLE, &headers).wait()
        };
        assert_eq!(wait("120"), Some(Duration::from_mins(2)));
        assert!(
            wait("Wed, 21 Oct 2105 07:28:00 GMT")
                .is_some_and(|wait| wait > Duration::from_hours(24))
        );
        for nothing in ["", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(wait(nothing), None, "{nothing}");
        }
        assert!(refused(StatusCode::GONE, &HeaderMap::new()).is_final());
        for again in
            [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR]
        {
            assert!(!refused(again, &HeaderMap::new()).is_final());
        }
    }
}
