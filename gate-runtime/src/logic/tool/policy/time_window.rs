//! Rules that hold at certain hours.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// A time of day, to the minute.
///
/// ```
/// use gate_runtime::policy::time;
/// assert_eq!(time(9, 30).to_string(), "09:30");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

/// Returns a time of day, to the minute, by the 24-hour clock. An invalid time is reported when the
/// gate is built.
///
/// ```
/// use gate_runtime::policy::time;
/// assert_eq!(time(17, 0).to_string(), "17:00");
/// ```
#[must_use]
pub const fn time(hour: u8, minute: u8) -> TimeOfDay {
    TimeOfDay { hour, minute }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl TimeOfDay {
    fn civil(self) -> Result<Time, String> {
        let minute = i8::try_from(self.minute).unwrap_or(-1);
        let hour = i8::try_from(self.hour).unwrap_or(-1);
        Time::new(hour, minute, 0, 0).map_err(|_| format!("there is no time {self}"))
    }
}

/// Days of the week.
///
/// ```
/// use gate_runtime::policy::{EVERY_DAY, WEEKDAYS};
/// assert_ne!(WEEKDAYS, EVERY_DAY);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekdays(u8);

impl std::ops::BitOr for Weekdays {
    type Output = Self;

    /// Returns the days of both.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

macro_rules! single_days {
    ($($Day:ident $bit:literal;)*) => {$(
        /// One day of the week. Combine days with `|`: `MONDAY | THURSDAY`.
        ///
        /// ```
        /// use gate_runtime::policy::{EVERY_DAY, WEEKDAYS, WEEKENDS};
        /// assert_eq!(WEEKDAYS | WEEKENDS, EVERY_DAY);
        /// ```
        pub const $Day: Weekdays = Weekdays(1 << $bit);
    )*};
}

single_days! {
    MONDAY 0;
    TUESDAY 1;
    WEDNESDAY 2;
    THURSDAY 3;
    FRIDAY 4;
    SATURDAY 5;
    SUNDAY 6;
}

/// Monday to Friday.
///
/// ```
/// assert_ne!(gate_runtime::policy::WEEKDAYS, gate_runtime::policy::EVERY_DAY);
/// ```
pub const WEEKDAYS: Weekdays = Weekdays(0b001_1111);
/// Saturday and Sunday.
///
/// ```
/// use gate_runtime::policy::{SATURDAY, SUNDAY, WEEKENDS};
/// assert_eq!(WEEKENDS, SATURDAY | SUNDAY);
/// ```
pub const WEEKENDS: Weekdays = Weekdays(0b110_0000);

/// All seven days.
///
/// ```
/// assert_ne!(gate_runtime::policy::EVERY_DAY, gate_runtime::policy::WEEKDAYS);
/// ```
pub const EVERY_DAY: Weekdays = Weekdays(0b111_1111);

impl Weekdays {
    fn contain(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }
}

/// Some days in a time zone, or a time range on these days. A range that passes midnight belongs to
/// the day of its beginning.
pub(crate) struct TimeWindow {
    /// The time range; `None` for whole days.
    times: Option<(TimeOfDay, TimeOfDay)>,
    days: Weekdays,
    zone: String,
    ready: Result<(Option<(Time, Time)>, TimeZone), String>,
}

impl TimeWindow {
    pub(super) fn new(from: TimeOfDay, to: TimeOfDay, days: Weekdays, zone: &str) -> Self {
        let ready = from.civil().and_then(|start| {
            let end = to.civil()?;
            if start == end {
                return Err(format!(
                    "from {from} to {to} is no time at all: whole days are \
                     `.on(EVERY_DAY, \"{zone}\")`"
                ));
            }
            Ok((Some((start, end)), zone_of(zone)?))
        });
        Self { times: Some((from, to)), days, zone: zone.to_owned(), ready }
    }

    pub(super) fn whole_days(days: Weekdays, zone: &str) -> Self {
        Self {
            times: None,
            days,
            zone: zone.to_owned(),
            ready: zone_of(zone).map(|zone| (None, zone)),
        }
    }

    pub(super) fn problem(&self) -> Option<&str> {
        self.ready.as_ref().err().map(String::as_str)
    }

    pub(super) fn contain(&self, now: Timestamp) -> Result<bool, String> {
        let (times, zone) = self.ready.as_ref().map_err(Clone::clone)?;
        let here = now.to_zoned_datetime(zone.clone());
        Ok(self.contain_local(*times, here.time(), here.weekday()))
    }

    fn contain_local(&self, times: Option<(Time, Time)>, time: Time, today: Weekday) -> bool {
        match times {
            None => self.days.contain(today),
            Some((from, to)) if from < to => (from..to).contains(&time) && self.days.contain(today),
            Some((from, to)) => {
                (time >= from && self.days.contain(today))
                    || (time < to && self.days.contain(today.previous()))
            }
        }
    }

    /// Returns whether hours of one zone never overlap. Any overlap begins at the beginning of one
    /// of them.
    pub(super) fn never_meet(all: &[&Self]) -> bool {
        let ready: Option<Vec<_>> =
            all.iter().map(|hours| Some((*hours, hours.ready.as_ref().ok()?.0))).collect();
        let Some(ready) = ready.filter(|ready| ready.len() > 1) else { return false };
        if ready.iter().any(|(hours, _)| ready.iter().any(|(other, _)| hours.zone != other.zone)) {
            return false;
        }
        let meet =
            |begin, day| ready.iter().all(|(hours, times)| hours.contain_local(*times, begin, day));
        let mut begins =
            ready.iter().map(|(_, times)| times.map_or(Time::midnight(), |(from, _)| from));
        !begins.any(|begin| Weekday::Monday.cycle_forward().take(7).any(|day| meet(begin, day)))
    }
}

fn zone_of(zone: &str) -> Result<TimeZone, String> {
    TimeZone::get(zone)
        .map_err(|_| format!("there is no time zone `{zone}`: use a name like `Europe/Zurich`"))
}

impl std::fmt::Display for TimeWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((from, to)) = self.times {
            write!(f, "from {from} to {to} ")?;
        }
        write!(f, "in {}", self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(hours: &TimeWindow, at: &str) -> bool {
        hours.contain(at.parse().unwrap()).unwrap()
    }

    #[test]
    fn hours_hold_in_their_zone_on_their_days() {
        let business_hours = TimeWindow::new(time(9, 0), time(17, 0), WEEKDAYS, "Europe/Zurich");
        assert!(holds(&business_hours, "2026-11-20T09:00:00+01:00"), "Friday morning");
        assert!(!holds(&business_hours, "2026-11-20T08:59:59+01:00"));
        assert!(!holds(&business_hours, "2026-11-20T17:00:00+01:00"));
        assert!(!holds(&business_hours, "2026-11-21T12:00:00+01:00"), "Saturday");
        assert!(holds(&business_hours, "2026-07-17T07:00:00Z"), "nine in the summer");
    }

    #[test]
    fn hours_past_midnight_belong_to_the_day_they_began() {
        let night = TimeWindow::new(time(22, 0), time(6, 0), WEEKDAYS, "UTC");
        assert!(holds(&night, "2026-11-20T23:00:00Z"), "Friday night");
        assert!(holds(&night, "2026-11-21T05:59:00Z"), "still Friday's night");
        assert!(!holds(&night, "2026-11-21T23:00:00Z"), "Saturday night");
        assert!(!holds(&night, "2026-11-20T12:00:00Z"));
    }

    #[test]
    fn whole_days_begin_and_end_at_midnight_in_their_zone() {
        let weekend = TimeWindow::whole_days(WEEKENDS, "Europe/Zurich");
        assert!(holds(&weekend, "2026-11-21T00:00:00+01:00"), "Saturday begins");
        assert!(holds(&weekend, "2026-11-22T23:59:59+01:00"), "Sunday ends");
        assert!(!holds(&weekend, "2026-11-23T00:00:00+01:00"));
        assert!(holds(&weekend, "2026-11-20T23:00:00Z"), "by its own midnight");
        let two = TimeWindow::whole_days(MONDAY | THURSDAY, "UTC");
        let days = ["16", "17", "18", "19", "20", "21", "22"]
            .map(|day| holds(&two, &format!("2026-11-{day}T12:00:00Z")));
        assert_eq!(days, [true, false, false, true, false, false, false]);
    }

    #[test]
    fn hours_that_never_come_are_a_problem() {
        for (from, to) in [(time(0, 0), time(0, 0)), (time(9, 30), time(9, 30))] {
            let never = TimeWindow::new(from, to, EVERY_DAY, "UTC");
            assert!(
                never.problem().unwrap().contains("`.on(EVERY_DAY, \"UTC\")`"),
                "{:?}",
                never.problem()
            );
            assert!(never.contain(Timestamp::UNIX_EPOCH).is_err());
        }
    }

    #[test]
    fn hours_that_never_come_together_are_found() {
        let day = |days| TimeWindow::whole_days(days, "UTC");
        let at = |from, to, days| TimeWindow::new(time(from, 0), time(to, 0), days, "UTC");
        for (one, other, never) in [
            (day(MONDAY), day(TUESDAY), true),
            (day(WEEKDAYS), day(FRIDAY | SATURDAY), false),
            (at(9, 12, EVERY_DAY), at(12, 17, EVERY_DAY), true),
            (at(9, 12, EVERY_DAY), at(11, 17, EVERY_DAY), false),
            (at(22, 6, SUNDAY), day(MONDAY), false),
            (at(22, 6, SUNDAY), at(7, 9, MONDAY), true),
            (at(9, 12, EVERY_DAY), day(WEEKENDS), false),
        ] {
            assert_eq!(TimeWindow::never_meet(&[&one, &other]), never, "{one} and {other}");
            assert_eq!(TimeWindow::never_meet(&[&other, &one]), never, "{other} and {one}");
        }
        let elsewhere = TimeWindow::new(time(9, 0), time(12, 0), EVERY_DAY, "Asia/Tokyo");
        assert!(
            !TimeWindow::never_meet(&[&elsewhere, &at(13, 14, EVERY_DAY)]),
            "what other zones have in common changes"
        );
        assert!(!TimeWindow::never_meet(&[&day(MONDAY)]));
    }

    #[test]
    fn what_does_not_exist_is_a_problem_and_never_holds() {
        let nowhere = TimeWindow::new(time(9, 0), time(17, 0), EVERY_DAY, "Europe/Zurick");
        assert!(nowhere.problem().unwrap().contains("`Europe/Zurick`"));
        assert!(nowhere.contain(Timestamp::UNIX_EPOCH).is_err());
        assert_eq!(
            TimeWindow::new(time(24, 0), time(1, 0), EVERY_DAY, "UTC").problem(),
            Some("there is no time 24:00")
        );
    }
}
