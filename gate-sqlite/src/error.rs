//! Errors of the database, and their messages.

use gate_core::ports::StoreErrorKind;
use rusqlite::ErrorCode;

const READ_ONLY: &str = "it cannot be written: give this process permission to write it";

/// An error of the database, before the file's name is added to it.
#[derive(Debug)]
pub(crate) enum DatabaseError {
    Sqlite(rusqlite::Error),
    /// A row could not be read as the JSON that it should be.
    Unread(&'static str, serde_json::Error),
    /// A value could not be written as JSON.
    Unwritten(serde_json::Error),
    /// A call could not be written, although it had passed the check. Nothing of the changeset is
    /// written.
    Changed,
    /// The database could only be opened for reading.
    ReadOnly,
    /// A newer version of this program has changed the schema.
    Newer,
    /// The file at the path is no longer the one that was opened.
    Replaced,
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl DatabaseError {
    pub(crate) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    StoreErrorKind::Corrupt
                }
                _ => StoreErrorKind::Unavailable,
            },
            Self::Unread(..) | Self::Changed => StoreErrorKind::Corrupt,
            Self::Unwritten(_) | Self::ReadOnly | Self::Replaced | Self::Newer => {
                StoreErrorKind::Unavailable
            }
        }
    }

    /// Describes the error, and what to do about it.
    pub(crate) fn message(&self) -> String {
        let error = match self {
            Self::Sqlite(error) => error,
            Self::Unread(what, error) => return format!("{what} cannot be read: {error}"),
            Self::Unwritten(error) => return format!("something cannot be written: {error}"),
            Self::Changed => {
                return "a call was not written, though it fitted: the file is damaged".to_owned();
            }
            Self::ReadOnly => return READ_ONLY.to_owned(),
            Self::Newer => {
                return "a newer version of this program has changed its schema while it was open: \
                    update this one"
                    .to_owned();
            }
            Self::Replaced => {
                return "the file was deleted or replaced while it was open, or one beside it \
                    (`-wal`, `-shm`): open the store again"
                    .to_owned();
            }
        };
        let known = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another process holds it: try again"
            }
            Some(ErrorCode::DiskFull) => "the disk is full: make room, and try again",
            Some(ErrorCode::ReadOnly) => READ_ONLY,
            Some(ErrorCode::CannotOpen) => "it cannot be opened: check its path and permissions",
            Some(ErrorCode::DatabaseCorrupt) => "it is damaged: restore it from a backup",
            Some(ErrorCode::NotADatabase) => "it is not a SQLite database: name another file",
            _ => return plain(error),
        };
        format!("{known} ({})", plain(error))
    }
}

/// Returns SQLite's message without the statement, which can be long and does not help the reader.
fn plain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_repeats_a_statement() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let statement = format!("SELECT {} FROM nowhere", vec!["missing"; 1_000].join(", "));
        let error = connection.prepare(&statement).unwrap_err();
        assert_eq!(DatabaseError::from(error).message(), "no such table: nowhere");
    }
}
