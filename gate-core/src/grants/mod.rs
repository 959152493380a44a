//! Grants (standing permissions), freezes, and the counters behind limits.

pub(crate) mod freeze;
pub(crate) mod grant;
pub(crate) mod limit;

pub use freeze::{Freeze, FreezeScope};
pub use grant::{Grant, Scope, ScopeError};
#[doc(hidden)]
pub use limit::{ASKED, EVER, WAITING};
pub use limit::{GiveBack, LimitCharge, LimitKey};
