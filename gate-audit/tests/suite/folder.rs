//! Trails on disk.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use gate_audit::{
    Checkpoint, Error, Hash, LogKeys, TilePath, TileStore, TrailWriter, TreeFrontier, TreeHead,
    WitnessPolicy, prove_consistency, prove_inclusion, read_checkpoint, root_of,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tlog_tiles::{HashReader, TileHashReader, TileReader, prove_record, stored_hash_index};

use crate::{leaves, log, record};

fn write(folder: &Path, size: u64) -> TrailWriter {
    let mut trail = TrailWriter::create(folder).unwrap();
    (0..size).for_each(|index| assert_eq!(trail.append(&record(index)).unwrap(), index));
    trail
}

fn sealed(size: u64) -> (TempDir, TreeHead) {
    let dir = tempfile::tempdir().unwrap();
    let head = write(dir.path(), size).seal().unwrap();
    (dir, head)
}

/// Every file in a folder by its path in it, but the lock, in which nothing is.
pub(crate) fn files(folder: &Path) -> HashMap<String, Vec<u8>> {
    let (mut found, mut folders) = (HashMap::new(), vec![PathBuf::new()]);
    while let Some(within) = folders.pop() {
        for entry in fs::read_dir(folder.join(&within)).unwrap() {
            let path = within.join(entry.unwrap().file_name());
            if folder.join(&path).is_dir() {
                folders.push(path);
            } else if path != Path::new("lock") {
                found.insert(
                    path.to_string_lossy().into_owned(),
                    fs::read(folder.join(&path)).unwrap(),
                );
            }
        }
    }
    found
}

fn read_all(folder: &Path, head: TreeHead) -> Result<Vec<Vec<u8>>, Error> {
    let tiles = TileStore::open(folder, head)?;
    let bundles: Vec<_> =
        (0..tiles.bundles()).map(|bundle| tiles.bundle(bundle)).collect::<Result<_, _>>()?;
    Ok(bundles.concat())
}

/// The example in `tlog-tiles`.
#[test]
fn a_tree_of_70000_has_the_tiles_that_the_specification_lists() {
    let (dir, head) = sealed(70_000);
    let files = files(dir.path());
    let count = |start: &str| files.keys().filter(|path| path.starts_with(start)).count();
    assert_eq!(
        (count("tile/0/"), count("tile/1/"), count("tile/2/"), count("tile/entries/")),
        (274, 2, 1, 274)
    );
    for (path, width) in [
        ("tile/0/273.p/112", 112),
        ("tile/1/000", 256),
        ("tile/1/001.p/17", 17),
        ("tile/2/000.p/1", 1),
    ] {
        assert_eq!(files[path].len(), width * 32, "{path}");
    }
    assert!(files.contains_key("tile/entries/273.p/112"));
    let tiles = TileStore::open(dir.path(), head).unwrap();
    for index in [0, 255, 256, 65_535, 65_536, 69_999] {
        let proof = prove_inclusion(&tiles, index, 70_000).unwrap();
        head.verify_inclusion(index, Hash::of_leaf(&record(index)), &proof).unwrap();
        assert_eq!(tiles.entry(index).unwrap(), record(index));
    }
    assert!(matches!(tiles.entry(70_000), Err(Error::OutOfRange { .. })));
    assert!(prove_inclusion(&tiles, 0, 70_001).is_err());
}

#[test]
fn what_was_written_is_read_and_proven_at_every_size() {
    let dir = tempfile::tempdir().unwrap();
    let (mut trail, leaves) = (TrailWriter::create(dir.path()).unwrap(), leaves(600));
    let mut heads = vec![trail.seal().unwrap()];
    for size in 1..=600 {
        trail.append(&record(size - 1)).unwrap();
        let head = trail.seal().unwrap();
        assert_eq!(head, TreeHead::new(size, root_of(&leaves[..], size).unwrap()));
        let tiles = TileStore::open(dir.path(), head).unwrap();
        let (index, older) = (size * 5 / 7, size / 2);
        let proof = prove_consistency(&tiles, older, size).unwrap();
        assert_eq!(proof, prove_consistency(&leaves[..], older, size).unwrap());
        assert_eq!(
            prove_inclusion(&tiles, index, size).unwrap(),
            prove_inclusion(&leaves[..], index, size).unwrap()
        );
        heads.push(head);
    }
    // Partial tiles are gone where full ones took their place; the older trees are still there.
    assert!(
        !dir.path().join("tile/0/000.p").exists()
            && !dir.path().join("tile/entries/001.p").exists()
    );
    for head in heads {
        let read = read_all(dir.path(), head).unwrap();
        assert_eq!(read, (0..head.size()).map(record).collect::<Vec<_>>());
    }
}

#[test]
fn a_writer_goes_on_where_another_stopped_at_any_size() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 700] {
        let dir = tempfile::tempdir().unwrap();
        let mut trail = write(dir.path(), size);
        let head = trail.seal().unwrap();
        // This one dies with more than it has sealed.
        (0..600).for_each(|index| assert!(trail.append(&record(10_000 + index)).is_ok()));
        drop(trail);
        let mut trail = TrailWriter::resume(dir.path(), head).unwrap();
        (size..1_000).for_each(|index| assert_eq!(trail.append(&record(index)).unwrap(), index));
        let head = trail.seal().unwrap();
        assert_eq!(head.root(), root_of(&leaves(1_000)[..], 1_000).unwrap());
        assert_eq!(read_all(dir.path(), head).unwrap().len(), 1_000);
    }
}

#[test]
fn a_trail_has_one_writer_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = write(dir.path(), 3);
    let head = first.seal().unwrap();
    for second in [TrailWriter::create(dir.path()), TrailWriter::resume(dir.path(), head)] {
        let busy = second.unwrap_err();
        assert!(matches!(&busy, Error::Busy { path } if *path == dir.path().join("lock")));
        assert!(
            busy.to_string().contains("another process writes this trail; let it end"),
            "{busy}"
        );
    }
    // A reader needs no lock.
    assert_eq!(read_all(dir.path(), head).unwrap().len(), 3);
    drop(first);
    let second = TrailWriter::resume(dir.path(), head).unwrap();
    assert!(matches!(TrailWriter::create(dir.path()), Err(Error::Busy { .. })));
    drop(second);
    assert!(TrailWriter::create(dir.path()).is_ok());
}

#[test]
fn a_writer_that_is_refused_leaves_the_trail_free() {
    let (dir, head) = sealed(3);
    let other = TreeHead::new(3, Hash::of_leaf(b"forged"));
    assert!(matches!(TrailWriter::resume(dir.path(), other), Err(Error::OtherTree { .. })));
    assert!(TrailWriter::resume(dir.path(), head).is_ok());
    assert!(matches!(TrailWriter::resume(dir.path().join("nowhere"), head), Err(Error::Io { .. })));
    assert!(!dir.path().join("nowhere").exists());
}

#[test]
fn a_folder_of_another_tree_is_not_resumed() {
    let (dir, _) = sealed(300);
    let other = TreeHead::new(300, Hash::of_leaf(b"forged"));
    assert!(matches!(TrailWriter::resume(dir.path(), other), Err(Error::OtherTree { size: 300 })));
    assert!(matches!(
        TileStore::open(dir.path(), TreeHead::new(301, other.root())),
        Err(Error::Io { .. })
    ));
}

#[test]
fn only_the_checkpoint_of_the_sealed_tree_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = write(dir.path(), 3);
    let sign = |head| Checkpoint::new("example.com/trail", head).unwrap().sign(&log(1)).unwrap();
    let head = trail.seal().unwrap();
    assert!(trail.publish(&sign(TreeHead::new(3, Hash::of_leaf(b"forged")))).is_err());
    assert!(read_checkpoint(dir.path()).is_err());
    trail.publish(&sign(head)).unwrap();
    trail.append(&record(3)).unwrap();
    let keys = LogKeys::new("example.com/trail", log(1).verifier().clone()).unwrap();
    let note = read_checkpoint(dir.path()).unwrap();
    assert_eq!(keys.verify(&note, &WitnessPolicy::none()).unwrap().head(), head);
    drop(trail);
    assert!(matches!(TrailWriter::create(dir.path()), Err(Error::Occupied { .. })));
    assert!(files(dir.path()).keys().all(|path| !path.ends_with("tmp")));
}

#[test]
fn every_bit_of_a_small_trail_counts() {
    let (dir, head) = sealed(9);
    for (path, bytes) in files(dir.path()) {
        let file = dir.path().join(&path);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, changed).unwrap();
            assert!(read_all(dir.path(), head).is_err(), "bit {bit} of {path}");
        }
        for len in 0..bytes.len() {
            fs::write(&file, &bytes[..len]).unwrap();
            assert!(read_all(dir.path(), head).is_err(), "{len} bytes of {path}");
        }
        fs::write(&file, [&bytes[..], b"\0"].concat()).unwrap();
        assert!(read_all(dir.path(), head).is_err(), "{path} and a byte more");
        fs::write(&file, bytes).unwrap();
    }
    assert_eq!(read_all(dir.path(), head).unwrap().len(), 9);
}

#[test]
fn any_changed_byte_of_full_tiles_and_bundles_is_found_and_named() {
    let (dir, head) = sealed(1_000);
    for (path, bytes) in files(dir.path()) {
        let file = dir.path().join(&path);
        for at in (0..bytes.len()).step_by(97) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(&file, changed).unwrap();
            let refused = read_all(dir.path(), head).unwrap_err();
            let named = match &refused {
                Error::Tampered { path: named } => *named == path,
                Error::EntryChanged { index } => {
                    path.starts_with(&format!("tile/entries/{:03}", index / 256))
                }
                Error::OtherTree { .. } => path.contains(".p/"),
                _ => false,
            };
            assert!(named, "byte {at} of {path}: {refused}");
        }
        fs::write(&file, bytes).unwrap();
    }
}

/// The folder from which `tlog_tiles` reads tiles: ours.
struct TileFolder<'a>(&'a Path);

impl TileReader for TileFolder<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // Its paths have the height in them: `tile/8/<level>/…`.
        let ours = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| fs::read(self.0.join(ours(tile))).unwrap()).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn tlog_tiles_verifies_our_folder() {
    for size in [1, 2, 255, 256, 257, 1_000, 66_000] {
        let (dir, head) = sealed(size);
        let reader = TileFolder(dir.path());
        let hashes = TileHashReader::new(size, tlog_tiles::Hash(*head.root().as_bytes()), &reader);
        let tiles = TileStore::open(dir.path(), head).unwrap();
        for index in [0, size / 3, size / 2, size - 1] {
            let leaf = hashes.read_hashes(&[stored_hash_index(0, index)]).unwrap();
            assert_eq!(leaf[0].0, *Hash::of_leaf(&record(index)).as_bytes());
            let theirs: Vec<_> =
                prove_record(size, index, &hashes).unwrap().iter().map(|hash| hash.0).collect();
            let ours = prove_inclusion(&tiles, index, size).unwrap();
            assert_eq!(theirs, ours.iter().map(|hash| *hash.as_bytes()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn entries_of_every_length_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = TrailWriter::create(dir.path()).unwrap();
    let entries = [0, 1, 255, 256, 65_535].map(|len| vec![7; len]);
    for (index, entry) in (0..).zip(&entries) {
        assert_eq!(trail.append(entry).unwrap(), index);
    }
    assert!(matches!(trail.append(&vec![7; 65_536]), Err(Error::EntryTooLong { len: 65_536 })));
    assert_eq!(read_all(dir.path(), trail.seal().unwrap()).unwrap(), entries);
}

#[test]
fn the_tree_in_the_folder_is_that_in_memory() {
    let (_dir, head) = sealed(777);
    let mut tree = TreeFrontier::new();
    for leaf in leaves(777) {
        tree.append(leaf);
    }
    assert_eq!(tree.head(), head);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tile_paths_are_those_of_tlog_tiles(
        level in 0_u8..7,
        index in 0_u64..1 << 50,
        width in 1_u16..=256,
    ) {
        let ours = TilePath::hashes(level, index, width).unwrap();
        let theirs = tlog_tiles::Tile::new(8, level, index, width.into(), false).path();
        prop_assert_eq!(ours.to_string(), theirs.replacen("tile/8/", "tile/", 1));
        prop_assert_eq!(ours.to_string().parse::<TilePath>().unwrap(), ours);
    }

    #[test]
    fn a_tile_path_is_read_in_one_form_only(index: u64, width in 1_u16..=256) {
        let path = TilePath::entries(index, width).unwrap();
        let text = path.to_string();
        prop_assert_eq!(text.parse::<TilePath>().unwrap(), path);
        for other in [
            format!("/{text}"),
            format!("{text}/"),
            text.replace("entries/", "entries/x000/"),
            text.replace("entries", "00"),
            text.replace("entries", "64"),
            format!("{text}.p/0"),
            format!("{text}.p/256"),
        ] {
            prop_assert!(other.parse::<TilePath>().is_err(), "{}", other);
        }
    }
}
