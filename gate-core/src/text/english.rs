//! Small pieces of English for the texts that people read.

use std::time::Duration;

/// Returns a noun with its article: `a manager`, `an operator`.
#[must_use]
pub fn with_article(noun: &str) -> String {
    let vowel = noun.chars().next().is_some_and(|c| "aeiouAEIOU".contains(c));
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

/// Describes a duration: `30 minutes`, `1 hour`, `90 seconds`, `2 days`; `1.5 seconds`, `200
/// milliseconds`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    if nanos > 0 && seconds > 0 {
        let decimals = format!("{nanos:09}");
        return format!("{seconds}.{} seconds", decimals.trim_end_matches('0'));
    }
    if nanos > 0 {
        let units = [(1_000_000, "millisecond"), (1_000, "microsecond"), (1, "nanosecond")];
        let whole = units.into_iter().find(|(size, _)| nanos.is_multiple_of(*size));
        let (size, unit) = whole.unwrap_or((1, "nanosecond"));
        return plural(u64::from(nanos / size), unit);
    }
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| seconds.is_multiple_of(*size) && seconds >= *size)
        .unwrap_or((1, "second"));
    plural(seconds / size, unit)
}

/// Writes a number with a comma after every three digits: `1,234,567`.
#[must_use]
pub fn grouped(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Writes a number of cents as an amount: `-1,234.50`.
#[must_use]
pub fn cents(amount: impl Into<i128>) -> String {
    let amount = amount.into();
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    format!("{sign}{}.{:02}", grouped(size / 100), size % 100)
}

/// Returns a count with its noun: `1 call`, `2 calls`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Lists items: `` `a`, `b` and `c` ``; `none` for an empty list.
pub fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut items: Vec<String> =
        items.into_iter().map(|item| format!("`{}`", item.as_ref())).collect();
    match (items.pop(), items.is_empty()) {
        (None, _) => "none".to_owned(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} and {last}", items.join(", ")),
    }
}

/// Returns the known name that someone probably meant.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let suggestion =
        known.into_iter().map(|name| (strsim::osa_distance(typed, name), name)).min()?;
    (suggestion.0 <= 2 && suggestion.0 < typed.chars().count().max(1)).then_some(suggestion.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_well() {
        assert_eq!(with_article("operator"), "an operator");
        assert_eq!(duration(Duration::from_mins(30)), "30 minutes");
        assert_eq!(duration(Duration::from_secs(90)), "90 seconds");
        assert_eq!(duration(Duration::from_hours(24)), "1 day");
        assert_eq!(duration(Duration::ZERO), "0 seconds");
        assert_eq!(duration(Duration::from_millis(200)), "200 milliseconds");
        assert_eq!(duration(Duration::from_micros(1)), "1 microsecond");
        assert_eq!(duration(Duration::from_millis(1_500)), "1.5 seconds");
        assert_eq!(duration(Duration::from_millis(61_020)), "61.02 seconds");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(list(Vec::<&str>::new()), "none");
        assert_eq!(closest("suport", ["support", "billing"]), Some("support"));
        assert_eq!(closest("x", ["support"]), None);
    }
}
