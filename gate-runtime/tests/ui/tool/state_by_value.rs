// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct Billing;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(#[state] billing: Billing) {}

registry! { pub Tools for () { Work } }

fn main() {}
