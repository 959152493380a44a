// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "refunds")]
fn issue_refund(order_id: String, amount_cents: u64) {}

#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules.ask("large").when(|call| call.amount_cents > 5_000).otherwise(deny())
}

fn main() {}
