// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use std::cell::Cell;

pub struct Counter {
    count: Cell<u64>,
}

/// Count one more.
#[gated_tool(policy = "never_ask")]
pub async fn count(#[state] counter: &Counter) {
    counter.count.set(counter.count.get() + 1);
}

/// Count one more, for the agent that asks.
#[gated_tool(policy = "never_ask")]
pub async fn count_for(#[state] counter: &Counter, #[context] context: &CallContext) {
    counter.count.set(counter.count.get() + 1);
}

/// Tell how many there are.
#[gated_tool(policy = "never_ask")]
pub fn read_count(#[state] counter: &Counter) -> u64 {
    counter.count.get()
}

registry! {
    /// All.
    pub Tools for Counter { Count, CountFor, ReadCount }
}

async fn desk() {
    let gate: Gate<Tools> = Gate::builder(Counter { count: Cell::new(0) }).build().await.unwrap();
    gate.run("run-1").submit([ToolCall::new("call_1", "count", "{}")]).await.unwrap();
}

fn main() {}
