//! Ways for people to sign in.

use gate_runtime::id::{Digest, ReviewerId};
use gate_runtime::people::DirectoryError;
use gate_runtime::store::BoxFuture;
use gate_runtime::{FileDirectory, Timestamp};

/// Authenticates a person by the secret that they typed into the page.
///
/// [`FileDirectory`] implements it: people sign in with their tokens.
///
/// ```
/// use gate_inbox::{SignIn as _, SignedIn};
/// use gate_runtime::FileDirectory;
/// use gate_runtime::people::ReviewerToken;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("people.toml");
/// let token = ReviewerToken::new();
/// std::fs::write(
///     &path,
///     format!("[[person]]\nid = \"dana\"\nroles = []\ntoken = \"{}\"\n", token.hash()),
/// )?;
/// let people = FileDirectory::open(&path)?;
/// let dana = people.sign_in(token.reveal()).await?.expect("it is her token");
/// assert_eq!(dana, SignedIn::new("dana", token.hash()));
///
/// let another = ReviewerToken::new(); // hers was stolen
/// std::fs::write(
///     &path,
///     format!("[[person]]\nid = \"dana\"\nroles = []\ntoken = \"{}\"\n", another.hash()),
/// )?;
/// assert!(!people.still_holds(&dana).await?);
/// # Ok(()) }
/// ```
pub trait SignIn: Send + Sync + 'static {
    /// Returns the person who has this secret; `None` if nobody has it.
    ///
    /// # Security
    /// The time that this takes must not depend on the number of correct characters.
    fn sign_in<'a>(
        &'a self,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Option<SignedIn>, DirectoryError>>;

    /// Returns whether a person who signed in before could still sign in. Called at every request.
    fn still_holds<'a>(
        &'a self,
        before: &'a SignedIn,
    ) -> BoxFuture<'a, Result<bool, DirectoryError>>;
}

/// A person who signed in.
///
/// ```
/// use gate_inbox::SignedIn;
/// use gate_runtime::id::Digest;
/// let dana = SignedIn::new("dana", Digest::of("her token"));
/// assert_eq!((dana.who().as_str(), dana.by()), ("dana", Digest::of("her token")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    reviewer: ReviewerId,
    credential: Digest,
}

impl SignedIn {
    /// Creates it from the id of a person, and the digest of the secret that they typed.
    pub fn new(who: impl Into<ReviewerId>, credential: Digest) -> Self {
        Self { reviewer: who.into(), credential }
    }

    /// Returns the id of the person.
    #[must_use]
    pub fn who(&self) -> &ReviewerId {
        &self.reviewer
    }

    /// Returns the digest of the secret that they typed.
    #[must_use]
    pub fn by(&self) -> Digest {
        self.credential
    }
}

impl SignIn for FileDirectory {
    fn sign_in<'a>(
        &'a self,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Option<SignedIn>, DirectoryError>> {
        Box::pin(async move {
            Ok(self.holder_of(secret)?.map(|reviewer| SignedIn::new(reviewer, Digest::of(secret))))
        })
    }

    fn still_holds<'a>(
        &'a self,
        before: &'a SignedIn,
    ) -> BoxFuture<'a, Result<bool, DirectoryError>> {
        Box::pin(async move {
            let person = self.person(before.who(), Timestamp::now())?;
            Ok(person.and_then(|person| person.token_hash()) == Some(before.by()))
        })
    }
}
