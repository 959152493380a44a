//! Writing a trail as a folder of static files.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::files::{at_once, replace_file, sync_file, sync_folder, write_file};
use crate::folder_keys;
use crate::frontier::TreeFrontier;
use crate::hash::Hash;
use crate::head::TreeHead;
use crate::log_keys::KeySuccession;
use crate::note::Note;
use crate::tile_path::{FULL, TilePath, write_entry};
use crate::tiles::{TileStore, count, split};

/// The number of files that may be written before they are made durable.
const MOST_UNSYNCED: usize = 1_024;

/// Appends entries to a folder in the layout of C2SP `tlog-tiles`.
///
/// [`seal`](TrailWriter::seal) makes the appended entries durable and returns the tree's head;
/// [`publish`](TrailWriter::publish) writes the signed checkpoint. Readers of the folder always
/// find the last published tree complete: files appear with all their bytes, and the checkpoint
/// last. Memory does not grow with the trail.
///
/// One writer at a time: it locks the file `lock` in the folder, and a second one is refused for as
/// long as the first is there. The lock ends with the writer, and with its process however that
/// ends.
///
/// # Example
///
/// ```
/// use gate_audit::{Checkpoint, KeyKind, SigningKey, TrailWriter};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let folder = dir.path().join("trail");
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let mut trail = TrailWriter::create(&folder)?;
/// assert_eq!(trail.append(b"asked")?, 0);
/// assert_eq!(trail.append(b"approved")?, 1);
/// let checkpoint = Checkpoint::new("example.com/trail", trail.seal()?)?;
/// trail.publish(&checkpoint.sign(&key)?)?;
/// assert!(folder.join("checkpoint").exists() && folder.join("tile/entries/000.p/2").exists());
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Debug)]
pub struct TrailWriter {
    folder: PathBuf,
    tree: TreeFrontier,
    /// For each level the hashes of its last tile, which is not full.
    edge: Vec<Vec<Hash>>,
    /// The bytes of the last bundle, which is not full.
    bundle: Vec<u8>,
    /// Full tiles and bundles that are still to be written.
    full: Vec<(TilePath, Vec<u8>)>,
    /// The files that were written, and may not outlive a power cut yet.
    unsynced: Vec<TilePath>,
    sealed: Option<TreeHead>,
    /// Open and locked for as long as there is this writer.
    _lock: File,
}

impl TrailWriter {
    /// Begins a trail in a folder that has none.
    ///
    /// # Errors
    ///
    /// [`Error::Occupied`] if there is a checkpoint already, [`Error::Busy`] if another writer has
    /// the folder, [`Error::Io`].
    ///
    /// ```
    /// # use gate_audit::TrailWriter;
    /// # let dir = tempfile::tempdir().unwrap();
    /// let trail = TrailWriter::create(dir.path().join("trail"))?;
    /// assert_eq!(trail.size(), 0);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn create(folder: impl Into<PathBuf>) -> Result<TrailWriter, Error> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|source| Error::io(&folder, source))?;
        let lock = lock(&folder)?;
        let checkpoint = folder.join("checkpoint");
        if checkpoint.try_exists().map_err(|source| Error::io(&checkpoint, source))? {
            return Err(Error::Occupied { path: checkpoint });
        }
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        Ok(TrailWriter::over(folder, lock, TreeFrontier::new(), Vec::new(), Vec::new()))
    }

    /// Continues from the tree of a checkpoint, after checking that the files are those of that
    /// tree.
    ///
    /// Entries that were appended after that checkpoint must be appended again.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if another writer has the folder, and what [`TileStore::open`] and
    /// [`TileStore::bundle`] say.
    ///
    /// ```
    /// # use gate_audit::TrailWriter;
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let folder = dir.path().join("trail");
    /// let mut trail = TrailWriter::create(&folder)?;
    /// trail.append(b"asked")?;
    /// let head = trail.seal()?;
    /// drop(trail);
    /// let mut trail = TrailWriter::resume(&folder, head)?;
    /// assert_eq!(trail.append(b"approved")?, 1);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn resume(folder: impl Into<PathBuf>, head: TreeHead) -> Result<TrailWriter, Error> {
        let folder = folder.into();
        let lock = lock(&folder)?;
        let tiles = TileStore::open(&folder, head)?;
        let (last, width) = split(head.size());
        let mut bundle = Vec::new();
        if width > 0 {
            tiles.bundle(last)?.iter().try_for_each(|entry| write_entry(&mut bundle, entry))?;
        }
        let (tree, edge) = tiles.into_edge();
        Ok(TrailWriter::over(folder, lock, tree, edge, bundle))
    }

    fn over(
        folder: PathBuf,
        lock: File,
        tree: TreeFrontier,
        edge: Vec<Vec<Hash>>,
        bundle: Vec<u8>,
    ) -> TrailWriter {
        TrailWriter {
            folder,
            tree,
            edge,
            bundle,
            full: Vec::new(),
            unsynced: Vec::new(),
            sealed: None,
            _lock: lock,
        }
    }

    /// Adds an entry, and says at which index. An error means that it was not added.
    ///
    /// # Errors
    ///
    /// [`Error::EntryTooLong`] beyond 65,535 bytes; [`Error::Io`] if tiles that became full before
    /// cannot be written.
    ///
    /// ```
    /// # use gate_audit::TrailWriter;
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut trail = TrailWriter::create(dir.path().join("trail"))?;
    /// assert_eq!(trail.append(b"asked")?, 0);
    /// assert!(trail.append(&[0; 65_536]).is_err());
    /// assert_eq!(trail.size(), 1);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn append(&mut self, entry: &[u8]) -> Result<u64, Error> {
        self.write_full()?;
        write_entry(&mut self.bundle, entry)?;
        let index = self.tree.size();
        let TrailWriter { tree, edge, full, .. } = self;
        let mut filled = Vec::new();
        tree.append_with(Hash::of_leaf(entry), |level, hash| {
            let (level, within) = (level as usize / 8, level % 8);
            if within == 0 {
                edge.resize_with(edge.len().max(level + 1), Vec::new);
                let tile = edge.get_mut(level);
                filled.extend(tile.and_then(|tile| push(tile, hash)));
            }
        });
        for (level, bytes) in (0..).zip(filled) {
            let (tile, _) = split(count(index, level));
            full.push((TilePath::hashes(level, tile, FULL)?, bytes));
            if level == 0 {
                full.push((TilePath::entries(tile, FULL)?, std::mem::take(&mut self.bundle)));
            }
        }
        Ok(index)
    }

    /// Returns the number of entries.
    ///
    /// ```
    /// # use gate_audit::TrailWriter;
    /// # let dir = tempfile::tempdir().unwrap();
    /// assert_eq!(TrailWriter::create(dir.path().join("trail"))?.size(), 0);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Writes what is not written yet, makes it durable, and gives the head for the next
    /// checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]. Then drop this writer, [`resume`](TrailWriter::resume) from the last
    /// checkpoint and append again what came after it: a second try over the same files may succeed
    /// although the system has dropped what it could not make durable.
    ///
    /// ```
    /// # use gate_audit::{Hash, TrailWriter};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut trail = TrailWriter::create(dir.path().join("trail"))?;
    /// trail.append(b"asked")?;
    /// assert_eq!(trail.seal()?.root(), Hash::of_leaf(b"asked"));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn seal(&mut self) -> Result<TreeHead, Error> {
        let head = self.tree.head();
        if self.sealed == Some(head) {
            return Ok(head);
        }
        self.write_full()?;
        for (level, tile) in (0..).zip(&self.edge) {
            let hashes = count(head.size(), level);
            let (index, width) = split(hashes);
            let written = self.sealed.is_some_and(|sealed| count(sealed.size(), level) == hashes);
            if width > 0 && !written {
                let path = TilePath::hashes(level, index, width)?;
                write_file(&self.folder.join(path.to_string()), &bytes_of(tile))?;
                self.unsynced.push(path);
            }
        }
        let (index, width) = split(head.size());
        if width > 0 {
            let path = TilePath::entries(index, width)?;
            write_file(&self.folder.join(path.to_string()), &self.bundle)?;
            self.unsynced.push(path);
        }
        self.sync()?;
        self.sealed = Some(head);
        Ok(head)
    }

    /// Puts the signed checkpoint of the tree that was sealed last into the folder, durably.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the note is no checkpoint, [`Error::OtherTree`] if it is not that of
    /// the sealed tree, [`Error::Io`].
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier, KeyKind, SigningKey, TrailWriter};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut trail = TrailWriter::create(dir.path().join("trail"))?;
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// trail.append(b"asked")?;
    /// let empty = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// assert!(trail.publish(&empty).is_err());
    /// let sealed = Checkpoint::new("example.com/trail", trail.seal()?)?.sign(&key)?;
    /// trail.publish(&sealed)?;
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn publish(&mut self, checkpoint: &Note) -> Result<(), Error> {
        let head = checkpoint.text().parse::<Checkpoint>()?.head();
        if self.sealed != Some(head) {
            return Err(Error::OtherTree { size: head.size() });
        }
        replace_file(self.folder.join("checkpoint"), checkpoint.to_string().as_bytes())
    }

    /// Puts the note by which the log's current key introduces the next one into the folder,
    /// durably, behind those that are there.
    ///
    /// # Security
    ///
    /// The writer knows no keys, and what was put there stays. First give the note to
    /// [`LogKeys::accept`](crate::LogKeys::accept): a succession that the keys do not accept makes
    /// the trail unreadable for everyone.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the note is no succession, [`Error::BadSuccession`] unless the new
    /// key is in force from the tree that was sealed last, [`Error::Foreign`] if something else is
    /// in the folder `keys`, [`Error::Io`].
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, KeySuccession, TrailWriter};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let mut trail = TrailWriter::create(dir.path().join("trail"))?;
    /// # let [old, new] = [[1; 32], [2; 32]]
    /// #     .map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
    /// # let (old, new) = (old?, new?);
    /// trail.append(b"asked")?;
    /// let size = trail.seal()?.size();
    /// let succession = |from| {
    ///     KeySuccession::new("example.com/trail", from, new.verifier().clone())?.sign(&old)
    /// };
    /// assert!(trail.rotate_key(&succession(size + 1)?).is_err());
    /// trail.rotate_key(&succession(size)?)?;
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn rotate_key(&mut self, note: &Note) -> Result<(), Error> {
        let from = note.text().parse::<KeySuccession>()?.from();
        if self.sealed.is_none_or(|sealed| sealed.size() != from) {
            return Err(Error::BadSuccession {
                reason: "it is not from the size of the sealed tree; seal, and give that size",
            });
        }
        let path = folder_keys::next(&self.folder)?;
        let folder = self.folder.join("keys");
        fs::create_dir_all(&folder).map_err(|source| Error::io(&folder, source))?;
        replace_file(path, note.to_string().as_bytes())?;
        sync_folder(&self.folder)
    }

    fn write_full(&mut self) -> Result<(), Error> {
        while let Some((path, bytes)) = self.full.last() {
            write_file(&self.folder.join(path.to_string()), bytes)?;
            self.unsynced.push(*path);
            self.full.pop();
        }
        if self.unsynced.len() < MOST_UNSYNCED { Ok(()) } else { self.sync() }
    }

    /// Makes what was written durable, and removes the partial tiles that full ones replace.
    fn sync(&mut self) -> Result<(), Error> {
        let files: Vec<_> =
            self.unsynced.iter().map(|path| self.folder.join(path.to_string())).collect();
        let folders: BTreeSet<_> = files.iter().flat_map(|file| file.ancestors().skip(1)).collect();
        let folders = folders.into_iter().filter(|folder| folder.starts_with(&self.folder));
        let folders: Vec<_> = folders.map(Path::to_path_buf).collect();
        at_once(&files, sync_file)?;
        at_once(&folders, sync_folder)?;
        for path in self.unsynced.drain(..).filter(TilePath::is_full) {
            let partial = self.folder.join(format!("{path}.p"));
            match fs::remove_dir_all(&partial) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io(partial, source));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Takes the folder for one writer. The file stays when the lock ends: if it were removed, two
/// could hold locks on two files of that name.
fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|source| Error::io(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { path }),
        Err(TryLockError::Error(source)) => Err(Error::io(path, source)),
    }
}

/// Adds a hash to a tile; if it is full with it, gives its bytes and empties it.
fn push(tile: &mut Vec<Hash>, hash: Hash) -> Option<Vec<u8>> {
    tile.push(hash);
    (tile.len() >= FULL.into()).then(|| bytes_of(&std::mem::take(tile)))
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(Hash::as_bytes).copied().collect()
}
