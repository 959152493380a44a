//! Many approvals that wait: listing them page by page, deciding one, building a gate over them.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use gate_runtime::review::Status;
use gate_runtime::store::{ApprovalFilter, ApprovalStore};
use gate_sqlite::SqliteStore;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::subject::{self, asked};
use crate::{VISITOR, duration_text, percentiles};

const PENDING: usize = 100_000;
const PAGE: usize = 50;
const PAGES: usize = 2_000;
const DECIDED: usize = 50;

/// The calls of one batch, and how many batches are taken in at once.
const BATCH: usize = 16;
const AT_ONCE: usize = 32;

pub(crate) fn many(folder: &Path, runtime: &Runtime) {
    let wanted =
        std::env::var("GATE_BENCH_PENDING").ok().map_or(PENDING, |count| count.parse().unwrap());
    let file = folder.join("pending.db");
    let began = Instant::now();
    runtime.block_on(async {
        let (gate, _) = subject::open(&file).await;
        let batches = wanted.div_ceil(BATCH);
        let mut all = JoinSet::new();
        for first in 0..AT_ONCE {
            let gate = gate.clone();
            all.spawn(async move {
                for batch in (first..batches).step_by(AT_ONCE) {
                    let count = BATCH.min(wanted - batch * BATCH);
                    let turn = gate
                        .run(format!("run-{batch}"))
                        .submit((0..count).map(asked))
                        .await
                        .unwrap();
                    assert_eq!(turn.interruptions().len(), count);
                }
            });
        }
        all.join_all().await;
    });
    let taken = began.elapsed();
    let rate = wanted as f64 / taken.as_secs_f64();
    println!(
        "{wanted} approvals wait, each for a week; they were asked in {}, {rate:.0}/s.",
        duration_text(taken)
    );
    println!("In a fresh process:\n");
    assert!(
        Command::new(std::env::current_exe().unwrap())
            .env(VISITOR, &file)
            .status()
            .unwrap()
            .success()
    );
}

/// The fresh process.
pub(crate) async fn visit(file: &Path) {
    let store = SqliteStore::open(file).await.unwrap();
    let before = resident("VmRSS");
    let waiting = || ApprovalFilter::all().status(Status::Pending).limit(PAGE);

    let (mut first, mut next) = (Vec::new(), Vec::new());
    for _ in 0..DECIDED {
        let began = Instant::now();
        assert_eq!(store.approvals(&waiting()).await.unwrap().len(), PAGE);
        first.push(began.elapsed());
    }
    let (mut filter, mut middle) = (waiting(), Vec::new());
    for page in 0..PAGES {
        let began = Instant::now();
        let found = store.approvals(&filter).await.unwrap();
        next.push(began.elapsed());
        let Some(last) = found.last() else { break };
        filter = waiting().after(last.id());
        if page == PAGES / 2 || middle.is_empty() {
            middle = found.iter().map(|approval| approval.id()).collect();
        }
    }
    let paged = resident("VmRSS");

    let began = Instant::now();
    let gate = subject::gate(store.clone()).await;
    let built = began.elapsed();
    let (after, peak) = (resident("VmRSS"), resident("VmHWM"));

    let dana = gate.reviewer("dana").await.unwrap();
    let mut decided = Vec::new();
    for id in middle {
        let began = Instant::now();
        gate.interruption(id).await.unwrap().unwrap().approve(&dana).await.unwrap();
        decided.push(began.elapsed());
    }

    println!("{:<44}{:>12}{:>12}{:>12}", "", "p50", "p95", "p99");
    println!("{:<44}{}", format!("first page of {PAGE}"), percentiles(&mut first));
    println!(
        "{:<44}{}",
        format!("each of the {} pages after it", next.len()),
        percentiles(&mut next)
    );
    println!("{:<44}{}", "deciding one, with the gate built", percentiles(&mut decided));
    println!();
    println!("{:<44}{:>12}", "building a gate over them", duration_text(built));
    println!("{:<44}{before:>9} MB", "resident memory, the database opened");
    println!("{:<44}{paged:>9} MB", "the pages read");
    println!("{:<44}{after:>9} MB", "the gate built");
    println!("{:<44}{peak:>9} MB", "at its peak");
}

/// A line of what the system says of this process's memory, in megabytes.
fn resident(line: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = found.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.map_or_else(|| "?".to_owned(), |kilobytes| format!("{:.1}", kilobytes / 1_024.0))
}
