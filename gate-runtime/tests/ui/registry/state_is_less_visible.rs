// mistakes: 1
use gate_runtime::prelude::*;

struct App;

/// Does something.
#[gated_tool(policy = "always_ask")]
pub fn work() {}

registry! { pub Tools for App { Work } }

fn main() {}
