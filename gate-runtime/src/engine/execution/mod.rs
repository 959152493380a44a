//! Runs bodies, and recovers calls whose process died.

pub(crate) mod caller_kind;
pub(crate) mod current_body;
pub(crate) mod dispatch;
pub(crate) mod guarded_work;
pub(crate) mod record_comparison;
pub(crate) mod recovery;
