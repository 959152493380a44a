//! A directory in a file.
//!
//! `document` parses the file's fields with their lines, `people` checks them and answers queries;
//! both collect every mistake. This module reads the file again before every answer.

mod document;
mod people;
mod person;
mod token;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use document::FileDiagnostic;
use gate_audit::VerifierKey;
use gate_core::id::{ReviewerId, Role};
use gate_core::ports::{BoxFuture, Directory, DirectoryError};
use gate_core::text::Digest;
use jiff::Timestamp;
use people::PeopleIndex;
pub use person::{Person, RemoteAgent, RoleDelegation};
pub use token::{AgentToken, ReviewerToken};

use crate::private_file::warn_if_open_to_others;

/// A directory of people and roles in a TOML file. Clones share one directory.
///
/// ```
/// use gate_runtime::FileDirectory;
/// use gate_runtime::people::{AgentToken, Directory, ReviewerToken};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("people.toml");
/// let (token, bot) = (ReviewerToken::new(), AgentToken::new());
/// let key = "dana+61d8bb4e+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
/// let file = format!(
///     r#"
/// [[person]]
/// id = "dana"
/// name = "Dana Kim"                 # optional
/// roles = ["manager"]               # `[]`: only what anyone may decide
/// token = "{}"                      # optional: the hash of her token
/// key = "{key}"                     # optional: her votes must be signed by it
/// contact = "dana@example.com"      # optional
/// slack = "U012AB3CD"               # optional: her member ID in Slack
/// aliases = ["dana.kim"]            # optional: other names under which runs act for her
///
/// [[person]]
/// id = "omar"
/// roles = ["oncall"]
///
/// [[agent]]                         # a program that asks over HTTP, and never decides
/// id = "billing-bot"
/// token = "{}"                      # the hash of its token
/// asks = ["manager"]                # optional: they must agree, whomever it names besides
/// at_once = 100                     # optional: so many of its questions wait at once; else 1,000
///
/// [[delegation]]                    # while dana is away
/// from = "dana"
/// to = "omar"
/// roles = ["manager"]               # optional: all of hers
/// until = "2999-12-01T00:00:00Z"    # counts no more from then on
/// "#,
///     token.hash(),
///     bot.hash(),
/// );
/// std::fs::write(&path, file)?;
///
/// let people = FileDirectory::open(&path)?; // for `Gate::builder(…).directory(people.clone())`
/// assert_eq!(
///     people.find(&"omar".into(), gate_runtime::Timestamp::now()).await?,
///     Some(vec!["oncall".into(), "manager".into()])
/// );
/// assert_eq!(people.holder_of(token.reveal())?, Some("dana".into()));
/// assert_eq!(people.holder_of(bot.reveal())?, None);
/// # Ok(()) }
/// ```
///
/// The file is read before every answer, so removing a right takes effect at once. People can only
/// delegate their own roles, and a delegation ends by the clock of the gate.
///
/// # Errors
/// While the file is missing, unreadable or has a mistake, every method returns a
/// [`DirectoryError`] that lists all mistakes with their lines, and nobody may decide. Correcting
/// the file is enough to continue. Replace the file by renaming another one to its name, because a
/// file that is being written could be read when it is incomplete.
///
/// # Security
/// Anyone who can write the file can become anybody in it. A reader of the file learns no token:
/// the file only has SHA-256 hashes, and only tokens of [`ReviewerToken::new`] are accepted, which
/// are too long to guess.
#[derive(Clone)]
pub struct FileDirectory {
    /// The path as it was given, for messages.
    name: Arc<Path>,
    /// The absolute path, so that a change of the working directory does not matter.
    path: Arc<Path>,
    snapshot: Arc<Mutex<FileSnapshot>>,
}

/// The content of the file when it was last read.
struct FileSnapshot {
    bytes: Vec<u8>,
    people: Result<Arc<PeopleIndex>, Arc<[FileDiagnostic]>>,
}

impl FileSnapshot {
    /// Writes to the security log that the file, and so people's rights, changed.
    fn log(&self, name: &Path) {
        let (file, digest) = (name.display(), Digest::of(&self.bytes));
        match &self.people {
            Ok(_) => {
                tracing::info!(target: "gate::security", event = "people_changed", %file, %digest);
            }
            Err(diagnostics) => {
                let mistakes = diagnostics.len();
                tracing::warn!(
                    target: "gate::security",
                    event = "people_unreadable",
                    %file,
                    %digest,
                    mistakes
                );
            }
        }
    }

    fn of(bytes: Vec<u8>) -> Self {
        let people = PeopleIndex::read(&bytes).map(Arc::new).map_err(Arc::from);
        Self { bytes, people }
    }
}

impl FileDirectory {
    /// Opens a file, reads it and checks everything in it.
    ///
    /// # Errors
    /// [`DirectoryError`] lists all mistakes in the file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DirectoryError> {
        let name: Arc<Path> = path.into().into();
        let path: Arc<Path> =
            std::path::absolute(&name).map_err(|error| unreadable(&name, &error))?.into();
        // Reading it reveals only hashes, but writing it grants rights.
        warn_if_open_to_others(&path, 0o022);
        let last = FileSnapshot::of(read(&path).map_err(|error| unreadable(&name, &error))?);
        let people = Self { name, path, snapshot: Arc::new(Mutex::new(last)) };
        people.now().map(|_| people)
    }

    /// Returns the person who has this token; `None` if nobody has it. Every character counts, even
    /// a line end.
    ///
    /// Takes the same time for every person in the file.
    ///
    /// # Errors
    /// Returns an error if the file is missing or has a mistake.
    pub fn holder_of(&self, token: &str) -> Result<Option<ReviewerId>, DirectoryError> {
        Ok(self.now()?.holder_of(token).cloned())
    }

    /// Returns the agent that has this token; `None` if no agent has it. A person's token is never
    /// accepted for an agent, nor the reverse.
    ///
    /// Takes the same time for every agent in the file.
    ///
    /// # Errors
    /// Returns an error if the file is missing or has a mistake.
    pub fn agent_of(&self, token: &str) -> Result<Option<RemoteAgent>, DirectoryError> {
        Ok(self.now()?.agent_of(token).cloned())
    }

    /// Returns the public keys of everybody in the file, to verify signed votes.
    ///
    /// # Errors
    /// Returns an error if the file is missing or has a mistake.
    pub fn keys(&self) -> Result<Vec<VerifierKey>, DirectoryError> {
        Ok(self.now()?.keys().cloned().collect())
    }

    /// Returns a person in the file, with the delegations that have not ended at a time; `None` if
    /// the person is not in the file.
    ///
    /// # Errors
    /// Returns an error if the file is missing or has a mistake.
    pub fn person(
        &self,
        reviewer: &ReviewerId,
        at: Timestamp,
    ) -> Result<Option<Person>, DirectoryError> {
        Ok(self.now()?.get(reviewer).map(|person| person.at(at)))
    }

    /// Returns the person with a Slack member ID, like [`person`](Self::person); `None` if nobody
    /// has it.
    ///
    /// # Errors
    /// Returns an error if the file is missing or has a mistake.
    pub fn person_by_slack(
        &self,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<Person>, DirectoryError> {
        Ok(self.now()?.by_slack(id).map(|person| person.at(at)))
    }

    /// Returns everybody in the file, like [`person`](Self::person).
    ///
    /// # Errors
    /// Returns an error if the file is missing or has a mistake.
    pub fn everybody(&self, at: Timestamp) -> Result<Vec<Person>, DirectoryError> {
        Ok(self.now()?.all().map(|person| person.at(at)).collect())
    }

    /// Returns the people in the file as it is now.
    ///
    /// Reads and compares the whole file each time, because its timestamp and length may be the
    /// same after a change.
    fn now(&self) -> Result<Arc<PeopleIndex>, DirectoryError> {
        let bytes = read(&self.path).map_err(|error| unreadable(&self.name, &error))?;
        // The lock is held during the comparison, so that each change is logged once.
        let mut last = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        if last.bytes != bytes {
            *last = FileSnapshot::of(bytes);
            last.log(&self.name);
        }
        last.people.clone().map_err(|diagnostics| invalid_file(&self.name, &diagnostics))
    }
}

impl Directory for FileDirectory {
    fn find<'a>(
        &'a self,
        reviewer: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<Role>>, DirectoryError>> {
        Box::pin(async move { Ok(self.now()?.roles_of(reviewer, at)) })
    }

    fn holders<'a>(
        &'a self,
        role: Option<&'a Role>,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<ReviewerId>>, DirectoryError>> {
        Box::pin(async move { Ok(Some(self.now()?.holders(role, at))) })
    }

    fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ReviewerId>, DirectoryError>> {
        Box::pin(async move { Ok(self.now()?.named(name)) })
    }

    /// Returns the SHA-256 of the file as it is.
    fn digest(&self) -> BoxFuture<'_, Result<Digest, DirectoryError>> {
        Box::pin(async move { Ok(self.now()?.digest()) })
    }

    fn key<'a>(
        &'a self,
        reviewer: &'a ReviewerId,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<VerifierKey>, DirectoryError>> {
        Box::pin(async move { Ok(self.now()?.get(reviewer).and_then(Person::key).cloned()) })
    }
}

impl fmt::Debug for FileDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDirectory").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Reads a regular file. Refuses anything else, like a pipe, which could block the reader.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

fn unreadable(name: &Path, error: &io::Error) -> DirectoryError {
    let name = name.display();
    DirectoryError::new(match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{name} does not exist, so nobody can decide: create it, or name another file")
        }
        io::ErrorKind::InvalidInput => {
            format!("{name} is not a file, so nobody can decide: name a file")
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "{name} cannot be read, so nobody can decide: give this process permission to \
                 read it"
            )
        }
        _ => format!(
            "{name} cannot be read, so nobody can decide: check its path and permissions ({error})"
        ),
    })
}

fn invalid_file(name: &Path, diagnostics: &[FileDiagnostic]) -> DirectoryError {
    let name = name.display();
    if let [FileDiagnostic { line, message }] = diagnostics {
        return DirectoryError::new(format_args!("{name}, line {line}: {message}"));
    }
    let lines = diagnostics
        .iter()
        .map(|FileDiagnostic { line, message }| format!("\n  - line {line}: {message}"));
    let lines: String = lines.collect();
    let count = diagnostics.len();
    DirectoryError::new(format_args!(
        "{name} has {count} mistakes, and nobody can decide until they are corrected:{lines}"
    ))
}

#[cfg(test)]
mod tests;
