//! The time ranges to choose from in statistics.

use gate_runtime::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// A time range that ends now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeSpan {
    #[default]
    Day,
    Week,
    Month,
}

impl TimeSpan {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Day, "day", "Last 24 hours"),
        (Self::Week, "week", "7 days"),
        (Self::Month, "month", "30 days"),
    ];

    /// Returns the time range that a query names. Defaults to a day.
    pub(crate) fn read(typed: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|(_, word, _)| *word == typed)
            .map_or(Self::Day, |(span, ..)| span)
    }

    /// Returns its number of hours.
    pub(crate) fn hours(self) -> i64 {
        match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        }
    }

    /// Returns the number of hours in one column of a plot.
    pub(crate) fn column(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 6,
            Self::Month => 24,
        }
    }

    /// Returns the name of a column, by its first hour.
    pub(super) fn label(self, hour: i64) -> String {
        let format = match self {
            Self::Day => "%H:00",
            Self::Week => "%a %H:00",
            Self::Month => "%-d %b",
        };
        let begin =
            Timestamp::from_second(hour.saturating_mul(3_600)).unwrap_or(Timestamp::UNIX_EPOCH);
        begin.to_zoned_datetime(TimeZone::UTC).strftime(format).to_string()
    }

    /// Renders the links to the other time ranges.
    pub(super) fn choice(self, path: &str) -> Markup {
        html! {
            nav.spans aria-label="Time" {
                ul {
                    @for (span, word, message) in Self::ALL {
                        li {
                            a href=(format!("{path}?time={word}"))
                                aria-current=[(span == self).then_some("true")] { (message) }
                        }
                    }
                }
            }
        }
    }
}
