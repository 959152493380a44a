//! Layer 3: what happens to a call, in order: intake, judgement, people, dispatch. The only place that waits.

pub(crate) mod agent;
mod attempt;
pub(crate) mod batch;
mod commit;
pub(crate) mod core;
pub(crate) mod course;
pub(crate) mod decide;
pub(crate) mod dispatch;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod gate;
pub(crate) mod guard;
mod if_gone;
pub(crate) mod intake;
pub(crate) mod interruption;
pub(crate) mod judge;
pub(crate) mod open;
pub(crate) mod recover;
pub(crate) mod run;
pub(crate) mod run_state;
pub(crate) mod single;
mod standing;
pub(crate) mod thread;
pub(crate) mod timekeeper;
pub(crate) mod turn;
pub(crate) mod wait;
