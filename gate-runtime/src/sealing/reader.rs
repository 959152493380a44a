//! Reads a trail's folder: every entry is verified against the checkpoint before it is returned.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use gate_audit::{
    EntryProof, LogKeys, Note, Receipt, TileStore, VerifiedCheckpoint, WitnessPolicy,
    prove_inclusion, read_checkpoint,
};
use gate_core::id::ApprovalId;
use gate_core::records::{DigestEntry, Record, TrailEntry};

use super::error::{TrailError, unreadable};

/// The number of entries of a bundle (C2SP `tlog-tiles`).
const BUNDLE: u64 = 256;

/// The trail in a folder, at its last checkpoint.
///
/// Reading blocks. See [`Trail`](crate::Trail) for an example.
#[derive(Debug)]
pub struct TrailReader {
    folder: PathBuf,
    note: Note,
    checkpoint: VerifiedCheckpoint,
    tiles: TileStore,
}

impl TrailReader {
    /// Opens a trail. One of these keys must have signed its last checkpoint, and enough witnesses
    /// must have cosigned it.
    ///
    /// # Errors
    /// Returns [`TrailError::Audit`] if the checkpoint does not verify.
    pub fn open(
        folder: impl Into<PathBuf>,
        keys: &LogKeys,
        witnesses: &WitnessPolicy,
    ) -> Result<Self, TrailError> {
        let folder = folder.into();
        let note = read_checkpoint(&folder)?;
        let checkpoint = keys.verify(&note, witnesses)?;
        let tiles = TileStore::open(&folder, checkpoint.head())?;
        Ok(Self { folder, note, checkpoint, tiles })
    }

    /// Returns the checkpoint against which everything is verified.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Returns the signed note of the checkpoint.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Returns the tree.
    #[must_use]
    pub fn tiles(&self) -> &TileStore {
        &self.tiles
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.head().size()
    }

    /// Returns the entries from an index on, in order, with their indexes. Ends with the first
    /// entry that cannot be read, or that is not the one that was logged.
    pub fn entries(&self, from: u64) -> impl Iterator<Item = Result<(u64, Vec<u8>), TrailError>> {
        let each = BUNDLE;
        let bundles = from / each..self.tiles.bundles();
        let read = bundles.flat_map(move |bundle| match self.tiles.bundle(bundle) {
            Ok(entries) => (bundle * each..).zip(entries).map(Ok).collect(),
            Err(error) => vec![Err(TrailError::from(error))],
        });
        let mut has_failed = false;
        read.filter(move |read| read.as_ref().map_or(true, |(index, _)| *index >= from))
            .take_while(move |read| !std::mem::replace(&mut has_failed, read.is_err()))
    }

    /// Reads an entry. A long record is read from beside the tree.
    ///
    /// # Errors
    /// Returns [`TrailError::Entry`] if it is not an entry, or [`TrailError::File`] if the record
    /// beside the tree is missing, or is not the one that was logged.
    pub fn read(&self, index: u64, bytes: &[u8]) -> Result<TrailEntry, TrailError> {
        match TrailEntry::parse(bytes).map_err(|problem| TrailError::Entry { index, problem })? {
            TrailEntry::Digest(digest_entry) => {
                Ok(TrailEntry::Record(Box::new(self.beside(&digest_entry)?.0)))
            }
            entry => Ok(entry),
        }
    }

    /// Returns the record of a digest entry, and its bytes.
    fn beside(&self, digest_entry: &DigestEntry) -> Result<(Record, Vec<u8>), TrailError> {
        let path = self.folder.join(digest_entry.file());
        let bytes = read_file(&path, digest_entry.bytes())?;
        let record = TrailEntry::parse_beside(digest_entry, &bytes)
            .map_err(|problem| TrailError::file(&path, problem))?;
        Ok((record, bytes))
    }

    /// Returns the indexes of the entries about calls whose ids have this end, with their records.
    /// Reset entries between them have no record.
    ///
    /// # Errors
    /// If an entry cannot be read.
    pub fn about(&self, end: &str) -> Result<Vec<(u64, Option<Record>)>, TrailError> {
        let (mut found, mut resets) = (Vec::new(), Vec::new());
        for entry in self.entries(0) {
            let (index, bytes) = entry?;
            // Parses only entries that may be about these calls.
            let may_be = |text: &str| text.contains(end) || !text.contains("\"event\":");
            if !std::str::from_utf8(&bytes).is_ok_and(may_be) {
                continue;
            }
            match self.read(index, &bytes)? {
                TrailEntry::Record(record) => {
                    if let Some(subject) = record.subject()
                        && subject.approval().to_string().ends_with(end)
                    {
                        // Without the reset entries between them, its records would contradict each
                        // other.
                        found.append(&mut resets);
                        found.push((index, Some(*record)));
                    }
                }
                TrailEntry::Reset(_) if !found.is_empty() => resets.push((index, None)),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Returns the receipt of a call: every entry about it, with proofs; `None` if nothing about it
    /// is sealed.
    ///
    /// # Errors
    /// If an entry cannot be read, or if there are too many entries for a receipt.
    pub fn receipt(&self, id: ApprovalId) -> Result<Option<Receipt>, TrailError> {
        let found = self.about(&id.to_string())?;
        if found.is_empty() {
            return Ok(None);
        }
        let evidence: Vec<EntryProof> =
            found.iter().map(|(index, _)| self.evidence(*index)).collect::<Result<_, _>>()?;
        Ok(Some(Receipt::new(evidence, self.note.clone())?))
    }

    /// Returns an entry with the proof that it is in the tree, and with its record if the record is
    /// beside the tree.
    ///
    /// # Errors
    /// If the entry cannot be read.
    pub fn evidence(&self, index: u64) -> Result<EntryProof, TrailError> {
        let bytes = self.tiles.entry(index)?;
        let proof = prove_inclusion(&self.tiles, index, self.size())?;
        let unread = |problem| TrailError::Entry { index, problem };
        let entry = TrailEntry::parse(&bytes).map_err(unread)?;
        let evidence = EntryProof::new(index, String::from_utf8_lossy(&bytes), proof);
        let TrailEntry::Digest(digest_entry) = entry else { return Ok(evidence) };
        let (_, text) = self.beside(&digest_entry)?;
        Ok(evidence.with(String::from_utf8_lossy(&text)))
    }
}

/// Reads a file, up to a limit.
pub(super) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, TrailError> {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > most {
        return Err(TrailError::file(path, format_args!("it is longer than {most} bytes")));
    }
    Ok(bytes)
}
