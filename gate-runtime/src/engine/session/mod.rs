//! Runs: what they remember, and what their callers hold.

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
