// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Read an order.
#[gated_tool(policy = "never_ask")]
pub fn get_order(order_id: String) {}

/// Issue a refund.
#[gated_tool(policy = "always_ask")]
pub fn issue_refund(order_id: String) {}

registry! {
    /// All.
    pub Tools for () { GetOrder, IssueRefund, GetOrder }
}

fn main() {}
