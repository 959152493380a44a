// mistakes: 3
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

#[gated_tool(policy = "always_ask", secret(pin))]
fn work(order: &str) {}

registry! { pub Tools for () { Work } }

fn main() {}
