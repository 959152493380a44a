// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "refunds")]
fn issue_refund(order_id: String, amount_cents: u64) {}

#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules.deny("many").at_most(10).per(DAY).otherwise(ask(anyone()))
}

fn main() {}
