//! States of runs that earlier versions wrote, for ever.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects")]

use gate_runtime::prelude::*;
use gate_runtime::{RunState, Status};

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
    Gate::builder(()).agent("support").directory(people).key(KEY).build().await.unwrap()
}

/// How the fixture of version 1 was made: a call that ran, one that waits, one that was rejected, one that was refused.
async fn write() -> String {
    let gate = gate().await;
    let run = gate.run("run-1").on_behalf_of("mia").case("ticket-7").reasoning("because").roles(["customer"]);
    let turn = run.submit([
        ToolCall::new("1", "read", r#"{"id":"a"}"#),
        ToolCall::new("2", "pay", r#"{"to":"alice","amount":500}"#),
        ToolCall::new("3", "pay", r#"{"to":"bob","amount":1,"token":"t0ken-t0ken"}"#),
        ToolCall::new("4", "pay", "{"),
    ]);
    let turn = turn.await.unwrap();
    turn.interruptions()[1].reject(&gate.reviewer("dana").await.unwrap(), "not bob").await.unwrap();
    run.state().await.unwrap().to_json()
}

#[tokio::test]
async fn what_version_1_wrote_loads_and_goes_on() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/run_state_v1.json");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(path, write().await).unwrap();
    }
    let saved = RunState::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
    let gate = gate().await;
    let run = gate.resume(saved).await.unwrap();
    let turn = run.proceed().await.unwrap();
    let kinds: Vec<_> = turn.answers().iter().map(gate_runtime::Answer::kind).collect();
    assert_eq!(kinds, ["succeeded", "waiting", "rejected", "invalid"]);
    assert_eq!(run.info().case().unwrap().as_str(), "ticket-7");
    turn.interruptions()[0].approve(&gate.reviewer("omar").await.unwrap()).await.unwrap();
    let turn = run.proceed().await.unwrap();
    // Should the tool have changed since the fixture was written, it is asked again: that is right, and so is running.
    let status = turn.answers()[1].approval().unwrap().status();
    assert!([Status::Succeeded, Status::Pending].contains(&status), "{status}");
}

#[tokio::test]
async fn a_state_is_small() {
    let gate = gate().await;
    let run = gate.run("run-1").on_behalf_of("mia");
    let _ = run.submit([ToolCall::new("call_1", "pay", r#"{"to":"alice","amount":500}"#)]).await.unwrap();
    let bytes = run.state().await.unwrap().to_json().len();
    assert!(bytes <= 1_536, "{bytes} bytes");
}
