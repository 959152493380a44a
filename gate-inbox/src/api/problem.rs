//! Problem details (RFC 9457): the reasons why requests fail.

use std::fmt::Display;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate_runtime::people::{DirectoryError, ReviewerError};
use gate_runtime::review::{DecideError, Refused};
use gate_runtime::run::{NotRun, RunError};
use gate_runtime::store::StoreError;
use gate_runtime::tool::SchemaErrors;
use schemars::JsonSchema;
use serde::Serialize;

/// A problem: the reason why a request failed (RFC 9457).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ApiProblem {
    /// The kind of problem, as a stable name that starts with `urn:gate:problem:`.
    r#type: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The status of the response.
    status: u16,
    /// Explains what happened, and what to do next.
    detail: String,
    /// The errors, one for each field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The number of seconds after which the request may be repeated.
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// The error of one field.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct FieldError {
    /// The location, as a JSON pointer into the arguments.
    pointer: String,
    /// A description of the error.
    detail: String,
}

/// A kind of problem: its name, its title, its status.
#[derive(Clone, Copy)]
pub(crate) struct ProblemKind(&'static str, &'static str, StatusCode);

/// The body is not JSON, or parameters cannot be parsed.
pub(crate) const MALFORMED: ProblemKind =
    ProblemKind("malformed", "Malformed request", StatusCode::BAD_REQUEST);
/// No token, or an unknown one.
pub(crate) const UNKNOWN_TOKEN: ProblemKind =
    ProblemKind("unknown-token", "Unknown token", StatusCode::UNAUTHORIZED);
/// An agent's token where a reviewer's token is required, or the reverse.
pub(crate) const WRONG_TOKEN: ProblemKind =
    ProblemKind("wrong-kind-of-token", "Wrong kind of token", StatusCode::FORBIDDEN);
/// The caller is not entitled to decide.
pub(crate) const NOT_ENTITLED: ProblemKind =
    ProblemKind("not-entitled", "Not yours to decide", StatusCode::FORBIDDEN);
/// The resource does not exist for this caller.
pub(crate) const NOT_FOUND: ProblemKind =
    ProblemKind("not-found", "Not found", StatusCode::NOT_FOUND);
/// The path does not support the method.
pub(crate) const NOT_SO: ProblemKind =
    ProblemKind("method", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED);
/// The id was used for another request.
pub(crate) const ID_USED: ProblemKind =
    ProblemKind("id-used", "ID already used", StatusCode::CONFLICT);
/// The call is decided, or has begun, or has not begun.
pub(crate) const CONFLICT: ProblemKind =
    ProblemKind("state", "Not in this state", StatusCode::CONFLICT);
/// The call changed after it was shown.
pub(crate) const CHANGED: ProblemKind =
    ProblemKind("changed", "It has changed since it was shown", StatusCode::CONFLICT);
/// The body is too long.
pub(crate) const TOO_LONG: ProblemKind =
    ProblemKind("too-long", "Too long", StatusCode::PAYLOAD_TOO_LARGE);
/// A body whose `Content-Type` is not JSON.
pub(crate) const NOT_JSON: ProblemKind =
    ProblemKind("not-json", "Not JSON", StatusCode::UNSUPPORTED_MEDIA_TYPE);
/// The request is understood, but cannot be done.
pub(crate) const INVALID: ProblemKind =
    ProblemKind("invalid", "Invalid request", StatusCode::UNPROCESSABLE_ENTITY);
/// Too many requests.
pub(crate) const TOO_MANY: ProblemKind =
    ProblemKind("too-many", "Too many requests", StatusCode::TOO_MANY_REQUESTS);
/// The store or the people file does not answer.
pub(crate) const UNAVAILABLE: ProblemKind =
    ProblemKind("unavailable", "Unavailable", StatusCode::SERVICE_UNAVAILABLE);
/// The request is for another host.
pub(crate) const NOT_HERE: ProblemKind =
    ProblemKind("not-here", "Wrong address", StatusCode::MISDIRECTED_REQUEST);

impl ApiProblem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Display) -> Self {
        let ProblemKind(word, title, status) = kind;
        Self {
            r#type: format!("urn:gate:problem:{word}"),
            title,
            status: status.as_u16(),
            detail: detail.to_string(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// Returns the problem of too many requests, with the time to wait.
    pub(crate) fn wait(time: Duration, why: &str) -> Self {
        let seconds = time.as_secs().max(1);
        let detail = format!("{why} Try again in {seconds} seconds.");
        Self { retry_after: Some(seconds), ..Self::new(TOO_MANY, detail) }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(NOT_FOUND, "It does not exist, or it is not yours.")
    }

    /// Returns the problem of a store or people file that does not answer. Its error is for the
    /// operator, and may name files, so it is left out.
    pub(crate) fn unavailable() -> Self {
        Self::new(
            UNAVAILABLE,
            "The database, the people file or a rule is not available, so nothing was done. Try \
             again.",
        )
    }

    /// Returns a problem with a list of field errors.
    pub(crate) fn of_places(indexes: impl IntoIterator<Item = (String, String)>) -> Self {
        let errors: Vec<FieldError> =
            indexes.into_iter().map(|(pointer, detail)| FieldError { pointer, detail }).collect();
        let message: Vec<String> = errors
            .iter()
            .map(|FieldError { pointer, detail }| format!("{pointer}: {detail}"))
            .collect();
        Self { errors, ..Self::new(INVALID, message.join("; ").trim_start_matches(": ")) }
    }

    fn of_fields(schema_errors: &SchemaErrors) -> Self {
        Self::of_places(schema_errors.iter().map(|schema_error| {
            (schema_error.pointer().to_owned(), schema_error.problem().to_owned())
        }))
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<StoreError> for ApiProblem {
    fn from(_: StoreError) -> Self {
        Self::unavailable()
    }
}

impl From<DirectoryError> for ApiProblem {
    fn from(_: DirectoryError) -> Self {
        Self::unavailable()
    }
}

impl From<ReviewerError> for ApiProblem {
    fn from(error: ReviewerError) -> Self {
        match error {
            ReviewerError::Unknown(_) => Self::new(UNKNOWN_TOKEN, "This token is no longer valid."),
            _ => Self::unavailable(),
        }
    }
}

impl From<RunError> for ApiProblem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(_) => Self::unavailable(),
            error => Self::new(INVALID, error),
        }
    }
}

impl From<NotRun> for ApiProblem {
    fn from(reason: NotRun) -> Self {
        match &reason {
            NotRun::Invalid { problem } | NotRun::NobodyToAsk { problem } => {
                Self::new(INVALID, problem)
            }
            NotRun::Unavailable { .. } => Self::unavailable(),
            _ => Self::new(CONFLICT, reason.for_model()),
        }
    }
}

impl From<DecideError> for ApiProblem {
    fn from(error: DecideError) -> Self {
        match &error {
            DecideError::Unknown(_) => Self::not_found(),
            DecideError::Refused(Refused::Changed) => Self::new(CHANGED, error),
            DecideError::AlreadyDecided(_)
            | DecideError::StillRunning { .. }
            | DecideError::Refused(Refused::Final(_) | Refused::NotNow(_) | Refused::TooLate) => {
                Self::new(CONFLICT, error)
            }
            DecideError::Refused(Refused::NotEntitled { .. } | Refused::SignatureRequired)
            | DecideError::Signature(_) => Self::new(NOT_ENTITLED, error),
            DecideError::Invalid(schema_errors) => Self::of_fields(schema_errors),
            DecideError::Reviewer(ReviewerError::Unknown(_)) => {
                Self::new(UNKNOWN_TOKEN, "This token is no longer valid.")
            }
            DecideError::Store(_) | DecideError::Reviewer(_) => Self::unavailable(),
            _ => Self::new(INVALID, error),
        }
    }
}
