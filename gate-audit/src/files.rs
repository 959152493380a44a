//! Files that are there whole or not at all, and that outlive a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The number of files that are made durable at once.
const THREADS: usize = 16;

/// Puts a file in its place, durably: once this returns, all its bytes are there under its name,
/// and until then what was there before. Its folder must be there.
///
/// # Errors
///
/// [`Error::Io`]. Then there is what was before, or the new file, and perhaps a `.tmp` beside it.
///
/// # Example
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// let file = dir.path().join("checkpoint");
/// gate_audit::replace_file(&file, b"one")?;
/// gate_audit::replace_file(&file, b"two")?;
/// assert_eq!(std::fs::read(&file).unwrap(), b"two");
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub fn replace_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
    let path = path.as_ref();
    let beside = path.with_extension("tmp");
    write_at(&beside, bytes).map_err(|source| Error::io(&beside, source))?;
    sync_file(&beside)?;
    fs::rename(&beside, path).map_err(|source| Error::io(path, source))?;
    sync_folder(
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
    )
}

/// Writes a file so that nobody finds it with a part of its bytes.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("tmp");
    let written = match write_at(&beside, bytes) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| write_at(&beside, bytes))
        }
        written => written,
    };
    written.and_then(|()| fs::rename(&beside, path)).map_err(|source| Error::io(path, source))
}

fn write_at(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::create(path)?.write_all(bytes)
}

/// Does for many files what waits for the disk: a disk takes many such requests in the time of one.
pub(crate) fn at_once(
    paths: &[PathBuf],
    work: fn(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let one_by_one = |paths: &[PathBuf]| paths.iter().try_for_each(|path| work(path));
    let (last, others) =
        match paths.chunks(paths.len().div_ceil(THREADS).max(1)).collect::<Vec<_>>().split_last() {
            None => return Ok(()),
            Some((last, others)) => (*last, others.to_vec()),
        };
    std::thread::scope(|scope| {
        let started: Vec<_> = others
            .into_iter()
            .map(|paths| {
                (paths, std::thread::Builder::new().spawn_scoped(scope, move || one_by_one(paths)))
            })
            .collect();
        let mut done = one_by_one(last);
        for (paths, thread) in started {
            // Where there is no thread to be had, or it fell over, this one does its work.
            let other = thread
                .ok()
                .and_then(|thread| thread.join().ok())
                .unwrap_or_else(|| one_by_one(paths));
            done = done.and(other);
        }
        done
    })
}

pub(crate) fn sync_file(path: &Path) -> Result<(), Error> {
    let synced = OpenOptions::new().write(true).open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::io(path, source))
}

/// Makes the names in a folder durable, where the system can.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        return File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Error::io(path, source));
    }
    Ok(())
}
