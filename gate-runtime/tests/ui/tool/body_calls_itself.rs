// mistakes: 1
#![allow(unused)]
use gate_runtime::prelude::*;

/// Delete it.
#[gated_tool(policy = "always_ask")]
fn delete(name: String) {
    __body(name);
}

registry! { pub Tools for () { Delete } }

fn main() {}
