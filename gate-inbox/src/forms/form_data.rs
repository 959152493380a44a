//! The fields of a form.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::render::untrusted_text::bare;

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
