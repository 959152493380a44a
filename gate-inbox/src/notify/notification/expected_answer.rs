//! A question that is not a call: what a notification says of it besides its text. Only an answer
//! counts, and it cannot be given in a message or a mail.

use gate_runtime::Approval;
use gate_runtime::remote::AcceptedAnswers;

use super::{quoted, short};

/// The most choices that are shown.
const MANY: usize = 20;

/// The answers that count.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::notify) struct ExpectedAnswer {
    pub(in crate::notify) prompt: &'static str,
    /// The choices that the agent gives people, each in quotes; the last entry may say how many
    /// more there are.
    pub(in crate::notify) choices: Vec<String>,
}

/// Returns the answers that count, if it is a question.
pub(in crate::notify) fn question(approval: &Approval) -> Option<ExpectedAnswer> {
    let (message, choices) = match approval.answers()? {
        AcceptedAnswers::OneOf { choices } => (
            "This is a question: an answer runs nothing. One of these counts, word for word:",
            choice_lines(choices),
        ),
        AcceptedAnswers::Text => (
            "This is a question: an answer runs nothing. Any text that is not empty counts.",
            Vec::new(),
        ),
        _ => (
            "This is a question: an answer runs nothing. The inbox shows which answers count.",
            Vec::new(),
        ),
    };
    Some(ExpectedAnswer { prompt: message, choices })
}

fn choice_lines(choices: &[String]) -> Vec<String> {
    let mut lines: Vec<String> =
        choices.iter().take(MANY).map(|choice| short(&quoted(choice), choice)).collect();
    let more = choices.len().saturating_sub(MANY);
    if more > 0 {
        lines.push(format!("and {more} more, which are in the inbox"));
    }
    lines
}
