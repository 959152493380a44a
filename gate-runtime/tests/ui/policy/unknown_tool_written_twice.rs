// mistakes: 2
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "always_ask")]
fn issue_refund(order_id: String, amount_cents: u64) {}

#[policy]
fn refunds(rules: Rules<IssueRefnd>) -> Rules<IssueRefnd> {
    rules
}

fn main() {}
