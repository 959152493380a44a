// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use gate_runtime::Permit;

/// Delete it.
#[gated_tool(policy = "always_ask")]
fn delete(name: String) {}

pub async fn twice(permit: Permit<Delete>) {
    Delete::run(permit, &()).await;
    Delete::run(permit, &()).await;
}

fn main() {}
