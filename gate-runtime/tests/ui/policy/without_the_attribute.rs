// mistakes: 1
#![allow(unused)]
use gate_runtime::prelude::*;

/// Delete it.
#[gated_tool(policy = "deletions")]
fn delete(name: String) {}

fn deletions(rules: Rules<Delete>) -> Rules<Delete> {
    rules.otherwise(ask(role("manager")))
}

registry! { pub Tools for () { Delete } }

fn main() {}
