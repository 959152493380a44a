// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Does something.
#[gated_tool(policy = "always_ask")]
async fn work(count: u64) {
    if count > 0 {
        let _ = work(count - 1).await;
    }
}

registry! { pub Tools for () { Work } }

fn main() {}
