//! The changes that can be made to a trail without the log's key.

use std::path::{Path, PathBuf};

use gate_audit::Hash;
use tempfile::TempDir;

use crate::auditors::log::{Log, plausible};

/// A change, and the text that the refusal must contain.
pub struct Change {
    pub name: &'static str,
    pub place: String,
    pub make: Box<dyn Fn(&Path)>,
}

fn change(name: &'static str, named_path: String, make: impl Fn(&Path) + 'static) -> Change {
    Change { name, place: named_path, make: Box::new(make) }
}

/// Returns the first and the last file of a kind (`entries`, `0`) in a trail of `size` entries.
fn first_and_last(kind: &str, size: usize) -> [String; 2] {
    [0, (size - 1) / 256].map(|number| match size - number * 256 {
        256.. => format!("tile/{kind}/{number:03}"),
        width => format!("tile/{kind}/{number:03}.p/{width}"),
    })
}

/// Returns changes to a trail of 20 entries or more.
pub fn changes(size: usize) -> Vec<Change> {
    let [bundle, last_bundle] = first_and_last("entries", size);
    let [tile, last_tile] = first_and_last("0", size);
    let in_first = size.min(256) - 1;
    let last_first = (size - 1) / 256 * 256;
    let changed = |index: usize| format!("entry {index} is not what was logged");
    let files = [&bundle, &last_bundle, &tile, &last_tile].map(PathBuf::from);
    let [bundle_file, last_bundle_file, tile_file, last_tile_file] = files;
    let in_bundle = |name, named_path: String, make: fn(&mut Vec<Vec<u8>>)| {
        let file = bundle_file.clone();
        change(name, named_path, move |trail| edit(&trail.join(&file), make))
    };
    let in_file = |name, place: &str, file: &Path, make: fn(&Path)| {
        let file = file.to_owned();
        change(name, place.to_owned(), move |trail| make(&trail.join(&file)))
    };
    let in_checkpoint = |name, number: usize, make: fn(&str) -> String| {
        change(name, "checkpoint: the signature of".to_owned(), move |trail| {
            line(trail, number, make);
        })
    };
    let mut changes = vec![
        in_bundle("one bit of an entry", changed(10), |entries| entries[10][30] ^= 1),
        in_bundle("two entries swapped", changed(10), |entries| entries.swap(10, 15)),
        in_bundle("an entry is gone from the middle", changed(10), |entries| {
            drop(entries.remove(10));
        }),
        in_file(
            "one bit of the last entries",
            &changed(last_first + 2),
            &last_bundle_file,
            |path| {
                edit(path, |entries| entries[2][30] ^= 1);
            },
        ),
        in_file("one bit of a length", &changed(10), &bundle_file, |path| {
            flip(path, length_of(path, 10) + 1, 3);
        }),
        in_file("a length beyond the file", &format!("entry {in_first}"), &bundle_file, |path| {
            flip(path, length_of(path, read(path).len() - 1), 7);
        }),
        in_file(
            "the last entry is gone",
            &format!("entry {} is missing", size - 1),
            &last_bundle_file,
            |path| {
                shorten(path, read(path).last().unwrap().len() + 2);
            },
        ),
        in_file(
            "the last entries are gone",
            &format!("entries {last_first} to {} cannot be read", size - 1),
            &last_bundle_file,
            |path| std::fs::remove_file(path).unwrap(),
        ),
        in_file("something behind the last entry", "behind the last entry", &bundle_file, |path| {
            std::fs::write(path, [std::fs::read(path).unwrap(), b"\0\0".to_vec()].concat())
                .unwrap();
        }),
        in_file("one bit of a tile", &tile, &tile_file, |path| flip(path, 32 * 10 + 4, 2)),
        in_file("one bit of the last tile", &last_tile, &last_tile_file, |path| flip(path, 2, 0)),
        in_file("a shorter tile", &tile, &tile_file, |path| shorten(path, 1)),
        in_file("no tile", &tile, &tile_file, |path| std::fs::remove_file(path).unwrap()),
        in_checkpoint("the checkpoint's root", 2, |root| other_letter(root, 0)),
        in_checkpoint("the checkpoint's size", 1, |size| {
            format!("{}", size.parse::<u64>().unwrap() - 1)
        }),
        in_checkpoint("a line more in the checkpoint", 2, |root| format!("{root}\nmore")),
        in_checkpoint("the signature", 4, |signature| {
            other_letter(signature, signature.len() - 20)
        }),
        change(
            "everything but the checkpoint",
            "do not lead to the root that was signed".to_owned(),
            move |trail| {
                let mut lines = plausible(size);
                lines.swap(10, 13);
                let other = Log::new(&lines);
                let kept = std::fs::read(trail.join("checkpoint")).unwrap();
                std::fs::remove_dir_all(trail).unwrap();
                copy_into(&other.folder(), trail);
                std::fs::write(trail.join("checkpoint"), kept).unwrap();
            },
        ),
    ];
    if size > 256 {
        let upper = format!("tile/1/000.p/{}", size / 256);
        changes.push(in_file("one bit of a tile above", &upper, Path::new(&upper), |path| {
            flip(path, 31, 7);
        }));
        changes.push(change("an entry and its hash", upper, move |trail| {
            edit(&trail.join(&bundle), |entries| entries[10][30] ^= 1);
            let leaf = Hash::of_leaf(&read(&trail.join(&bundle))[10]);
            let mut hashes = std::fs::read(trail.join(&tile)).unwrap();
            hashes[320..352].copy_from_slice(leaf.as_bytes());
            std::fs::write(trail.join(&tile), hashes).unwrap();
        }));
    }
    changes
}

/// Returns a text with another letter at an index.
fn other_letter(text: &str, at: usize) -> String {
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// Returns the offset of the length of an entry in a bundle.
fn length_of(bundle: &Path, entry: usize) -> usize {
    read(bundle)[..entry].iter().map(|entry| entry.len() + 2).sum()
}

/// Returns the entries of a bundle.
fn read(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut entries) = (&bytes[..], Vec::new());
    while let Some((len, behind)) = rest.split_first_chunk() {
        let (entry, behind) = behind.split_at(u16::from_be_bytes(*len).into());
        entries.push(entry.to_vec());
        rest = behind;
    }
    entries
}

fn edit(path: &Path, change: impl Fn(&mut Vec<Vec<u8>>)) {
    let mut entries = read(path);
    change(&mut entries);
    let mut bundle = Vec::new();
    for entry in entries {
        gate_audit::write_entry(&mut bundle, &entry).unwrap();
    }
    std::fs::write(path, bundle).unwrap();
}

pub fn flip(path: &Path, at: usize, bit: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
}

fn shorten(path: &Path, by: usize) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() - by]).unwrap();
}

/// Changes one line of a trail's checkpoint.
fn line(trail: &Path, number: usize, change: impl Fn(&str) -> String) {
    let path = trail.join("checkpoint");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    lines[number] = change(&lines[number]);
    std::fs::write(path, lines.join("\n")).unwrap();
}

/// Copies a folder, to change the copy.
pub fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(folder, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_into(&file.path(), &to);
        } else {
            std::fs::copy(file.path(), to).unwrap();
        }
    }
}

/// Returns the files of a trail that the checkpoint covers, and the checkpoint.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        for file in std::fs::read_dir(folder.join(&inside)).unwrap().map(Result::unwrap) {
            let path = inside.join(file.file_name());
            if file.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path != Path::new("lock") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
