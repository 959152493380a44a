//! A proposed call on its way to a stored approval.

pub(crate) mod blocking;
pub(crate) mod evaluate;
pub(crate) mod not_run;
pub(crate) mod parse;
pub(crate) mod propose;
pub(crate) mod run_context;
