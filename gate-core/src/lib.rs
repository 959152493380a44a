//! The contract of stores, directories, notifiers and dialects: the values of a call, the
//! state machine of its approval, and the ports of a gate.
//!
//! Nothing here waits, reads a clock or knows a store. Users depend on `gate-runtime`, which
//! re-exports all of this.

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
