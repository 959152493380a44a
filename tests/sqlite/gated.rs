//! What each of the programs does with Gate.

use std::path::Path;

use gate_runtime::prelude::*;
use gate_sqlite::SqliteStore;

/// Deletes an account.
#[gated_tool(policy = "always_ask", destructive)]
fn delete_account(user: String) -> String {
    format!("deleted {user}")
}

registry! { pub Tools for () { DeleteAccount } }

/// Asks, approves and runs a call whose records are in `folder`.
pub async fn run_a_call(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let gate: Gate<Tools> = Gate::builder(())
        .directory(StaticDirectory::new().person("dana", ["manager"]))
        .store(SqliteStore::open(folder.join("gate.db")).await?)
        .key([7; 32])
        .build()
        .await?;
    let run = gate.run("run");
    let turn = run.submit([ToolCall::new("1", "delete_account", r#"{"user":"mia"}"#)]).await?;
    assert!(turn.is_waiting());
    gate.pending().await?[0].approve(&gate.reviewer("dana").await?).await?;
    assert_eq!(run.proceed().await?.answers()[0].for_model(), "deleted mia");
    Ok(())
}
