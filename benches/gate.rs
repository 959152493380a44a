//! The cost of the gate: `cargo bench -p gate` prints a table, with ratios from this one run.
//!
//! Every subject is timed in rounds, one after the other, so that a noisy machine disturbs all of
//! them alike; the best round of each counts. With records on: every call writes its assessment,
//! its dispatch and its end into the memory store.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a benchmark prints what it measures"
)]

use std::alloc::System;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gate_runtime::prelude::*;
use gate_runtime::run::RunState;
use serde::Deserialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 15;
const CALLS: usize = 5_000;
const PAUSES: usize = 1_000;
const PENDING: usize = 100_000;

/// The ledger that the tools work on.
#[derive(Clone, Default)]
struct Ledger(std::sync::Arc<AtomicU64>);

impl Ledger {
    fn refund(&self, order_id: &str, amount_cents: u64) -> String {
        self.0.fetch_add(amount_cents, Ordering::Relaxed);
        format!("refunded {order_id}")
    }
}

/// Rules that look at the call: one approves it, the others do not match.
fn rules<T: Tool>(mut rules: Rules<T>, count: u64, amount: fn(&T) -> u64) -> Rules<T> {
    for number in 1..count {
        let name = format!("above {number} millions");
        rules = rules.deny(&name).when(move |call| amount(call) > number * 100_000_000).into();
    }
    rules
        .auto_approve("small")
        .when(move |call| amount(call) < 5_000)
        .otherwise(ask(role("manager")))
}

macro_rules! refunds {
    ($($function:ident $Tool:ident $policy:literal = $policy_name:ident, $count:literal;)*) => {$(
        #[policy]
        fn $policy_name(all: Rules<$Tool>) -> Rules<$Tool> {
            rules(all, $count, |call| call.amount_cents)
        }

        /// Refund an order.
        #[gated_tool(policy = $policy)]
        async fn $function(
            #[state] ledger: &Ledger,
            order_id: String,
            amount_cents: u64,
        ) -> String {
            ledger.refund(&order_id, amount_cents)
        }
    )*};
}

refunds! {
    refund_1 Refund1 "one_rule" = one_rule, 1;
    refund_10 Refund10 "ten_rules" = ten_rules, 10;
    refund_100 Refund100 "hundred_rules" = hundred_rules, 100;
}

/// Ten rules that ask where the values came from.
#[policy]
fn as_said(mut rules: Rules<RefundSaid>) -> Rules<RefundSaid> {
    for number in 0..10 {
        let name = format!("as the user said, {number}");
        rules = rules.auto_approve(&name).when(|call| call.origin(&call.order_id).is_user()).into();
    }
    rules.otherwise(ask(role("manager")))
}

/// Refund an order.
#[gated_tool(policy = "as_said")]
async fn refund_said(#[state] ledger: &Ledger, order_id: String, amount_cents: u64) -> String {
    ledger.refund(&order_id, amount_cents)
}

registry! { Tools for Ledger { Refund1, Refund10, Refund100, RefundSaid } }

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    order_id: String,
    amount_cents: u64,
}

async fn build(ledger: &Ledger) -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    Gate::<Tools>::builder(ledger.clone()).directory(people).key([7; 32]).build().await.unwrap()
}

const SMALL: &str = r#"{"order_id":"A-1001","amount_cents":2400}"#;
const LARGE: &str = r#"{"order_id":"A-1001","amount_cents":240000}"#;

/// The best of all rounds, per operation.
struct BestTime(&'static str, Duration);

impl BestTime {
    fn keep(&mut self, all: Duration, operations: usize) {
        self.1 = self.1.min(all / u32::try_from(operations).unwrap());
    }
}

fn direct(ledger: &Ledger, runtime: &Runtime) -> Duration {
    runtime.block_on(async {
        let started = Instant::now();
        for _ in 0..CALLS {
            black_box(async { ledger.refund(black_box("A-1001"), black_box(2_400)) }.await);
        }
        started.elapsed()
    })
}

fn ungated(ledger: &Ledger, runtime: &Runtime) -> Duration {
    runtime.block_on(async {
        let started = Instant::now();
        for _ in 0..CALLS {
            let arguments: Arguments = serde_json::from_str(black_box(SMALL)).unwrap();
            let output = async { ledger.refund(&arguments.order_id, arguments.amount_cents) }.await;
            black_box(serde_json::to_string(&output).unwrap());
        }
        started.elapsed()
    })
}

/// Calls as a model makes them, each a batch of its own.
fn submitted(ledger: &Ledger, runtime: &Runtime, tool: &'static str) -> Duration {
    runtime.block_on(async {
        let gate = build(ledger).await;
        let run = gate.run("run");
        let calls: Vec<ToolCall> =
            (0..CALLS).map(|id| ToolCall::new(id.to_string(), tool, SMALL)).collect();
        let started = Instant::now();
        for call in calls {
            drop(black_box(run.submit([call]).await.unwrap()));
        }
        started.elapsed()
    })
}

/// Calls of the generated function.
fn called(ledger: &Ledger, runtime: &Runtime) -> Duration {
    runtime.block_on(async {
        let gate = build(ledger).await;
        let run = gate.run("run");
        let started = Instant::now();
        for _ in 0..CALLS {
            black_box(refund_1(&run, "A-1001".to_owned(), 2_400).await.unwrap());
        }
        started.elapsed()
    })
}

/// One call after a long conversation, and then further ones. The first reads the conversation.
fn said(ledger: &Ledger, runtime: &Runtime, words: usize) -> (Duration, Duration) {
    runtime.block_on(async {
        let gate = build(ledger).await;
        let page: Vec<String> = (0..words).map(|word| format!("word{}", word % 5_000)).collect();
        let conversation =
            [Message::user("Refund A-1001 please."), Message::tool("read_page", page.join(" "))];
        let run = gate.run("run").history(conversation);
        let call = |id: usize| ToolCall::new(id.to_string(), "refund_said", SMALL);
        let started = Instant::now();
        drop(black_box(run.submit([call(0)]).await.unwrap()));
        let first = started.elapsed();
        let started = Instant::now();
        for id in 1..=CALLS {
            drop(black_box(run.submit([call(id)]).await.unwrap()));
        }
        (first, started.elapsed())
    })
}

/// Asks, writes the state as JSON, reads it in a second gate, approves there and runs. Also gives
/// the state's length.
fn paused(ledger: &Ledger, runtime: &Runtime) -> (Duration, usize) {
    runtime.block_on(async {
        let store = std::sync::Arc::new(MemoryStore::new());
        let gate = |store| {
            let people = StaticDirectory::new().person("dana", ["manager"]);
            Gate::<Tools>::builder(ledger.clone())
                .directory(people)
                .key([7; 32])
                .store(store)
                .build()
        };
        let (first, second) = (gate(store.clone()).await.unwrap(), gate(store).await.unwrap());
        let dana = second.reviewer("dana").await.unwrap();
        let mut bytes = 0;
        let started = Instant::now();
        for number in 0..PAUSES {
            let run = first.run(number.to_string());
            let _ = run.submit([ToolCall::new("call_1", "refund_1", LARGE)]).await.unwrap();
            let saved = run.state().await.unwrap().to_json();
            bytes = saved.len();
            let run = second.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
            run.proceed()
                .await
                .unwrap()
                .interruptions()
                .first()
                .unwrap()
                .approve(&dana)
                .await
                .unwrap();
            drop(black_box(run.proceed().await.unwrap()));
        }
        (started.elapsed(), bytes)
    })
}

/// Bytes on the heap for each call that waits for a person.
fn bytes_per_pending(ledger: &Ledger, runtime: &Runtime) -> usize {
    runtime.block_on(async {
        let gate = build(ledger).await;
        let region = Region::new(ALLOCATOR);
        for number in 0..PENDING {
            let run = gate.run(format!("run-{number}"));
            let _ = run.submit([ToolCall::new("call_1", "refund_1", LARGE)]).await.unwrap();
        }
        let change = region.change();
        (change.bytes_allocated - change.bytes_deallocated) / PENDING
    })
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let ledger = Ledger::default();
    let bytes = bytes_per_pending(&ledger, &runtime);

    let best = |name| BestTime(name, Duration::MAX);
    let mut rows = [
        best("direct call"),
        best("parse + call + serialise, ungated"),
        best("gated, auto-approved, 1 rule"),
        best("gated, auto-approved, 10 rules"),
        best("gated, auto-approved, 100 rules"),
        best("gated, 1 rule, by its generated function"),
        best("ask + save + load elsewhere + approve + run"),
        best("10 rules by origin, 10,000 words heard: first"),
        best("the same, further calls"),
        best("10 rules by origin, 100,000 words heard: first"),
        best("the same, further calls"),
    ];
    let mut state = 0;
    for _ in 0..ROUNDS {
        let [
            free,
            plain,
            one,
            ten,
            hundred,
            function,
            pause,
            first,
            further,
            first_long,
            further_long,
        ] = &mut rows;
        free.keep(direct(&ledger, &runtime), CALLS);
        plain.keep(ungated(&ledger, &runtime), CALLS);
        one.keep(submitted(&ledger, &runtime, "refund_1"), CALLS);
        ten.keep(submitted(&ledger, &runtime, "refund_10"), CALLS);
        hundred.keep(submitted(&ledger, &runtime, "refund_100"), CALLS);
        function.keep(called(&ledger, &runtime), CALLS);
        let (all, bytes) = paused(&ledger, &runtime);
        pause.keep(all, PAUSES);
        state = bytes;
        for (words, first, further) in
            [(10_000, first, further), (100_000, first_long, further_long)]
        {
            let (once, all) = said(&ledger, &runtime, words);
            first.keep(once, 1);
            further.keep(all, CALLS);
        }
    }

    let nanos = |row: &BestTime| row.1.as_nanos() as f64;
    let [_, plain, one, ten, hundred, ..] = &rows;
    println!("{:<48}{:>12}{:>24}", "", "per call", "× parse + call, ungated");
    for row in &rows {
        println!(
            "{:<48}{:>9.3} µs{:>24.1}",
            row.0,
            nanos(row) / 1_000.0,
            nanos(row) / nanos(plain)
        );
    }
    println!();
    println!(
        "the gate adds to an auto-approved call         {:>9.3} µs",
        (nanos(one) - nanos(plain)) / 1_000.0
    );
    println!(
        "10 further rules add                           {:>9.0} ns",
        (nanos(hundred) - nanos(ten)) / 9.0
    );
    println!("state of a run with one question               {state:>9} bytes");
    println!("heap per pending approval, at {PENDING}           {bytes:>9} bytes");
}
