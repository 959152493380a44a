//! Disks that fill up, turn read-only or lose the file while a gate uses it: nothing runs, the
//! caller gets an error, nothing is lost, and everything continues once the disk is repaired.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use gate_runtime::Turn;
use gate_runtime::prelude::*;
use gate_runtime::review::{DecideError, Status};
use gate_runtime::store::StoreErrorKind;
use gate_sqlite::SqliteStore;

/// The lines of the tools that ran, and the damage that one of them does.
#[derive(Clone)]
struct DiskFixture {
    ran: Arc<Mutex<Vec<String>>>,
    harm: Arc<dyn Fn() + Send + Sync>,
}

/// Write a line.
#[gated_tool(policy = "never_ask")]
fn write(#[state] world: &DiskFixture, line: String) -> String {
    world.ran.lock().unwrap().push(line.clone());
    line
}

/// Post a letter.
#[gated_tool(policy = "always_ask")]
fn post(#[state] world: &DiskFixture, line: String) -> String {
    world.ran.lock().unwrap().push(line.clone());
    line
}

/// Do harm to the disk.
#[gated_tool(policy = "never_ask")]
fn harm(#[state] world: &DiskFixture, line: String) -> String {
    world.ran.lock().unwrap().push(line.clone());
    (world.harm)();
    line
}

registry! { Tools for DiskFixture { Write, Post, Harm } }

fn call(tool: &str, line: &str) -> ToolCall {
    ToolCall::new(line, tool, format!("{{\"line\":\"{line}\"}}"))
}

fn kind(turn: &Turn) -> &'static str {
    turn.answers()[0].kind()
}

/// Runs some calls while the disk is damaged and repaired.
async fn nothing_runs_until_it_is_mended(
    file: &Path,
    damage: impl Fn() + Send + Sync + 'static,
    mend: impl Fn(),
    text: &str,
) {
    let store = SqliteStore::open(file).await.unwrap();
    let world = DiskFixture { ran: Arc::default(), harm: Arc::new(damage) };
    let ran = || world.ran.lock().unwrap().join(" ");
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate: Gate<Tools> =
        Gate::builder(world.clone()).directory(people).store(store).build().await.unwrap();
    let (run, dana) = (gate.run("run"), gate.reviewer("dana").await.unwrap());
    assert_eq!(kind(&run.submit([call("write", "first")]).await.unwrap()), "succeeded");
    let deliveries = run.submit([call("post", "yes"), call("post", "later")]).await.unwrap();
    let [yes, later] = deliveries.interruptions() else { panic!("both are asked") };
    yes.approve(&dana).await.unwrap();

    // The disk is damaged while a body runs, so its outcome is unknown.
    assert_eq!(kind(&run.submit([call("harm", "harm")]).await.unwrap()), "indeterminate");
    let refused = run.submit([call("write", "second")]).await.unwrap();
    assert_eq!(kind(&refused), "unavailable");
    let error_text = format!("{:?}", refused.answers()[0].result());
    assert!(error_text.contains(text), "{error_text}");
    let Err(DecideError::Store(error)) = later.approve(&dana).await else {
        panic!("it is not decided")
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(
        kind(&run.submit([call("post", "yes")]).await.unwrap()),
        "approved",
        "decided, but not dispatched"
    );
    assert_eq!(ran(), "first harm");

    mend();
    assert_eq!(kind(&run.submit([call("write", "second")]).await.unwrap()), "succeeded");
    let later = gate.interruption(later.id()).await.unwrap().unwrap();
    assert_eq!((later.approval().status(), later.approval().votes().len()), (Status::Pending, 0));
    assert_eq!(
        kind(&run.submit([call("post", "yes")]).await.unwrap()),
        "succeeded",
        "it was decided before"
    );
    later.approve(&dana).await.unwrap();
    assert_eq!(kind(&run.submit([call("post", "later")]).await.unwrap()), "succeeded");
    let mut harmed = run.submit([call("harm", "harm")]).await.unwrap();
    while kind(&harmed) == "indeterminate" {
        harmed = run.proceed().await.unwrap();
    }
    assert_eq!(kind(&harmed), "succeeded", "its end was written once there was room for it");
    assert_eq!(ran(), "first harm second yes later");
    let records = gate.records(0, usize::MAX).await.unwrap();
    assert!(records.iter().zip(1..).all(|(record, seq)| record.seq() == seq));
    assert_eq!(records.iter().filter(|record| record.kind() == "dispatched").count(), 5);
    assert_eq!(records.iter().filter(|record| record.kind() == "voted").count(), 2);
}

#[tokio::test]
async fn a_file_that_is_moved_away_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (file, away) = (folder.path().join("gate.db"), folder.path().join("away.db"));
    let (from, to) = (file.clone(), away.clone());
    let damage = move || std::fs::rename(&from, &to).unwrap();
    let mend = || std::fs::rename(&away, &file).unwrap();
    nothing_runs_until_it_is_mended(
        &file,
        damage,
        mend,
        "the file was deleted or replaced while it was open",
    )
    .await;
}

/// The folder of a small disk, for the process that has one.
const DISK: &str = "GATE_TEST_DISK";

/// Runs a test of this file in a process with its own small disk, if the machine allows it.
fn on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=1m tmpfs \"$GATE_TEST_DISK\" || exit 77; exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"])
        .arg(std::env::current_exe().unwrap());
    let test = format!("disk::{test}");
    command.args(["--exact", &test, "--nocapture", "--test-threads=1"]).env(DISK, folder.path());
    match command.output() {
        Ok(ended) if ended.status.success() => {}
        Ok(ended) if ended.status.code() == Some(77) || ended.stdout.is_empty() => {
            eprintln!(
                "skipped: this process may not mount a disk: {}",
                String::from_utf8_lossy(&ended.stderr).trim()
            );
        }
        Ok(ended) => {
            panic!(
                "{}{}",
                String::from_utf8_lossy(&ended.stdout),
                String::from_utf8_lossy(&ended.stderr)
            )
        }
        Err(error) => eprintln!("skipped: unshare cannot be run: {error}"),
    }
}

fn small_disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

#[test]
fn a_disk_that_is_full_until_there_is_room() {
    on_a_small_disk("on_its_disk_that_is_full");
}

/// Runs only with a small disk: see above.
#[tokio::test]
async fn on_its_disk_that_is_full() {
    let Some(disk) = small_disk() else { return };
    let ballast = disk.join("ballast");
    let filled = ballast.clone();
    let damage = move || {
        // Fills the disk to the last byte.
        let mut file = std::fs::File::create(&filled).unwrap();
        while std::io::Write::write(&mut file, &[0; 512]).is_ok_and(|written| written > 0) {}
    };
    let mend = || std::fs::remove_file(&ballast).unwrap();
    nothing_runs_until_it_is_mended(
        &disk.join("gate.db"),
        damage,
        mend,
        "the disk is full: make room, and try again",
    )
    .await;
}

#[test]
fn a_disk_that_is_read_only_until_it_is_not() {
    on_a_small_disk("on_its_disk_that_is_read_only");
}

/// Runs only with a small disk: see above.
#[tokio::test]
async fn on_its_disk_that_is_read_only() {
    let Some(disk) = small_disk() else { return };
    let file = disk.join("gate.db");
    let remount = |how: &str| {
        // No file may be open on it, and the threads of a store end a moment after the store.
        let remounted = || {
            Command::new("mount")
                .arg("-o")
                .arg(format!("remount,{how}"))
                .arg(&disk)
                .output()
                .unwrap()
        };
        while !remounted().status.success() {
            std::thread::yield_now();
        }
    };
    let world = DiskFixture { ran: Arc::default(), harm: Arc::new(|| {}) };
    for round in 0..3 {
        let store = SqliteStore::open(&file).await.unwrap();
        let gate: Gate<Tools> = Gate::builder(world.clone()).store(store).build().await.unwrap();
        let turn = gate.run("run").submit([call("write", &round.to_string())]).await.unwrap();
        assert_eq!(kind(&turn), "succeeded");
        drop(gate);
        remount("ro");
        let error = SqliteStore::open(&file).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(
            error.to_string().contains(
                "it cannot be written: give this process permission to \
                write it"
            ),
            "{error}"
        );
        remount("rw");
    }
    assert_eq!(world.ran.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_file_that_is_damaged_until_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (file, backup) = (folder.path().join("gate.db"), folder.path().join("backup.db"));
    let world = DiskFixture { ran: Arc::default(), harm: Arc::new(|| {}) };
    let people = || StaticDirectory::new().person("dana", ["manager"]);
    let build = async |store| {
        Gate::<Tools>::builder(world.clone()).directory(people()).store(store).build().await
    };
    let gate: Gate<Tools> = build(SqliteStore::open(&file).await.unwrap()).await.unwrap();
    for line in 0..50 {
        let _ = gate.run("run").submit([call("post", &line.to_string())]).await.unwrap();
    }
    let dana = gate.reviewer("dana").await.unwrap();
    gate.pending().await.unwrap()[0].approve(&dana).await.unwrap();
    drop(gate);
    let copy = rusqlite::Connection::open(&file).unwrap();
    copy.execute("VACUUM INTO ?", [backup.to_str().unwrap()]).unwrap();
    // The last connection to close it merges everything into one file.
    while copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).is_err() {
        std::thread::yield_now();
    }
    drop(copy);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    for _ in 0..3 {
        match SqliteStore::open(&file).await {
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Corrupt),
            Ok(store) => assert!(build(store).await.is_err()),
        }
    }
    for kind in ["gate.db-wal", "gate.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(kind));
    }
    std::fs::rename(&backup, &file).unwrap();
    let gate = build(SqliteStore::open(&file).await.unwrap()).await.unwrap();
    assert_eq!(gate.pending().await.unwrap().len(), 49, "and one is decided");
    assert_eq!(kind(&gate.run("run").submit([call("post", "0")]).await.unwrap()), "succeeded");
    assert_eq!(*world.ran.lock().unwrap(), ["0"]);
}
