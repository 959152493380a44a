//! Reads and writes the JSON bodies of rows.

use rusqlite::Row;

use crate::error::DatabaseError;

pub(crate) type ReadResult<T> = Result<T, DatabaseError>;

pub(crate) fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(
    what: &'static str,
    body: &str,
) -> ReadResult<T> {
    serde_json::from_str(body).map_err(|error| DatabaseError::Unread(what, error))
}

pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> ReadResult<String> {
    serde_json::to_string(value).map_err(DatabaseError::Unwritten)
}
