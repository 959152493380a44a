//! Layer 0: plain data and total functions. Nothing here waits, reads a clock or knows a store.

pub(crate) mod approval;
pub(crate) mod arguments;
pub(crate) mod assessment;
pub(crate) mod context;
pub(crate) mod decision;
pub(crate) mod digest;
pub(crate) mod event;
pub(crate) mod freeze;
pub(crate) mod grant;
pub(crate) mod history;
pub(crate) mod id;
pub(crate) mod json;
pub(crate) mod limit;
pub(crate) mod opinion;
pub(crate) mod origin;
pub(crate) mod outcome;
pub(crate) mod outline;
pub(crate) mod random;
pub(crate) mod report;
pub(crate) mod requirement;
pub(crate) mod settlement;
pub(crate) mod time;
pub(crate) mod transition;
pub(crate) mod verdict;
pub(crate) mod visible;
mod voting;
pub(crate) mod words;
