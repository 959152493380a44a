//! Searches texts as pages display them.

use super::untrusted_text::bare;

/// A text to search for, ignoring case. It is also found as it is displayed, with hidden characters
/// as escapes.
pub(crate) struct TextSearch {
    text: String,
    has_escapes: bool,
}

impl TextSearch {
    pub(crate) fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        Self { has_escapes: text.contains("\\u{"), text }
    }

    /// Returns whether another text contains the text.
    pub(crate) fn matches(&self, found: &str) -> bool {
        let is_in = |found: &str| found.to_lowercase().contains(&self.text);
        is_in(found) || (self.has_escapes && is_in(&bare(found)))
    }
}
