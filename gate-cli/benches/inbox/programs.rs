//! Agents in other programs: each waits over HTTP on a connection of its own, and begins its call
//! when it is told that it may.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_runtime::id::ApprovalId;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::http::HttpConnection;
use crate::server::InboxServer;

/// Programs that wait, and for which approvals.
pub(crate) struct WaitingPrograms {
    ids: Vec<ApprovalId>,
    tasks: HashMap<ApprovalId, JoinHandle<ProgramTimes>>,
}

/// When a program was told that its call is approved, and when it stood on the record that it
/// begins.
#[derive(Clone, Copy)]
pub(crate) struct ProgramTimes {
    pub(crate) told_at: Instant,
    pub(crate) begun: Instant,
}

fn refund(number: usize) -> String {
    let arguments = json!({
        "order_id": format!("B-{number}"),
        "amount_cents": 2_400,
        "reason": "charged twice",
    });
    let (id, tool) = (format!("program-{number}"), "issue_refund");
    let asked = json!({
        "external_id": id, "tool": tool, "arguments": arguments,
        "summary": format!("Refund $24.00 for order \
         B-{number}"), "required_role": "manager", "expires_in": 604_800,
    });
    asked.to_string()
}

impl WaitingPrograms {
    /// Asks so many questions one after another, how long each took, and lets a program wait for
    /// each.
    pub(crate) async fn wait(server: &InboxServer, count: usize) -> (Self, Vec<Duration>) {
        let (mut ids, mut tasks, mut asked) = (Vec::new(), HashMap::new(), Vec::new());
        let all_wait = Arc::new(Barrier::new(count + 1));
        for number in 0..count {
            let mut program = server.program();
            let began = Instant::now();
            let answer = program.post("/api/v1/approvals", &refund(number)).await;
            asked.push(began.elapsed());
            assert_eq!(answer.status, 201);
            let id: ApprovalId = answer.json()["id"].as_str().unwrap().parse().unwrap();
            let all_wait = Arc::clone(&all_wait);
            ids.push(id);
            tasks.insert(id, tokio::spawn(run(program, id, all_wait)));
        }
        all_wait.wait().await;
        (Self { ids, tasks }, asked)
    }

    pub(crate) fn ids(&self) -> &[ApprovalId] {
        &self.ids
    }

    /// When each ran that was decided.
    pub(crate) async fn ends(
        &mut self,
        decided: &HashMap<ApprovalId, Instant>,
    ) -> Vec<(Instant, ProgramTimes)> {
        let mut all = Vec::new();
        for (id, task) in self.tasks.drain() {
            if let Some(sent) = decided.get(&id) {
                all.push((*sent, task.await.unwrap()));
            }
        }
        all
    }
}

/// Waits as `examples/python/refund.py` does.
async fn run(mut program: HttpConnection, id: ApprovalId, all_wait: Arc<Barrier>) -> ProgramTimes {
    all_wait.wait().await;
    let call = loop {
        let call: Value = program.get(&format!("/api/v1/approvals/{id}?wait=25")).await.json();
        if call["status"] != "pending" {
            break call;
        }
    };
    let notified = Instant::now();
    assert_eq!(call["status"], "approved", "{call}");
    let begun = program.post(&format!("/api/v1/approvals/{id}/begin"), "").await;
    assert_eq!(begun.status, 200);
    let ran = ProgramTimes { told_at: notified, begun: Instant::now() };
    let ended =
        program.post(&format!("/api/v1/approvals/{id}/outcome"), r#"{"result":"refunded"}"#).await;
    assert_eq!(ended.status, 200);
    ran
}
