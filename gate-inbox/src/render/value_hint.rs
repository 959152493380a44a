//! Explains a value by its schema and its name, in a hint beside it. The value itself is always
//! shown, too.

use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::english::{cents, grouped};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::render::untrusted_text::{length, plural};

/// The longest text that is parsed as a time or an address, in bytes.
const LONGEST: usize = 2_000;

/// Returns a hint that explains a value; `None` if the value needs none.
pub(crate) fn value_hint(
    schema: Option<&Value>,
    pointer: &str,
    value: &Value,
    now: Timestamp,
) -> Option<String> {
    // The format of a nested value is not looked up; its name is sufficient.
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let is_argument = pointer.matches('/').count() == 1;
    let format = schema
        .filter(|_| is_argument)
        .and_then(|schema| format_of(schema, name))
        .unwrap_or_default();
    match value {
        Value::Number(number) => {
            let number = number.as_i64()?;
            of_number(format, name, number, now)
        }
        Value::String(text) if text.len() <= LONGEST => of_text(text, now),
        _ => None,
    }
}

/// Returns the format that a schema gives to an argument, which may be optional.
fn format_of<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    let property = schema.get("properties")?.get(name)?;
    let ways = property.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(property).chain(ways).find_map(|part| part.get("format")?.as_str())
}

fn of_number(format: &str, name: &str, number: i64, now: Timestamp) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let ends = |message: &[&str]| {
        message.iter().any(|word| name == *word || name.ends_with(&format!("_{word}")))
    };
    if ends(&["cents"]) || format == "cents" {
        return Some(format!("{}, counted in cents", cents(number)));
    }
    let units: [(&[&str], u64); 5] = [
        (&["ms", "millis", "milliseconds"], 0),
        (&["sec", "secs", "seconds"], 1),
        (&["mins", "minutes"], 60),
        (&["hours"], 3_600),
        (&["days"], 86_400),
    ];
    if let (Some((_, size)), Ok(count)) =
        (units.iter().find(|(suffixes, _)| ends(suffixes)), u64::try_from(number))
    {
        let time = match size {
            0 => Duration::from_millis(count),
            size => Duration::from_secs(count.checked_mul(*size)?),
        };
        return (time.as_secs() >= 60).then(|| exact(time));
    }
    let is_time = format == "unix-time"
        || ends(&["at", "time", "timestamp", "date", "until", "since", "deadline"]);
    if is_time {
        let (at, unit) = match number {
            1_000_000_000..=9_999_999_999 => (Timestamp::from_second(number).ok()?, "seconds"),
            1_000_000_000_000..=9_999_999_999_999 => {
                (Timestamp::from_millisecond(number).ok()?, "milliseconds")
            }
            _ => return None,
        };
        return Some(format!("{}, if it counts {unit} since 1970", of_time(at, now)));
    }
    let sign = if number < 0 { "-" } else { "" };
    (number.unsigned_abs() >= 10_000).then(|| format!("{sign}{}", grouped(number.unsigned_abs())))
}

fn of_text(text: &str, now: Timestamp) -> Option<String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(of_time(at, now));
    }
    if text.len() == 10
        && let Ok(day) = text.parse::<Date>()
    {
        return Some(day.strftime("%A, %-d %B %Y").to_string());
    }
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?.to_lowercase();
    let how = if scheme.eq_ignore_ascii_case("http") { ", not encrypted" } else { "" };
    let is_odd = !host.is_ascii() || host.split('.').any(|label| label.starts_with("xn--"));
    let odd = if is_odd { ", a name with letters other than a to z" } else { "" };
    (!host.is_empty()).then(|| format!("leads to {host}{how}{odd}"))
}

/// Formats a time, with its distance from now.
fn of_time(at: Timestamp, now: Timestamp) -> String {
    let distance = Duration::try_from(at.duration_since(now));
    let far = match distance {
        Ok(ahead) => format!("in {}", length(ahead)),
        Err(_) => format!(
            "{} ago",
            length(Duration::try_from(now.duration_since(at)).unwrap_or_default())
        ),
    };
    let at = at.to_zoned_datetime(TimeZone::UTC);
    format!("{} ({far})", at.strftime("%A, %-d %B %Y, %H:%M:%S UTC"))
}

/// Formats a duration to the second: `1 day 12 hours`.
pub(crate) fn exact(time: Duration) -> String {
    let mut rest = time.as_secs();
    let mut parts = Vec::new();
    for (size, unit) in [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")] {
        if rest >= size {
            parts.push(plural(usize::try_from(rest / size).unwrap_or(usize::MAX), unit));
            rest %= size;
        }
    }
    if parts.is_empty() {
        parts.push("0 seconds".to_owned());
    }
    let about = if time.subsec_nanos() > 0 { "about " } else { "" };
    format!("{about}{}", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_said_in_words_where_that_helps() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let schema = json!({
            "properties": {
                "when": {"format": "unix-time"},
                "due": {"anyOf": [{"format": "unix-time"}, {"type": "null"}]},
            },
        });
        for (name, value, expected) in [
            ("amount_cents", json!(120_005), Some("1,200.05, counted in cents")),
            ("amount_cents", json!(-7), Some("-0.07, counted in cents")),
            ("cents", json!(i64::MIN), Some("-92,233,720,368,547,758.08, counted in cents")),
            ("accents", json!(5), None),
            // Percentages, minimum amounts and sizes are neither money nor times.
            ("per_cent", json!(15), None),
            ("amount_min", json!(6_000), None),
            ("size_s", json!(90), None),
            ("wait_minutes", json!(100_000), Some("69 days 10 hours 40 minutes")),
            ("timeout_ms", json!(90_500), Some("about 1 minute 30 seconds")),
            ("keep_days", json!(30), Some("30 days")),
            ("keep_days", json!(i64::MAX), None),
            ("hours", json!(26), Some("1 day 2 hours")),
            ("count", json!(9_999), None),
            ("count", json!(-1_234_567), Some("-1,234,567")),
            ("count", json!(1.5), None),
            (
                "when",
                json!(1_800_003_600),
                Some(
                    "Friday, 15 January 2027, 09:00:00 UTC (in 1 hour), if it counts seconds \
                     since 1970",
                ),
            ),
            (
                "due",
                json!(1_799_999_940_000_i64),
                Some(
                    "Friday, 15 January 2027, 07:59:00 UTC (1 minute ago), if it counts \
                     milliseconds since 1970",
                ),
            ),
            ("at", json!(5), None),
            (
                "x",
                json!("2027-01-15T09:00:00+01:00"),
                Some("Friday, 15 January 2027, 08:00:00 UTC (in 0 seconds)"),
            ),
            ("x", json!("2027-01-15"), Some("Friday, 15 January 2027")),
            ("x", json!("2027-13-45"), None),
            (
                "x",
                json!("https://bank.example@evil.example/bank.example"),
                Some("leads to evil.example"),
            ),
            ("x", json!("HTTP://\\evil"), None),
            (
                "x",
                json!("http://pаypal.com/"),
                Some("leads to pаypal.com, not encrypted, a name with letters other than a to z"),
            ),
            ("x", json!("javascript://x"), None),
            ("x", json!("A-1001"), None),
            ("x", json!(["2027-01-15"]), None),
        ] {
            assert_eq!(
                value_hint(Some(&schema), &format!("/{name}"), &value, now).as_deref(),
                expected,
                "{name} {value}"
            );
        }
    }
}
