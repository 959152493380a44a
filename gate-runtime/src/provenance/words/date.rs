//! Dates and points in time, in digits and in English words.

use jiff::Timestamp;
use jiff::civil::Date;

/// A date in digits: `2024-05-20`, `2024/5/20`, `20.05.2024`; `20/05/2024` and `05/20/2024` where only one reading is a date.
pub(super) fn date(word: &str) -> Option<String> {
    let separator = ['-', '/', '.'].into_iter().find(|separator| word.matches(*separator).count() == 2)?;
    let mut parts = word.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |text: &str| text.parse::<i8>().ok().filter(|_| text.len() <= 2 && !text.starts_with(['+', '-']));
    match separator {
        '-' | '/' if a.len() == 4 => on(a, short(b)?, short(c)?),
        '.' => on(c, short(b)?, short(a)?),
        '/' => match (short(a)?, short(b)?) {
            (day, month) if day > 12 || day == month => on(c, month, day),
            (month, day) if day > 12 => on(c, month, day),
            _ => None,
        },
        _ => None,
    }
}

fn on(year: &str, month: i8, day: i8) -> Option<String> {
    let year: i16 = year.parse().ok().filter(|_| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))?;
    Date::new(year, month, day).ok().map(|date| date.to_string())
}

/// A point in time as RFC 3339 writes it.
pub(super) fn instant(word: &str) -> Option<String> {
    if !word.contains('t') || !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    word.parse::<Timestamp>().ok().map(|instant| instant.to_string())
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A date in English words: `20 May 2024`, `20th of May 2024`, `May 20, 2024`. Without a year it is none.
pub(super) fn spoken_date(words: &[&str]) -> Option<(String, usize)> {
    let (day, month, year, count) = match words {
        [day, "of", month, ",", year, ..] if is_month(month) => (day, month, year, 5),
        [day, "of", month, year, ..] if is_month(month) => (day, month, year, 4),
        [month, day, ",", year, ..] if is_month(month) => (day, month, year, 4),
        [month, day, year, ..] if is_month(month) => (day, month, year, 3),
        [day, month, ",", year, ..] if is_month(month) => (day, month, year, 4),
        [day, month, year, ..] if is_month(month) => (day, month, year, 3),
        _ => return None,
    };
    let ordinal = ["st", "nd", "rd", "th"].into_iter().find_map(|end| day.strip_suffix(end)).unwrap_or(day);
    let day: i8 = ordinal.parse().ok()?;
    let month = i8::try_from(MONTHS.iter().position(|name| names(name, month))? + 1).ok()?;
    Some((on(year, month, day)?, count))
}

fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|name| names(name, word))
}

fn names(month: &str, word: &str) -> bool {
    word == month || (word.len() == 3 && month.starts_with(word)) || (word == "sept" && month == "september")
}
