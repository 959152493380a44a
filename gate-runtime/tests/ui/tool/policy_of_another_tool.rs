// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Refunds.
#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules
}

/// Issue a refund.
#[gated_tool(policy = "refunds")]
fn issue_refund(amount_cents: u64) {}

/// Read an order.
#[gated_tool(policy = "refunds")]
fn get_order(order_id: String) {}

registry! { pub Tools for () { IssueRefund, GetOrder } }

fn main() {}
