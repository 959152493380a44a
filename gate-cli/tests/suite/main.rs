//! Tests of the command as people and programs run it, in one program, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what it expects"
)]

mod audit;
mod command;
mod deliveries;
mod inbox;
mod notify;
mod programs;
#[path = "../../../gate-inbox/tests/suite/receiver/mod.rs"]
mod receiver;
#[path = "../../../gate-inbox/tests/suite/service/mod.rs"]
mod service;
#[path = "../../../gate-inbox/tests/suite/smtp/mod.rs"]
mod smtp;
mod test_workspace;
