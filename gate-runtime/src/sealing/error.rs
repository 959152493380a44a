//! Errors of a trail, in addition to those of the formats.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use gate_core::approval::ReplayError;
use gate_core::ports::StoreError;
use gate_core::records::Record;
use gate_core::text::SchemaError;

use crate::engine::review::error::DecideError;

/// The error that a trail cannot be read or written.
///
/// ```
/// # fn show(error: &gate_runtime::trail::TrailError) {
/// eprintln!("{error}");
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TrailError {
    /// The files, the signatures or the tree.
    Audit(gate_audit::Error),
    /// The store did not answer.
    Store(StoreError),
    /// The store and the trail have diverged. Nothing runs until a person settles it.
    Divergence(Divergence),
    /// The store had a trail of this name, and the folder has none.
    Missing {
        /// The trail's name.
        origin: String,
        /// The folder in which it should be.
        folder: PathBuf,
    },
    /// The last checkpoint is not signed by the key that has to sign the next one.
    OtherKey {
        /// The key's name.
        key: String,
        /// The problem with the signature.
        source: gate_audit::Error,
    },
    /// An entry cannot be read.
    Entry {
        /// Its index.
        index: u64,
        /// The problem with it.
        problem: SchemaError,
    },
    /// An entry contains an event that cannot have happened.
    Replay {
        /// Its index.
        index: u64,
        /// The fault in it.
        problem: ReplayError,
    },
    /// A record has no canonical form.
    Record {
        /// Its number.
        seq: u64,
        /// The problem with it.
        problem: SchemaError,
    },
    /// A file beside the tree.
    File {
        /// The path of the file.
        path: PathBuf,
        /// The problem with it.
        problem: String,
    },
    /// Another process writes the trail.
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The person may not settle it, or gave no reason.
    Refused(DecideError),
    /// There is nothing to settle.
    NotDiverged,
    /// The task that does the work hangs.
    Stuck,
    /// The task that seals has ended.
    Ended,
}

impl TrailError {
    pub(crate) fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::File { path: path.to_owned(), problem: problem.to_string() }
    }
}

impl From<gate_audit::Error> for TrailError {
    fn from(error: gate_audit::Error) -> Self {
        Self::Audit(error)
    }
}

impl From<StoreError> for TrailError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Divergence> for TrailError {
    fn from(divergence: Divergence) -> Self {
        Self::Divergence(divergence)
    }
}

impl fmt::Display for TrailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the trail: ")?;
        match self {
            Self::Audit(error) => fmt::Display::fmt(error, f),
            Self::Store(error) => fmt::Display::fmt(error, f),
            Self::Refused(error) => fmt::Display::fmt(error, f),
            Self::Divergence(divergence) => write!(
                f,
                "{divergence}. Nothing runs until that is settled: restore the right database, or \
                 record with `gate audit settle` why this one is right"
            ),
            Self::Missing { origin, folder } => write!(
                f,
                "the database had the trail `{origin}`, but {} has none: restore the folder, or \
                 name another trail with another key",
                folder.display()
            ),
            Self::OtherKey { key, source } => write!(
                f,
                "its last checkpoint is not by `{key}`, which should write the next one \
                 ({source}): use the key that wrote it, or finish what `gate audit key rotate` \
                 began"
            ),
            Self::Entry { index, problem } => write!(f, "entry {index} cannot be read: {problem}"),
            Self::Replay { index, problem: replay_error } => {
                write!(f, "entry {index}, {replay_error}")
            }
            Self::Record { seq, problem } => write!(f, "record {seq} cannot be sealed: {problem}"),
            Self::File { path, problem } => write!(f, "{}: {problem}", path.display()),
            Self::Busy { folder } => {
                write!(
                    f,
                    "another process writes {}: stop it first, or let it do the \
                    work",
                    folder.display()
                )
            }
            Self::NotDiverged => {
                f.write_str("database and trail agree: there is nothing to settle")
            }
            Self::Stuck => f.write_str(
                "nothing was sealed for more than a minute, although there are records: its disk, \
                 its store or its runtime hangs",
            ),
            Self::Ended => {
                f.write_str("its sealing task has ended with its runtime: build the gate again")
            }
        }
    }
}

impl std::error::Error for TrailError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Audit(error) | Self::OtherKey { source: error, .. } => Some(error),
            Self::Store(error) => Some(error),
            Self::Refused(error) => Some(error),
            Self::Replay { problem: replay_error, .. } => Some(replay_error),
            Self::Entry { problem, .. } | Self::Record { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

/// The place where the store and the trail begin to diverge.
///
/// ```
/// # fn show(parted: &gate_runtime::trail::Divergence) {
/// println!("{parted}");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    pub(super) seq: u64,
    pub(super) sealed: u64,
    pub(super) how: DivergenceKind,
}

/// The way in which they diverge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DivergenceKind {
    /// The store ends before.
    Shorter,
    /// The store has another record there.
    Changed { kind: &'static str, place: String },
}

impl Divergence {
    /// Returns the number of the first record that differs.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the number of the last record in the trail.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.sealed
    }

    /// Returns whether the store lacks records that the trail has, as an older copy of it would.
    #[must_use]
    pub fn is_older(&self) -> bool {
        self.how == DivergenceKind::Shorter
    }

    pub(super) fn changed(seq: u64, sealed: u64, stored: &str, pointer: String) -> Self {
        let kind =
            serde_json::from_str(stored).map_or("unreadable", |record: Record| record.kind());
        Self { seq, sealed, how: DivergenceKind::Changed { kind, place: pointer } }
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            DivergenceKind::Shorter => write!(
                f,
                "the database ends with record {}, and the trail with record {}: it is an older \
                 copy, as after a restored backup",
                self.seq.saturating_sub(1),
                self.sealed
            ),
            DivergenceKind::Changed { kind, place: pointer } => {
                write!(
                    f,
                    "record {} ({kind}) of the database is not the one that was sealed",
                    self.seq
                )?;
                if !pointer.is_empty() {
                    write!(f, ": it differs at `{pointer}`")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Divergence {}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> TrailError {
    TrailError::file(path, error)
}
