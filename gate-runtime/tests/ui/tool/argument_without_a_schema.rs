// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Order {
    pub id: String,
}

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(order: Option<Order>) {}

registry! { pub Tools for () { Work } }

fn main() {}
