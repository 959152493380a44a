// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Refunds.
#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules.auto_approve("small").when(|call| call.amount < 5_000).otherwise(ask(anyone()))
}

/// Issue a refund.
#[gated_tool(policy = "refunds")]
fn issue_refund(order_id: String, amount_cents: u64) {}

registry! { pub Tools for () { IssueRefund } }

fn main() {}
