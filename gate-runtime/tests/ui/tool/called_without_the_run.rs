// mistakes: 1
#![allow(unused)]
use gate_runtime::prelude::*;

/// Delete it.
#[gated_tool(policy = "always_ask")]
fn delete(name: String) {}

registry! { pub Tools for () { Delete } }

async fn work() {
    delete("all".to_owned()).await;
}

fn main() {}
