//! Decisions and orders of people: votes, grants, freezes, settlements.

pub(crate) mod erase_secrets;
pub(crate) mod error;
pub(crate) mod grants_and_freezes;
pub(crate) mod interruption;
pub(crate) mod reviewer;
pub(crate) mod reviewer_eligibility;
pub(crate) mod settle_trail;
pub(crate) mod tool_notice;
pub(crate) mod vote;
