// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "always_ask")]
fn issue_refund(order_id: String, amount_cents: u64) {}

#[policy]
async fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules
}

fn main() {}
