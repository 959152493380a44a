//! Tests of the public store, in one program, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod conformance;
#[cfg(unix)]
mod disk;
mod faults;
