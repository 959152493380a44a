//! The clock of the machine.

use gate_core::ports::{BoxFuture, Clock};
use jiff::Timestamp;

/// The clock of the machine. It sleeps on tokio's timer.
///
/// It checks the clock at least once a minute, so that deadlines follow when the clock is set.
///
/// ```
/// use gate_runtime::store::{Clock, SystemClock};
/// let before = SystemClock.now();
/// assert!(SystemClock.now() >= before);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The longest sleep without checking the clock.
const LOOK: std::time::Duration = std::time::Duration::from_mins(1);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            while let Some(remaining) =
                std::time::Duration::try_from(at.duration_since(Timestamp::now()))
                    .ok()
                    .filter(|left| !left.is_zero())
            {
                tokio::time::sleep(remaining.min(LOOK)).await;
            }
        })
    }
}
