//! The types that stores, directories, notifiers and dialects are written against: the values of a
//! call, the state machine of its approval, and the ports of a gate.
//!
//! This crate reads no clock, does no I/O and needs no async runtime. Users depend on
//! `gate-runtime`, which re-exports what they need.

pub mod approval;
pub mod assessment;
pub mod call;
pub mod grants;
pub mod id;
pub mod people;
pub mod ports;
pub mod records;
pub mod text;

pub use jiff::Timestamp;
