//! C2SP `tlog-checkpoint`: the text by which a log says how many leaves its tree has, and its root.

use std::fmt;
use std::str::FromStr;

use crate::encoding::{decimal, is_line};
use crate::error::{DocumentKind, Error};
use crate::hash::{Hash, MAX_SIZE};
use crate::head::TreeHead;
use crate::key::SigningKey;
use crate::note::Note;

/// Which log, and the head of its tree.
///
/// # Example
///
/// ```
/// use gate_audit::Checkpoint;
///
/// let text =
///     "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
/// let checkpoint: Checkpoint = text.parse()?;
/// assert_eq!(
///     (checkpoint.origin(), checkpoint.head().size()),
///     ("example.com/behind-the-sofa", 20_852_163)
/// );
/// assert_eq!(checkpoint.to_string(), text);
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint of the log `origin`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for an origin that is not one line, a size beyond 2^63 - 1, and an
    /// empty tree with the root of another.
    ///
    /// ```
    /// use gate_audit::{Checkpoint, TreeFrontier};
    ///
    /// let checkpoint = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?;
    /// assert_eq!(
    ///     checkpoint.to_string(),
    ///     "example.com/trail\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn new(origin: &str, head: TreeHead) -> Result<Checkpoint, Error> {
        let refuse = |line, hint| Err(Error::line(DocumentKind::Checkpoint, line, hint));
        if !is_line(origin) {
            return refuse(1, "name the log in one line, like `example.com/trail`");
        }
        if head.size() > MAX_SIZE {
            return refuse(2, "write a size below 2^63");
        }
        if head.size() == 0 && head.root() != Hash::of_nothing() {
            return refuse(3, "write the SHA-256 of nothing as the root of an empty tree");
        }
        Ok(Checkpoint { origin: origin.to_owned(), head, extensions: Vec::new() })
    }

    /// Adds a line of the log's own. Nobody who watches the log can check what it says.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is empty or has control characters.
    ///
    /// ```
    /// use gate_audit::{Checkpoint, TreeFrontier};
    ///
    /// let checkpoint = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?
    ///     .with_extension("gate 0.1")?;
    /// assert!(checkpoint.to_string().ends_with("\ngate 0.1\n"));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn with_extension(mut self, line: &str) -> Result<Checkpoint, Error> {
        let number = self.extensions.len() + 4;
        if !is_line(line) {
            return Err(Error::line(DocumentKind::Checkpoint, number, "leave no line empty"));
        }
        self.extensions.push(line.to_owned());
        Ok(self)
    }

    /// Signs it as a note.
    ///
    /// # Security
    ///
    /// Never sign a checkpoint that does not continue the one signed before: it proves that history
    /// was changed.
    ///
    /// # Errors
    ///
    /// What [`Note::sign`] says.
    ///
    /// ```
    /// use gate_audit::{Checkpoint, TreeFrontier, KeyKind, SigningKey};
    ///
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let checkpoint = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?;
    /// assert_eq!(checkpoint.sign(&key)?.text(), checkpoint.to_string());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn sign(&self, key: &SigningKey) -> Result<Note, Error> {
        Note::sign(self.to_string(), key)
    }

    /// Which log it is of.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier};
    /// assert_eq!(
    ///     Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.origin(),
    ///     "example.com/trail"
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root of the tree.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier};
    /// assert_eq!(
    ///     Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.head(),
    ///     TreeFrontier::new().head()
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The lines behind the root.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier};
    /// assert!(
    ///     Checkpoint::new("example.com/trail", TreeFrontier::new().head())?
    ///         .extensions()
    ///         .is_empty()
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.head.size(), self.head.root())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Checkpoint, Error> {
        let refuse = |line, hint| Error::line(DocumentKind::Checkpoint, line, hint);
        let lines = text.strip_suffix('\n').ok_or_else(|| {
            Error::whole(
                DocumentKind::Checkpoint,
                "write origin, size and root, each in a line that ends with a newline",
            )
        })?;
        let mut lines = lines.split('\n');
        let origin = lines.next().unwrap_or_default();
        let size = lines.next().and_then(decimal);
        let size = size
            .ok_or_else(|| refuse(2, "write the size as a decimal number without leading zeros"))?;
        let root = lines.next().and_then(Hash::from_base64);
        let root = root.ok_or_else(|| refuse(3, "write the root as 44 characters of base64"))?;
        lines.try_fold(Checkpoint::new(origin, TreeHead::new(size, root))?, |checkpoint, line| {
            checkpoint.with_extension(line)
        })
    }
}
