// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(#[context] a: &CallContext, #[context] b: &CallContext) {}

registry! { pub Tools for () { Work } }

fn main() {}
