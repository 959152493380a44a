//! Agents with a gate of their own: they wait in this process, in `Run::wait`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gate_runtime::FileDirectory;
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::store::RecordLog;
use gate_sqlite::SqliteStore;
use tokio::task::{JoinHandle, JoinSet};

use crate::pages::OpenPages;
use crate::refunds::{Tools, free};

/// The number of callers at once where calls are counted.
const CALLERS: usize = 8;

/// The calls of one batch, and how many batches are taken in at once.
const BATCH: usize = 16;
const AT_ONCE: usize = 32;

fn refund(number: usize) -> ToolCall {
    let arguments = format!(
        concat!(
            r#"{{"order_id":"A-{}","customer_id":"mia_li_3668","amount_cents":2400,"#,
            r#""reason":"charged twice"}}"#
        ),
        number
    );
    ToolCall::new(number.to_string(), "issue_refund", arguments)
}

pub(crate) struct LoadAgents {
    gate: Gate<Tools>,
    store: SqliteStore,
    /// So that no two runs are one.
    runs: AtomicUsize,
}

/// Agents that wait, and for which approvals.
pub(crate) struct WaitingAgents {
    ids: Vec<ApprovalId>,
    tasks: HashMap<ApprovalId, JoinHandle<Instant>>,
}

impl LoadAgents {
    pub(crate) async fn open(folder: &Path) -> Self {
        let store = SqliteStore::open(folder.join("gate.db")).await.unwrap();
        let people = FileDirectory::open(folder.join("people.toml")).unwrap();
        let gate = Gate::builder(()).store(store.clone()).directory(people).build().await.unwrap();
        Self { gate, store, runs: AtomicUsize::new(0) }
    }

    fn run(&self) -> Run<Tools> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        self.gate.run(format!("run-{number}")).on_behalf_of("mia").case(format!("ticket-{number}"))
    }

    /// Calls that wait, and nobody for them.
    pub(crate) async fn ask(&self, count: usize) -> Vec<ApprovalId> {
        let (mut tasks, mut ids) = (JoinSet::new(), Vec::new());
        for first in (0..count).step_by(BATCH) {
            let run = self.run();
            if tasks.len() >= AT_ONCE {
                ids.extend(tasks.join_next().await.unwrap().unwrap());
            }
            tasks.spawn(async move {
                let turn = run.submit((first..count.min(first + BATCH)).map(refund)).await.unwrap();
                turn.interruptions().iter().map(gate_runtime::Interruption::id).collect::<Vec<_>>()
            });
        }
        ids.extend(tasks.join_all().await.concat());
        ids
    }

    /// Calls that wait, and an agent for each.
    pub(crate) async fn wait(&self, count: usize) -> WaitingAgents {
        let (mut ids, mut tasks) = (Vec::new(), HashMap::new());
        for number in 0..count {
            let run = self.run();
            let id = run.submit([refund(number)]).await.unwrap().interruptions()[0].id();
            ids.push(id);
            let waiting = tokio::spawn(async move {
                let turn = run.wait().await.unwrap();
                assert!(turn.answers()[0].for_model().starts_with("refunded"), "{turn:?}");
                Instant::now()
            });
            tasks.insert(id, waiting);
        }
        WaitingAgents { ids, tasks }
    }

    /// A new question, of which all pages are told.
    pub(crate) async fn probe(&self, pages: &OpenPages) {
        let _ = self.run().submit([refund(0)]).await.unwrap();
        pages.committed(Instant::now(), self.store.watch().seq());
    }

    /// Calls per second that a rule approves.
    pub(crate) async fn calls(&self, round: Duration) -> f64 {
        let (counted, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
        let mut tasks = JoinSet::new();
        for _ in 0..CALLERS {
            let (run, counted) = (self.run(), Arc::clone(&counted));
            tasks.spawn(async move {
                for number in 0.. {
                    if began.elapsed() >= round {
                        break;
                    }
                    let turn = run.submit([free(number)]).await.unwrap();
                    assert_eq!(turn.outputs().count(), 1);
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        tasks.join_all().await;
        counted.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
    }
}

impl WaitingAgents {
    pub(crate) fn ids(&self) -> &[ApprovalId] {
        &self.ids
    }

    /// Returns the time from the sending of each form until its agent had the answer.
    pub(crate) async fn ends(&mut self, sent_at: &HashMap<ApprovalId, Instant>) -> Vec<Duration> {
        let mut all = Vec::new();
        for (id, task) in self.tasks.drain() {
            if let Some(sent) = sent_at.get(&id) {
                all.push(task.await.unwrap().saturating_duration_since(*sent));
            }
        }
        all
    }
}
