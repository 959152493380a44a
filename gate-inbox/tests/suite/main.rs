//! Tests of the inbox as its users see it: pages, the API, and notifications, in one program, so
//! that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what it expects"
)]

mod api;
mod channels;
mod corpus;
mod decisions;
mod grants;
mod history;
mod hostile;
mod links;
mod mail;
mod outbox;
mod pagerduty;
mod pending;
mod receiver;
mod service;
mod sessions;
mod slack;
mod slack_actions;
mod smtp;
mod sse;
mod test_inbox;
mod webhook;
