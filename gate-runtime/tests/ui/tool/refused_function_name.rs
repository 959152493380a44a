// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn überweisen(order: String) {}

registry! { pub Tools for () { Überweisen } }

fn main() {}
