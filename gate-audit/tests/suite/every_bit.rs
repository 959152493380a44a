//! A trail of a thousand entries with two keys, and whatever can be changed in its files.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use gate_audit::{
    Checkpoint, Error, KeySuccession, LogKeys, TileStore, TrailWriter, TreeHead,
    VerifiedCheckpoint, WitnessPolicy, read_checkpoint, read_keys,
};
use tempfile::TempDir;

use crate::{log, record};

const ORIGIN: &str = "example.com/trail";
const SIZE: u64 = 1_000;

/// Every file of the trail, but the lock, in which nothing is and which nobody reads.
const FILES: [&str; 11] = [
    "checkpoint",
    "keys/1",
    "tile/0/000",
    "tile/0/001",
    "tile/0/002",
    "tile/0/003.p/232",
    "tile/1/000.p/3",
    "tile/entries/000",
    "tile/entries/001",
    "tile/entries/002",
    "tile/entries/003.p/232",
];

/// It is sealed once, so that no partial tile of an earlier size is left: those are read by nobody
/// who has this checkpoint.
fn trail() -> (TempDir, TreeHead) {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = TrailWriter::create(dir.path()).unwrap();
    (0..SIZE).for_each(|index| assert_eq!(trail.append(&record(index)).unwrap(), index));
    let head = trail.seal().unwrap();
    let rotation = KeySuccession::new(ORIGIN, SIZE, log(2).verifier().clone()).unwrap();
    trail.rotate_key(&rotation.sign(&log(1)).unwrap()).unwrap();
    trail.publish(&Checkpoint::new(ORIGIN, head).unwrap().sign(&log(2)).unwrap()).unwrap();
    (dir, head)
}

/// The keys and the checkpoint, as an auditor reads them who was given the first key.
fn verify(folder: &Path) -> Result<VerifiedCheckpoint, Error> {
    let keys: LogKeys = read_keys(folder, ORIGIN, log(1).verifier().clone())?;
    keys.verify(&read_checkpoint(folder)?, &WitnessPolicy::none())
}

/// Everything that an auditor reads.
fn audit(folder: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let tiles = TileStore::open(folder, verify(folder)?.head())?;
    let bundles: Vec<_> =
        (0..tiles.bundles()).map(|bundle| tiles.bundle(bundle)).collect::<Result<_, _>>()?;
    Ok(bundles.concat())
}

fn put(file: &mut File, at: usize, byte: u8) {
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[byte]).unwrap();
}

/// Changes every bit of a file, and cuts it off at every length. `found` is the part of the audit
/// that reads the file.
fn spoil(folder: &Path, path: &str, found: impl Fn() -> bool) {
    let bytes = fs::read(folder.join(path)).unwrap();
    let mut file = OpenOptions::new().write(true).open(folder.join(path)).unwrap();
    for (at, byte) in bytes.iter().enumerate() {
        for bit in 0..8 {
            put(&mut file, at, byte ^ (1 << bit));
            assert!(found(), "bit {bit} of byte {at} of {path}");
        }
        // That nothing but this part need be done again shows here, for some of the changes.
        assert!(at % 29 > 0 || audit(folder).is_err(), "byte {at} of {path}");
        put(&mut file, at, *byte);
    }
    for len in (0..bytes.len()).rev() {
        file.set_len(len as u64).unwrap();
        assert!(found(), "{len} bytes of {path}");
    }
    fs::write(folder.join(path), bytes).unwrap();
    assert_eq!(audit(folder).unwrap().len() as u64, SIZE);
}

#[test]
fn every_bit_of_the_keys_and_the_checkpoint_counts() {
    let (dir, _) = trail();
    for path in ["keys/1", "checkpoint"] {
        spoil(dir.path(), path, || verify(dir.path()).is_err());
    }
}

#[test]
fn every_bit_of_the_tiles_at_the_right_end_counts() {
    let (dir, head) = trail();
    for path in ["tile/0/003.p/232", "tile/1/000.p/3"] {
        spoil(dir.path(), path, || TileStore::open(dir.path(), head).is_err());
    }
}

/// A tile that was refused is read again.
fn full_tile(index: u64) {
    let (dir, head) = trail();
    let tiles = TileStore::open(dir.path(), head).unwrap();
    spoil(dir.path(), &format!("tile/0/00{index}"), || tiles.bundle(index).is_err());
}

#[test]
fn every_bit_of_the_first_full_tile_counts() {
    full_tile(0);
}

#[test]
fn every_bit_of_the_second_full_tile_counts() {
    full_tile(1);
}

#[test]
fn every_bit_of_the_third_full_tile_counts() {
    full_tile(2);
}

#[test]
fn every_bit_of_the_entries_counts() {
    let (dir, head) = trail();
    let tiles = TileStore::open(dir.path(), head).unwrap();
    for (index, path) in (0..).zip(FILES.iter().filter(|path| path.starts_with("tile/entries/"))) {
        // From here on, the tile with the hashes of these entries is in memory.
        assert!(tiles.bundle(index).is_ok());
        spoil(dir.path(), path, || tiles.bundle(index).is_err());
    }
}

#[test]
fn a_file_dropped_lengthened_swapped_or_put_in_the_place_of_another_is_found() {
    let (dir, _) = trail();
    let at = |path: &str| dir.path().join(path);
    let all = FILES.map(|path| fs::read(at(path)).unwrap());
    let refused = |what: &str| assert!(audit(dir.path()).is_err(), "{what}");
    for (path, bytes) in FILES.iter().zip(&all) {
        fs::remove_file(at(path)).unwrap();
        refused(&format!("{path} dropped"));
        for more in [&b"\0"[..], b"\n", &bytes[..1], bytes] {
            fs::write(at(path), [bytes, more].concat()).unwrap();
            refused(&format!("{path} and {} bytes more", more.len()));
        }
        for (other, others) in FILES.iter().zip(&all).filter(|(other, _)| *other != path) {
            fs::write(at(path), others).unwrap();
            refused(&format!("{other} in the place of {path}"));
            fs::write(at(other), bytes).unwrap();
            refused(&format!("{path} and {other} swapped"));
            fs::write(at(other), others).unwrap();
        }
        fs::write(at(path), bytes).unwrap();
    }
    assert_eq!(audit(dir.path()).unwrap(), (0..SIZE).map(record).collect::<Vec<_>>());
    fs::copy(at("keys/1"), at("keys/2")).unwrap();
    refused("a succession doubled");
}

/// A file that nobody reads under this checkpoint changes nothing: partial tiles of smaller trees,
/// copies in other places, what lies beyond the tree.
#[test]
fn what_is_beside_the_tree_is_harmless() {
    let (dir, _) = trail();
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("tile/0/002.p")).unwrap();
    for path in [
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/0/003",
        "tile/0/004",
        "tile/entries/004",
        "checkpoint.tmp",
    ] {
        fs::copy(at("tile/0/000"), at(path)).unwrap();
    }
    fs::write(at("lock"), "anything").unwrap();
    assert_eq!(audit(dir.path()).unwrap(), (0..SIZE).map(record).collect::<Vec<_>>());
}

#[test]
fn these_are_all_the_files_of_the_trail() {
    let (dir, _) = trail();
    let mut found = crate::folder::files(dir.path()).into_keys().collect::<Vec<_>>();
    found.sort();
    assert_eq!(found, FILES);
}
