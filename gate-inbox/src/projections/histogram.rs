//! A histogram of durations that needs little memory and is accurate to a tenth.

use std::collections::BTreeMap;
use std::time::Duration;

/// The ratio between the middles of neighbouring classes.
const STEP: f64 = 1.1;

/// The durations, counted by class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram(BTreeMap<i32, u32>);

impl Histogram {
    pub(crate) fn add(&mut self, time: Duration) {
        *self.0.entry(class(time)).or_default() += 1;
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (class, count) in &other.0 {
            let sum = self.0.entry(*class).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.values().map(|count| u64::from(*count)).sum()
    }

    /// Returns the duration that this percentage of the durations does not exceed; `None` if
    /// nothing was counted.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut before = 0;
        let found = self.0.iter().find(|(_, count)| {
            before += u64::from(**count);
            before >= wanted
        });
        found.map(|(class, _)| end(*class))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the logarithm of any length of time is below 1,000"
)]
fn class(time: Duration) -> i32 {
    time.as_secs_f64().max(1.0).log(STEP).round() as i32
}

fn end(class: i32) -> Duration {
    Duration::try_from_secs_f64(STEP.powi(class)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_within_a_tenth() {
        let mut times = Histogram::default();
        assert_eq!(times.percentile(50), None);
        for second in 1..=1_000 {
            times.add(Duration::from_secs(second));
        }
        for (percent, expected) in [(50, 500.0), (90, 900.0), (100, 1_000.0), (1, 10.0)] {
            let found = times.percentile(percent).unwrap().as_secs_f64();
            assert!((found / expected - 1.0).abs() < 0.1, "{percent}: {found}");
        }
        let before = times.count();
        times.join(&times.clone());
        assert_eq!(times.count(), 2 * before);
        times.add(Duration::MAX);
        assert!(times.percentile(100).unwrap() > Duration::from_hours(24 * 365));
    }
}
