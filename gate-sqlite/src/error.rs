//! What went wrong below, in words.

use gate_runtime::StoreErrorKind;
use rusqlite::ErrorCode;

const READ_ONLY: &str = "it cannot be written: give this process the right to";

/// Trouble with the database, before it is known which.
#[derive(Debug)]
pub(crate) enum Trouble {
    Sqlite(rusqlite::Error),
    /// Something that was read is not what it should be.
    Unread(&'static str, serde_json::Error),
    /// Something cannot be written as JSON.
    Unwritten(serde_json::Error),
    /// It was opened, but only for reading.
    ReadOnly,
    /// A newer version of this program has changed the schema.
    Newer,
    /// The file that was opened is not the one at the path any more.
    Replaced,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    pub(crate) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
                _ => StoreErrorKind::Unavailable,
            },
            Self::Unread(..) => StoreErrorKind::Corrupt,
            Self::Unwritten(_) | Self::ReadOnly | Self::Replaced | Self::Newer => StoreErrorKind::Unavailable,
        }
    }

    /// What happened, and what to do about it.
    pub(crate) fn words(&self) -> String {
        let error = match self {
            Self::Sqlite(error) => error,
            Self::Unread(what, error) => return format!("{what} cannot be read: {error}"),
            Self::Unwritten(error) => return format!("something cannot be written: {error}"),
            Self::ReadOnly => return READ_ONLY.to_owned(),
            Self::Newer => {
                return "a newer version of this program has changed its schema while it was open: update this one"
                    .to_owned();
            }
            Self::Replaced => {
                return "the file was deleted or replaced while it was open: open the store again".to_owned();
            }
        };
        let known = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process holds it: try again",
            Some(ErrorCode::DiskFull) => "the disk is full: make room, and try again",
            Some(ErrorCode::ReadOnly) => READ_ONLY,
            Some(ErrorCode::CannotOpen) => "it cannot be opened: look at its path and rights",
            Some(ErrorCode::DatabaseCorrupt) => "it is damaged: restore it from a backup",
            Some(ErrorCode::NotADatabase) => "it is no SQLite database: name another file",
            _ => return error.to_string(),
        };
        format!("{known} ({error})")
    }
}
