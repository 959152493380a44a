//! The same rows without a gate: one thread that writes what it is given into the same schema, with
//! the same settings.
//!
//! The rows are those that the engine writes for one call, taken from it beforehand as text. What
//! is left out is the engine, reading before a call, looking whether a write still fits, and making
//! JSON. What is the same: tables, indices, bytes, how many commits a call waits for, write-ahead
//! log, `synchronous=FULL`, how many commits share one `fsync` at most.

use std::path::Path;
use std::sync::{Arc, mpsc};

use gate_runtime::id::ApprovalId;
use gate_runtime::records::Record;
use gate_runtime::store::Changeset;
use gate_runtime::{MemoryStore, ToolCall};
use gate_sqlite::SqliteStore;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::oneshot;

use crate::observed::ObservedStore;
use crate::subject;

/// As in the store.
const GROUP: usize = 256;

/// The rows that one commit of a call writes.
pub(crate) struct Rows {
    version: u64,
    status: String,
    tool: String,
    approval: String,
    records: Vec<String>,
}

impl Rows {
    fn of(changeset: &Changeset) -> Self {
        let approval = &changeset.approvals[0];
        let record =
            |record: &Record| serde_json::to_string(&record.clone().numbered(10_000)).unwrap();
        Self {
            version: approval.version(),
            status: approval.status().to_string(),
            tool: approval.tool().to_string(),
            approval: serde_json::to_string(&**approval).unwrap(),
            records: changeset.records.iter().map(record).collect(),
        }
    }

    /// The bytes of JSON in it.
    pub(crate) fn bytes(&self) -> usize {
        self.approval.len() + self.records.iter().map(String::len).sum::<usize>()
    }
}

/// Returns the rows that the commits of one call write, as the engine does it.
pub(crate) async fn rows_of(call: ToolCall) -> Vec<Rows> {
    let store = ObservedStore::new(MemoryStore::new());
    let gate = subject::gate(Arc::clone(&store)).await;
    let of_gate = store.transitions().len();
    let _ = gate.run("run-0").submit([call]).await.unwrap();
    store.transitions().iter().skip(of_gate).map(Rows::of).collect()
}

/// A call at one of its commits.
struct CommitRequest {
    call: Arc<(String, String, String)>,
    rows: Arc<Vec<Rows>>,
    commit: usize,
    answer: oneshot::Sender<()>,
}

/// The thread that writes. It ends with the last of those who ask it.
#[derive(Clone)]
pub(crate) struct BareStore {
    wanted: mpsc::Sender<CommitRequest>,
    rows: Arc<Vec<Rows>>,
}

impl BareStore {
    pub(crate) async fn open(file: &Path, rows: &Arc<Vec<Rows>>) -> Self {
        // The very schema: the store makes it, and goes.
        drop(SqliteStore::open(file).await.unwrap());
        let connection = Connection::open(file).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        let (wanted, queue) = mpsc::channel();
        std::thread::spawn(move || write(connection, &queue));
        Self { wanted, rows: Arc::clone(rows) }
    }

    /// One call: its commits, one after the other.
    pub(crate) async fn call(&self, run: usize, call: usize) {
        let call =
            Arc::new((ApprovalId::new().to_string(), format!("run-{run}"), call.to_string()));
        for commit in 0..self.rows.len() {
            let (answer, answered) = oneshot::channel();
            let (call, rows) = (Arc::clone(&call), Arc::clone(&self.rows));
            self.wanted.send(CommitRequest { call, rows, commit, answer }).unwrap();
            answered.await.unwrap();
        }
    }
}

fn write(mut connection: Connection, queue: &mpsc::Receiver<CommitRequest>) {
    let mut seq = 0_u64;
    while let Ok(first) = queue.recv() {
        let group: Vec<CommitRequest> =
            std::iter::once(first).chain(queue.try_iter().take(GROUP - 1)).collect();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        for CommitRequest { call, rows, commit, .. } in &group {
            seq = put(&transaction, call, &rows[*commit], seq);
        }
        transaction.commit().unwrap();
        for wanted in group {
            let _ = wanted.answer.send(());
        }
    }
}

fn put(connection: &Connection, call: &(String, String, String), rows: &Rows, last: u64) -> u64 {
    let (id, run, call) = call;
    if rows.version == 1 {
        let mut new = connection
            .prepare_cached(
                "INSERT INTO approvals (id, run, call, tool, status, version, body) VALUES (?, ?, \
                 ?, ?, ?, ?, ?)",
            )
            .unwrap();
        new.execute(params![id, run, call, rows.tool, rows.status, rows.version, rows.approval])
            .unwrap();
    } else {
        let mut next = connection
            .prepare_cached("UPDATE approvals SET status = ?, version = ?, body = ? WHERE id = ?")
            .unwrap();
        next.execute(params![rows.status, rows.version, rows.approval, id]).unwrap();
    }
    let mut put = connection
        .prepare_cached("INSERT INTO records (seq, matter, body) VALUES (?, NULL, ?)")
        .unwrap();
    let mut last = last;
    for record in &rows.records {
        last += 1;
        put.execute(params![last, record]).unwrap();
    }
    last
}
