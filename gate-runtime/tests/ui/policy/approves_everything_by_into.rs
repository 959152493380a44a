// mistakes: 1
#![allow(unused)]
use gate_runtime::prelude::*;

/// Refund an order.
#[gated_tool(policy = "refunds")]
fn issue_refund(order_id: String) {}

#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules.auto_approve("small").into()
}

registry! { pub Tools for () { IssueRefund } }

fn main() {}
