//! Successions of keys in the folder of a trail.

use std::fs;
use std::path::Path;

use gate_audit::{
    Checkpoint, Error, KeySuccession, LogKeys, Note, TrailWriter, WitnessPolicy, read_checkpoint,
    read_keys,
};
use tempfile::TempDir;

use crate::{log, record};

const ORIGIN: &str = "example.com/trail";

fn succession(from: u64, by: u8, new: u8) -> Note {
    KeySuccession::new(ORIGIN, from, log(new).verifier().clone()).unwrap().sign(&log(by)).unwrap()
}

fn read(folder: &Path) -> Result<LogKeys, Error> {
    read_keys(folder, ORIGIN, log(1).verifier().clone())
}

/// A trail of nine entries, with a new key after every third.
fn trail() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = TrailWriter::create(dir.path()).unwrap();
    for (key, from) in (1..).zip([3, 6, 9]) {
        (from - 3..from).for_each(|index| assert_eq!(trail.append(&record(index)).unwrap(), index));
        let head = trail.seal().unwrap();
        trail.rotate_key(&succession(from, key, key + 1)).unwrap();
        trail
            .publish(&Checkpoint::new(ORIGIN, head).unwrap().sign(&log(key + 1)).unwrap())
            .unwrap();
    }
    dir
}

fn names(folder: &Path) -> Vec<String> {
    let names =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn an_auditor_with_the_first_key_follows_to_the_last() {
    let dir = trail();
    assert_eq!(names(&dir.path().join("keys")), ["1", "2", "3"]);
    assert_eq!(
        fs::read_to_string(dir.path().join("keys/2")).unwrap(),
        succession(6, 2, 3).to_string()
    );
    let keys = read(dir.path()).unwrap();
    assert_eq!(keys.current(), log(4).verifier());
    let note = read_checkpoint(dir.path()).unwrap();
    assert_eq!(keys.verify(&note, &WitnessPolicy::none()).unwrap().head().size(), 9);
    for known in [2, 3, 4] {
        let keys = read_keys(dir.path(), ORIGIN, log(known).verifier().clone()).unwrap();
        assert_eq!(keys.current(), log(4).verifier(), "from key {known}");
    }
    assert!(read_keys(dir.path(), ORIGIN, log(9).verifier().clone()).is_err());
    assert!(read_keys(dir.path(), "example.com/other", log(1).verifier().clone()).is_err());
}

#[test]
fn a_folder_without_successions_has_its_first_key() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path()).unwrap().current(), log(1).verifier());
}

#[test]
fn a_new_key_begins_with_the_sealed_tree() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = TrailWriter::create(dir.path()).unwrap();
    let refused =
        |result| assert!(matches!(result, Err(Error::BadSuccession { .. })), "{result:?}");
    refused(trail.rotate_key(&succession(0, 1, 2)));
    trail.append(b"asked").unwrap();
    let head = trail.seal().unwrap();
    trail.append(b"approved").unwrap();
    refused(trail.rotate_key(&succession(0, 1, 2)));
    refused(trail.rotate_key(&succession(2, 1, 2)));
    let checkpoint = Checkpoint::new(ORIGIN, head).unwrap().sign(&log(1)).unwrap();
    assert!(matches!(trail.rotate_key(&checkpoint), Err(Error::Malformed { .. })));
    assert!(!dir.path().join("keys").exists());
    trail.rotate_key(&succession(1, 1, 2)).unwrap();
    drop(trail);
    // Whoever goes on finds the next number.
    let mut trail = TrailWriter::resume(dir.path(), head).unwrap();
    refused(trail.rotate_key(&succession(1, 2, 3)));
    trail.seal().unwrap();
    trail.rotate_key(&succession(1, 2, 3)).unwrap();
    assert_eq!(names(&dir.path().join("keys")), ["1", "2"]);
    assert_eq!(read(dir.path()).unwrap().current(), log(3).verifier());
}

#[test]
fn a_gap_a_swap_and_a_copy_are_refused_with_the_file() {
    let refused = |change: &dyn Fn(&Path)| {
        let dir = trail();
        change(&dir.path().join("keys"));
        let error = read(dir.path()).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    };
    let first = refused(&|keys| fs::remove_file(keys.join("1")).unwrap());
    assert!(first.starts_with("`keys/1` cannot be read"), "{first}");
    let middle = refused(&|keys| fs::remove_file(keys.join("2")).unwrap());
    assert!(middle.starts_with("`keys/2` cannot be read"), "{middle}");
    let swapped = refused(&|keys| {
        fs::rename(keys.join("1"), keys.join("2.tmp")).unwrap();
        fs::rename(keys.join("2"), keys.join("1")).unwrap();
        fs::rename(keys.join("2.tmp"), keys.join("2")).unwrap();
    });
    assert!(swapped.starts_with("`keys/1`: no signature is by a known key"), "{swapped}");
    let copied = refused(&|keys| _ = fs::copy(keys.join("3"), keys.join("4")).unwrap());
    assert!(copied.starts_with("`keys/4`: no signature is by a known key"), "{copied}");
    let far =
        refused(&|keys| _ = fs::copy(keys.join("3"), keys.join("18446744073709551615")).unwrap());
    assert!(far.starts_with("`keys/4` cannot be read"), "{far}");
    let empty = refused(&|keys| fs::write(keys.join("3"), "").unwrap());
    assert!(empty.starts_with("`keys/3`: note: put an empty line"), "{empty}");
}

#[test]
fn what_does_not_belong_to_the_keys_is_refused_but_what_a_dead_writer_left() {
    for name in [
        "0",
        "01",
        "+4",
        "4 (copy)",
        "4.bak",
        "4.tmp.tmp",
        ".tmp",
        "x.tmp",
        "18446744073709551616",
        "README",
    ] {
        let dir = trail();
        let file = dir.path().join("keys").join(name);
        fs::write(&file, "").unwrap();
        assert!(matches!(read(dir.path()), Err(Error::Foreign { path }) if path == file), "{name}");
    }
    let dir = trail();
    fs::write(dir.path().join("keys/4.tmp"), "half a no").unwrap();
    assert_eq!(read(dir.path()).unwrap().current(), log(4).verifier());
}

/// Nobody can notice this from the folder alone. What comes of it is that the newest checkpoint is
/// not believed.
#[test]
fn without_the_last_succession_the_newest_checkpoint_is_refused() {
    let dir = trail();
    fs::remove_file(dir.path().join("keys/3")).unwrap();
    let keys = read(dir.path()).unwrap();
    let note = read_checkpoint(dir.path()).unwrap();
    assert!(matches!(keys.verify(&note, &WitnessPolicy::none()), Err(Error::Unsigned { .. })));
}
