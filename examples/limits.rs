//! Limits: a hundred refunds just under the threshold are a hundred small ones to a rule, and one
//! large one to a customer.
//!
//! `cargo run --example limits`

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::BTreeMap;

use gate_runtime::prelude::*;
use serde_json::json;

/// Refunds: small ones go through, up to three a day and $100 a week for each customer.
#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules
        .auto_approve("under $50")
        .when(|call| call.amount_cents < 5_000)
        .at_most(3)
        .per(DAY)
        .by(|call| call.customer_id.clone())
        .budget(|call| call.amount_cents, 10_000)
        .per(WEEK)
        .by(|call| call.customer_id.clone())
        .otherwise(ask(role("manager")))
}

/// Issue a refund to the original payment method.
#[gated_tool(policy = "refunds")]
fn issue_refund(customer_id: String, amount_cents: u64) -> String {
    format!("refunded {amount_cents} to {customer_id}")
}

registry! {
    /// The tools that the agent may call.
    pub Tools for () { IssueRefund }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;

    // All at once, as a model that was talked into it would.
    let refund = |number: usize, customer: &str, cents: u64| {
        let arguments = json!({"customer_id": customer, "amount_cents": cents});
        ToolCall::new(format!("call_{number}"), "issue_refund", arguments.to_string())
    };
    for (customer, cents) in [("c-88", 4_999), ("c-89", 900)] {
        let run = gate.run(format!("run of {customer}"));
        let turn = run.submit((0..100).map(|number| refund(number, customer, cents))).await?;
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for answer in turn.answers() {
            *count.entry(answer.kind()).or_default() += 1;
        }
        println!("100 refunds of ${}.{:02} for {customer}: {count:?}", cents / 100, cents % 100);
        if let Some(interruption) = turn.interruptions().first() {
            println!("{}\n", interruption.approval().assessment());
        }
    }
    Ok(())
}
