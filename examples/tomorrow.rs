//! Tomorrow: the agent asks and ends; a person decides with `gate`, whenever they like; the agent,
//! started again, goes on.
//!
//! `cargo run --features sqlite --example tomorrow`, then `gate pending`, `gate approve ID`, then
//! the same again. It reads `people.toml` and keeps `gate.db` in the current folder.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use gate_runtime::FileDirectory;
use gate_runtime::prelude::*;
use gate_sqlite::SqliteStore;

/// Deploy a version to production.
#[gated_tool(policy = "releases", destructive)]
fn deploy(
    /// Like `2.0.1`.
    version: String,
) -> String {
    println!("deploying {version} …");
    format!("{version} is live")
}

/// Releases: somebody who may release decides, within three days.
#[policy]
fn releases(rules: Rules<Deploy>) -> Rules<Deploy> {
    rules.otherwise(ask(role("release manager")).within(days(3)))
}

registry! {
    /// The tools that the agent may call.
    pub Tools for () { Deploy }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let people = FileDirectory::open("people.toml")?;
    let store = SqliteStore::open("gate.db").await?;
    let gate: Gate<Tools> = Gate::builder(()).directory(people).store(store).build().await?;
    let run = gate
        .run("release-42")
        .on_behalf_of("mia")
        .case("ticket-7")
        .reasoning("all checks of 2.0.1 are green");

    // The same call under the same id is the same call: asked once, run once, however often this
    // program is started.
    let turn = run.submit([ToolCall::new("call_1", "deploy", r#"{"version":"2.0.1"}"#)]).await?;
    for answer in turn.answers() {
        println!("{} {}: {}", answer.tool(), answer.kind(), answer.for_model());
    }
    Ok(())
}
