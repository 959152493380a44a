//! Authentication: the current user, sessions, and rate limits.

pub(crate) mod authenticator;
pub(crate) mod cookie;
pub(crate) mod current_user;
pub(crate) mod random;
pub(crate) mod rate_limit;
pub(crate) mod return_to;
pub(crate) mod session_store;
