// mistakes: 1
#![allow(unused)]
use gate_runtime::prelude::*;

/// Refund an order.
#[gated_tool(policy = "refunds")]
fn issue_refund(order_id: String) {}

#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules
        .auto_approve("small")
        .matches(IssueRefund { order_id: "A-1".into() })
        .deny("large")
        .when(|call| call.order_id.len() > 9)
        .otherwise(ask(role("manager")))
}

registry! { pub Tools for () { IssueRefund } }

fn main() {}
