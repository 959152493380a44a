//! The writer lease: held by the one process that writes a trail.

use gate_audit::{
    Checkpoint, LogKeys, Note, TrailWriter, TreeHead, WitnessPolicy, read_keys, replace_file,
};
use gate_core::records::{Record, ResetEntry, TrailEntry, TrailLeaf};
use gate_core::text::SchemaError;

use super::Trail;
use super::error::{TrailError, unreadable};
use super::reader::TrailReader;
use super::sealed_calls::{SealedRecord, leaf_of};

/// The writer lease of a trail: only one process has it at a time.
pub(crate) struct WriterLease {
    pub(super) writer: TrailWriter,
    /// The tree of the last published checkpoint.
    published: TreeHead,
    /// The number of the next record.
    next: u64,
    /// The last entry when the lease was taken, if that entry is a record.
    last: Option<Vec<u8>>,
    /// The entries that were appended, and that no checkpoint covers yet.
    unpublished: Vec<SealedRecord>,
}

impl WriterLease {
    /// Takes the lease at the last checkpoint. Returns `None` if another process has it.
    pub(crate) fn take(trail: &Trail) -> Result<Option<Self>, TrailError> {
        Self::take_as(trail, open)
    }

    /// Takes the lease as [`take`](Self::take) does, with another function to open the trail.
    pub(super) fn take_as(
        trail: &Trail,
        open: fn(&Trail) -> Result<TrailReader, TrailError>,
    ) -> Result<Option<Self>, TrailError> {
        loop {
            // Repeated until no other writer published between reading the checkpoint and taking
            // the lease.
            let reader = open(trail)?;
            let published = reader.checkpoint().head();
            let writer = match TrailWriter::resume(&trail.folder, published) {
                Err(gate_audit::Error::Busy { .. }) => return Ok(None),
                writer => writer?,
            };
            // The previous writer may have published in between.
            if open(trail)?.checkpoint().head() == published {
                let (next, last) = next_of(&reader)?;
                return Ok(Some(Self { writer, published, next, last, unpublished: Vec::new() }));
            }
        }
    }

    /// The number of the next record.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Returns the number of the last appended record.
    pub(crate) fn appended(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Returns the number of entries.
    pub(super) fn size(&self) -> u64 {
        self.writer.size()
    }

    /// The last entry when the lease was taken, if that entry is a record.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.last.as_deref()
    }

    /// Appends the next records to the tree. A record that is too long for the tree is durably
    /// written beside it before its digest is appended.
    pub(super) fn append(
        &mut self,
        trail: &Trail,
        page: &[(u64, String)],
    ) -> Result<(), TrailError> {
        if !page.is_empty() {
            self.check_folder(trail)?;
        }
        for (seq, text) in page {
            let record = read_record(*seq, text)?;
            let leaf = leaf_of(*seq, text)?;
            write_beside(trail, &leaf)?;
            self.writer.append(leaf.text().as_bytes())?;
            self.next = seq.saturating_add(1);
            self.unpublished.push(SealedRecord::of(&record, &leaf));
        }
        Ok(())
    }

    /// Returns the records that the last checkpoint is the first to cover.
    pub(super) fn take_published(&mut self) -> Vec<SealedRecord> {
        std::mem::take(&mut self.unpublished)
    }

    /// Appends a reset entry: a person's reason why the records do not continue the tree.
    pub(crate) fn append_reset(&mut self, reset: &ResetEntry) -> Result<(), TrailError> {
        let seq = reset.next();
        let leaf =
            TrailEntry::reset_leaf(reset).map_err(|problem| TrailError::Record { seq, problem })?;
        self.writer.append(leaf.text().as_bytes())?;
        self.next = seq;
        Ok(())
    }

    /// Makes the appended entries durable, and publishes their signed checkpoint.
    pub(crate) fn publish(&mut self, trail: &Trail) -> Result<Note, TrailError> {
        let (head, note) = publish(trail, &mut self.writer)?;
        self.published = head;
        Ok(note)
    }

    /// Checks that the last published checkpoint is still there, so that nothing is written into a
    /// folder that was replaced or restored from an older copy.
    fn check_folder(&self, trail: &Trail) -> Result<(), TrailError> {
        if open(trail)?.checkpoint().head() == self.published {
            return Ok(());
        }
        let problem = "its checkpoint is not the one that was written last: another folder was \
            put in its place";
        Err(TrailError::file(&trail.folder, problem))
    }
}

pub(super) fn has_checkpoint(trail: &Trail) -> Result<bool, TrailError> {
    let path = trail.folder.join("checkpoint");
    path.try_exists().map_err(|error| unreadable(&path, &error))
}

/// Begins a trail with the checkpoint of an empty tree.
pub(super) fn create(trail: &Trail) -> Result<(), TrailError> {
    let mut writer = TrailWriter::create(&trail.folder)?;
    publish(trail, &mut writer).map(drop)
}

fn publish(trail: &Trail, writer: &mut TrailWriter) -> Result<(TreeHead, Note), TrailError> {
    let head = writer.seal()?;
    let note = Checkpoint::new(trail.origin(), head)?.sign(&trail.key)?;
    writer.publish(&note)?;
    Ok((head, note))
}

/// Opens the trail at its last checkpoint, which must be signed by the key that signs the next one.
/// That key must not have introduced another one.
pub(crate) fn open(trail: &Trail) -> Result<TrailReader, TrailError> {
    let (reader, key) = (open_signed(trail)?, trail.key.verifier());
    if read_keys(&trail.folder, trail.origin(), key.clone())?.current() == key {
        return Ok(reader);
    }
    let source = gate_audit::Error::NotInForce { key: key.name().to_owned(), size: reader.size() };
    Err(TrailError::OtherKey { key: trail.origin().to_owned(), source })
}

/// Opens the trail as [`open`] does, but the key may have introduced the next one.
pub(super) fn open_signed(trail: &Trail) -> Result<TrailReader, TrailError> {
    let keys = LogKeys::new(trail.origin(), trail.key.verifier().clone())?;
    TrailReader::open(&trail.folder, &keys, &WitnessPolicy::none()).map_err(|error| match error {
        TrailError::Audit(
            source @ (gate_audit::Error::Unsigned { .. }
            | gate_audit::Error::BadSignature { .. }
            | gate_audit::Error::OtherOrigin { .. }),
        ) => TrailError::OtherKey { key: trail.origin().to_owned(), source },
        other => other,
    })
}

/// Returns the number of the next record, and the last entry if that is a record.
pub(super) fn next_of(reader: &TrailReader) -> Result<(u64, Option<Vec<u8>>), TrailError> {
    let Some(index) = reader.size().checked_sub(1) else { return Ok((1, None)) };
    let bytes = reader.tiles().entry(index)?;
    Ok(match TrailEntry::parse(&bytes).map_err(|problem| TrailError::Entry { index, problem })? {
        TrailEntry::Record(record) => (record.seq().saturating_add(1), Some(bytes)),
        TrailEntry::Digest(digest_entry) => (digest_entry.seq().saturating_add(1), Some(bytes)),
        TrailEntry::Reset(reset) => (reset.next(), None),
    })
}

/// Parses a record before it is signed, because a signed entry cannot be withdrawn: it must be
/// readable, have its number, and not look like a reset or digest entry.
fn read_record(seq: u64, text: &str) -> Result<Record, TrailError> {
    let problem = match serde_json::from_str::<Record>(text) {
        Ok(record) if record.seq() == seq => return Ok(record),
        Ok(record) => format!("the store has record {} in its place", record.seq()),
        Err(error) => format!("the store has no record there: {error}"),
    };
    Err(TrailError::Record { seq, problem: SchemaError::new("", problem) })
}

/// Writes a record that is too long for the tree beside it.
fn write_beside(trail: &Trail, leaf: &TrailLeaf) -> Result<(), TrailError> {
    let Some((file, text)) = leaf.beside() else { return Ok(()) };
    let path = trail.folder.join(file);
    let folder = path.parent().unwrap_or(&trail.folder);
    std::fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    Ok(replace_file(&path, text.as_bytes())?)
}
