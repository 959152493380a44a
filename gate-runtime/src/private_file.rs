//! Files that only their owner can read: keys.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// The most bytes of a key's file.
const MOST: u64 = 4_096;

/// Writes one line into a new file, which only its owner can read, and waits until it is durable.
pub(crate) fn create(path: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    sync_parent(path)
}

/// Reads a file, if only its owner can.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    // The checks apply to the open file, even if another one is put under its name a moment later.
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if is_open_to_others(&about, 0o077) {
        let message = "users other than its owner can read it: `chmod 600` it, and make a new key \
            if one of them may have";
        return Err(io::Error::other(message));
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes the name of a file durable, where the system can.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(parent)?.sync_all() } else { Ok(()) }
}

/// Returns whether others than its owner have any of these rights to a file, as its mode has them
/// (`0o022`: to write it).
#[cfg(unix)]
#[must_use]
pub fn is_open_to_others(about: &Metadata, rights: u32) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & rights != 0
}

/// Other systems control read access in other ways.
#[cfg(not(unix))]
#[must_use]
pub fn is_open_to_others(_: &Metadata, _: u32) -> bool {
    false
}

/// Warns in the security log if others than its owner have any of these rights to a file.
pub fn warn_if_open_to_others(path: &Path, rights: u32) {
    if std::fs::metadata(path).is_ok_and(|about| is_open_to_others(&about, rights)) {
        tracing::warn!(
            target: "gate::security",
            event = "file_open_to_others",
            path = %path.display()
        );
    }
}
