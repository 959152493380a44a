// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct Desk(String);

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(#[state] desk: &Desk) -> &str {
    &desk.0
}

registry! { pub Tools for Desk { Work } }

fn main() {}
