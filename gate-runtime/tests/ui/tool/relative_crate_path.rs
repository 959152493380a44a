// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Does something.
#[gated_tool(policy = "always_ask", crate = gate_runtime)]
fn work(order: String) {}

registry! { pub Tools for () { Work } }

fn main() {}
