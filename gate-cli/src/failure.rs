//! Why a command did not do what it was to, and the exit code that says so.

use std::fmt;
use std::io;
use std::process::ExitCode;

use gate_runtime::{BuildError, DecideError, DirectoryError, ReviewerError, StoreError};

#[derive(Debug)]
pub(crate) enum Failure {
    /// What is needed did not do its part.
    Trouble(String),
    /// What was typed says nothing that can be done.
    Usage(String),
    /// There is no such thing.
    Missing(String),
    /// It is not to be.
    Refused(String),
    /// It was decided before.
    TooLate(String),
}

impl Failure {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Trouble(_) => 1,
            Self::Usage(_) => 2,
            Self::Missing(_) => 3,
            Self::Refused(_) => 4,
            Self::TooLate(_) => 5,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trouble(words)
            | Self::Usage(words)
            | Self::Missing(words)
            | Self::Refused(words)
            | Self::TooLate(words) => f.write_str(words),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.to_string())
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        Self::Trouble(error.to_string())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::Trouble(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Trouble(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Trouble(error.to_string())
    }
}

impl From<ReviewerError> for Failure {
    fn from(error: ReviewerError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<DecideError> for Failure {
    fn from(error: DecideError) -> Self {
        let words = error.to_string();
        match error {
            DecideError::Unknown(_) => Self::Missing(words),
            DecideError::AlreadyDecided(_) => Self::TooLate(words),
            DecideError::Store(_) | DecideError::Reviewer(ReviewerError::Directory(_)) => Self::Trouble(words),
            _ => Self::Refused(words),
        }
    }
}
