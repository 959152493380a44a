//! Processes that are killed at any instant, over one SQLite file: nothing runs twice, nothing runs without a record, no decision is lost.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects")]
#![allow(clippy::print_stdout, reason = "the process that is killed says where it is")]

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gate_runtime::prelude::*;
use gate_runtime::{ApprovalFilter, RecordFilter, Status, Store};
use gate_sqlite::SqliteStore;

/// What the tools do to the world: every execution is a line in a file that the gate does not know.
#[derive(Debug)]
pub struct World(PathBuf);

impl World {
    fn note(&self, call: &CallContext) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        file.write_all(format!("{}\n", call.call()).as_bytes()).unwrap();
    }
}

/// Pay someone.
#[gated_tool(policy = "never_ask")]
fn pay(#[state] world: &World, #[context] context: &CallContext, amount: u64) -> u64 {
    world.note(context);
    amount
}

/// Wipe a disk.
#[gated_tool(policy = "always_ask")]
fn wipe(#[state] world: &World, #[context] context: &CallContext, disk: u64) -> u64 {
    world.note(context);
    disk
}

registry! { Tools for World { Pay, Wipe } }

/// The folder that the process works in.
const TASK: &str = "GATE_TEST_CRASHES";

/// The process that is killed: it proposes, approves and runs, from wherever the one before it was killed. Run by itself, this does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_is_killed() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (folder, calls) = task.split_once('|').unwrap();
    work(Path::new(folder), calls.parse().unwrap()).await;
    println!("\nDONE");
}

async fn work(folder: &Path, calls: u64) {
    let store = SqliteStore::open(folder.join("gate.db")).await.unwrap();
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate: Gate<Tools> =
        Gate::builder(World(folder.join("effects"))).directory(people).store(store).build().await.unwrap();
    println!("\nREADY");
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run");
    for first in (0..calls).step_by(4) {
        // The same calls as before, under the same ids: whatever happened to them.
        let proposed = (first..first + 4).map(|number| {
            let (tool, argument) = if number % 2 == 0 { ("pay", "amount") } else { ("wipe", "disk") };
            ToolCall::new(number.to_string(), tool, format!("{{\"{argument}\":{number}}}"))
        });
        let turn = run.submit(proposed).await.unwrap();
        for asked in turn.interruptions() {
            let _ = asked.approve(&dana).await;
        }
        drop(run.proceed().await.unwrap());
    }
}

/// What is so, whenever the process was killed.
async fn check(folder: &Path) -> HashMap<String, Status> {
    let effects = std::fs::read_to_string(folder.join("effects")).unwrap_or_default();
    let mut ran: HashMap<&str, usize> = HashMap::new();
    effects.lines().for_each(|call| *ran.entry(call).or_default() += 1);
    let store = SqliteStore::open(folder.join("gate.db")).await.unwrap();
    let known = store.approvals(&ApprovalFilter::all().run("run")).await.unwrap();
    let records = store.records(&RecordFilter::after(0)).await.unwrap();
    let dispatched = |call: &str| {
        let of_call = |record: &&std::sync::Arc<gate_runtime::Record>| {
            record.kind() == "dispatched" && record.subject().is_some_and(|subject| *subject.call() == *call)
        };
        records.iter().filter(of_call).count()
    };
    for (call, times) in &ran {
        assert_eq!(*times, 1, "the call {call} ran {times} times");
        assert_eq!(dispatched(call), 1, "the call {call} ran, and the record does not say so");
    }
    let numbers: Vec<u64> = records.iter().map(|record| record.seq()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "the records have a gap");
    for approval in &known {
        let (call, times) = (approval.subject().call(), ran.get(approval.subject().call().as_str()).copied());
        match approval.status() {
            Status::Succeeded => assert_eq!(times, Some(1), "{call} is said to have run"),
            // Whether it ran, nobody knows but the world.
            Status::Dispatched | Status::Indeterminate => {}
            status => assert_eq!(times, None, "{call} is {status}, and ran"),
        }
    }
    known.iter().map(|approval| (approval.subject().call().to_string(), approval.status())).collect()
}

fn process(folder: &Path, calls: u64) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_process_that_is_killed", "--nocapture", "--test-threads=1"]);
    command.env(TASK, format!("{}|{calls}", folder.display()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn reads_until(child: &mut std::process::Child, word: &str) -> bool {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).any(|line| line == word)
}

/// How often a process is killed. More, for a night: `GATE_CRASHES=5000`.
fn rounds() -> u64 {
    std::env::var("GATE_CRASHES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(100)
}

#[tokio::test]
async fn k71_killed_at_any_instant_nothing_runs_twice_or_without_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = u64::from(std::process::id());
    for round in 0..rounds() {
        // Two at once, as processes do.
        let calls = 16 + 2 * round;
        let mut children = [process(folder.path(), calls), process(folder.path(), calls)];
        assert!(reads_until(&mut children[0], "READY"));
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros(seed >> 49));
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        check(folder.path()).await;
    }
    // What was left is finished by one that lives.
    let calls = 16 + 2 * rounds();
    let mut last = process(folder.path(), calls);
    assert!(reads_until(&mut last, "DONE"), "the last process did not come to its end");
    last.wait().unwrap();
    let known = check(folder.path()).await;
    assert!(known.len() as u64 >= calls);
    let settled = |status: &&Status| [Status::Succeeded, Status::Dispatched, Status::Indeterminate].contains(status);
    assert_eq!(known.values().filter(settled).count(), known.len(), "a decision was lost: {known:?}");
    assert!(known.values().filter(|status| **status == Status::Succeeded).count() > known.len() / 2);
}
