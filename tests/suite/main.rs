//! Tests of the public library, in one program, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what it expects"
)]
#![allow(clippy::cast_possible_truncation, reason = "the numbers of a test are small")]
#![allow(unreachable_pub, reason = "the modules of a test are its own")]

mod arguments;
#[cfg(unix)]
mod auditors;
mod conformance;
mod dialects;
mod examples;
mod layers;
mod many_tasks;
mod model;
mod openai;
#[cfg(unix)]
mod pseudo_terminal;
#[cfg(unix)]
mod public_api;
mod refund_inbox;
mod run_state;
mod scenarios;
mod terminal;
