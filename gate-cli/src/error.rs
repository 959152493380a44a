//! Errors of commands, and their exit codes.

use std::fmt;
use std::io;
use std::process::ExitCode;

use gate_runtime::people::{DirectoryError, ReviewerError};
use gate_runtime::review::DecideError;
use gate_runtime::store::StoreError;
use gate_runtime::trail::TrailError;
use gate_runtime::{BuildError, audit};

/// The result of a command.
pub(crate) type CommandResult = Result<(), CommandError>;

#[derive(Debug)]
pub(crate) enum CommandError {
    /// A resource that the command needs has failed.
    Trouble(String),
    /// The command line is not a valid command.
    Usage(String),
    /// The named call, grant or case does not exist.
    Missing(String),
    /// The command was refused.
    Refused(String),
    /// The call was already decided.
    TooLate(String),
    /// The reader of the output closed it, as `head` does.
    Unread,
}

impl CommandError {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Trouble(_) => 1,
            Self::Usage(_) => 2,
            Self::Missing(_) => 3,
            Self::Refused(_) => 4,
            Self::TooLate(_) => 5,
            // The exit code of a program that `SIGPIPE` ends.
            Self::Unread => 141,
        })
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trouble(message)
            | Self::Usage(message)
            | Self::Missing(message)
            | Self::Refused(message)
            | Self::TooLate(message) => f.write_str(message),
            Self::Unread => Ok(()),
        }
    }
}

/// Converts errors that the user did not cause into `CommandError::Trouble`.
macro_rules! trouble {
    ($($error:ty),*) => {$(
        impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self::Trouble(error.to_string())
            }
        }
    )*};
}

trouble!(StoreError, DirectoryError, BuildError, serde_json::Error);

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Trouble(error.to_string()),
        }
    }
}

/// A trail that does not verify is refused; a trail that cannot be read is trouble.
impl From<audit::Error> for CommandError {
    fn from(error: audit::Error) -> Self {
        match error {
            audit::Error::Io { .. } | audit::Error::Busy { .. } => Self::Trouble(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

impl From<TrailError> for CommandError {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::Audit(error) => error.into(),
            TrailError::Refused(error) => error.into(),
            TrailError::Store(_) | TrailError::Busy { .. } | TrailError::Ended => {
                Self::Trouble(error.to_string())
            }
            TrailError::NotDiverged => Self::TooLate(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

impl From<ReviewerError> for CommandError {
    fn from(error: ReviewerError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<DecideError> for CommandError {
    fn from(error: DecideError) -> Self {
        let message = error.to_string();
        match error {
            DecideError::Unknown(_) => Self::Missing(message),
            DecideError::AlreadyDecided(_) => Self::TooLate(message),
            DecideError::Store(_) | DecideError::Reviewer(ReviewerError::Directory(_)) => {
                Self::Trouble(message)
            }
            _ => Self::Refused(message),
        }
    }
}
