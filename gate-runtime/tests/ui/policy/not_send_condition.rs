// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "refunds")]
fn issue_refund(order_id: String, amount_cents: u64) {}

#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    let seen = std::rc::Rc::new(5);
    rules.deny("seen").when(move |call| call.amount_cents == *seen).otherwise(ask(anyone()))
}

fn main() {}
