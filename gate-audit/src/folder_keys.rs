//! The successions of a trail's keys, in the files `keys/1`, `keys/2` and so on.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::encoding::decimal;
use crate::error::Error;
use crate::key::VerifierKey;
use crate::log_keys::{KeySuccession, LogKeys};
use crate::note::{self, Note};
use crate::tiles::read_file;

/// Reads the keys of the trail in a folder, given one known key. Each key introduces the next one.
///
/// The successions up to the one that introduces the known key prove nothing to a reader who trusts
/// that key. They are skipped, and the key counts for every size up to its end. If the known key
/// has signed the first succession, none is skipped.
///
/// # Security
///
/// Every file in `keys` must be a valid succession, numbered without a gap from 1 on. Any other
/// file, except the `.tmp` of a writer that died, is refused, because it could be a key that nobody
/// would read. Missing successions at the end cannot be detected here: the key before them counts
/// as the current one, and checkpoints of later keys are refused. If that old key was stolen, only
/// witnesses, or a reader who kept a later checkpoint, can detect it.
///
/// # Errors
///
/// [`Error::InFile`] for a file that is no succession, or one that [`LogKeys::accept`] refuses;
/// [`Error::Foreign`] for a file that does not belong there; [`Error::Io`], also for a missing
/// number; what [`LogKeys::new`] says.
///
/// # Example
///
/// ```
/// use gate_audit::{KeyKind, SigningKey, KeySuccession, TrailWriter, read_keys};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let folder = dir.path().join("trail");
/// let [old, new] = [[1; 32], [2; 32]]
///     .map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
/// let (old, new) = (old?, new?);
/// let mut trail = TrailWriter::create(&folder)?;
/// trail.append(b"asked")?;
/// let size = trail.seal()?.size();
/// trail.rotate_key(
///     &KeySuccession::new("example.com/trail", size, new.verifier().clone())?.sign(&old)?,
/// )?;
///
/// // One auditor was given the first key.
/// let keys = read_keys(&folder, "example.com/trail", old.verifier().clone())?;
/// assert_eq!(keys.current(), new.verifier());
/// // Another one was given the second key.
/// assert_eq!(
///     read_keys(&folder, "example.com/trail", new.verifier().clone())?.current(),
///     new.verifier()
/// );
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub fn read_keys(
    folder: impl AsRef<Path>,
    origin: &str,
    known: VerifierKey,
) -> Result<LogKeys, Error> {
    let folder = folder.as_ref();
    let mut notes = Vec::new();
    let mut introduced = None;
    for number in 1..=last(folder)? {
        let path = path(folder, number);
        let bytes =
            read_file(&path, note::LONGEST as u64).map_err(|source| Error::io(&path, source))?;
        let read =
            Note::parse(&bytes).and_then(|note| Ok((note.text().parse::<KeySuccession>()?, note)));
        let (rotation, note) = read.map_err(|error| Error::in_file(&path, error))?;
        rotation.must_be_of(origin).map_err(|error| Error::in_file(&path, error))?;
        notes.push((path, note));
        if rotation.key().as_bytes() == known.as_bytes() {
            introduced.get_or_insert(notes.len());
        }
    }
    let mut skipped = introduced.unwrap_or(0);
    if let Some((path, first)) = notes.first() {
        match first.verify(std::slice::from_ref(&known)) {
            Ok(_) => skipped = 0,
            Err(Error::Unsigned { .. }) => {}
            Err(error) => return Err(Error::in_file(path, error)),
        }
    }
    let mut keys = LogKeys::new(origin, known)?;
    for (path, note) in notes.into_iter().skip(skipped) {
        keys.accept(&note).map_err(|error| Error::in_file(&path, error))?;
    }
    Ok(keys)
}

/// Where the next succession of a trail belongs.
pub(crate) fn next(folder: &Path) -> Result<PathBuf, Error> {
    Ok(path(folder, last(folder)?.saturating_add(1)))
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join("keys").join(number.to_string())
}

/// The highest number of a succession; 0 if there is none.
fn last(folder: &Path) -> Result<u64, Error> {
    let folder = folder.join("keys");
    let files = match fs::read_dir(&folder) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(0),
        files => files.map_err(|source| Error::io(&folder, source))?,
    };
    let mut last = 0;
    for file in files {
        let path = file.map_err(|source| Error::io(&folder, source))?.path();
        let number =
            |name: Option<&std::ffi::OsStr>| decimal(name?.to_str()?).filter(|number| *number > 0);
        if path.extension().is_some_and(|end| end == "tmp") && number(path.file_stem()).is_some() {
            continue;
        }
        match number(path.file_name()) {
            Some(number) => last = last.max(number),
            None => return Err(Error::Foreign { path }),
        }
    }
    Ok(last)
}
