//! Projections of the records: counts and indexes, updated as records arrive.

pub(crate) mod histogram;
pub(crate) mod policies;
pub(crate) mod precedents;
pub(crate) mod projector;
pub(crate) mod search;
pub(crate) mod statistics;
