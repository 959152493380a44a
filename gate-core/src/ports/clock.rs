//! The clock of a gate.

use jiff::Timestamp;

use super::BoxFuture;

/// The clock of a gate.
///
/// The engine uses no other clock, so all deadlines depend on this one.
///
/// ```
/// use gate_runtime::store::{Clock, SystemClock};
/// assert!(SystemClock.now() > gate_runtime::Timestamp::UNIX_EPOCH);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the present time.
    fn now(&self) -> Timestamp;

    /// Waits until a time. Dropping the future ends the wait.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;
}
