//! The scale of an axis.

use std::time::Duration;

use gate_runtime::english::grouped;

/// The unit of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChartUnit {
    /// A count.
    Count,
    /// A duration, in seconds.
    Time,
}

/// An axis that starts at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    step: f64,
    steps: u32,
}

/// The most steps of an axis.
const STEPS: f64 = 4.0;

impl ChartUnit {
    pub(super) fn scale(self, most: f64) -> Scale {
        let wanted = most / STEPS;
        let step = match self {
            Self::Count => steps_of_ten(wanted),
            Self::Time => {
                let known = [
                    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 10_800.0, 21_600.0,
                    43_200.0, 86_400.0,
                ];
                known
                    .into_iter()
                    .find(|step| *step >= wanted)
                    .unwrap_or(steps_of_ten(wanted / 86_400.0) * 86_400.0)
            }
        };
        Scale { step, steps: whole((most / step).ceil()).max(1) }
    }

    /// Formats a number with its unit.
    pub(crate) fn format(self, number: f64) -> String {
        match self {
            Self::Count => grouped(u64::from(whole(number.round()))),
            Self::Time => short(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)),
        }
    }
}

/// Formats a duration in short form: `5 min`, `1.5 h`.
fn short(time: Duration) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let seconds = time.as_secs_f64();
    let (size, unit) = units.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1.0, "s"));
    let tenths = whole((seconds / size * 10.0).round());
    let (count, rest) = (tenths / 10, tenths % 10);
    if rest == 0 || count >= 10 {
        format!("{count} {unit}")
    } else {
        format!("{count}.{rest} {unit}")
    }
}

/// Rounds a step up to the next of 1, 2, 5, 10, 20, 50, …
fn steps_of_ten(wanted: f64) -> f64 {
    let mut ten = 1.0;
    while ten < 1e12 {
        if let Some(step) =
            [1.0, 2.0, 5.0].into_iter().map(|step| step * ten).find(|step| *step >= wanted)
        {
            return step;
        }
        ten *= 10.0;
    }
    ten
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is brought into range before"
)]
fn whole(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)) as u32
}

impl Scale {
    pub(super) fn top(self) -> f64 {
        self.step * f64::from(self.steps)
    }

    pub(super) fn ticks(self) -> impl Iterator<Item = f64> {
        (0..=self.steps).map(move |tick| f64::from(tick) * self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_a_few_steps_that_people_count_in() {
        for (unit, most, step, top) in [
            (ChartUnit::Count, 0.0, 1.0, 1.0),
            (ChartUnit::Count, 3.0, 1.0, 3.0),
            (ChartUnit::Count, 17.0, 5.0, 20.0),
            (ChartUnit::Count, 1_234.0, 500.0, 1_500.0),
            (ChartUnit::Time, 50.0, 15.0, 60.0),
            (ChartUnit::Time, 7_000.0, 1_800.0, 7_200.0),
            (ChartUnit::Time, 10.0 * 86_400.0, 5.0 * 86_400.0, 10.0 * 86_400.0),
        ] {
            let scale = unit.scale(most);
            assert_eq!((scale.step, scale.top()), (step, top), "{most}");
        }
        assert_eq!(
            (ChartUnit::Count.format(1_234.0), ChartUnit::Time.format(5_400.0)),
            ("1,234".into(), "1.5 h".into())
        );
    }
}
