//! The accepted answers to a question without a call.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::english;

/// The accepted answers to a question.
///
/// ```
/// use gate_runtime::remote::AcceptedAnswers;
/// let answers = AcceptedAnswers::one_of(["retry", "skip"]);
/// assert!(answers.take(&"skip".into()) && !answers.take(&"Skip it".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AcceptedAnswers {
    /// Any text that is not empty.
    Text,
    /// One of these, word for word.
    OneOf {
        /// The choices, in the order in which they are shown.
        choices: Vec<String>,
    },
}

impl AcceptedAnswers {
    /// One of these, word for word.
    pub fn one_of(choices: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::OneOf { choices: choices.into_iter().map(Into::into).collect() }
    }

    /// Returns whether a value is an accepted answer.
    #[must_use]
    pub fn take(&self, value: &Value) -> bool {
        let Some(text) = value.as_str() else { return false };
        match self {
            Self::Text => !text.trim().is_empty(),
            Self::OneOf { choices } => choices.iter().any(|choice| choice == text),
        }
    }

    /// Describes its problem, if it has one: there is nothing to choose.
    pub(crate) fn problem(&self) -> Option<String> {
        let Self::OneOf { choices } = self else { return None };
        let different: BTreeSet<&str> = choices.iter().map(|choice| choice.trim()).collect();
        if choices.len() < 2 {
            Some("fewer than two choices: there is nothing to choose".to_owned())
        } else if different.len() < choices.len() || different.contains("") {
            Some("choices that are empty or repeated: give each its own words".to_owned())
        } else {
            None
        }
    }
}

impl fmt::Display for AcceptedAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("answers in words"),
            Self::OneOf { choices } => {
                let choices = english::list(choices);
                write!(f, "chooses one of {choices}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_words_are_an_answer() {
        let answers = AcceptedAnswers::one_of(["retry", "skip"]);
        assert!(answers.take(&Value::from("retry")));
        for wrong in [
            Value::from("retry "),
            Value::from("Retry"),
            Value::from(""),
            Value::from(true),
            Value::Null,
        ] {
            assert!(!answers.take(&wrong), "{wrong}");
        }
        assert!(
            AcceptedAnswers::Text.take(&Value::from("as you like"))
                && !AcceptedAnswers::Text.take(&Value::from(" \n"))
        );
    }

    #[test]
    fn a_question_that_nobody_could_answer_is_none() {
        assert!(
            AcceptedAnswers::one_of(["retry", "skip"]).problem().is_none()
                && AcceptedAnswers::Text.problem().is_none()
        );
        for wrong in [
            vec![],
            vec!["retry"],
            vec!["retry", "retry"],
            vec!["retry", "retry "],
            vec!["retry", " "],
        ] {
            assert!(AcceptedAnswers::one_of(wrong.clone()).problem().is_some(), "{wrong:?}");
        }
    }
}
