//! The time that deadlines follow.

use jiff::Timestamp;

use super::BoxFuture;

/// Tells the time, and waits for it.
///
/// The engine reads no other clock: what expires, and when, is up to this one.
///
/// ```
/// use gate_runtime::store::{Clock, SystemClock};
/// assert!(SystemClock.now() > gate_runtime::Timestamp::UNIX_EPOCH);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the present time.
    fn now(&self) -> Timestamp;

    /// Returns once it is at least that time. Dropping the future ends the wait.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;
}
