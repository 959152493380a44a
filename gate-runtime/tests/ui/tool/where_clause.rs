// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(order: String)
where
    String: Send,
{
}

registry! { pub Tools for () { Work } }

fn main() {}
