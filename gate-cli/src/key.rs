//! A person's key for signed votes, in a file of its own.

use std::path::Path;

use gate_runtime::Trail;
use gate_runtime::audit::{KeyKind, SigningKey};
use gate_runtime::trail::TrailError;

use crate::error::CommandError;

/// Reads the key from its file.
pub(crate) fn read(path: &Path) -> Result<SigningKey, CommandError> {
    let to_error = |message: &str| {
        CommandError::Trouble(format!("the signing key {}: {message}", path.display()))
    };
    if !path.exists() {
        return Err(to_error("no such file: name the file with --signing-key or GATE_SIGNING_KEY"));
    }
    let key = Trail::read_key(path).map_err(|error| match error {
        TrailError::File { problem, .. } => to_error(&problem),
        error => error.into(),
    })?;
    match key.verifier().kind() {
        KeyKind::Log => Ok(key),
        KeyKind::Witness => {
            Err(to_error("it is a witness's key, which signs checkpoints: use one of algorithm 1"))
        }
    }
}
