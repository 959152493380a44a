// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct Trouble;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(order: String) -> Result<String, Trouble> {
    Ok(order)
}

registry! { pub Tools for () { Work } }

fn main() {}
