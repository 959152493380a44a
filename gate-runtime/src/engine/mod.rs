//! The engine: proposes, evaluates, reviews and dispatches calls. Only the engine waits.

pub(crate) mod any_gate;
pub(crate) mod call;
pub(crate) mod error;
pub(crate) mod execution;
pub(crate) mod gate;
pub(crate) mod kernel;
pub(crate) mod remote;
pub(crate) mod review;
pub(crate) mod session;
