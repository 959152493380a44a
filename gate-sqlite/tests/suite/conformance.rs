//! Runs the conformance tests of stores on files.

use std::sync::Mutex;

use gate_runtime::testing::conformance;
use gate_sqlite::SqliteStore;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_every_promise_of_a_store() {
    let folders: Mutex<Vec<TempDir>> = Mutex::default();
    // Two stores on one file, like those of two processes.
    let fresh = async || {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gate.db");
        folders.lock().unwrap().push(folder);
        (SqliteStore::open(&file).await.unwrap(), SqliteStore::open(&file).await.unwrap())
    };
    conformance(fresh).await.unwrap();
}
