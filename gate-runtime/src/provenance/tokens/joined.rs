//! Words that form one value although they contain spaces: quantities, telephone numbers, days of a
//! week, ranges. None of their parts is a value of its own.

use super::date::{is_short_number, moment};
use super::number::plain_number;

/// Units, each in its written forms. Currencies are not units: an amount counts in any currency.
const UNITS: [&[&str]; 36] = [
    &["%", "percent", "pct", "prozent"],
    &["ms", "millisecond", "milliseconds"],
    &["s", "sec", "secs", "second", "seconds", "sekunde", "sekunden"],
    &["min", "mins", "minute", "minutes", "minuten"],
    &["h", "hr", "hrs", "hour", "hours", "stunde", "stunden", "heure", "heures"],
    &["day", "days", "tag", "tage", "tagen", "jours"],
    &["week", "weeks", "woche", "wochen"],
    &["month", "months", "monat", "monate", "mois"],
    &["year", "years", "jahr", "jahre", "ans"],
    &["mg"],
    &["g", "gram", "grams"],
    &["kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"],
    &["t", "ton", "tons", "tonne", "tonnes"],
    &["lb", "lbs"],
    &["oz", "ounce", "ounces"],
    &["mm"],
    &["cm"],
    &["m", "meter", "meters", "metre", "metres"],
    &["km", "kilometer", "kilometers", "kilometre", "kilometres"],
    &["mi", "mile", "miles"],
    &["ft", "foot", "feet"],
    &["inch", "inches"],
    &["ml"],
    &["l", "liter", "liters", "litre", "litres"],
    &["byte", "bytes"],
    &["kb"],
    &["mb"],
    &["gb"],
    &["tb"],
    &["w", "watt", "watts"],
    &["kwh"],
    &["px", "pixel", "pixels"],
    &["degree", "degrees", "grad", "°"],
    &["°c"],
    &["°f"],
    &["km/h", "kmh"],
];

const MAGNITUDES: [&str; 14] = [
    "hundred", "thousand", "million", "millions", "billion", "billions", "trillion", "dozen",
    "mio", "mrd", "tsd", "k", "bn", "mn",
];

const WEEKDAYS: [&str; 37] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche",
    "lunes",
    "martes",
    "miércoles",
    "jueves",
    "viernes",
    "sábado",
    "domingo",
    "tues",
    "thurs",
];

const WEEKS: [&str; 5] = ["week", "kw", "woche", "semaine", "semana"];

const MONEY: [&str; 16] = [
    "$", "€", "£", "¥", "₹", "eur", "euro", "euros", "usd", "dollar", "dollars", "gbp", "chf",
    "cents", "pounds", "per",
];

/// Joins several words that form one value, and returns their number.
pub(super) fn joined(words: &[&str], begins_line: bool) -> Option<(String, usize)> {
    marker(words)
        .filter(|_| begins_line)
        .or_else(|| phone(words))
        .or_else(|| day_or_hour(words))
        .or_else(|| quantity(words))
}

/// Returns the unit that a word names, in its first written form.
pub(crate) fn unit(word: &str) -> Option<&'static str> {
    UNITS.iter().find(|names| names.contains(&word)).and_then(|names| names.first()).copied()
}

/// Parses the number of an item in a list: `1.`, `2)`.
fn marker(words: &[&str]) -> Option<(String, usize)> {
    match words {
        [number, "." | ")", next, ..] if is_short_number(number) && *next != super::LINE_END => {
            Some((format!("{number}."), 2))
        }
        _ => None,
    }
}

/// Joins a day or hour whose number alone would mean something else: `Monday 13`, `week 12`,
/// `at 10`.
fn day_or_hour(words: &[&str]) -> Option<(String, usize)> {
    let is_at_most = |number: &str, most: u8| {
        is_short_number(number) && number.parse().is_ok_and(|number: u8| number <= most)
    };
    let is_hour = |word: &str| match word.split_once('.') {
        Some((hour, minute)) => is_at_most(hour, 24) && minute.len() == 2 && is_at_most(minute, 59),
        None => is_at_most(word, 24),
    };
    let is_day = |day: &str, number: &str, gap: usize| {
        is_short_number(number)
            && WEEKDAYS.contains(&day)
            && moment(words.get(gap..).unwrap_or_default()).is_none()
    };
    match words {
        [day, ",", number, ..] if is_day(day, number, 2) => Some((format!("{day} {number}"), 3)),
        [day, number, ..] if is_day(day, number, 1) => Some((format!("{day} {number}"), 2)),
        [week, number, ..] if is_short_number(number) && WEEKS.contains(week) => {
            Some((format!("week {number}"), 2))
        }
        // Only the first of two days or times: `13 and 14 June`, `10 or 11 am`.
        [
            number,
            "and" | "or" | "to" | "und" | "oder" | "bis" | "-" | "–" | "—" | "&",
            rest @ ..,
        ] if is_short_number(number) && moment(rest).is_some() => Some((format!("at {number}"), 1)),
        ["at" | "@" | "um", hour, rest @ ..] if is_hour(hour) => {
            let is_amount =
                rest.first().is_some_and(|next| MONEY.contains(next) || MAGNITUDES.contains(next));
            (!is_amount && quantity(words.get(1..)?).is_none()).then(|| (format!("at {hour}"), 2))
        }
        [hour, "o'clock" | "o’clock" | "oclock", ..] if is_hour(hour) => {
            Some((format!("at {hour}"), 2))
        }
        _ => None,
    }
}

/// Joins a quantity: `10 kg`, `5 %`, `30min`, `5 million`, `3 1/2`, `10 - 12`.
fn quantity(words: &[&str]) -> Option<(String, usize)> {
    let first = *words.first()?;
    if !first.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let Some(number) = plain_number(first) else {
        let (number, rest) =
            first.split_at(first.find(|c: char| c.is_alphabetic() || matches!(c, '°' | '%'))?);
        return Some((format!("{} {}", plain_number(number)?, unit(rest)?), 1));
    };
    let is_fraction = |word: &str| {
        word.split_once('/').is_some_and(|(a, b)| is_short_number(a) && is_short_number(b))
    };
    match words.get(1..)? {
        [next, ..] if let Some(unit) = unit(next) => Some((format!("{number} {unit}"), 2)),
        [next, ..] if MAGNITUDES.contains(next) => Some((format!("{number} {next}"), 2)),
        [next, ..] if is_fraction(next) => Some((format!("{number} {next}"), 2)),
        ["per", "cent", ..] => Some((format!("{number} %"), 3)),
        ["-" | "–" | "—" | "/", last, ..] if plain_number(last).is_some() => {
            Some((format!("{number}-{last}"), 3))
        }
        ["to" | "bis", last, ..] if is_short_number(first) && is_short_number(last) => {
            Some((format!("{number}-{last}"), 3))
        }
        _ => None,
    }
}

/// Joins a telephone number: `+49 170 1234567`, `0170 1234567`, `(555) 123-4567`.
fn phone(words: &[&str]) -> Option<(String, usize)> {
    let is_group = |word: &str| {
        word.bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'/' | b'(' | b')'))
            && word.bytes().any(|byte| byte.is_ascii_digit())
    };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    if let ["(", area, ")", number, ..] = words
        && is_group(area)
        && is_group(number)
        && (10..=11).contains(&(digits(area).len() + digits(number).len()))
    {
        return Some((digits(area) + &digits(number), 4));
    }
    let first = *words.first()?;
    let plus = first.strip_prefix('+');
    let is_national = first.len() > 1
        && first.starts_with('0')
        && first.bytes().all(|byte| byte.is_ascii_digit());
    if !plus.map_or(is_national, is_group) {
        return None;
    }
    let count = 1 + words.iter().skip(1).take(6).take_while(|word| is_group(word)).count();
    let number = digits(&words.get(..count)?.concat());
    let is_phone = (7..=15).contains(&number.len()) && (count > 1 || plus.is_some());
    is_phone.then(|| (format!("{}{number}", if plus.is_some() { "+" } else { "" }), count))
}
