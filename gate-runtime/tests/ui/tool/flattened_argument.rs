// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use std::collections::BTreeMap;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(#[serde(flatten)] rest: BTreeMap<String, String>) {}

registry! { pub Tools for () { Work } }

fn main() {}
