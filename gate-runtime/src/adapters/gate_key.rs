//! The key of a gate, and ways to load it.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use gate_core::call::CommitmentKeys;
use gate_core::text::{hex, unhex};

use crate::{private_file, random};

/// The key of a gate: 256 secret bits. It authenticates the [states of runs](crate::run::RunState).
/// Without it, nobody who has the store can guess [secret
/// arguments](crate::tool::SecretCommitment).
///
/// Keep it apart from the database and its backups. As text it has 64 hexadecimal digits, like the
/// output of `openssl rand -hex 32`. `Debug` does not show it.
///
/// ```
/// use gate_runtime::GateKey;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("gate.key");
/// GateKey::create(&path)?; // once: a new file, which only its owner can read
/// let key = GateKey::read(&path)?; // at each start
/// assert_eq!(format!("{key:?}"), "GateKey(…)");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct GateKey([u8; 32]);

impl GateKey {
    /// Creates a random key. It is lost when the process ends, unless you store it.
    #[must_use]
    pub fn random() -> Self {
        Self(random::bits_256())
    }

    /// Creates a key in a new file, which only its owner can read.
    ///
    /// # Errors
    /// Returns an error if the file already exists, or cannot be written.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let (path, key) = (path.as_ref(), Self::random());
        private_file::create(path, &hex(&key.0)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let problem = "the file already exists, and was not changed: name a new one";
                about(path, &io::Error::new(error.kind(), problem))
            }
            _ => about(path, &error),
        })?;
        Ok(key)
    }

    /// Reads a key from its file: one line of 64 hexadecimal digits. Errors never repeat the file's
    /// content.
    ///
    /// # Errors
    /// Returns an error if the file is missing, contains no key, or other users can read it.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let text = private_file::read(path).map_err(|error| about(path, &error))?;
        text.parse().map_err(|error| about(path, &io::Error::other(error)))
    }

    /// Reads a key from an environment variable; `None` if the variable is not set.
    ///
    /// # Errors
    /// Returns an error if the value is not a key.
    ///
    /// ```
    /// # use gate_runtime::GateKey;
    /// assert!(GateKey::from_env("NO_SUCH_VARIABLE")?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_env(variable: &str) -> io::Result<Option<Self>> {
        let Some(text) = std::env::var_os(variable) else { return Ok(None) };
        let wrong = |problem: &dyn fmt::Display| {
            io::Error::other(format!("the variable {variable}: {problem}"))
        };
        let text = text.to_str().ok_or_else(|| wrong(&ParseGateKeyError))?;
        text.parse().map(Some).map_err(|error: ParseGateKeyError| wrong(&error))
    }

    pub(crate) fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the gate's key {}: {error}", path.display()))
}

impl From<[u8; 32]> for GateKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<GateKey> for CommitmentKeys {
    fn from(key: GateKey) -> Self {
        Self::new(&key.0)
    }
}

/// The error that a text is not the key of a gate.
///
/// ```
/// use gate_runtime::GateKey;
/// use gate_runtime::tool::ParseGateKeyError;
/// assert_eq!("secret".parse::<GateKey>(), Err(ParseGateKeyError));
/// assert!("07".repeat(32).parse::<GateKey>().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseGateKeyError;

impl fmt::Display for ParseGateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a key of a gate: expected 64 hexadecimal digits, as `openssl rand -hex 32` \
            makes them",
        )
    }
}

impl std::error::Error for ParseGateKeyError {}

impl FromStr for GateKey {
    type Err = ParseGateKeyError;

    fn from_str(text: &str) -> Result<Self, ParseGateKeyError> {
        let bytes = unhex(text.trim()).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(ParseGateKeyError)
    }
}

impl fmt::Debug for GateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GateKey(…)")
    }
}
