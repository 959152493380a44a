// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use std::borrow::Cow;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(order: Cow<'_, str>) {}

registry! { pub Tools for () { Work } }

fn main() {}
