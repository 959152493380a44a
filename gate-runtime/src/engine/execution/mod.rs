//! Bodies: begun once, run to their end, recovered where their process died.

pub(crate) mod caller;
pub(crate) mod dispatch;
pub(crate) mod guarded_work;
pub(crate) mod inside;
pub(crate) mod recorded;
pub(crate) mod recovery;
