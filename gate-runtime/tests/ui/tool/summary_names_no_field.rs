// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Customer {
    name: String,
}

/// Refund a customer.
#[gated_tool(policy = "always_ask", summary = "Refund {customer.nam}")]
fn refund(customer: Customer, amount_cents: u64) {}

registry! { pub Tools for () { Refund } }

fn main() {}
