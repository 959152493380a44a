//! Calls per second, beside bare SQLite; cycles of question, decision and run; bytes on the disk.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_runtime::prelude::*;
use gate_runtime::review::Status;
use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::bare::{BareStore, Rows, rows_of};
use crate::refunds::{Tools, free};
use crate::subject::{self, asked};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(250);
const COUNTED: usize = 2_048;
const COUNTED_AT_ONCE: usize = 64;

/// Durable auto-approved calls per second, beside bare SQLite.
pub(crate) fn auto_approved(folder: &Path, runtime: &Runtime) {
    let rows = Arc::new(runtime.block_on(rows_of(free(0))));
    let bytes: Vec<String> = rows.iter().map(|rows| rows.bytes().to_string()).collect();
    let (commits, bytes) = (rows.len(), bytes.join(" and "));
    println!(
        "A call is dispatched, and its end recorded: {commits} durable commits, of {bytes} bytes \
         of JSON."
    );
    println!(
        "Bare: the same rows, made beforehand, into the same schema, one thread that writes; \
         nothing read or checked."
    );
    println!(
        "The best of {ROUNDS} rounds each, in turn; and the ratios within a round, lowest to \
         highest.\n"
    );
    println!(
        "{:>8}{:>16}{:>16}{:>12}{:>18}",
        "callers", "gate, calls/s", "bare, calls/s", "gate/bare", "within a round"
    );
    for callers in [1, 8, 64, 256] {
        let (mut best, mut best_bare) = (0.0_f64, 0.0_f64);
        let (mut lowest, mut highest) = (f64::MAX, 0.0_f64);
        for round in 0..ROUNDS {
            let file = |side: &str| folder.join(format!("calls-{callers}-{round}-{side}.db"));
            let bare = runtime.block_on(bare_round(&file("bare"), &rows, callers));
            let gated = runtime.block_on(gated_round(&file("gate"), callers));
            (best, best_bare) = (best.max(gated), best_bare.max(bare));
            (lowest, highest) = (lowest.min(gated / bare), highest.max(gated / bare));
        }
        let range = format!("{:.0} to {:.0}%", 100.0 * lowest, 100.0 * highest);
        println!(
            "{callers:>8}{best:>16.0}{best_bare:>16.0}{:>11.0}%{range:>18}",
            100.0 * best / best_bare
        );
    }
}

async fn bare_round(file: &Path, rows: &Arc<Vec<Rows>>, callers: usize) -> f64 {
    let bare = BareStore::open(file, rows).await;
    let begin = |run| {
        let bare = bare.clone();
        move |number| {
            let bare = bare.clone();
            async move { bare.call(run, number).await }
        }
    };
    per_second(callers, ROUND, begin).await
}

async fn gated_round(file: &Path, callers: usize) -> f64 {
    let (gate, _) = subject::open(file).await;
    let begin = |run| {
        let run = Arc::new(gate.run(format!("run-{run}")));
        move |number| run_one(Arc::clone(&run), number)
    };
    per_second(callers, ROUND, begin).await
}

pub(crate) async fn run_one(run: Arc<Run<Tools>>, number: usize) {
    let turn = run.submit([free(number)]).await.unwrap();
    assert_eq!(turn.outputs().count(), 1);
}

/// Questions that are asked, decided and run, per second.
pub(crate) fn cycles(folder: &Path, runtime: &Runtime) {
    println!(
        "A call is asked, approved by a manager, judged again and run: four durable commits, one \
         after the other."
    );
    println!("The best of {ROUNDS} rounds.\n");
    println!("{:>8}{:>16}", "callers", "cycles/s");
    for callers in [1, 8, 64] {
        let mut best = 0.0_f64;
        for round in 0..ROUNDS {
            best = best.max(runtime.block_on(async {
                let (gate, _) =
                    subject::open(&folder.join(format!("cycles-{callers}-{round}.db"))).await;
                per_second(callers, ROUND, |run| {
                    let (run, gate) = (Arc::new(gate.run(format!("run-{run}"))), gate.clone());
                    move |number| cycle(gate.clone(), Arc::clone(&run), number)
                })
                .await
            }));
        }
        println!("{callers:>8}{best:>16.0}");
    }
}

async fn cycle(gate: Gate<Tools>, run: Arc<Run<Tools>>, number: usize) {
    let dana = gate.reviewer("dana").await.unwrap();
    let turn = run.submit([asked(number)]).await.unwrap();
    let decided = turn.interruptions()[0].approve(&dana).await.unwrap();
    assert_eq!(decided.status(), Status::Approved);
    assert_eq!(run.proceed().await.unwrap().outputs().count(), 1);
}

/// Callers at once, each doing one thing after the other, for so long. How many things per second.
pub(crate) async fn per_second<W, F>(
    callers: usize,
    round: Duration,
    begin: impl Fn(usize) -> W,
) -> f64
where
    W: Fn(usize) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let mut all = JoinSet::new();
    for caller in 0..callers {
        let work = begin(caller);
        all.spawn(async move {
            let mut count = 0;
            while began.elapsed() < round {
                work(count).await;
                count += 1;
            }
            count
        });
    }
    let count: usize = all.join_all().await.into_iter().sum();
    count as f64 / began.elapsed().as_secs_f64()
}

/// The size of a database, per call.
pub(crate) fn bytes(folder: &Path, runtime: &Runtime) {
    println!(
        "The file after a checkpoint, less that of a gate without calls, for each of {COUNTED} \
         calls.\n"
    );
    println!("{:<28}{:>14}", "", "bytes/call");
    for kind in ["auto-approved", "asked, approved and run"] {
        let file = folder.join(format!("bytes {kind}.db"));
        drop(runtime.block_on(subject::open(&file)));
        let empty = size(&file);
        runtime.block_on(async {
            let (gate, _) = subject::open(&file).await;
            let mut all = JoinSet::new();
            for run in subject::runs(&gate, COUNTED_AT_ONCE) {
                let gate = gate.clone();
                all.spawn(async move {
                    for number in 0..COUNTED / COUNTED_AT_ONCE {
                        match kind {
                            "auto-approved" => run_one(Arc::clone(&run), number).await,
                            _ => cycle(gate.clone(), Arc::clone(&run), number).await,
                        }
                    }
                });
            }
            all.join_all().await;
        });
        println!("{kind:<28}{:>14}", (size(&file) - empty) / COUNTED as u64);
    }
}

/// The bytes of a database, with nothing left in its log.
fn size(file: &Path) -> u64 {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    std::fs::metadata(file).unwrap().len()
}
