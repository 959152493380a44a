//! Locks that outlive a panic.

// What is shared takes its lock from here, so that `tests/interleavings.rs` can put one in its
// place that tries every order.
pub(crate) use std::sync::Mutex;
use std::sync::{MutexGuard, PoisonError};

/// Locks; a panic elsewhere while it was locked left nothing half-done, for no user code runs under
/// a lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
