//! Sends JSON to a service, and derives from its answer whether to retry.

use std::time::Duration;

use gate_runtime::notify::NotifyError;
use gate_runtime::review::SanitizedText;
use serde_json::Value;
use tokio::task::spawn_blocking;
use ureq::Agent;
use ureq::http::{HeaderMap, header};

use super::setting::SecretText;

/// The time that a service may take, all in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of an answer that are read.
const MOST: u64 = 1 << 20;

/// The longest wait that a service may ask for.
const LONGEST: Duration = Duration::from_hours(6);

/// The credential for a service, which nobody else may see.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Credential<'a> {
    /// By a token in the header.
    Bearer(&'a SecretText),
    /// By a key in what is sent.
    Inside(&'a SecretText),
    /// By the address itself.
    Address,
}

/// Sends JSON. Redirects are not followed, because the data is for nobody else.
#[derive(Clone, Debug)]
pub(crate) struct JsonClient(Agent);

impl JsonClient {
    pub(crate) fn new() -> Self {
        Self::patient(PATIENCE)
    }

    pub(crate) fn patient(timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .http_status_as_error(false);
        Self(config.build().into())
    }

    /// Sends JSON, and returns the body of a successful response. No error repeats the address or a
    /// secret, whatever the service answers.
    ///
    /// # Errors
    /// The error says whether to retry: if the service does not answer, fails (5xx), takes too long
    /// (408), or was asked too early or too often (425, 429). Any other answer would not change.
    pub(crate) async fn post(
        &self,
        service: &'static str,
        url: &str,
        known: Credential<'_>,
        body: &Value,
    ) -> Result<Value, NotifyError> {
        let (agent, url, body) = (self.0.clone(), url.to_owned(), body.to_string());
        let (bearer, secret) = match known {
            Credential::Bearer(secret) => {
                (Some(format!("Bearer {}", secret.reveal())), secret.reveal().to_owned())
            }
            Credential::Inside(secret) => (None, secret.reveal().to_owned()),
            Credential::Address => (None, url.clone()),
        };
        let sent = spawn_blocking(move || send(service, &agent, &url, bearer, body, &secret));
        sent.await.map_err(|_| NotifyError::again(format!("{service}: its runtime has ended")))?
    }
}

fn send(
    service: &str,
    agent: &Agent,
    url: &str,
    bearer: Option<String>,
    body: String,
    secret: &str,
) -> Result<Value, NotifyError> {
    let mut request =
        agent.post(url).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, bearer);
    }
    let failed = |error: ureq::Error| NotifyError::again(format!("{service} {}", problem(&error)));
    let mut response = request.send(body).map_err(failed)?;
    let status = response.status();
    if status.is_success() {
        let text = response.body_mut().with_config().limit(MOST).read_to_vec().map_err(failed)?;
        // A body that is not JSON counts as empty: the status already says that it was accepted.
        return Ok(serde_json::from_slice(&text).unwrap_or(Value::Null));
    }
    let wait = wait(response.headers());
    // The body only explains the failure; without it, the status still decides about a retry.
    let body_text = response.body_mut().with_config().limit(MOST).read_to_vec().unwrap_or_default();
    let body_excerpt: String = String::from_utf8_lossy(&body_text)
        .replace(secret, "[secret]")
        .trim()
        .chars()
        .take(200)
        .collect();
    let body_excerpt = if body_excerpt.is_empty() {
        String::new()
    } else {
        format!(": {}", SanitizedText::of(&body_excerpt))
    };
    let message = format!("{service} answered {status}{body_excerpt}");
    Err(if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        NotifyError::again(message).after(wait)
    } else if status.is_redirection() {
        NotifyError::never(format!(
            "{message}; it redirects, which is not followed: correct its address"
        ))
    } else {
        NotifyError::never(message)
    })
}

/// Returns the time for which the service asks us to wait, with an upper limit.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    Some(retry_after(headers)?.min(LONGEST))
}

/// Returns the time of a `Retry-After` header: a number of seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = value.parse().map(Duration::from_secs).ok();
    let until = || {
        let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        Duration::try_from(until.duration_since(gate_runtime::Timestamp::now())).ok()
    };
    seconds.or_else(until)
}

/// Describes a transport error, without the address.
fn problem(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "took too long to answer".to_owned(),
        ureq::Error::HostNotFound => "cannot be reached: its host name does not resolve".to_owned(),
        ureq::Error::Io(error) => format!("cannot be reached, or broke off: {}", error.kind()),
        ureq::Error::BodyExceedsLimit(_) => "sent an answer that is too long".to_owned(),
        ureq::Error::Tls(message) => format!("could not be trusted: {message}"),
        _ => "did not send a valid HTTP answer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_seconds_or_until_a_time_and_never_for_ever() {
        let answer_for = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            wait(&headers)
        };
        assert_eq!(answer_for("30"), Some(Duration::from_secs(30)));
        assert_eq!(answer_for("99999999"), Some(LONGEST));
        assert_eq!(answer_for("Wed, 01 Jan 2200 00:00:00 GMT"), Some(LONGEST));
        for nothing in
            ["", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "18446744073709551616"]
        {
            assert_eq!(answer_for(nothing), None, "{nothing}");
        }
        assert_eq!(wait(&HeaderMap::new()), None);
    }
}
