// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use gate_runtime::Permit;

/// Delete it.
#[gated_tool(policy = "always_ask")]
fn delete(name: String) {}

pub fn forge(context: CallContext) -> Permit<Delete> {
    Permit { arguments: Delete { name: "all".into() }, context }
}

fn main() {}
