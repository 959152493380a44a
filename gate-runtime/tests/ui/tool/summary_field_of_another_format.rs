// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Transfer {
    amount: String,
}

/// Transfer money.
#[gated_tool(policy = "always_ask", summary = "Transfer {transfer.amount:cents}")]
fn send(transfer: Transfer) {}

registry! { pub Tools for () { Send } }

fn main() {}
