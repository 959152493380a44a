//! Overlays: a judge of every call beside the policies, here a change freeze. It can only tighten:
//! there is no way for it to approve.
//!
//! `cargo run --example overlay`

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gate_runtime::policy::{Objection, Overlay, OverlayCall, OverlayError};
use gate_runtime::prelude::*;
use gate_runtime::store::BoxFuture;

/// Nothing that changes anything runs while it is on; what only reads does. The tool's own hint
/// cannot help it: the list is ours.
#[derive(Clone, Default)]
struct ChangeFreeze(Arc<AtomicBool>);

const READS: [&str; 1] = ["read_logs"];

impl Overlay for ChangeFreeze {
    fn name(&self) -> &'static str {
        "change freeze"
    }

    fn judge<'a>(
        &'a self,
        call: &'a OverlayCall<'a>,
    ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
        Box::pin(async move {
            let is_on = self.0.load(Ordering::Relaxed) && !READS.contains(&call.tool().as_str());
            Ok(is_on.then(|| {
                Objection::ask("nothing changes during the freeze", role("incident lead"))
            }))
        })
    }
}

/// Read the logs.
#[gated_tool(policy = "never_ask", read_only)]
fn read_logs(service: String) -> String {
    format!("{service}: all quiet")
}

/// Restart a service.
#[gated_tool(policy = "never_ask")]
fn restart(service: String) -> String {
    format!("{service} is back")
}

/// Drop a database.
#[gated_tool(policy = "always_deny", destructive)]
fn drop_database(name: String) -> String {
    format!("{name} is gone")
}

registry! {
    /// The tools that the agent may call.
    pub Tools for () { ReadLogs, Restart, DropDatabase }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let freeze = ChangeFreeze::default();
    let people = StaticDirectory::new().person("ines", ["incident lead"]);
    let gate: Gate<Tools> =
        Gate::builder(()).overlay(freeze.clone()).directory(people).build().await?;

    for (run, is_frozen) in [("before", false), ("during the freeze", true), ("after", false)] {
        freeze.0.store(is_frozen, Ordering::Relaxed);
        println!("{run}:");
        let turn = gate
            .run(run)
            .submit([
                ToolCall::new("1", "read_logs", r#"{"service":"shop"}"#),
                ToolCall::new("2", "restart", r#"{"service":"shop"}"#),
                ToolCall::new("3", "drop_database", r#"{"name":"shop"}"#),
            ])
            .await?;
        for answer in turn.answers() {
            println!("  {:<14} {}", answer.tool().as_str(), answer.kind());
        }
        for interruption in turn.interruptions() {
            println!("\n{}\n", interruption.approval().assessment());
        }
    }
    Ok(())
}
