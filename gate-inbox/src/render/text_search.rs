//! Search in texts as pages display them.

use super::untrusted_text::bare;

/// A text that is searched for, in whatever case. It is also found as it is displayed, where hidden
/// characters are escapes.
pub(crate) struct TextSearch {
    text: String,
    has_escapes: bool,
}

impl TextSearch {
    pub(crate) fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        Self { has_escapes: text.contains("\\u{"), text }
    }

    /// Returns whether the text is somewhere in another one.
    pub(crate) fn matches(&self, found: &str) -> bool {
        let is_in = |found: &str| found.to_lowercase().contains(&self.text);
        is_in(found) || (self.has_escapes && is_in(&bare(found)))
    }
}
