//! Calls that wait: kept in memory, filtered, listed, and decided by whom.

pub(crate) mod cache;
pub(crate) mod eligibility;
pub(crate) mod filter;
pub(crate) mod list;
