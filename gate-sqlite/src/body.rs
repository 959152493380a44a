//! Reads and writes the JSON bodies of rows.

use rusqlite::Row;

use crate::error::Trouble;

pub(crate) type Read<T> = Result<T, Trouble>;

pub(crate) fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(what: &'static str, body: &str) -> Read<T> {
    serde_json::from_str(body).map_err(|error| Trouble::Unread(what, error))
}

pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Read<String> {
    serde_json::to_string(value).map_err(Trouble::Unwritten)
}
