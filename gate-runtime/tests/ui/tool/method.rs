// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct Desk;

impl Desk {
    /// Does something.
    #[gated_tool(policy = "always_ask")]
    fn work(&self, order: String) {}
}

fn main() {}
