//! Authenticates requests by bearer token.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::request::Parts;
use gate_runtime::Reviewer;
use gate_runtime::people::RemoteAgent;
use gate_runtime::remote::RemoteCaller;

use super::problem::{ApiProblem, UNKNOWN_TOKEN, WRONG_TOKEN};
use crate::auth::rate_limit;
use crate::security_log;
use crate::state::AppState;

/// A remote agent, with access to its own calls.
pub(super) struct BearerAgent {
    pub(super) calls: RemoteCaller,
    pub(super) entry: RemoteAgent,
    token: String,
}

impl BearerAgent {
    /// Returns whether its token is still valid.
    pub(super) fn is_known(&self, app: &AppState) -> bool {
        // Fails closed: while the people file cannot be read, no token is valid.
        let found = app.people.agent_of(&self.token).ok().flatten();
        found.is_some_and(|found| found.name() == self.entry.name())
    }
}

/// A person of the people file.
#[derive(Debug)]
pub(super) struct BearerPerson(pub(super) Reviewer);

/// Returns the token of a request. Several tokens are refused, because an attacker may have added
/// one.
fn token(headers: &HeaderMap) -> Result<&str, ApiProblem> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let found = match (all.next().map(|value| value.to_str()), all.next()) {
        (Some(Ok(value)), None) => value.split_once(' '),
        _ => None,
    };
    let is_bearer = |scheme: &str| scheme.eq_ignore_ascii_case("bearer");
    let missing =
        || ApiProblem::new(UNKNOWN_TOKEN, "Send a token: `Authorization: Bearer gate_…`.");
    found.filter(|(scheme, _)| is_bearer(scheme)).map(|(_, token)| token.trim()).ok_or_else(missing)
}

/// Handles an unknown token. Clients that send too many of them have to wait, and no longer fill
/// the log. A valid token is never delayed, because several programs may share one address.
fn unknown(app: &AppState, parts: &Parts) -> ApiProblem {
    let from = rate_limit::address(&parts.extensions);
    if let Err(wait) = app.wrong_tokens.begin(from, app.clock.now()) {
        return ApiProblem::wait(wait, "Too many wrong tokens came from this address.");
    }
    security_log::token_refused(from, "nobody has it");
    ApiProblem::new(UNKNOWN_TOKEN, "This token is not in the people file.")
}

/// Handles a token of the wrong kind. Its holder is known, so this does not count as guessing.
fn wrong_kind(parts: &Parts, why: &str, message: &str) -> ApiProblem {
    security_log::token_refused(rate_limit::address(&parts.extensions), why);
    ApiProblem::new(WRONG_TOKEN, message)
}

impl FromRequestParts<Arc<AppState>> for BearerAgent {
    type Rejection = ApiProblem;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<AppState>,
    ) -> Result<Self, ApiProblem> {
        let token = token(&parts.headers)?;
        if let Some(entry) = app.people.agent_of(token)? {
            return Ok(Self {
                calls: app.gate.remote(entry.name().clone()),
                entry,
                token: token.to_owned(),
            });
        }
        let message = "This is a person's token, which cannot ask: use a token from `gate agent`.";
        let is_person = app.people.holder_of(token)?.is_some();
        if !is_person {
            return Err(unknown(app, parts));
        }
        Err(wrong_kind(parts, "it is a person's, where an agent's is wanted", message))
    }
}

impl FromRequestParts<Arc<AppState>> for BearerPerson {
    type Rejection = ApiProblem;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<AppState>,
    ) -> Result<Self, ApiProblem> {
        let token = token(&parts.headers)?;
        if let Some(who) = app.people.holder_of(token)? {
            return Ok(Self(app.gate.reviewer(who).await?));
        }
        let message = "This is an agent's token, which cannot decide, and can read nothing but its \
            own calls.";
        let is_agent = app.people.agent_of(token)?.is_some();
        if !is_agent {
            return Err(unknown(app, parts));
        }
        Err(wrong_kind(parts, "it is an agent's, where a person's is wanted", message))
    }
}
