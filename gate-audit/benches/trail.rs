//! The cost of a trail: `cargo bench -p gate-audit` writes a million entries of 300 bytes and
//! verifies them again.
//!
//! `GATE_BENCH_ENTRIES` says how many, `GATE_BENCH_FOLDER` where the files lie, which decides what
//! writing them costs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark prints what it measures"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gate_audit::{
    Checkpoint, EntryProof, Hash, KeyKind, LogKeys, Note, Receipt, SigningKey, TileStore,
    TrailWriter, TreeFrontier, WitnessPolicy, prove_consistency, prove_inclusion, read_checkpoint,
    read_keys,
};

const ORIGIN: &str = "example.com/trail";
const PROOFS: u64 = 1_000;

fn main() {
    let count: u64 =
        std::env::var("GATE_BENCH_ENTRIES").map_or(1_000_000, |count| count.parse().unwrap());
    let parent = std::env::var_os("GATE_BENCH_FOLDER")
        .map_or(PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    std::fs::create_dir_all(&parent).unwrap();
    let dir = tempfile::tempdir_in(parent).unwrap();
    let folder = dir.path().join("trail");
    println!("{count} entries of 300 bytes");

    let mut tree = TreeFrontier::new();
    let spent = timed(|| (0..count).for_each(|index| tree.append(Hash::of_leaf(&entry(index)))));
    rate("append to the tree, in memory", count, spent);
    each(
        "root of the tree",
        PROOFS,
        timed(|| (0..PROOFS).for_each(|_| _ = black_box(black_box(&tree).root()))),
    );
    println!(
        "{:<44} {:>12} bytes",
        "the tree takes",
        size_of::<TreeFrontier>() + size_of_val(tree.peaks())
    );
    memory("after appending to the tree");

    let key = SigningKey::from_seed(ORIGIN, KeyKind::Log, [1; 32]).unwrap();
    let signed = |head| Checkpoint::new(ORIGIN, head).unwrap().sign(&key).unwrap();
    let spent = timed(|| (0..PROOFS).for_each(|_| drop(black_box(signed(black_box(tree.head()))))));
    each("sign a checkpoint", PROOFS, spent);

    forget_memory();
    let mut trail = TrailWriter::create(&folder).unwrap();
    let spent = timed(|| (0..count).for_each(|index| _ = trail.append(&entry(index)).unwrap()));
    rate("append to the folder", count, spent);
    memory("after appending to the folder");
    let spent = timed(|| {
        let head = trail.seal().unwrap();
        assert_eq!(head, tree.head());
        trail.publish(&signed(head)).unwrap();
    });
    each("seal, sign and publish the last part", 1, spent);
    let spent = timed(|| {
        for index in 0..100 {
            trail.append(&entry(index)).unwrap();
            let head = trail.seal().unwrap();
            trail.publish(&signed(head)).unwrap();
        }
    });
    each("a checkpoint for a single entry, durable", 100, spent);
    drop(trail);

    let keys = LogKeys::new(ORIGIN, key.verifier().clone()).unwrap();
    let note = read_checkpoint(&folder).unwrap();
    let spent = timed(|| {
        (0..PROOFS).for_each(|_| drop(keys.verify(&note, &WitnessPolicy::none()).unwrap()));
    });
    each("verify a checkpoint", PROOFS, spent);
    let verified = keys.verify(&note, &WitnessPolicy::none()).unwrap();
    let size = verified.head().size();
    let tiles = TileStore::open(&folder, verified.head()).unwrap();
    for entries in [1, 10] {
        receipts(&tiles, entries, &note, &keys);
    }
    let spent = timed(|| {
        for older in spread(size) {
            black_box(prove_consistency(&tiles, older, size).unwrap());
        }
    });
    each("prove consistency from tiles", PROOFS, spent);
    drop(tiles);
    audit(&folder, &key, count);
}

/// Receipts of so many entries that follow each other, as the entries of a story do.
fn receipts(tiles: &TileStore, entries: u64, note: &Note, keys: &LogKeys) {
    let size = tiles.head().size();
    let mut texts = Vec::new();
    let spent = timed(|| {
        for first in spread(size - entries) {
            let evidence = (first..first + entries).map(|index| {
                let entry = String::from_utf8(tiles.entry(index).unwrap()).unwrap();
                EntryProof::new(index, entry, prove_inclusion(tiles, index, size).unwrap())
            });
            texts.push(Receipt::new(evidence.collect(), note.clone()).unwrap().to_string());
        }
    });
    each(&format!("make a receipt of {entries} from tiles"), PROOFS, spent);
    let spent = timed(|| {
        for text in &texts {
            let receipt = Receipt::parse(text.as_bytes()).unwrap();
            drop(receipt.verify(keys, &WitnessPolicy::none()).unwrap());
        }
    });
    each(&format!("read and verify a receipt of {entries}"), PROOFS, spent);
}

/// All that an auditor does who was given the first key, in one thread.
fn audit(folder: &Path, key: &SigningKey, count: u64) {
    forget_memory();
    let (mut read, mut size) = (0, 0);
    let spent = timed(|| {
        let keys = read_keys(folder, ORIGIN, key.verifier().clone()).unwrap();
        let verified =
            keys.verify(&read_checkpoint(folder).unwrap(), &WitnessPolicy::none()).unwrap();
        let tiles = TileStore::open(folder, verified.head()).unwrap();
        size = verified.head().size();
        for bundle in 0..tiles.bundles() {
            let before = read;
            read += tiles.bundle(bundle).unwrap().len() as u64;
            if (before..read).contains(&(count / 10)) {
                memory(&format!("after verifying {}", count / 10));
            }
        }
    });
    assert_eq!(read, size);
    memory(&format!("after verifying {size}"));
    rate("verify every entry in the folder", size, spent);
}

/// 300 bytes of text that are different for each index.
fn entry(index: u64) -> Vec<u8> {
    let mut entry = vec![b'.'; 280];
    write!(entry, "{index:020}").unwrap();
    entry
}

/// Indices from all over a tree.
fn spread(size: u64) -> impl Iterator<Item = u64> {
    (0..PROOFS).map(move |step| step.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size)
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn rate(what: &str, count: u64, spent: Duration) {
    println!(
        "{what:<44} {:>12.0} per second ({:.2} s)",
        count as f64 / spent.as_secs_f64(),
        spent.as_secs_f64()
    );
}

fn each(what: &str, count: u64, spent: Duration) {
    println!("{what:<44} {:>12.1} µs", spent.as_secs_f64() * 1e6 / count as f64);
}

/// Lets the system count anew what the process has in memory at most, where it can.
fn forget_memory() {
    _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Prints the most memory that the process has had, where the system says it.
fn memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        println!("{:<44} {:>15}", format!("most memory, {when}"), peak.trim());
    }
}
