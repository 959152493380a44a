//! The cost of a long conversation: `cargo bench -p gate --bench conversation` prints a line for
//! each way to tell a run of it.
//!
//! 200 turns grow to 100,000 words. In each the application tells the gate what was said, and the
//! model makes one call, whose rules ask where three values came from: one that the user said at
//! the beginning, one that a tool said, and one that nobody said, for which all of the conversation
//! is searched. What is timed is `set_history` (or `add_message`) and `submit`, with messages that
//! are new copies in each turn, as they are when a dialect reads them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark prints what it measures"
)]

use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};

use gate_runtime::prelude::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TURNS: usize = 200;
const WORDS: usize = 500;
const WINDOW: usize = 60;
const ROUNDS: usize = 3;

/// Payments as the user said, and never to whom a tool named.
#[policy]
fn as_said(rules: Rules<Pay>) -> Rules<Pay> {
    rules
        .deny("a tool named the matter")
        .when(|call| {
            matches!(call.origin(&call.matter), Origin::Tool { .. }) && call.amount > 1_000
        })
        .auto_approve("the user named the recipient, and nobody the note")
        .when(|call| call.origin(&call.recipient).is_user())
        .when(|call| call.origin(&call.note) == Origin::Agent)
        .otherwise(ask(anyone()))
}

/// Pay somebody.
#[gated_tool(policy = "as_said")]
async fn pay(recipient: String, amount: u64, matter: String, note: String) -> u64 {
    black_box((recipient, matter, note));
    amount
}

/// Payments that are small.
#[policy]
fn small(rules: Rules<PaySmall>) -> Rules<PaySmall> {
    rules.auto_approve("small").when(|call| call.amount < 50).otherwise(ask(anyone()))
}

/// Pay somebody a little.
#[gated_tool(policy = "small")]
async fn pay_small(recipient: String, amount: u64, matter: String, note: String) -> u64 {
    black_box((recipient, matter, note));
    amount
}

registry! { Tools for () { Pay, PaySmall } }

const ARGUMENTS: &str = concat!(
    r#"{"recipient":"alice@example.com","amount":24,"matter":"invoice 12-7","#,
    r#""note":"with the compliments of nobody"}"#
);

/// A way in which the application tells the gate of a conversation.
#[derive(Clone, Copy)]
enum ConversationChange {
    Append,
    SameBeginning,
    Time,
    NewRun,
    Window,
    NobodyAsks,
}

impl ConversationChange {
    const ALL: [(Self, &str); 6] = [
        (Self::Append, "append: each message is heard once"),
        (Self::SameBeginning, "set_history, with the same beginning"),
        (Self::Time, "set_history, the system prompt says the time"),
        (Self::NewRun, "a new run each turn"),
        (Self::Window, "a window of 60 messages"),
        (Self::NobodyAsks, "the prompt says the time, no rule asks for origins"),
    ];

    /// The messages of a conversation after so many turns, as new copies.
    fn messages(self, pages: &[String], turns: usize) -> Vec<Message> {
        let says_time = matches!(self, Self::Time | Self::NobodyAsks);
        let time =
            if says_time { format!(" It is {turns} minutes past noon.") } else { String::new() };
        let mut messages = vec![
            Message::system(format!("You are a payment assistant.{time}")),
            Message::user("Please pay alice@example.com what she asks for."),
        ];
        for page in pages.iter().take(turns) {
            messages.extend([
                Message::agent("I look into the next page."),
                Message::tool("read_page", page.as_str()),
            ]);
        }
        if matches!(self, Self::Window) && messages.len() > WINDOW {
            messages.drain(2..messages.len() - (WINDOW - 2));
        }
        messages
    }
}

/// Pages of a tool that have words of every kind, none of them twice the same.
fn pages() -> Vec<String> {
    let mut seed = 1_u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let mut word = move |place: usize| match next() % 40 {
        0 => format!("{}.{:02},", next() % 10_000, next() % 100),
        1 => format!("someone{}@example.com", next() % 1_000),
        2 => format!("(item-{})", next() % 1_000),
        3 => format!("Frühling{}.\n", next() % 10),
        _ if place == 0 => format!("invoice {}-{}", next() % 20, next() % 20),
        _ => format!("word{}", (next() % 100) * (next() % 50)),
    };
    (0..TURNS).map(|_| (0..WORDS).map(&mut word).collect::<Vec<_>>().join(" ")).collect()
}

/// Returns the time that a whole conversation costs.
fn measure(runtime: &Runtime, change: ConversationChange, pages: &[String]) -> Duration {
    let tool = if matches!(change, ConversationChange::NobodyAsks) { "pay_small" } else { "pay" };
    runtime.block_on(async {
        let gate: Gate<Tools> = Gate::builder(()).build().await.unwrap();
        let mut run = gate.run("run");
        let mut heard = 0;
        let mut cost = Duration::ZERO;
        for turn in 0..pages.len() {
            let mut messages = change.messages(pages, turn + 1);
            if matches!(change, ConversationChange::Append) {
                let all = messages.len();
                messages.drain(..heard);
                heard = all;
            }
            let call = ToolCall::new(turn.to_string(), tool, ARGUMENTS);
            let started = Instant::now();
            match change {
                ConversationChange::Append => {
                    for message in messages {
                        run.add_message(message);
                    }
                }
                ConversationChange::NewRun => run = gate.run(turn.to_string()).history(messages),
                _ => run.set_history(messages),
            }
            let turn = run.submit([call]).await.unwrap();
            cost += started.elapsed();
            assert_eq!(turn.answers().first().unwrap().kind(), "succeeded");
        }
        cost
    })
}

/// Bytes on the heap for each word, besides the texts themselves.
fn bytes_per_word(runtime: &Runtime, pages: &[String]) -> usize {
    runtime.block_on(async {
        let gate: Gate<Tools> = Gate::builder(()).build().await.unwrap();
        let run = gate.run("run");
        let messages = ConversationChange::SameBeginning.messages(pages, pages.len());
        let region = Region::new(ALLOCATOR);
        run.set_history(messages);
        let _ = run.assess(&ToolCall::new("1", "pay", ARGUMENTS)).await.unwrap();
        let change = region.change();
        (change.bytes_allocated - change.bytes_deallocated) / (TURNS * WORDS)
    })
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let pages = pages();
    let (mut halves, mut wholes) = (0.0, 0.0);
    for (change, name) in ConversationChange::ALL {
        let best = |turns: usize| {
            (0..ROUNDS)
                .map(|_| measure(&runtime, change, pages.get(..turns).unwrap()))
                .min()
                .unwrap()
        };
        let (half, whole) = (best(TURNS / 2), best(TURNS));
        println!("{name:<54}{:>9.3} s", whole.as_secs_f64());
        halves += half.as_secs_f64();
        wholes += whole.as_secs_f64();
    }
    println!(
        "{:<54}{:>9} bytes",
        "heap for each word, besides the text",
        bytes_per_word(&runtime, &pages)
    );
    println!("growth conversation {:.2}", wholes / halves / 2.0);
}
