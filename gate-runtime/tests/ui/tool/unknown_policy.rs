// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Refunds.
#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules
}

/// Issue a refund.
#[gated_tool(policy = "refundz")]
fn issue_refund(amount_cents: u64) {}

pub fn used() -> impl Sized {
    refunds()
}

registry! { pub Tools for () { IssueRefund } }

fn main() {}
