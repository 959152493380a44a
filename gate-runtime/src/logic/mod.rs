//! Tools, calls and policies, and the evaluation of a call. Pure: no store, no clock, no network.

pub(crate) mod audit;
pub(crate) mod builtin;
pub(crate) mod context;
mod contract;
pub(crate) mod erased_tool;
mod foreign_schema;
pub(crate) mod instructions;
pub(crate) mod registry;
pub(crate) mod schema;
mod schema_cost;
pub(crate) mod schema_walk;
pub(crate) mod secret_output;
pub(crate) mod secret_redaction;
pub(crate) mod secret_scrubber;
pub(crate) mod time_limit;
pub(crate) mod tool;
pub(crate) mod tool_spec;
pub(crate) mod type_probe;
