// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "refunds")]
fn issue_refund(order_id: String, amount_cents: u64) {}

#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules.auto_approve("few").at_most(10).otherwise(ask(anyone()))
}

fn main() {}
