// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Does something.
#[gated_tool(policy = "always_ask")]
pub struct Work;

registry! { pub Tools for () { Main } }

fn main() {}
