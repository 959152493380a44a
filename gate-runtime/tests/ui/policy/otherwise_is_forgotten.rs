// mistakes: 1
#![allow(unused)]
use gate_runtime::prelude::*;

/// Delete it.
#[gated_tool(policy = "deletions")]
fn delete(name: String) {}

#[policy]
fn deletions(rules: Rules<Delete>) -> Rules<Delete> {
    rules.deny("all").when(|call| call.name == "all")
}

registry! { pub Tools for () { Delete } }

fn main() {}
