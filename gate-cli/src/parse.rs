//! Parses arguments of commands.

use serde_json::Value;

use crate::error::CommandError;
use crate::output::plain;

pub(crate) fn pair(value: &str) -> Result<(&str, &str), CommandError> {
    value.split_once('=').ok_or_else(|| invalid_value(value, "NAME=VALUE"))
}

pub(crate) fn invalid_value(value: &str, wanted: &str) -> CommandError {
    CommandError::Usage(format!("{} is not {wanted}", plain(value)))
}

/// Parses a value: JSON if the text is valid JSON, otherwise the text itself.
pub(crate) fn value_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}
