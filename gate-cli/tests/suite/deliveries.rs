//! `gate inbox --notify` and `gate deliveries`, as separate processes: a web address gets a
//! notification, or people see that it does not.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::receiver::{RawServer, ReceivedRequest, ServerBehavior, status};
use crate::test_workspace::{TestWorkspace, asked, code, pays, stderr_of, stdout_of};
use gate_inbox::{Webhook, WebhookSecret};
use gate_runtime::notify::DeliveryState;
use gate_runtime::store::DeliveryFilter;
use gate_runtime::testing::ManualClock;
use serde_json::{Value, json};

/// A process that delivers notifications, which ends with the test.
struct DeliveryProcess(Child);

impl DeliveryProcess {
    fn start(workspace: &TestWorkspace) -> Self {
        let mut command = workspace.command("inbox|--listen|127.0.0.1:0|--notify|notify.toml");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("The inbox is at "), "{line}");
        Self(child)
    }
}

impl Drop for DeliveryProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn names(workspace: &TestWorkspace, server: &RawServer) {
    let url = server.url("/gate");
    let file = format!(
        "[[webhook]]\nname = \"ops\"\nurl = \"{url}\"\nsecrets = \
         [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\nallow_private = true\n"
    );
    std::fs::write(workspace.path().join("notify.toml"), file).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_address_is_told_of_what_another_process_asks() {
    let (workspace, server) = (TestWorkspace::new(), RawServer::that([status(200, "")]));
    names(&workspace, &server);
    let run = workspace.run().await;
    let (id, _) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    let _telling = DeliveryProcess::start(&workspace);
    let request = tokio::task::block_in_place(|| server.next());
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["id"]),
        (&json!("call.asked"), &json!(id.to_string()))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_delivered_is_listed_and_put_back() {
    let (workspace, server) = (TestWorkspace::new(), RawServer::that([status(410, "")]));
    names(&workspace, &server);
    let gate = workspace.gate().await;
    assert_eq!(
        stdout_of(&workspace.gate_as(None, "deliveries")),
        "All notifications are delivered.\n"
    );
    let (id, end) = asked(&gate.run("run-1").submit([pays("1", 100)]).await.unwrap());
    let process = DeliveryProcess::start(&workspace);
    tokio::task::block_in_place(|| server.next());
    let started = std::time::Instant::now();
    let dead = loop {
        let found =
            gate.deliveries(&DeliveryFilter::all().state(DeliveryState::Dead)).await.unwrap();
        if let Some(dead) = found.into_iter().next() {
            break dead;
        }
        assert!(started.elapsed().as_secs() < 60, "it never was dead");
        tokio::task::yield_now().await;
    };
    drop(process);

    let table = stdout_of(&workspace.gate_as(None, "deliveries"));
    let row = table.lines().nth(1).unwrap();
    let message: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(message[..3], [dead.id().as_str(), "dead", "1"], "{table}");
    assert!(
        row.contains(&format!("pay assessed …{end}")) && row.contains("it answered 410"),
        "{table}"
    );
    let listed = workspace.json("deliveries");
    let wanted = json!([{
        "id": dead.id(), "notifier": "ops", "record": dead.record(), "kind": "assessed",
        "approval": id.to_string(), "tool": "pay", "state": "dead", "attempts": 1,
        "due_at": dead.due_at(), "changed_at": dead.changed_at(), "problem": dead.problem(),
    }]);
    assert_eq!(listed, wanted);

    for missing in [
        "deliveries|retry|ops-999",
        "deliveries|retry|ops",
        "deliveries|retry|ops-0",
        "deliveries|retry|mail-2",
    ] {
        let output = workspace.gate_as(None, missing);
        assert_eq!(code(&output), 3, "{missing}: {}", stderr_of(&output));
    }
    let again = format!("deliveries|retry|{}", dead.id());
    assert_eq!(code(&workspace.gate_as(None, &again)), 0);
    assert_eq!(workspace.json("deliveries")[0]["state"], "waiting");
    let late = workspace.gate_as(None, &again);
    assert_eq!(
        (code(&late), stderr_of(&late).contains("is waiting: only a dead notification can be")),
        (5, true)
    );
    assert_eq!(
        stdout_of(&workspace.gate_as(None, "deliveries|retry|--all")),
        "No notifications are dead.\n"
    );
    assert_eq!(code(&workspace.gate_as(None, "deliveries|retry")), 2);
    // The next delivering process takes it.
    let _telling = DeliveryProcess::start(&workspace);
    tokio::task::block_in_place(|| server.next());
}

#[test]
fn a_file_with_mistakes_serves_nothing_and_names_their_lines() {
    let workspace = TestWorkspace::new();
    std::fs::write(workspace.path().join("gate.db"), "").unwrap();
    std::fs::write(
        workspace.path().join("notify.toml"),
        "[[webhook]]\nname = \"ops\"\nurl = \"http://ops.example/\"\n",
    )
    .unwrap();
    let output = workspace.gate_as(None, "inbox|--listen|127.0.0.1:0|--notify|notify.toml");
    assert_eq!(code(&output), 2);
    let message = stderr_of(&output);
    assert!(message.contains("notify.toml, line 1: this webhook has no `secrets`"), "{message}");
    let output = workspace.gate_as(None, "inbox|--notify|nowhere.toml");
    assert!(
        code(&output) == 2 && stderr_of(&output).contains("nowhere.toml does not exist"),
        "{}",
        stderr_of(&output)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_was_telling_another_one_tells_under_the_same_id() {
    let (workspace, server) =
        (TestWorkspace::new(), RawServer::that([ServerBehavior::Hang, status(200, "")]));
    names(&workspace, &server);
    let run = workspace.run().await;
    let _ = asked(&run.submit([pays("1", 100)]).await.unwrap());
    let mut process = DeliveryProcess::start(&workspace);
    let first = tokio::task::block_in_place(|| server.next());
    // It has sent the request, and dies by SIGKILL.
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    let listed = workspace.json("deliveries");
    assert_eq!((&listed[0]["state"], &listed[0]["attempts"]), (&json!("sending"), &json!(1)));

    // For another process, the lease of the first one is over.
    let later = gate_runtime::Timestamp::now() + std::time::Duration::from_mins(2);
    let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
    let webhook = Webhook::private("ops", &server.url("/gate"), [secret]).unwrap();
    let _next = workspace
        .builder()
        .await
        .clock(ManualClock::at(later))
        .notify(webhook)
        .build()
        .await
        .unwrap();
    let second = tokio::task::block_in_place(|| server.next());
    assert_eq!(first.head["webhook-id"], second.head["webhook-id"]);
    let body = |request: &ReceivedRequest| serde_json::from_str::<Value>(&request.body).unwrap();
    assert_eq!(body(&first), body(&second));
}
