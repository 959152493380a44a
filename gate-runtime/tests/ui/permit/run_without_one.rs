// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Delete it.
#[gated_tool(policy = "always_ask")]
fn delete(name: String) {}

pub async fn run() {
    Delete::run(Delete { name: "all".into() }, &()).await;
}

fn main() {}
