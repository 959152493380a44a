//! Directories of the people who may decide.

use std::fmt;

use gate_audit::VerifierKey;
use jiff::Timestamp;

use super::BoxFuture;
use crate::id::{ReviewerId, Role};
use crate::text::digest::Digest;

/// A directory of reviewers and their roles. Roles come from here, never from a caller.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::StaticDirectory;
/// use gate_runtime::people::Directory;
/// let people = StaticDirectory::new().person("dana", ["manager"]);
/// let now = gate_runtime::Timestamp::now();
/// assert!(people.find(&"dana".into(), now).await?.is_some());
/// assert_eq!(people.holders(Some(&"manager".into()), now).await?, Some(vec!["dana".into()]));
/// assert_eq!(people.named(" Dana").await?, ["dana"]);
/// # Ok(()) }
/// ```
pub trait Directory: Send + Sync + 'static {
    /// Returns the roles that a person has at a time, according to the directory as it is now. A
    /// role that the person holds temporarily counts if they held it at that time. `None` for an
    /// unknown person.
    fn find<'a>(
        &'a self,
        reviewer: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<Role>>, DirectoryError>>;

    /// Returns the people who hold a role at a time, or all reviewers, each once. A requirement
    /// that they cannot meet is refused before anybody is asked. `None` if the directory cannot
    /// list its people, which skips this check.
    fn holders<'a>(
        &'a self,
        role: Option<&'a Role>,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<ReviewerId>>, DirectoryError>>;

    /// Returns the people to whom a name belongs, by their id or another name, compared as
    /// [`same_person`](crate::people::same_person) does: nobody, one person, or all who share it.
    ///
    /// # Security
    /// A run acts on behalf of a name that a program passed. The person with that name does not
    /// count as an approver of that run. A directory that omits one of a person's names lets that
    /// person approve their own requests.
    fn named<'a>(&'a self, name: &'a str)
    -> BoxFuture<'a, Result<Vec<ReviewerId>, DirectoryError>>;

    /// Returns the digest of the directory's present content: people, roles, names, keys. The gate
    /// records every change of the digest.
    fn digest(&self) -> BoxFuture<'_, Result<Digest, DirectoryError>>;

    /// Returns the key of a person's signed votes for a vote at a time, according to the directory
    /// as it is now. `None` if the person has none.
    ///
    /// # Security
    /// A person who has a key must sign, so a directory that wraps another one must forward this
    /// method. The key's name is the person's id, and no two people have the same key. A removed or
    /// replaced key no longer counts, even for earlier votes whose calls have not begun.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use gate_runtime::audit::VerifierKey;
    /// use gate_runtime::StaticDirectory;
    /// use gate_runtime::people::Directory;
    /// let key: VerifierKey =
    ///     "dana+61d8bb4e+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c".parse()?;
    /// let people = StaticDirectory::new()
    ///     .person("dana", ["manager"])
    ///     .with_key(key.clone())
    ///     .person("omar", ["oncall"]);
    /// let now = gate_runtime::Timestamp::now();
    /// assert_eq!(people.key(&"dana".into(), now).await?, Some(key));
    /// assert_eq!(people.key(&"omar".into(), now).await?, None);
    /// # Ok(()) }
    /// ```
    fn key<'a>(
        &'a self,
        reviewer: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<VerifierKey>, DirectoryError>>;
}

/// An error of a directory. While it lasts, nobody may decide.
///
/// ```
/// let error = gate_runtime::people::DirectoryError::new("LDAP does not answer");
/// assert_eq!(error.to_string(), "the directory of reviewers: LDAP does not answer");
/// ```
#[derive(Debug)]
pub struct DirectoryError {
    problem: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl DirectoryError {
    /// Creates an error with a description.
    pub fn new(problem: impl fmt::Display) -> Self {
        Self { problem: problem.to_string(), source: None }
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the directory of reviewers: {}", self.problem)
    }
}

impl std::error::Error for DirectoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
