//! Projections of the records: counts and indexes, brought up to date as records come.

pub(crate) mod histogram;
pub(crate) mod policies;
pub(crate) mod precedents;
pub(crate) mod projector;
pub(crate) mod search;
pub(crate) mod statistics;
