//! Locks that outlive a panic.

// Shared state takes its `Mutex` from here, so that `tests/interleavings.rs` can replace it by one
// that tries every order.
pub(crate) use std::sync::Mutex;
use std::sync::{MutexGuard, PoisonError};

/// Locks a mutex, even if it is poisoned: no user code runs under a lock, so a panic leaves nothing
/// half-done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
