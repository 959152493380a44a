//! The record of used links: an append-only file for each day on which links end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::id::Digest;

/// The files beside a key.
pub(super) struct UsedLinks<'k> {
    key: &'k Path,
}

impl<'k> UsedLinks<'k> {
    pub(super) fn beside(key: &'k Path) -> Self {
        Self { key }
    }

    /// Returns whether a link with this end is used.
    pub(super) fn has(&self, ends: Timestamp, digest: Digest) -> io::Result<bool> {
        let mut file = match File::open(self.file(ends)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            found => found?,
        };
        // Waits for a process that is appending, so that no line is read in part.
        file.lock_shared()?;
        is_in(&mut file, digest)
    }

    /// Records the use of a link. Returns `false` if it was recorded before. Processes take turns.
    pub(super) fn consume(
        &self,
        ends: Timestamp,
        digest: Digest,
        now: Timestamp,
    ) -> io::Result<bool> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(self.file(ends))?;
        // The lock covers reading and appending: of two processes, one uses the link.
        file.lock()?;
        if is_in(&mut file, digest)? {
            return Ok(false);
        }
        // Begins with a newline, so that a line that a crash cut off does not swallow this one.
        write!(file, "\n{digest}\n")?;
        file.sync_all()?;
        self.forget(now);
        Ok(true)
    }

    fn file(&self, ends: Timestamp) -> PathBuf {
        let mut name = self.key.as_os_str().to_owned();
        name.push(format!(".used-{}", day(ends)));
        name.into()
    }

    /// Removes the files of past days, whose links have expired. A file that cannot be removed now
    /// is removed later.
    fn forget(&self, now: Timestamp) {
        let over = now.checked_sub(Duration::from_hours(48)).map(day).unwrap_or_default();
        let folder = self
            .key
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let name = self.key.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let prefix = format!("{name}.used-");
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_over = entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix(&prefix))
                .is_some_and(|day| day.len() == over.len() && day < over.as_str());
            if is_over {
                // Another process may have removed it; otherwise the next use tries again.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn is_in(file: &mut File, digest: Digest) -> io::Result<bool> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    let digest_text = digest.to_string();
    Ok(text.lines().any(|line| line == digest_text))
}

/// Returns the day of a time, as in the name of its file.
fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400 + 5).unwrap()
    }

    #[test]
    fn a_link_is_taken_once_whoever_asks_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("links.key");
        let digest = Digest::of("a link");
        let taken: usize = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| UsedLinks::beside(&key).consume(at(2), digest, at(1)).unwrap())
                })
                .collect();
            all.into_iter().map(|taken| usize::from(taken.join().unwrap())).sum()
        });
        assert_eq!(taken, 1);
        let used = UsedLinks::beside(&key);
        assert!(
            used.has(at(2), digest).unwrap() && !used.has(at(2), Digest::of("another")).unwrap()
        );
    }

    #[test]
    fn what_is_over_is_forgotten_and_a_torn_line_swallows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("links.key");
        let used = UsedLinks::beside(&key);
        assert!(used.consume(at(2), Digest::of("old"), at(1)).unwrap());
        fs::write(used.file(at(9)), "sha256:12").unwrap();
        assert!(used.consume(at(9), Digest::of("new"), at(8)).unwrap());
        assert!(used.has(at(9), Digest::of("new")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn where_it_cannot_be_noted_nothing_is_taken() {
        let used = UsedLinks::beside(Path::new("/no/such/folder/links.key"));
        assert!(used.consume(at(2), Digest::of("x"), at(1)).is_err());
    }
}
