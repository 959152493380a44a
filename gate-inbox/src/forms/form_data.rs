//! The fields of a form.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::render::untrusted_text::bare;
use crate::web::page_error::PageError;

/// The longest form. The arguments of a call are 256 KiB at most, and a form may take three bytes
/// for one.
pub(crate) const LONGEST: usize = 1 << 20;

/// The fields that a form sent.
#[derive(Debug)]
pub(crate) struct FormData(Vec<(String, String)>);

impl FormData {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// Returns the value of a field, with normalized line ends; empty if it is missing.
    pub(crate) fn get(&self, name: &str) -> String {
        self.find(name).unwrap_or_default()
    }

    /// Returns how often a field occurs.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(known, _)| known == name).count()
    }

    /// Returns the value of a field as [`get`](Self::get) does, or `None` if it is missing. A field
    /// that occurs twice counts as missing.
    pub(crate) fn find(&self, name: &str) -> Option<String> {
        self.exact(name).map(|value| value.replace("\r\n", "\n"))
    }

    /// The same, with line ends as they were sent.
    pub(crate) fn exact(&self, name: &str) -> Option<String> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value.clone()),
            _ => None,
        }
    }

    /// Returns the value of a filter, as pages display it; empty if it is missing.
    pub(crate) fn filter(&self, name: &str) -> String {
        /// What is longer, in characters, fits nothing that has a name.
        const LONGEST: usize = 1_000;
        let typed = self.exact(name).unwrap_or_default();
        bare(typed.trim().chars().take(LONGEST).collect::<String>())
    }
}

/// Returns the media type of a body, with its parameters; empty if it is missing.
pub(crate) fn content_type(headers: &HeaderMap) -> &[u8] {
    headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default()
}

impl<S: Send + Sync> FromRequest<S> for FormData {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        if !content_type(request.headers()).starts_with(b"application/x-www-form-urlencoded") {
            let message = "This is not a form from this inbox.";
            return Err(PageError::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a form", message));
        }
        let too_long = || {
            let problem = "The form could not be read, or is too long. Nothing was decided.";
            PageError::with(StatusCode::PAYLOAD_TOO_LARGE, "Form not read", problem)
        };
        let length = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        // Refused by its length at once, and not only after that much was received.
        if length.is_some_and(|length: u64| length > LONGEST as u64) {
            return Err(too_long());
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| too_long())?;
        Ok(Self::parse(&body))
    }
}
