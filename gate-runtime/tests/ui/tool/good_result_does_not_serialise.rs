// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct Receipt;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(order: String) -> Result<Receipt, String> {
    Ok(Receipt)
}

registry! { pub Tools for () { Work } }

fn main() {}
