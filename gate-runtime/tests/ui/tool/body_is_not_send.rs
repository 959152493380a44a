// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use std::rc::Rc;

async fn later() {}

/// Does something.
#[gated_tool(policy = "always_ask")]
async fn work(order: String) {
    let shared = Rc::new(order);
    later().await;
    drop(shared);
}

registry! { pub Tools for () { Work } }

fn main() {}
