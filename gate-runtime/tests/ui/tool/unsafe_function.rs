// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Does something.
#[gated_tool(policy = "always_ask")]
unsafe fn work(count: u64) -> u64 {
    count
}

registry! { pub Tools for () { Work } }

fn main() {}
