//! A remote agent's statements about its question.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A remote agent's statements about its question: a one-line summary, an urgency, a callback. They
/// are claims, and decide nothing.
///
/// ```
/// use gate_runtime::remote::{RemoteRequest, RequestPriority};
/// let request =
///     RemoteRequest::new().summary("Refund $240 to Mia").priority(RequestPriority::High);
/// assert_eq!(
///     (request.about(), request.how_urgent()),
///     (Some("Refund $240 to Mia"), RequestPriority::High)
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct RemoteRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "RequestPriority::is_normal")]
    priority: RequestPriority,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<Arc<str>>,
}

impl RemoteRequest {
    /// Creates a request without statements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the one-line summary of the question.
    pub fn summary(mut self, text: impl Into<Arc<str>>) -> Self {
        self.summary = Some(text.into());
        self
    }

    /// Sets the urgency of the question.
    pub fn priority(mut self, priority: RequestPriority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the web address that is notified of the decision.
    pub fn callback(mut self, url: impl Into<Arc<str>>) -> Self {
        self.callback = Some(url.into());
        self
    }

    /// Returns the one-line summary of the question.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// Returns the urgency of the question.
    #[must_use]
    pub fn how_urgent(&self) -> RequestPriority {
        self.priority
    }

    /// Returns the web address that is notified of the decision.
    #[must_use]
    pub fn whom_to_call(&self) -> Option<&str> {
        self.callback.as_deref()
    }
}

/// The urgency that an agent claims for its question.
///
/// ```
/// use gate_runtime::remote::RequestPriority;
/// assert!(RequestPriority::Urgent > RequestPriority::Normal);
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RequestPriority {
    /// Low urgency.
    Low,
    /// Normal urgency.
    #[default]
    Normal,
    /// High urgency.
    High,
    /// Immediate urgency.
    Urgent,
}

impl RequestPriority {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

impl fmt::Display for RequestPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        })
    }
}
