//! What waits: kept in memory, filtered, listed, and who may decide it.

pub(crate) mod cache;
pub(crate) mod eligibility;
pub(crate) mod filter;
pub(crate) mod list;
