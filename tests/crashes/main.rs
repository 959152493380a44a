//! Processes that are killed at every step and at any instant, over one SQLite file: nothing runs
//! twice, nothing runs without a record, no decision is lost.
//!
//! A process ends itself as `kill -9` does, around the commit of a given record or around the
//! effect of a tool; others are killed from outside, at random instants. After each round, the file
//! is compared with the effects of the tools and with the answers that people got, which are in
//! separate files.
//!
//! For a night, with a table at the end:
//! `GATE_CRASHES=100000 cargo test --release -p gate --test crashes k71 -- --nocapture`.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects"
)]
#![allow(clippy::print_stdout, reason = "whoever asks for many kills is told of them")]
#![allow(clippy::cast_possible_truncation, reason = "dice are small")]
#![allow(unreachable_pub, reason = "a test is a crate of its own")]

mod checks;
mod rounds;
mod steps;
mod store;
mod summary;
mod tools;
mod victim;

use std::sync::PoisonError;

/// The process that is killed. Run directly, this does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_is_killed() {
    let Ok(orders) = std::env::var(rounds::ORDERS) else { return };
    victim::work(serde_json::from_str(&orders).unwrap()).await;
}

/// The number of files that live at once.
const AT_ONCE: u64 = 2;

#[test]
fn k71_killed_at_every_step_and_at_any_instant_nothing_runs_twice_or_without_a_record() {
    let kill_count: Option<usize> =
        std::env::var("GATE_CRASHES").ok().map(|kills| kills.parse().unwrap());
    let plan = rounds::KillPlan::new(kill_count.unwrap_or(100));
    std::thread::scope(|scope| {
        let plan = &plan;
        for process_index in 0..AT_ONCE {
            scope.spawn(move || plan.work(u64::from(std::process::id()) + process_index));
        }
    });
    let summary = plan.summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    if kill_count.is_some() {
        println!("\n{summary}");
    }
    assert!(summary.wrong.is_empty(), "{}\n{summary}", summary.wrong.join("\n"));
    assert_eq!(summary.unreached(), [], "no process came to these steps\n{summary}");
}
