//! Texts with their authors.

use std::fmt;

use crate::id::ReviewerId;
use crate::text::sanitized_text::SanitizedText;

/// A text that the gate did not write. Show it through [`SanitizedText`], with its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    by: QuoteAuthor,
    text: String,
}

/// The author of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuoteAuthor {
    /// The author of the tool, in a program with its own gate.
    Tool,
    /// The agent, or the program that it runs in. Nobody has checked such a text.
    Agent,
    /// The output of a tool that failed.
    Outcome,
    /// A person.
    Person(ReviewerId),
}

impl fmt::Display for QuoteAuthor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool => f.write_str("the tool's author"),
            Self::Agent => f.write_str("the agent"),
            Self::Outcome => f.write_str("the tool"),
            Self::Person(person) => f.write_str(SanitizedText::of(person.as_str()).as_str()),
        }
    }
}

impl Quote {
    pub(crate) fn new(by: QuoteAuthor, text: impl Into<String>) -> Self {
        Self { by, text: text.into() }
    }

    /// Returns the author.
    #[must_use]
    pub fn by(&self) -> &QuoteAuthor {
        &self.by
    }

    /// Returns the text as it was written, which is not safe to display before [`SanitizedText`].
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
