//! The errors of a trail. Their messages include what to do.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Everything that this crate refuses, with the place and the way out.
///
/// # Example
///
/// ```
/// use gate_audit::{Checkpoint, Error};
///
/// let refused = "example.com/trail\n007\n".parse::<Checkpoint>().unwrap_err();
/// assert!(matches!(refused, Error::Malformed { .. }));
/// assert_eq!(
///     refused.to_string(),
///     "checkpoint, line 2: write the size as a decimal number without leading zeros"
/// );
/// ```
#[derive(Debug)]
pub enum Error {
    /// Foreign bytes do not have the form that their format asks for.
    Malformed {
        /// The document that was read.
        what: DocumentKind,
        /// Where in it.
        place: DocumentPosition,
        /// The description of what should be there.
        hint: &'static str,
    },
    /// No signature is by a key that is known here.
    Unsigned {
        /// The number of signatures by other keys that the note has.
        unknown: usize,
    },
    /// A signature says that it is by a known key, and is not.
    BadSignature {
        /// The key's name.
        key: String,
    },
    /// The key that signed was not in force at the size of this checkpoint.
    NotInForce {
        /// The key's name.
        key: String,
        /// The checkpoint's size.
        size: u64,
    },
    /// A key of one kind was used where the other is needed.
    WrongKind {
        /// The key's name.
        key: String,
    },
    /// The checkpoint is that of another log.
    OtherOrigin {
        /// The origin that the checkpoint names.
        found: String,
        /// The origin that was expected.
        expected: String,
    },
    /// Fewer witnesses than wanted have cosigned.
    TooFewWitnesses {
        /// The number of witnesses that did.
        found: usize,
        /// The number of witnesses that must.
        wanted: usize,
    },
    /// A new key was introduced in a way that cannot hold.
    BadSuccession {
        /// Why not.
        reason: &'static str,
    },
    /// A leaf is asked for that the tree does not have.
    OutOfRange {
        /// The leaf, or the size of a smaller tree.
        index: u64,
        /// The number of leaves that the tree has.
        size: u64,
    },
    /// The proof does not show that the leaf is in the tree.
    NotIncluded {
        /// Where the leaf should be.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The proof does not show that the newer tree continues the older one.
    NotConsistent {
        /// The size of the older tree.
        older: u64,
        /// The size of the newer tree.
        newer: u64,
    },
    /// The files are not those of the tree that the checkpoint names.
    OtherTree {
        /// The size in the checkpoint.
        size: u64,
    },
    /// A tile's hashes are not those that the tree has there.
    Tampered {
        /// The file's path within the trail.
        path: String,
    },
    /// An entry is not the one that was logged.
    EntryChanged {
        /// Which entry.
        index: u64,
    },
    /// An entry is longer than an entry bundle can hold.
    EntryTooLong {
        /// The number of bytes that it has.
        len: usize,
    },
    /// The folder already has a trail.
    Occupied {
        /// Its checkpoint.
        path: PathBuf,
    },
    /// Another writer has the trail.
    Busy {
        /// The file that it has locked.
        path: PathBuf,
    },
    /// A file is where only files of a trail may be, and is none.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// One of several files is not what it should be.
    InFile {
        /// The file.
        path: PathBuf,
        /// The error that was found in it.
        error: Box<Error>,
    },
    /// A file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// The document that was being read when an [`Error::Malformed`] was found.
///
/// ```
/// assert_eq!(gate_audit::DocumentKind::Note.to_string(), "note");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A signed note.
    Note,
    /// A checkpoint's text.
    Checkpoint,
    /// A verifier key, `name+id+base64`.
    VerifierKey,
    /// A signing key, `PRIVATE+KEY+name+id+base64`.
    SigningKey,
    /// A hash in base64.
    Hash,
    /// The peaks of a tree.
    Frontier,
    /// The path of a tile.
    TilePath,
    /// The bytes of a tile.
    Tile,
    /// The bytes of an entry bundle.
    Bundle,
    /// A receipt.
    Receipt,
    /// The text that introduces a new key.
    Succession,
    /// The request of a log to a witness.
    AddCheckpoint,
    /// The signature lines of a witness.
    Cosignatures,
    /// A set of witnesses and how many of them must cosign.
    WitnessPolicy,
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DocumentKind::Note => "note",
            DocumentKind::Checkpoint => "checkpoint",
            DocumentKind::VerifierKey => "verifier key",
            DocumentKind::SigningKey => "signing key",
            DocumentKind::Hash => "hash",
            DocumentKind::Frontier => "frontier",
            DocumentKind::TilePath => "tile path",
            DocumentKind::Tile => "tile",
            DocumentKind::Bundle => "entry bundle",
            DocumentKind::Receipt => "receipt",
            DocumentKind::Succession => "key succession",
            DocumentKind::AddCheckpoint => "add-checkpoint",
            DocumentKind::Cosignatures => "cosignatures",
            DocumentKind::WitnessPolicy => "witness policy",
        })
    }
}

/// Where in a document a fault is.
///
/// ```
/// assert_eq!(gate_audit::DocumentPosition::Line(2).to_string(), ", line 2");
/// assert_eq!(gate_audit::DocumentPosition::Byte(40).to_string(), ", byte 40");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentPosition {
    /// In the document as a whole.
    Whole,
    /// In this line, counted from 1.
    Line(usize),
    /// At this byte, counted from 0.
    Byte(usize),
}

impl fmt::Display for DocumentPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentPosition::Whole => Ok(()),
            DocumentPosition::Line(line) => write!(f, ", line {line}"),
            DocumentPosition::Byte(byte) => write!(f, ", byte {byte}"),
        }
    }
}

impl Error {
    /// A fault in a document as a whole.
    pub(crate) fn whole(what: DocumentKind, hint: &'static str) -> Error {
        Error::Malformed { what, place: DocumentPosition::Whole, hint }
    }

    /// A fault in a line, counted from 1.
    pub(crate) fn line(what: DocumentKind, line: usize, hint: &'static str) -> Error {
        Error::Malformed { what, place: DocumentPosition::Line(line), hint }
    }

    /// A fault at a byte, counted from 0.
    pub(crate) fn byte(what: DocumentKind, byte: usize, hint: &'static str) -> Error {
        Error::Malformed { what, place: DocumentPosition::Byte(byte), hint }
    }

    /// The same fault in a document that stands behind so many lines and bytes of another.
    pub(crate) fn further_down(self, lines: usize, bytes: usize) -> Error {
        match self {
            Error::Malformed { what, place: DocumentPosition::Line(line), hint } => {
                Error::line(what, line + lines, hint)
            }
            Error::Malformed { what, place: DocumentPosition::Byte(byte), hint } => {
                Error::byte(what, byte + bytes, hint)
            }
            other => other,
        }
    }

    /// Returns the error with the file in which it was found.
    pub(crate) fn in_file(path: &Path, error: Error) -> Error {
        Error::InFile { path: path.to_owned(), error: Box::new(error) }
    }

    /// A file that could not be read or written.
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Error {
        Error::Io { path: path.into(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Malformed { what, place: position, hint } => {
                write!(f, "{what}{position}: {hint}")
            }
            Error::Unsigned { unknown } => {
                write!(
                    f,
                    "no signature is by a known key ({unknown} by others); give the verifier key \
                     of the required signer"
                )
            }
            Error::BadSignature { key } => {
                write!(
                    f,
                    "the signature of `{key}` is not by that key; do not trust this text, get it \
                     again"
                )
            }
            Error::NotInForce { key, size } => write!(
                f,
                "`{key}` was not in force at size {size}; give the succession that introduced the \
                 key, or do not trust this"
            ),
            Error::WrongKind { key } => {
                write!(
                    f,
                    "`{key}` is a key of the other kind; logs sign with algorithm 1, witnesses \
                     with algorithm 4"
                )
            }
            Error::OtherOrigin { found, expected } => {
                write!(
                    f,
                    "the checkpoint is of `{found}`, not of `{expected}`; give the keys of that \
                     log, or its file"
                )
            }
            Error::TooFewWitnesses { found, wanted } => {
                write!(
                    f,
                    "{found} of the wanted {wanted} witnesses have cosigned; have the checkpoint \
                     cosigned"
                )
            }
            Error::BadSuccession { reason } => {
                write!(f, "the key succession does not hold: {reason}")
            }
            Error::OutOfRange { index, size } => {
                write!(f, "{index} is beyond a tree of {size} leaves; use a newer checkpoint")
            }
            Error::NotIncluded { index, size } => {
                write!(
                    f,
                    "this is not the entry at {index} in the tree of {size} leaves; do not \
                     trust it"
                )
            }
            Error::NotConsistent { older, newer } => write!(
                f,
                "the tree of {newer} leaves does not continue that of {older}; keep both \
                 checkpoints: history was changed"
            ),
            Error::OtherTree { size } => {
                write!(
                    f,
                    "the files are not the checkpoint's tree of {size} leaves; restore them or do \
                     not trust them"
                )
            }
            Error::Tampered { path } => {
                write!(
                    f,
                    "`{path}` is not what the checkpoint's tree has there; restore it or do not \
                     trust it"
                )
            }
            Error::EntryChanged { index } => {
                write!(f, "entry {index} is not what was logged; restore it or do not trust it")
            }
            Error::EntryTooLong { len } => {
                write!(
                    f,
                    "an entry of {len} bytes is longer than 65535; log its digest, and keep the \
                     entry elsewhere"
                )
            }
            Error::Occupied { path } => {
                write!(
                    f,
                    "`{}` already exists; resume that trail, or use an empty folder",
                    path.display()
                )
            }
            Error::Busy { path } => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` is locked: another process writes this trail; let it end, or write \
                     through it"
                )
            }
            Error::Foreign { path } => {
                write!(
                    f,
                    "`{}` is not a file of this trail; find out who put it there, and move it away",
                    path.display()
                )
            }
            Error::InFile { path, error } => write!(f, "`{}`: {error}", path.display()),
            Error::Io { path, source } => {
                write!(
                    f,
                    "`{}` cannot be read or written ({source}); check that it exists and who owns \
                     it",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::InFile { error, .. } => error.source(),
            _ => None,
        }
    }
}
