//! Durations as policies write them.

use std::time::Duration;

use jiff::Timestamp;

/// A minute.
///
/// ```
/// assert_eq!(gate_runtime::policy::MINUTE.as_secs(), 60);
/// ```
pub const MINUTE: Duration = minutes(1);
/// An hour.
///
/// ```
/// assert_eq!(gate_runtime::policy::HOUR, gate_runtime::policy::minutes(60));
/// ```
pub const HOUR: Duration = hours(1);
/// 24 hours.
///
/// ```
/// assert_eq!(gate_runtime::policy::DAY, gate_runtime::policy::hours(24));
/// ```
pub const DAY: Duration = days(1);
/// Seven days.
///
/// ```
/// assert_eq!(gate_runtime::policy::WEEK, gate_runtime::policy::days(7));
/// ```
pub const WEEK: Duration = days(7);

/// Returns a number of minutes.
///
/// ```
/// assert_eq!(gate_runtime::policy::minutes(2).as_secs(), 120);
/// ```
#[must_use]
pub const fn minutes(count: u32) -> Duration {
    Duration::from_secs(count as u64 * 60)
}

/// Returns a number of hours.
///
/// ```
/// assert_eq!(gate_runtime::policy::hours(2), gate_runtime::policy::minutes(120));
/// ```
#[must_use]
pub const fn hours(count: u32) -> Duration {
    Duration::from_secs(count as u64 * 3_600)
}

/// Returns a number of days of 24 hours.
///
/// ```
/// assert_eq!(gate_runtime::policy::days(7), gate_runtime::policy::WEEK);
/// ```
#[must_use]
pub const fn days(count: u32) -> Duration {
    Duration::from_secs(count as u64 * 86_400)
}

/// Returns the time after a duration, or the last one that can be represented.
#[must_use]
pub fn later(now: Timestamp, time: Duration) -> Timestamp {
    now.checked_add(time).unwrap_or(Timestamp::MAX)
}
