//! Pending calls: the cache, the filters, the lists, and the eligibility of reviewers.

pub(crate) mod cache;
pub(crate) mod eligibility;
pub(crate) mod filter;
pub(crate) mod list;
