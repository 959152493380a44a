//! A manual clock for tests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gate_core::ports::{BoxFuture, Clock};
use jiff::Timestamp;
use tokio::sync::watch;

/// A clock that stands still until a test moves it. Clones share one time.
///
/// ```
/// use gate_runtime::testing::ManualClock;
/// use gate_runtime::policy::HOUR;
/// use gate_runtime::store::Clock;
/// let clock = ManualClock::at("2026-11-21T09:00:00Z".parse().unwrap());
/// clock.advance(HOUR);
/// assert_eq!(clock.now().to_string(), "2026-11-21T10:00:00Z");
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<Mutex<watch::Sender<Timestamp>>>,
}

impl ManualClock {
    /// Creates a clock that stands at this time.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: Arc::new(Mutex::new(watch::channel(now).0)) }
    }

    /// Advances the clock, and wakes the tasks whose time has come.
    pub fn advance(&self, time: Duration) {
        self.set(self.now().checked_add(time).unwrap_or(Timestamp::MAX));
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).send_replace(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner).borrow()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let mut time = self.now.lock().unwrap_or_else(PoisonError::into_inner).subscribe();
        Box::pin(async move {
            // An error is impossible: this future borrows the clock, which owns the sender.
            let _ = time.wait_for(|now| *now >= at).await;
        })
    }
}
