// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct Order {
    pub id: String,
}

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(note: String, order: Order) {}

registry! { pub Tools for () { Work } }

fn main() {}
