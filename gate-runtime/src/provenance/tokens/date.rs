//! Dates and times of day, in digits and in words.

use jiff::Timestamp;
use jiff::civil::Date;

/// Parses a date in digits: `2024-05-20`, `2024/5/20`, `20.05.2024`; `20/05/2024` and `05/20/2024`
/// if only one reading is a date.
pub(super) fn date(word: &str) -> Option<String> {
    let separator =
        ['-', '/', '.'].into_iter().find(|separator| word.matches(*separator).count() == 2)?;
    let mut parts = word.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |text: &str| {
        text.parse::<i8>().ok().filter(|_| text.len() <= 2 && !text.starts_with(['+', '-']))
    };
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
    let year: i16 = year
        .parse()
        .ok()
        .filter(|_| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))?;
    Date::new(year, month, day).ok().map(|date| date.to_string())
}

/// Parses a point in time in RFC 3339 form.
pub(super) fn instant(word: &str) -> Option<String> {
    if !word.contains('t') || !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    word.parse::<Timestamp>().ok().map(|instant| instant.to_string())
}

/// Parses a date, a time of day, or both in either order: `May 20 at 10:00`, `10 am, 20. Mai 2024`,
/// `2024-05-20T10:00`. Both become two words: the date, then the time.
pub(super) fn moment(words: &[&str]) -> Option<(Vec<String>, usize)> {
    let after = |count: usize| words.get(count..).unwrap_or_default();
    if let Some((date, count)) = any_date(words) {
        let gap =
            after(count).iter().take(2).take_while(|word| BEFORE_TIMES.contains(word)).count();
        return Some(match time(after(count + gap)) {
            Some((time, more)) => (vec![date, time], count + gap + more),
            None => match after(count) {
                // The second of two days: `June 13 - 15`.
                ["-" | "–" | "—" | "to" | "bis" | "and" | "und" | "&" | "or", day, rest @ ..]
                    if is_short_number(day)
                        && rest
                            .first()
                            .is_none_or(|next| !next.starts_with(char::is_alphanumeric)) =>
                {
                    (vec![date, format!("at {day}")], count + 2)
                }
                _ => (vec![date], count),
            },
        });
    }
    if let Some((time, count)) = time(words) {
        let gap =
            after(count).iter().take(2).take_while(|word| BEFORE_DATES.contains(word)).count();
        return Some(match any_date(after(count + gap)) {
            Some((date, more)) => (vec![date, time], count + gap + more),
            None => (vec![time], count),
        });
    }
    let (day, clock) = words
        .first()
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))?
        .split_once('t')?;
    Some((vec![date(day)?, in_one_form(time_in_digits(clock)?)], 1))
}

const BEFORE_TIMES: [&str; 9] = [",", "at", "@", "um", "à", "alle", "às", "las", "kl"];
const BEFORE_DATES: [&str; 6] = [",", "on", "am", "le", "el", "the"];

fn any_date(words: &[&str]) -> Option<(String, usize)> {
    spoken_date(words).or_else(|| Some((date(words.first()?)?, 1)))
}

/// The names of the months in several European languages.
const MONTHS: [&[&str]; 12] = [
    &["january", "januar", "jänner", "janvier", "enero", "gennaio", "janeiro", "januari"],
    &["february", "februar", "février", "fevrier", "febrero", "febbraio", "fevereiro", "februari"],
    &["march", "märz", "maerz", "mars", "marzo", "março", "maart"],
    &["april", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "maio", "mei"],
    &["june", "juni", "juin", "junio", "giugno", "junho"],
    &["july", "juli", "juillet", "julio", "luglio", "julho"],
    &["august", "août", "aout", "agosto", "augustus"],
    &["september", "septembre", "septiembre", "settembre", "setembro"],
    &["october", "oktober", "octobre", "octubre", "ottobre", "outubro"],
    &["november", "novembre", "noviembre", "novembro"],
    &["december", "dezember", "décembre", "decembre", "diciembre", "dicembre", "dezembro"],
];

/// Parses a date with the name of its month: `20 May 2024`, `20th of May`, `May 20, 2024`,
/// `20. Mai`. Without a year it is `--05-20`, without a day `2024-05`; neither equals a full date.
fn spoken_date(words: &[&str]) -> Option<(String, usize)> {
    let begins = |index: usize| {
        words.get(index).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    };
    // The number is checked first, because few words stand beside one, and searching the months
    // takes time.
    let (day, month, count) = match words {
        [first, "of" | "de" | "di" | ".", other, ..] if begins(0) => {
            (day(first)?, month(other)?, 3)
        }
        [first, other, ..] if begins(0) => (day(first)?, month(other)?, 2),
        [first, year, ..] if year_of(year).is_some() => {
            return Some((format!("{year}-{:02}", month(first)?), 2));
        }
        [first, "the" | ".", other, ..] if begins(2) => (day(other)?, month(first)?, 3),
        [first, other, ..] if begins(1) => (day(other)?, month(first)?, 2),
        _ => return None,
    };
    let (year, more) = match words.get(count..).unwrap_or_default() {
        ["," | "." | "de" | "del", year, ..] if year_of(year).is_some() => (Some(*year), 2),
        [year, ..] if year_of(year).is_some() => (Some(*year), 1),
        _ => (None, 0),
    };
    let date = match year {
        Some(year) => on(year, month, day)?,
        // A leap year has every possible day.
        None => Date::new(2000, month, day).ok().map(|_| format!("--{month:02}-{day:02}"))?,
    };
    Some((date, count + more))
}

fn month(word: &str) -> Option<i8> {
    let is_short = |name: &str| {
        (word.len() == 3 && name.starts_with(word)) || (word == "sept" && name == "september")
    };
    let is_of =
        |names: &&[&str]| names.contains(&word) || names.first().is_some_and(|name| is_short(name));
    i8::try_from(MONTHS.iter().position(is_of)? + 1).ok()
}

fn day(word: &str) -> Option<i8> {
    let ordinal = ["st", "nd", "rd", "th", "er"]
        .into_iter()
        .find_map(|end| word.strip_suffix(end))
        .unwrap_or(word);
    ordinal.parse().ok().filter(|day| is_short_number(ordinal) && (1..=31).contains(day))
}

fn year_of(word: &str) -> Option<&str> {
    let is_year = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    Some(word).filter(|year| is_year && ("1900".."2200").contains(year))
}

/// Returns whether a word is a number of one or two digits.
pub(crate) fn is_short_number(word: &str) -> bool {
    (1..=2).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a time of day: `10:00`, `10 am`, `10:30pm`, `10.30 Uhr`, `10h30`, `T10:00:00`.
fn time(words: &[&str]) -> Option<(String, usize)> {
    let begins = |word: &str| {
        word.strip_prefix('t').unwrap_or(word).starts_with(|c: char| c.is_ascii_digit())
    };
    let first = words.first().filter(|word| begins(word))?;
    let half = |word: &str| match word {
        "am" | "a.m" => Some(0),
        "pm" | "p.m" => Some(12),
        _ => None,
    };
    for end in ["am", "pm", "a.m", "p.m"] {
        if let (Some(clock), Some(half)) = (first.strip_suffix(end), half(end)) {
            let count = 1 + usize::from(end.contains('.') && words.get(1) == Some(&"."));
            return Some((in_one_form(in_half(hours_or_time(clock)?, half)?), count));
        }
    }
    let clock = time_in_digits(first);
    match words.get(1).copied() {
        Some(next) if let Some(half) = half(next) => {
            let count = 2 + usize::from(next.contains('.') && words.get(2) == Some(&"."));
            Some((in_one_form(in_half(clock.or_else(|| hours_or_time(first))?, half)?), count))
        }
        Some("uhr")
            if let Some(clock) = clock.or_else(|| hours_or_time(&first.replace('.', ":"))) =>
        {
            let minute = words.get(2).filter(|word| word.len() == 2 && is_short_number(word));
            match minute.and_then(|minute| minute.parse().ok()) {
                Some(minute) if clock.1 == 0 && minute < 60 => {
                    Some((in_one_form((clock.0, minute, 0)), 3))
                }
                _ => Some((in_one_form(clock), 2)),
            }
        }
        _ => Some((in_one_form(clock?), 1)),
    }
}

/// Hours, minutes and seconds.
type ClockTime = (u8, u8, u8);

fn hours_or_time(text: &str) -> Option<ClockTime> {
    if is_short_number(text) {
        return text.parse().ok().filter(|hour| *hour <= 24).map(|hour| (hour, 0, 0));
    }
    time_in_digits(text)
}

fn time_in_digits(text: &str) -> Option<ClockTime> {
    let text = text.strip_prefix('t').unwrap_or(text);
    let mut parts = text.splitn(3, [':', 'h']);
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next());
    let second = second
        .map(|second| second.trim_end_matches('0').trim_end_matches('.'))
        .filter(|text| !text.is_empty());
    let part = |text: &str| {
        text.parse::<u8>()
            .ok()
            .filter(|part| text.len() == 2 && is_short_number(text) && *part < 60)
    };
    let hour =
        hour.parse().ok().filter(|_| is_short_number(hour)).filter(|hour: &u8| *hour <= 24)?;
    let minute = part(minute)?;
    // Seconds without their trailing zeros may have one digit.
    let second = match second {
        Some(second) if second.len() == 1 => part(&format!("{second}0"))?,
        Some(second) => part(second)?,
        None => 0,
    };
    Some((hour, minute, second))
}

/// Converts a time in the first or the second half of the day.
fn in_half((hour, minute, second): ClockTime, half: u8) -> Option<ClockTime> {
    let hour = if (1..=12).contains(&hour) { hour % 12 + half } else { hour };
    (hour < 24).then_some((hour, minute, second))
}

fn in_one_form((hour, minute, second): ClockTime) -> String {
    if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}
