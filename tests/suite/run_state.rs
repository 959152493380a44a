//! States of runs from earlier versions, which must stay readable for ever.

use gate_runtime::prelude::*;
use gate_runtime::review::Status;
use gate_runtime::run::{Answer, RunState};

const KEY: [u8; 32] = *b"the key of the fixtures, 32 byte";

/// Pay someone.
#[gated_tool(policy = "always_ask", secret(token))]
fn pay(to: String, amount: u64, token: Option<String>) -> String {
    let _ = token;
    format!("paid {amount} to {to}")
}

/// Read something.
#[gated_tool(policy = "never_ask")]
fn read(id: String) -> String {
    id
}

registry! { Tools for () { Pay, Read } }

async fn gate() -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]);
    let gate = Gate::builder(()).agent("support").agent("payer").directory(people).key(KEY);
    gate.build().await.unwrap()
}

/// Returns the fixture of version 2: a call that ran, a pending one, a rejected one and a refused
/// one; then a handoff, and a nested run with a pending call. The fixture of version 1 ends before
/// the handoff.
async fn write() -> String {
    let gate = gate().await;
    let run = gate.run("run-1").agent("support").on_behalf_of("mia").case("ticket-7");
    let run = run.reasoning("because").roles(["customer"]);
    let turn = run.submit([
        ToolCall::new("1", "read", r#"{"id":"a"}"#),
        ToolCall::new("2", "pay", r#"{"to":"alice","amount":500}"#),
        ToolCall::new("3", "pay", r#"{"to":"bob","amount":1,"token":"t0ken-t0ken"}"#),
        ToolCall::new("4", "pay", "{"),
    ]);
    let turn = turn.await.unwrap();
    turn.interruptions()[1].reject(&gate.reviewer("dana").await.unwrap(), "not bob").await.unwrap();
    run.hand_off("payer").unwrap();
    let nested = run.child("call_7").agent("support");
    let _ = nested.submit([ToolCall::new("1", "pay", r#"{"to":"zoe","amount":7}"#)]).await.unwrap();
    run.state().await.unwrap().to_json()
}

async fn resumed(version: u64) -> (Gate<Tools>, Run<Tools>) {
    let path = format!("{}/tests/fixtures/run_state_v{version}.json", env!("CARGO_MANIFEST_DIR"));
    let saved = RunState::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
    let gate = gate().await;
    let run = gate.resume(saved).await.unwrap();
    assert_eq!(run.info().case().unwrap().as_str(), "ticket-7");
    (gate, run)
}

/// Approves a pending call of a run, and lets the run continue.
async fn approved(gate: &Gate<Tools>, run: &Run<Tools>, place: usize) {
    let turn = run.proceed().await.unwrap();
    turn.interruptions()[0].approve(&gate.reviewer("omar").await.unwrap()).await.unwrap();
    let turn = run.proceed().await.unwrap();
    // If the tool has changed since the fixture was written, it is asked about again. Both that and
    // running are correct.
    let status = turn.answers()[place].approval().unwrap().status();
    assert!([Status::Succeeded, Status::Pending].contains(&status), "{status}");
}

async fn kinds(run: &Run<Tools>) -> Vec<&'static str> {
    run.proceed().await.unwrap().answers().iter().map(Answer::kind).collect()
}

#[tokio::test]
async fn what_version_1_wrote_loads_and_goes_on() {
    let (gate, run) = resumed(1).await;
    assert_eq!(kinds(&run).await, ["succeeded", "waiting", "rejected", "invalid"]);
    approved(&gate, &run, 1).await;
}

#[tokio::test]
async fn what_version_2_wrote_loads_and_goes_on() {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/run_state_v2.json");
        std::fs::write(path, write().await).unwrap();
    }
    let (gate, run) = resumed(2).await;
    assert_eq!(run.info().agent(), "payer");
    assert_eq!(run.info().hops()[0].to_string(), "handed over by support");
    assert_eq!(kinds(&run).await, ["succeeded", "waiting", "rejected", "invalid"]);
    assert_eq!(run.proceed().await.unwrap().interruptions().len(), 2);
    let nested = run.child("call_7");
    assert_eq!(nested.info().agent(), "support");
    assert_eq!(kinds(&nested).await, ["waiting"]);
    approved(&gate, &nested, 0).await;
}

#[tokio::test]
async fn a_state_is_small() {
    let gate = gate().await;
    let run = gate.run("run-1").agent("support").on_behalf_of("mia");
    let _ = run
        .submit([ToolCall::new("call_1", "pay", r#"{"to":"alice","amount":500}"#)])
        .await
        .unwrap();
    let bytes = run.state().await.unwrap().to_json().len();
    assert!(bytes <= 1_536, "{bytes} bytes");
}
