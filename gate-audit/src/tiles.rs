//! Reading a folder of tiles, and believing nothing in it that a tree head does not vouch for.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::frontier::TreeFrontier;
use crate::hash::Hash;
use crate::head::TreeHead;
use crate::note::{self, Note};
use crate::prove::{NodeReader, complete};
use crate::tile_path::{FULL, TilePath};

/// The most levels of tiles that a tree can have.
const LEVELS: u8 = 8;

/// The tree in a folder: every hash and every entry that it gives has been verified against the
/// tree head.
///
/// The head must come from a [`VerifiedCheckpoint`](crate::VerifiedCheckpoint). A few tiles are
/// kept in memory, whatever the size of the tree.
///
/// # Example
///
/// ```
/// use gate_audit::{Hash, TileStore, TrailWriter, prove_inclusion};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let folder = dir.path().join("trail");
/// let mut trail = TrailWriter::create(&folder)?;
/// trail.append(b"asked")?;
/// trail.append(b"approved")?;
/// let head = trail.seal()?;
///
/// let tiles = TileStore::open(&folder, head)?;
/// assert_eq!(tiles.entry(1)?, b"approved");
/// head.verify_inclusion(1, Hash::of_leaf(b"approved"), &prove_inclusion(&tiles, 1, 2)?)?;
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Debug)]
pub struct TileStore {
    folder: PathBuf,
    frontier: TreeFrontier,
    /// For each level the tile at the right end of the tree; empty where the last one is full.
    edge: Vec<Arc<[Hash]>>,
    /// For each level the full tile that was used last.
    recent: Mutex<Vec<RecentTile>>,
}

/// A full tile with its index, once one was used.
type RecentTile = Option<(u64, Arc<[Hash]>)>;

impl TileStore {
    /// Opens a folder in which this tree is.
    ///
    /// # Errors
    ///
    /// [`Error::OtherTree`] if the tiles at the right end do not lead to the root,
    /// [`Error::Tampered`] if they have another length, [`Error::Io`] if one cannot be read.
    ///
    /// ```
    /// use gate_audit::{Error, Hash, TileStore, TreeHead, TrailWriter};
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let folder = dir.path().join("trail");
    /// let mut trail = TrailWriter::create(&folder)?;
    /// trail.append(b"asked")?;
    /// trail.seal()?;
    /// let other = TreeHead::new(1, Hash::of_leaf(b"denied"));
    /// assert!(matches!(TileStore::open(&folder, other), Err(Error::OtherTree { size: 1 })));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn open(folder: impl Into<PathBuf>, head: TreeHead) -> Result<TileStore, Error> {
        let (folder, size) = (folder.into(), head.size());
        let mut edge: Vec<Arc<[Hash]>> = Vec::new();
        for level in (0..LEVELS).take_while(|level| count(size, *level) > 0) {
            let (index, width) = split(count(size, level));
            let hashes = if width == 0 {
                Vec::new()
            } else {
                read_tile(&folder, TilePath::hashes(level, index, width)?)?
            };
            edge.push(hashes.into());
        }
        // A tree's peaks, the largest first, are the bits of its size: eight bits of them in each
        // level's last tile.
        let mut peaks = Vec::new();
        for tile in edge.iter().rev() {
            let mut rest = &**tile;
            while let Some((peak, behind)) =
                rest.len().checked_ilog2().and_then(|bits| rest.split_at_checked(1 << bits))
            {
                peaks.extend(complete(peak));
                rest = behind;
            }
        }
        let frontier = TreeFrontier::from_peaks(size, peaks)?;
        if frontier.head() != head {
            return Err(Error::OtherTree { size });
        }
        let recent = Mutex::new(vec![None; edge.len()]);
        Ok(TileStore { folder, frontier, edge, recent })
    }

    /// The tree that is read.
    ///
    /// ```
    /// # use gate_audit::{TreeFrontier, TileStore};
    /// # let dir = tempfile::tempdir().unwrap();
    /// assert_eq!(
    ///     TileStore::open(dir.path(), TreeFrontier::new().head())?.head(),
    ///     TreeFrontier::new().head()
    /// );
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// Returns the number of bundles that the entries are in: 256 entries in each but the last.
    ///
    /// ```
    /// # use gate_audit::{TreeFrontier, TileStore};
    /// # let dir = tempfile::tempdir().unwrap();
    /// assert_eq!(TileStore::open(dir.path(), TreeFrontier::new().head())?.bundles(), 0);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn bundles(&self) -> u64 {
        self.frontier.size().div_ceil(FULL.into())
    }

    /// The entries of one bundle. To read the whole trail, read one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::EntryChanged`] names the first entry that is not the one that was logged,
    /// [`Error::Tampered`] the tile or bundle that is damaged; [`Error::OutOfRange`];
    /// [`Error::Io`].
    ///
    /// ```
    /// # use gate_audit::{TileStore, TrailWriter};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let folder = dir.path().join("trail");
    /// # let mut trail = TrailWriter::create(&folder)?;
    /// trail.append(b"asked")?;
    /// trail.append(b"approved")?;
    /// let tiles = TileStore::open(&folder, trail.seal()?)?;
    /// assert_eq!(tiles.bundle(0)?, [&b"asked"[..], b"approved"]);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>, Error> {
        let hashes = self.tile(0, index)?;
        let width = u16::try_from(hashes.len()).unwrap_or(FULL);
        let (path, bytes) = read(&self.folder, TilePath::entries(index, width)?)?;
        let entries =
            path.read_entries(&bytes).map_err(|_| Error::Tampered { path: path.to_string() })?;
        // Of a bundle that has grown since, only what the tree has.
        for (at, (entry, hash)) in entries.iter().zip(&*hashes).enumerate() {
            if Hash::of_leaf(entry) != *hash {
                return Err(Error::EntryChanged { index: index * u64::from(FULL) + at as u64 });
            }
        }
        Ok(entries.into_iter().take(hashes.len()).map(<[u8]>::to_vec).collect())
    }

    /// One entry.
    ///
    /// # Errors
    ///
    /// What [`TileStore::bundle`] says.
    ///
    /// ```
    /// # use gate_audit::{TileStore, TrailWriter};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let folder = dir.path().join("trail");
    /// # let mut trail = TrailWriter::create(&folder)?;
    /// trail.append(b"asked")?;
    /// let tiles = TileStore::open(&folder, trail.seal()?)?;
    /// assert_eq!(tiles.entry(0)?, b"asked");
    /// assert!(tiles.entry(1).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, Error> {
        let out_of_range = || Error::OutOfRange { index, size: self.frontier.size() };
        let (bundle, at) = split(index);
        if bundle >= self.bundles() {
            return Err(out_of_range());
        }
        self.bundle(bundle)?.into_iter().nth(at.into()).ok_or_else(out_of_range)
    }

    /// Returns the parts that a writer needs to go on: the tree, and the tiles that are not full.
    pub(crate) fn into_edge(self) -> (TreeFrontier, Vec<Vec<Hash>>) {
        (self.frontier, self.edge.iter().map(|tile| tile.to_vec()).collect())
    }

    /// The hashes of a tile, which the tree vouches for: those at the right end by its root, a full
    /// tile by its hash in the tile above.
    fn tile(&self, level: u8, index: u64) -> Result<Arc<[Hash]>, Error> {
        let size = self.frontier.size();
        let out_of_range = || Error::OutOfRange { index, size };
        let (last, width) = split(count(size, level));
        if index > last || (index == last && width == 0) {
            return Err(out_of_range());
        }
        let slot = usize::from(level);
        if index == last {
            return self.edge.get(slot).cloned().ok_or_else(out_of_range);
        }
        if let Some(Some((known, tile))) =
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(slot)
            && *known == index
        {
            return Ok(Arc::clone(tile));
        }
        let path = TilePath::hashes(level, index, FULL)?;
        let hashes = read_tile(&self.folder, path)?;
        let (parent, at) = split(index);
        let expected = self.tile(level + 1, parent)?.get(usize::from(at)).copied();
        if complete(&hashes) != expected {
            return Err(Error::Tampered { path: path.to_string() });
        }
        let tile: Arc<[Hash]> = hashes.into();
        if let Some(recent) =
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).get_mut(slot)
        {
            *recent = Some((index, Arc::clone(&tile)));
        }
        Ok(tile)
    }
}

impl NodeReader for TileStore {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        let out_of_range = || Error::OutOfRange { index, size: self.frontier.size() };
        let height = level % 8;
        let first = index.checked_mul(1 << height).ok_or_else(out_of_range)?;
        let (tile, at) = split(first);
        let level = u8::try_from(level / 8)
            .ok()
            .filter(|level| *level < LEVELS)
            .ok_or_else(out_of_range)?;
        let tile = self.tile(level, tile)?;
        let start = usize::from(at);
        tile.get(start..start + (1 << height)).and_then(complete).ok_or_else(out_of_range)
    }
}

/// Reads a trail's checkpoint. Nothing is verified yet: give it to
/// [`LogKeys::verify`](crate::LogKeys::verify).
///
/// # Errors
///
/// [`Error::Io`], and what [`Note::parse`] says.
///
/// # Example
///
/// ```
/// use gate_audit::{
///     Checkpoint, KeyKind, LogKeys, SigningKey, TileStore, TrailWriter, WitnessPolicy,
///     read_checkpoint,
/// };
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let folder = dir.path().join("trail");
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let mut trail = TrailWriter::create(&folder)?;
/// trail.append(b"asked")?;
/// let checkpoint = Checkpoint::new("example.com/trail", trail.seal()?)?;
/// trail.publish(&checkpoint.sign(&key)?)?;
///
/// // The auditor has the folder and the key.
/// let keys = LogKeys::new("example.com/trail", key.verifier().clone())?;
/// let verified = keys.verify(&read_checkpoint(&folder)?, &WitnessPolicy::none())?;
/// assert_eq!(TileStore::open(&folder, verified.head())?.entry(0)?, b"asked");
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub fn read_checkpoint(folder: impl AsRef<Path>) -> Result<Note, Error> {
    let path = folder.as_ref().join("checkpoint");
    let bytes = read_file(&path, note::LONGEST as u64).map_err(|source| Error::io(path, source))?;
    Note::parse(&bytes)
}

/// Returns the number of hashes of this level of tiles that a tree has: one for each 256^level
/// leaves.
pub(crate) fn count(size: u64, level: u8) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// In which tile something is, and where in it.
pub(crate) fn split(index: u64) -> (u64, u16) {
    let [.., low] = index.to_be_bytes();
    (index >> 8, low.into())
}

fn read_tile(folder: &Path, wanted: TilePath) -> Result<Vec<Hash>, Error> {
    let (path, bytes) = read(folder, wanted)?;
    let mut hashes =
        path.read_hashes(&bytes).map_err(|_| Error::Tampered { path: path.to_string() })?;
    hashes.truncate(wanted.width().into());
    Ok(hashes)
}

/// The bytes of a tile; where a partial one has been removed, those of the full one that took its
/// place.
fn read(folder: &Path, wanted: TilePath) -> Result<(TilePath, Vec<u8>), Error> {
    let attempt = |path: TilePath| {
        read_file(&folder.join(path.to_string()), path.most_bytes()).map(|bytes| (path, bytes))
    };
    let found = match attempt(wanted) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound && !wanted.is_full() => {
            attempt(wanted.full()).map_err(|_| missing)
        }
        found => found,
    };
    found.map_err(|source| Error::io(folder.join(wanted.to_string()), source))
}

/// A file's bytes, and not more than one beyond the most that it can have.
pub(crate) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
