//! The cost of durability: `cargo bench -p gate --bench durable` prints a table for each topic,
//! everything compared within one run.
//!
//! A word behind it (`-- pending`) runs only the topics whose name has that word.
//! `GATE_BENCH_PENDING=1000000` lets a million approvals wait instead of a hundred thousand;
//! `GATE_BENCH_FOLDER` says where the databases lie, which decides what an `fsync` costs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark prints what it measures"
)]

#[path = "durable/bare.rs"]
mod bare;
#[path = "durable/calls.rs"]
mod calls;
mod folder;
#[path = "durable/observed.rs"]
mod observed;
#[path = "durable/pending.rs"]
mod pending;
mod refunds;
#[path = "durable/sealing.rs"]
mod sealing;
#[path = "durable/subject.rs"]
mod subject;
#[path = "durable/wake.rs"]
mod wake;

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// Names the database on which a process works that this one started, and makes it that process.
const VOTER: &str = "GATE_BENCH_VOTER";
const VISITOR: &str = "GATE_BENCH_VISITOR";

/// Measures and prints, with its databases in a folder.
type Topic = fn(&Path, &Runtime);

fn main() {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(file) = std::env::var_os(VOTER) {
        return runtime.block_on(wake::vote_on_request(Path::new(&file)));
    }
    if let Some(file) = std::env::var_os(VISITOR) {
        return runtime.block_on(pending::visit(Path::new(&file)));
    }
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let folder = folder::create();
    let (system, cores) =
        (file_system(folder.path()), std::thread::available_parallelism().unwrap());
    println!("on {system}, {cores} cores, SQLite {}", rusqlite::version());

    let topics: [(&str, Topic); 7] = [
        ("calls", calls::auto_approved),
        ("cycles", calls::cycles),
        ("wake", wake::latencies),
        ("pending", pending::many),
        ("bytes", calls::bytes),
        ("sealing", sealing::overhead),
        ("verifying", sealing::reading),
    ];
    for (name, topic) in topics {
        if chosen.is_empty() || chosen.iter().any(|word| name.contains(word.as_str())) {
            let began = Instant::now();
            println!("\n## {name}\n");
            topic(folder.path(), &runtime);
            println!("({:.1} s)", began.elapsed().as_secs_f64());
        }
    }
}

/// The kind of the file system that a folder is on.
fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let nearest =
        places.filter(|(place, _)| folder.starts_with(place)).max_by_key(|(place, _)| place.len());
    nearest.map_or_else(|| "an unknown file system".to_owned(), |(_, kind)| kind.to_owned())
}

/// The time below which a share of them is.
fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let place = (times.len() as f64 * share) as usize;
    times[place.min(times.len() - 1)]
}

/// p50, p95 and p99, as three columns.
fn percentiles(times: &mut [Duration]) -> String {
    let columns =
        [0.5, 0.95, 0.99].map(|share| format!("{:>12}", duration_text(percentile(times, share))));
    columns.concat()
}

fn duration_text(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros} µs"),
        micros @ 1_000..1_000_000 => format!("{:.2} ms", micros as f64 / 1_000.0),
        micros => format!("{:.2} s", micros as f64 / 1_000_000.0),
    }
}
