//! The key by which somebody signs their votes, in a file of their own.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use gate_runtime::audit::{Error, KeyKind, SigningKey};

use crate::failure::Failure;

/// The most bytes of a key's file.
const MOST: u64 = 4_096;

/// Reads the key from its file: one line, which nobody else can read. What is in the file is never repeated.
pub(crate) fn read(path: &Path) -> Result<SigningKey, Failure> {
    let trouble = |words: String| Failure::Trouble(format!("the signing key {}: {words}", path.display()));
    let unreadable = |error: io::Error| {
        trouble(match error.kind() {
            io::ErrorKind::NotFound => "it is not there: name its file by --signing-key or GATE_SIGNING_KEY".to_owned(),
            _ => format!("it cannot be read: {error}"),
        })
    };
    // What is asked of the file is asked of this one, whatever stands under its name a moment later.
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(trouble("it is no file".to_owned()));
    }
    if is_open_to_others(&about) {
        let words = "others than its owner can read it: `chmod 600` it, and make a new key if somebody may have";
        return Err(trouble(words.to_owned()));
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).map_err(unreadable)?;
    let key = text.trim().parse::<SigningKey>().map_err(|error| match error {
        Error::Malformed { hint, .. } => trouble(format!("it is no private key: {hint}")),
        error => trouble(error.to_string()),
    })?;
    match key.verifier().kind() {
        KeyKind::Log => Ok(key),
        KeyKind::Witness => {
            Err(trouble("it is a witness's key, which signs checkpoints: take one of algorithm 1".to_owned()))
        }
    }
}

#[cfg(unix)]
fn is_open_to_others(about: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0
}

/// Elsewhere who may read a file is said in another way.
#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}
