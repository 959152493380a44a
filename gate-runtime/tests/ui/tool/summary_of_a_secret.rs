// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Refund an order.
#[gated_tool(policy = "always_ask", summary = "Refund {amount_cents} for \
    {order_id}", secret(order_id))]
fn refund(order_id: String, amount_cents: u64) {}

registry! { pub Tools for () { Refund } }

fn main() {}
