//! The dialects of model providers: tool lists for a model, calls from it, answers to it.
//!
//! Each is a module of plain functions over JSON values: from [`Descriptor`](crate::Descriptor)s to a request's tools, from a
//! response to [`ToolCall`](crate::ToolCall)s, from a [`Turn`](crate::Turn) to the messages that answer it. They know nothing of
//! rules and people, and everything else knows nothing of them.

pub mod openai;

use std::fmt;

/// A response that a dialect cannot read.
///
/// ```
/// use gate_runtime::dialect::openai;
/// let error = openai::tool_calls(&"not a response".into()).unwrap_err();
/// assert!(error.to_string().contains("OpenAI"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectError {
    dialect: &'static str,
    problem: String,
}

impl DialectError {
    fn new(dialect: &'static str, problem: impl Into<String>) -> Self {
        Self { dialect, problem: problem.into() }
    }
}

impl fmt::Display for DialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is not a response of {}: {}", self.dialect, self.problem)
    }
}

impl std::error::Error for DialectError {}
