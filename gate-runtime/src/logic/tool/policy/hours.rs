//! Rules that hold at certain hours.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// A time of day, to the minute.
///
/// ```
/// use gate_runtime::time;
/// assert_eq!(time(9, 30).to_string(), "09:30");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

/// A time of day, to the minute, by the 24-hour clock. One that does not exist is reported when the gate is built.
///
/// ```
/// use gate_runtime::time;
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
/// use gate_runtime::{EVERY_DAY, WEEKDAYS};
/// assert_ne!(WEEKDAYS, EVERY_DAY);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekdays(u8);

/// Monday to Friday.
///
/// ```
/// assert_ne!(gate_runtime::WEEKDAYS, gate_runtime::EVERY_DAY);
/// ```
pub const WEEKDAYS: Weekdays = Weekdays(0b001_1111);
/// All seven days.
///
/// ```
/// assert_ne!(gate_runtime::EVERY_DAY, gate_runtime::WEEKDAYS);
/// ```
pub const EVERY_DAY: Weekdays = Weekdays(0b111_1111);

impl Weekdays {
    fn contain(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }
}

/// From one time of day to another, on some days, in a time zone. Past midnight, the day is that of the beginning.
pub(crate) struct Hours {
    from: TimeOfDay,
    to: TimeOfDay,
    days: Weekdays,
    zone: String,
    ready: Result<(Time, Time, TimeZone), String>,
}

impl Hours {
    pub(super) fn new(from: TimeOfDay, to: TimeOfDay, days: Weekdays, zone: &str) -> Self {
        let zone_of = || {
            TimeZone::get(zone).map_err(|_| format!("there is no time zone `{zone}`: use a name like `Europe/Zurich`"))
        };
        let ready = from.civil().and_then(|start| Ok((start, to.civil()?, zone_of()?)));
        Self { from, to, days, zone: zone.to_owned(), ready }
    }

    pub(super) fn problem(&self) -> Option<&str> {
        self.ready.as_ref().err().map(String::as_str)
    }

    pub(super) fn contain(&self, now: Timestamp) -> Result<bool, String> {
        let (from, to, zone) = self.ready.as_ref().map_err(Clone::clone)?;
        let here = now.to_zoned(zone.clone());
        let (time, today) = (here.time(), here.weekday());
        Ok(if from <= to {
            (*from..*to).contains(&time) && self.days.contain(today)
        } else {
            (time >= *from && self.days.contain(today)) || (time < *to && self.days.contain(today.previous()))
        })
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "from {} to {} in {}", self.from, self.to, self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(hours: &Hours, at: &str) -> bool {
        hours.contain(at.parse().unwrap()).unwrap()
    }

    #[test]
    fn hours_hold_in_their_zone_on_their_days() {
        let office = Hours::new(time(9, 0), time(17, 0), WEEKDAYS, "Europe/Zurich");
        assert!(holds(&office, "2026-11-20T09:00:00+01:00"), "Friday morning");
        assert!(!holds(&office, "2026-11-20T08:59:59+01:00"));
        assert!(!holds(&office, "2026-11-20T17:00:00+01:00"));
        assert!(!holds(&office, "2026-11-21T12:00:00+01:00"), "Saturday");
        assert!(holds(&office, "2026-07-17T07:00:00Z"), "nine in the summer");
    }

    #[test]
    fn hours_past_midnight_belong_to_the_day_they_began() {
        let night = Hours::new(time(22, 0), time(6, 0), WEEKDAYS, "UTC");
        assert!(holds(&night, "2026-11-20T23:00:00Z"), "Friday night");
        assert!(holds(&night, "2026-11-21T05:59:00Z"), "still Friday's night");
        assert!(!holds(&night, "2026-11-21T23:00:00Z"), "Saturday night");
        assert!(!holds(&night, "2026-11-20T12:00:00Z"));
    }

    #[test]
    fn what_does_not_exist_is_a_problem_and_never_holds() {
        let nowhere = Hours::new(time(9, 0), time(17, 0), EVERY_DAY, "Europe/Zurick");
        assert!(nowhere.problem().unwrap().contains("`Europe/Zurick`"));
        assert!(nowhere.contain(Timestamp::UNIX_EPOCH).is_err());
        assert_eq!(Hours::new(time(24, 0), time(1, 0), EVERY_DAY, "UTC").problem(), Some("there is no time 24:00"));
    }
}
