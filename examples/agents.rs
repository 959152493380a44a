//! Agents: policies of their own, a handoff, and an agent that another one calls.
//!
//! `cargo run --example agents`

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use gate_runtime::Run;
use gate_runtime::prelude::*;

/// Refunds: a manager decides.
#[policy]
fn refunds(rules: Rules<Refund>) -> Rules<Refund> {
    rules.auto_approve("under $20").when(|call| call.cents < 2_000).otherwise(ask(role("manager")))
}

/// Only billing refunds.
#[policy]
fn not_by_triage(rules: Rules<Refund>) -> Rules<Refund> {
    rules.otherwise(deny())
}

/// Refund an order.
#[gated_tool(policy = "refunds")]
fn refund(order: String, cents: u64) -> String {
    format!("refunded {cents} cents of {order}")
}

/// Look an order up.
#[gated_tool(policy = "never_ask", read_only)]
fn find_order(order: String) -> String {
    format!("{order}: paid 4800 cents")
}

registry! {
    /// The tools that the agent may call.
    pub Tools for () { FindOrder, Refund }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let gate: Gate<Tools> = Gate::builder(())
        .agent(Agent::new("triage").policy::<Refund>(not_by_triage()))
        .agent("billing")
        .agent("researcher")
        .directory(StaticDirectory::new().person("dana", ["manager"]))
        .build()
        .await?;

    println!("triage may look up orders, but not refund them:");
    let run = gate.run("ticket-7").agent("triage").on_behalf_of("mia");
    submit(&run, "1", "find_order", r#"{"order":"A-1"}"#).await?;
    submit(&run, "2", "refund", r#"{"order":"A-1","cents":1500}"#).await?;

    println!("\ntriage hands over to billing, whose policies apply from then on:");
    run.hand_off("billing")?;
    submit(&run, "3", "refund", r#"{"order":"A-1","cents":1500}"#).await?;

    println!("\nbilling calls a researcher for part of the work, whose call needs a decision:");
    let research = run.child("call_4").agent("researcher");
    submit(&research, "1", "refund", r#"{"order":"A-2","cents":4800}"#).await?;

    println!("\nthe reviewer of the ticket sees the question and the agents behind it:");
    let turn = run.proceed().await?;
    let dana = gate.reviewer("dana").await?;
    for interruption in turn.interruptions() {
        let info = interruption.approval().subject().info();
        println!("  {} in run {}", info.agent(), info.run());
        for passage in info.hops() {
            println!("    {passage}");
        }
        interruption.approve(&dana).await?;
    }

    println!("\nthe run continues at that call:");
    for answer in run.child("call_4").proceed().await?.answers() {
        println!("  {} {}: {}", answer.tool(), answer.kind(), answer.for_model());
    }
    Ok(())
}

async fn submit(run: &Run<Tools>, id: &str, tool: &str, arguments: &str) -> anyhow::Result<()> {
    let turn = run.submit([ToolCall::new(id, tool, arguments)]).await?;
    for answer in turn.answers() {
        println!("  {} {}: {}", run.info().agent(), answer.kind(), answer.for_model());
    }
    Ok(())
}
