//! The cost of the trail for those who call, the records that it has not sealed yet, and the time
//! that it takes to compare and to verify it.

use std::path::Path;
use std::time::{Duration, Instant};

use gate_runtime::Trail;
use gate_runtime::audit::{KeyKind, LogKeys, SigningKey, WitnessPolicy};
use gate_runtime::prelude::*;
use gate_runtime::trail::{Auditor, TrailReader};
use gate_sqlite::SqliteStore;
use tokio::runtime::Runtime;

use crate::calls::{per_second, run_one};
use crate::duration_text;
use crate::refunds::Tools;

const ROUNDS: usize = 5;

/// Longer than it takes until a checkpoint is due.
const ROUND: Duration = Duration::from_millis(2_500);

/// For how long calls are made for the trail that is compared and verified.
const FILLING: Duration = Duration::from_secs(10);

fn key() -> SigningKey {
    SigningKey::from_seed("example.com/bench", KeyKind::Log, [1; 32]).unwrap()
}

async fn open(file: &Path, is_sealed: bool) -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let builder =
        Gate::<Tools>::builder(()).directory(people).store(SqliteStore::open(file).await.unwrap());
    let folder = file.with_extension("trail");
    let builder = if is_sealed { builder.trail(Trail::in_folder(folder, key())) } else { builder };
    builder.build().await.unwrap()
}

/// Auto-approved calls with and without a trail, in turn.
pub(crate) fn overhead(folder: &Path, runtime: &Runtime) {
    println!(
        "Auto-approved calls, without a trail and with one, {ROUNDS} rounds of 2.5 s each in \
         turn. Unsealed: how many records were not in the tree at"
    );
    println!("the end of a round, at most; drained: how long it took to seal them then.\n");
    println!(
        "{:>8}{:>16}{:>16}{:>12}{:>18}{:>12}{:>12}",
        "callers",
        "without, calls/s",
        "with, calls/s",
        "median",
        "within a round",
        "unsealed",
        "drained"
    );
    for callers in [1, 8, 64, 256] {
        let (mut best, mut best_sealed, mut ratios) = (0.0_f64, 0.0_f64, Vec::new());
        let (mut unsealed, mut drained) = (0, Duration::ZERO);
        for round in 0..ROUNDS {
            let file = |side: &str| folder.join(format!("sealing-{callers}-{round}-{side}.db"));
            let without = runtime
                .block_on(async { calls(&open(&file("without"), false).await, callers).await });
            let with = runtime.block_on(async {
                let gate = open(&file("with"), true).await;
                let with = calls(&gate, callers).await;
                unsealed = unsealed.max(gate.trail().unwrap().unsealed());
                let began = Instant::now();
                assert_eq!(gate.seal().await.unwrap().unsealed(), 0);
                drained = drained.max(began.elapsed());
                with
            });
            (best, best_sealed) = (best.max(without), best_sealed.max(with));
            ratios.push(with / without);
        }
        ratios.sort_by(f64::total_cmp);
        let (lowest, median, highest) = (ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]);
        let range = format!("{:.0} to {:.0}%", 100.0 * lowest, 100.0 * highest);
        let drained = duration_text(drained);
        println!(
            "{callers:>8}{best:>16.0}{best_sealed:>16.0}{:>11.0}%{range:>18}{unsealed:>12}\
             {drained:>12}",
            100.0 * median
        );
    }
}

async fn calls(gate: &Gate<Tools>, callers: usize) -> f64 {
    per_second(callers, ROUND, |run| {
        let run = std::sync::Arc::new(gate.run(format!("run-{run}")));
        move |number| run_one(std::sync::Arc::clone(&run), number)
    })
    .await
}

/// Building a gate over a database with a trail; verifying the trail; what one record takes of
/// each.
pub(crate) fn reading(folder: &Path, runtime: &Runtime) {
    let file = folder.join("reading.db");
    let records = runtime.block_on(async {
        let gate = open(&file, true).await;
        let began = Instant::now();
        while began.elapsed() < FILLING {
            calls(&gate, 64).await;
        }
        let sealed = gate.seal().await.unwrap();
        assert_eq!(sealed.last_error(), None);
        sealed.sealed()
    });
    let each = |what: &str, took: Duration| {
        let per_second = records as f64 / took.as_secs_f64();
        println!("{what:<60}{:>12}{per_second:>16.0} records/s", duration_text(took));
    };
    println!("{records} records, of auto-approved calls.\n");
    // Whoever had the pen gives it up in the background.
    let began = Instant::now();
    drop(runtime.block_on(open(&file, true)));
    each("a gate is built: every record compared with the trail", began.elapsed());
    let keys = LogKeys::new("example.com/bench", key().verifier().clone()).unwrap();
    let reader =
        TrailReader::open(file.with_extension("trail"), &keys, &WitnessPolicy::none()).unwrap();
    let began = Instant::now();
    let mut auditor = Auditor::new();
    for entry in reader.entries(0) {
        let (index, bytes) = entry.unwrap();
        auditor.take(&reader.read(index, &bytes).unwrap()).unwrap();
    }
    each("as `gate audit verify`: every hash, every life of a call", began.elapsed());
    let began = Instant::now();
    let bytes: usize = reader.entries(0).map(|entry| entry.unwrap().1.len()).sum();
    each("the hashes alone", began.elapsed());
    println!("{:<60}{:>12}", "bytes of a record, on average", bytes as u64 / reader.size());
}
