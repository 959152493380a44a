//! Runs: their state in memory, and their API.

pub(crate) mod agent;
pub(crate) mod answer;
pub(crate) mod batch;
pub(crate) mod ledger;
pub(crate) mod run;
pub(crate) mod run_session;
pub(crate) mod run_state;
pub(crate) mod slots;
pub(crate) mod submit;
pub(crate) mod turn;
