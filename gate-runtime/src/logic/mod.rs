//! Tools, calls and policies, and the evaluation of a call. Pure: no store, no clock, no network.

pub(crate) mod audit;
pub(crate) mod bound;
pub(crate) mod bounded;
pub(crate) mod context;
mod contract;
mod foreign_schema;
pub(crate) mod instructions;
pub(crate) mod probe;
pub(crate) mod ready;
pub(crate) mod redact;
pub(crate) mod registry;
pub(crate) mod schema;
mod schema_cost;
pub(crate) mod schema_walk;
pub(crate) mod scrub;
pub(crate) mod secret_output;
pub(crate) mod spec;
pub(crate) mod tool;
