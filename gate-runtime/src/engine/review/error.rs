//! Errors of decisions and reviewers.

use std::fmt;
use std::sync::Arc;

use gate_core::approval::{Approval, Refused, Status, VoteSignatureError};
use gate_core::assessment::EvaluationFailure;
use gate_core::call::DeniedBy;
use gate_core::grants::ScopeError;
use gate_core::id::{ApprovalId, ReviewerId, ToolName};
use gate_core::ports::{DirectoryError, StoreError};
use gate_core::text::SchemaError;
use jiff::Timestamp;

use crate::logic::registry::unknown_tool;
use crate::logic::schema::SchemaErrors;

/// The error that a decision does not count. The approval is unchanged.
///
/// The enum is exhaustive, because each variant means something else for the person who decides.
///
/// ```
/// use gate_runtime::review::{DecideError, Refused};
/// let error = DecideError::from(Refused::CommentRequired);
/// assert_eq!(error.to_string(), "an approval of this needs a comment: say why");
/// ```
#[derive(Debug)]
pub enum DecideError {
    /// There is no such approval.
    Unknown(ApprovalId),
    /// The call was already decided in another way. Contains the approval in its present state.
    AlreadyDecided(Arc<Approval>),
    /// The call may be running: a process holds its lease.
    StillRunning {
        /// The end of the lease.
        until: Timestamp,
    },
    /// The directory does not know the reviewer, or does not answer.
    Reviewer(ReviewerError),
    /// The vote does not count.
    Refused(Refused),
    /// The vote is not signed as required.
    Signature(VoteSignatureError),
    /// The edited arguments do not fit. Contains each problem with its place.
    Invalid(SchemaErrors),
    /// The answer in place of the tool cannot be recorded as it is.
    BadAnswer(SchemaError),
    /// The edited arguments are denied.
    EditDenied {
        /// The rule, person or limit that denies them.
        by: DeniedBy,
    },
    /// The edited arguments could not be evaluated.
    Unjudged(EvaluationFailure),
    /// The scope makes no valid grant.
    Scope(ScopeError),
    /// The tool is no longer known here.
    UnknownTool(ToolName),
    /// No gate over the store has such a tool.
    NoSuchTool {
        /// The name that was given.
        tool: ToolName,
        /// The names of the existing tools.
        known: Vec<ToolName>,
    },
    /// The store did not answer.
    Store(StoreError),
}

impl fmt::Display for DecideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => write!(f, "there is no approval {id}"),
            Self::AlreadyDecided(approval) => {
                let by = approval.votes().last().map(|vote| format!(" by {}", vote.reviewer()));
                let by = by.unwrap_or_default();
                let since = approval.changed_at();
                // A person decided; the process that runs the call did the rest.
                let afterwards = match approval.status() {
                    Status::Dispatched => "has begun",
                    Status::Succeeded => "has run",
                    Status::Failed => "has run and failed",
                    Status::Indeterminate => "began, and nobody knows whether it ran",
                    decided => return write!(f, "it is already {decided}{by}, since {since:.0}"),
                };
                write!(f, "it is already approved{by}, and {afterwards}")
            }
            Self::StillRunning { until } => {
                write!(
                    f,
                    "it may be running: its process holds a lease until {until:.0}; settle it \
                     after that"
                )
            }
            Self::Reviewer(error) => fmt::Display::fmt(error, f),
            Self::Refused(refused) => fmt::Display::fmt(refused, f),
            Self::Signature(bad) => fmt::Display::fmt(bad, f),
            Self::Invalid(errors) => write!(f, "the edited arguments do not fit: {errors}"),
            Self::BadAnswer(schema_error) => write!(f, "the answer, {schema_error}"),
            Self::EditDenied { by } => write!(f, "the edited arguments are {by}"),
            Self::Unjudged(failed) => write!(f, "the edited arguments: {failed}"),
            Self::Scope(bad) => fmt::Display::fmt(bad, f),
            Self::UnknownTool(tool) => {
                write!(f, "the tool `{tool}` is not known here: decide in a program that has it")
            }
            Self::NoSuchTool { tool, known } => {
                let known: Vec<&str> = known.iter().map(ToolName::as_str).collect();
                f.write_str(&unknown_tool(tool.as_str(), &known))
            }
            Self::Store(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for DecideError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Reviewer(error) => Some(error),
            Self::Refused(error) => Some(error),
            Self::Signature(error) => Some(error),
            Self::Invalid(error) => Some(error),
            Self::BadAnswer(error) => Some(error),
            Self::Scope(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Unjudged(failed) => Some(failed),
            _ => None,
        }
    }
}

impl From<ReviewerError> for DecideError {
    fn from(error: ReviewerError) -> Self {
        Self::Reviewer(error)
    }
}

impl From<Refused> for DecideError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<VoteSignatureError> for DecideError {
    fn from(error: VoteSignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<StoreError> for DecideError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ScopeError> for DecideError {
    fn from(error: ScopeError) -> Self {
        Self::Scope(error)
    }
}

/// The error that the directory does not know a reviewer, or does not answer.
///
/// ```
/// # fn show(error: &gate_runtime::people::ReviewerError) {
/// eprintln!("{error}");
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ReviewerError {
    /// The directory does not know the person.
    Unknown(ReviewerId),
    /// The directory did not answer.
    Directory(DirectoryError),
}

impl fmt::Display for ReviewerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(who) => {
                write!(
                    f,
                    "`{who}` is not in the directory of reviewers: add `.person(\"{who}\", \
                     [\"…\"])` to it, or a person to its file"
                )
            }
            Self::Directory(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ReviewerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory(error) => Some(error),
            Self::Unknown(_) => None,
        }
    }
}
