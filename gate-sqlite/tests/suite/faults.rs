//! Invalid files: a clear error, nothing changed, nothing lost.

use std::path::{Path, PathBuf};

use gate_runtime::prelude::*;
use gate_runtime::store::{StoreError, StoreErrorKind};
use gate_sqlite::SqliteStore;
use tempfile::TempDir;

/// Write a line.
#[gated_tool(policy = "never_ask")]
fn write(line: String) -> String {
    line
}

registry! { Tools for () { Write } }

async fn gate(store: &SqliteStore) -> Gate<Tools> {
    Gate::builder(()).store(store.clone()).build().await.unwrap()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.db");
    (folder, file)
}

/// Opens a connection of another program, after the store's threads have ended.
fn alone(file: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    connection
}

async fn refused(file: &Path) -> (StoreErrorKind, String) {
    let before = std::fs::read(file).ok();
    let error: StoreError = SqliteStore::open(file).await.unwrap_err();
    assert_eq!(std::fs::read(file).ok(), before, "the file was changed");
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_newer_schema_is_refused_naming_both_versions() {
    let (_folder, file) = folder();
    drop(SqliteStore::open(&file).await.unwrap());
    let connection = alone(&file);
    connection.pragma_update(None, "user_version", 9).unwrap();
    // Only the sole connection may change it.
    while connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).is_err() {
        std::thread::yield_now();
    }
    drop(connection);
    let (kind, text) = refused(&file).await;
    assert_eq!(kind, StoreErrorKind::Corrupt);
    assert!(
        text.contains("schema has version 9, and this program knows up to version 6: update it"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_left_alone() {
    let (_folder, file) = folder();
    std::fs::write(&file, "a diary, and no database at all. ".repeat(100)).unwrap();
    let (kind, text) = refused(&file).await;
    assert_eq!(kind, StoreErrorKind::Corrupt);
    assert!(text.contains("it is not a SQLite database"), "{text}");

    let (_folder, file) = folder();
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE diary (day TEXT)")
        .unwrap();
    let (kind, problem) = refused(&file).await;
    assert_eq!(kind, StoreErrorKind::Corrupt);
    assert!(problem.contains("it is the database of another application"), "{problem}");

    let (there, _) = folder();
    let (kind, problem) = refused(there.path()).await;
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(problem.contains("it cannot be opened"), "{problem}");
}

#[tokio::test]
async fn a_damaged_file_is_told_and_nothing_runs() {
    let (_folder, file) = folder();
    let store = SqliteStore::open(&file).await.unwrap();
    let run = gate(&store).await.run("run");
    for number in 0..50 {
        let _ = run
            .submit([ToolCall::new(number.to_string(), "write", r#"{"line":"x"}"#)])
            .await
            .unwrap();
    }
    drop((run, store));
    let connection = alone(&file);
    // Only the sole connection may change it.
    while connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).is_err() {
        std::thread::yield_now();
    }
    drop(connection);
    let mut bytes = std::fs::read(&file).unwrap();
    let length = bytes.len();
    bytes.get_mut(4096..length).unwrap().fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let result = SqliteStore::open(&file).await;
    let error = match result {
        Err(error) => error.to_string(),
        Ok(store) => {
            let built: Result<Gate<Tools>, _> = Gate::builder(()).store(store).build().await;
            built.unwrap_err().to_string()
        }
    };
    assert!(error.contains("it is damaged: restore it from a backup"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_deleted_or_replaced_takes_no_commit() {
    let (_folder, file) = folder();
    let store = SqliteStore::open(&file).await.unwrap();
    let run = gate(&store).await.run("run");
    std::fs::remove_file(&file).unwrap();
    let call = || [ToolCall::new("1", "write", r#"{"line":"x"}"#)];
    let answer = run.submit(call()).await.unwrap().answers().first().unwrap().kind();
    assert_eq!(answer, "unavailable");
    drop(SqliteStore::open(&file).await.unwrap());
    assert_eq!(run.submit(call()).await.unwrap().answers().first().unwrap().kind(), "unavailable");
}

/// The last commits are in the file beside it. Without that file, another process would not see a
/// rejection.
#[cfg(unix)]
#[tokio::test]
async fn without_the_file_beside_it_a_database_takes_no_commit() {
    for end in ["gate.db-wal", "gate.db-shm"] {
        let (folder, file) = folder();
        let store = SqliteStore::open(&file).await.unwrap();
        let run = gate(&store).await.run("run");
        let call = |id: &str| [ToolCall::new(id, "write", r#"{"line":"x"}"#)];
        assert_eq!(
            run.submit(call("1")).await.unwrap().answers().first().unwrap().kind(),
            "succeeded"
        );
        std::fs::remove_file(folder.path().join(end)).unwrap();
        let other = SqliteStore::open(&file).await;
        let turn = run.submit(call("2")).await.unwrap();
        let answer = turn.answers().first().unwrap();
        assert_eq!(answer.kind(), "unavailable", "{end}");
        let error_text = format!("{:?}", answer.result());
        assert!(error_text.contains("deleted or replaced"), "{error_text}");
        drop(other);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_with_two_names_is_refused() {
    let (folder, file) = folder();
    drop(SqliteStore::open(&file).await.unwrap());
    std::fs::hard_link(&file, folder.path().join("other.db")).unwrap();
    let refused = SqliteStore::open(&file).await.unwrap_err();
    assert!(refused.to_string().contains("it has 2 names"), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_and_what_is_beside_it_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, file) = folder();
    let store = SqliteStore::open(&file).await.unwrap();
    let _ = gate(&store)
        .await
        .run("run")
        .submit([ToolCall::new("1", "write", r#"{"line":"x"}"#)])
        .await
        .unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        seen += 1;
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.path()
        );
    }
    assert!(seen >= 2, "there is a log beside it");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_cannot_be_written_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, file) = folder();
    drop(SqliteStore::open(&file).await.unwrap());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o444)).unwrap();
    if std::fs::OpenOptions::new().append(true).open(&file).is_ok() {
        eprintln!("skipped: this process may write every file, as root may");
        return;
    }
    let error = SqliteStore::open(&file).await.unwrap_err();
    assert!(error.to_string().contains("it cannot be written"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_file_at_once() {
    let (_folder, file) = folder();
    let opening: Vec<_> = (0..8).map(|_| tokio::spawn(SqliteStore::open(file.clone()))).collect();
    let mut stores = Vec::new();
    for task in opening {
        stores.push(task.await.unwrap().unwrap());
    }
    for (number, store) in stores.iter().enumerate() {
        let turn = gate(store).await.run(number.to_string());
        let turn = turn.submit([ToolCall::new("1", "write", r#"{"line":"x"}"#)]).await.unwrap();
        assert_eq!(turn.answers().first().unwrap().kind(), "succeeded");
    }
}

#[tokio::test]
async fn whoever_waits_in_another_process_is_woken() {
    let (_folder, file) = folder();
    let (here, there) =
        (SqliteStore::open(&file).await.unwrap(), SqliteStore::open(&file).await.unwrap());
    let (gate, other) = (gate(&here).await, gate(&there).await);
    let mut events = other.events();
    let writes = async {
        let turn =
            gate.run("run").submit([ToolCall::new("1", "write", r#"{"line":"x"}"#)]).await.unwrap();
        assert_eq!(turn.answers().first().unwrap().kind(), "succeeded");
    };
    let hears = async {
        loop {
            let record = events.next().await.unwrap();
            if record.kind() == "finished" {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), async { tokio::join!(writes, hears) })
        .await
        .unwrap();
}
