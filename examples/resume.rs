//! Resume: one process asks and ends; another one has the decision, and runs the call.
//!
//! `cargo run --example resume`: this process is the second one; it starts the first.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::process::Command;

use gate_runtime::prelude::*;
use gate_runtime::run::RunState;

/// Deploy a version.
#[gated_tool(policy = "always_ask")]
fn deploy(version: String) -> String {
    println!("[{}] deploying {version}", name());
    format!("{version} is live")
}

registry! {
    /// The tools that the agent may call.
    pub Tools for () { Deploy }
}

/// Both gates have one key, so that each resumes what the other saved. Yours is a secret of your
/// own.
const KEY: [u8; 32] = *b"thirty-two bytes that stay here!";

async fn gate() -> anyhow::Result<Gate<Tools>> {
    let people = StaticDirectory::new().person("dana", ["release manager"]);
    Ok(Gate::builder(()).directory(people).key(KEY).build().await?)
}

fn name() -> &'static str {
    if std::env::args().nth(1).is_some() { "first process" } else { "second process" }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1) {
        Some(file) => ask(&file).await,
        None => go_on().await,
    }
}

/// A model proposes a call; a person must decide; the process ends.
async fn ask(file: &str) -> anyhow::Result<()> {
    let run = gate().await?.run("release-42").on_behalf_of("mia");
    let turn = run.submit([ToolCall::new("call_1", "deploy", r#"{"version":"2.0.1"}"#)]).await?;
    for answer in turn.answers() {
        println!("[{}] {} {}", name(), answer.tool(), answer.kind());
    }
    std::fs::write(file, run.state().await?.to_json())?;
    Ok(())
}

async fn go_on() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("run.json");
    let ended = Command::new(std::env::current_exe()?).arg(&file).status()?;
    anyhow::ensure!(ended.success(), "the first process failed");

    let saved = std::fs::read_to_string(&file)?;
    let gate = gate().await?;
    let run = gate.resume(RunState::from_json(&saved)?).await?;
    for interruption in run.proceed().await?.interruptions() {
        println!(
            "[{}] dana approves {} {}",
            name(),
            interruption.approval().tool(),
            interruption.approval().arguments().as_json()
        );
        interruption.approve(&gate.reviewer("dana").await?).await?;
    }
    for answer in run.proceed().await?.answers() {
        println!("[{}] {} {}: {}", name(), answer.tool(), answer.kind(), answer.for_model());
    }

    // Whoever changes the state is found out.
    let forged = saved.replace("2.0.1", "6.6.6");
    if let Err(error) = gate.resume(RunState::from_json(&forged)?).await {
        println!("[{}] a changed state: {error}", name());
    }
    Ok(())
}
