//! Summaries: the sentence about what a call would do, from a template of the tool's author and the
//! arguments.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::english;
use crate::text::sanitized_text::SanitizedText;

/// The longest value in a headline, in characters.
const LONG: usize = 60;

/// The most items of a list, or fields of an object, in a headline.
const MANY: usize = 3;

/// The summary of a tool: a text of its author, with places for the arguments of a call.
///
/// [`#[gated_tool(summary = "…")]`](https://docs.rs/gate-runtime) makes it. It is a part of the
/// tool's descriptor, so every process that shows a question writes the same sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolSummary {
    parts: Vec<SummaryPart>,
}

/// One piece of a [`ToolSummary`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryPart {
    /// Words of the tool's author.
    Words(Cow<'static, str>),
    /// A place for an argument.
    Argument {
        /// The place of the value among the arguments, as a JSON pointer (RFC 6901).
        pointer: Cow<'static, str>,
        /// The format of the value.
        #[serde(default, skip_serializing_if = "SummaryFormat::is_plain")]
        format: SummaryFormat,
    },
}

/// The format in which a summary writes a value.
///
/// A value that does not fit its format is written plainly, so that the sentence is never missing
/// and never shows a wrong number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SummaryFormat {
    /// A whole number of cents: 1234500 is written 12,345.00.
    Cents,
    /// A whole number of bytes: 1500000 is written 1.5 MB.
    Bytes,
    /// A point in time, as a text (RFC 3339) or in seconds since 1970.
    Time,
    /// A length of time, in seconds or as a text (ISO 8601).
    Duration,
    /// A piece of code or a name, marked as code.
    Code,
    /// The value as it is in the call. Also used for formats of later versions.
    #[default]
    #[serde(other)]
    Plain,
}

impl SummaryFormat {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Writes a value, if it fits the format.
    fn write(self, value: &Value) -> Option<String> {
        match self {
            Self::Plain | Self::Code => None,
            Self::Cents => whole_number(value).map(english::cents),
            Self::Bytes => whole_number(value).and_then(bytes),
            Self::Time => time(value),
            Self::Duration => duration(value),
        }
    }
}

impl ToolSummary {
    /// Creates a summary from its parts.
    #[must_use]
    pub fn new(parts: impl Into<Vec<SummaryPart>>) -> Self {
        Self { parts: parts.into() }
    }

    /// Returns its parts, in their order.
    #[must_use]
    pub fn parts(&self) -> &[SummaryPart] {
        &self.parts
    }

    /// Fills in arguments. A secret appears as `a secret`.
    #[must_use]
    pub fn fill(&self, arguments: &Value, is_secret: &dyn Fn(&Value) -> bool) -> CallHeadline {
        let parts = self.parts.iter().map(|part| match part {
            SummaryPart::Words(text) => {
                HeadlinePart::Words(SanitizedText::of(text).as_str().to_owned())
            }
            SummaryPart::Argument { pointer, format } => {
                HeadlinePart::value(arguments.pointer(pointer), *format, is_secret)
            }
        });
        CallHeadline { parts: parts.collect() }
    }
}

/// A sentence about one call, safe to display: the headline of a question in every channel.
///
/// Its parts distinguish the words of the tool's author from the values of the call. `Display`
/// writes both as one line of text, in which a value of more than one word has quotes.
///
/// ```
/// # fn show(approval: &gate_runtime::Approval) {
/// println!("{}", approval.headline(None));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallHeadline {
    parts: Vec<HeadlinePart>,
}

/// One piece of a [`CallHeadline`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadlinePart {
    /// Words of the tool's author.
    Words(String),
    /// A value of the call, chosen by the caller.
    Value {
        /// The value in writing, without quotes around it.
        text: String,
        /// Set if it needs quotes in plain text, because it reads as several words.
        is_text: bool,
        /// Set if it is a piece of code or a name.
        is_code: bool,
    },
}

impl HeadlinePart {
    fn plain(text: impl Into<String>) -> Self {
        Self::Value { text: text.into(), is_text: false, is_code: false }
    }

    fn value(
        value: Option<&Value>,
        format: SummaryFormat,
        is_secret: &dyn Fn(&Value) -> bool,
    ) -> Self {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Self::plain("none");
        };
        if is_secret(value) {
            return Self::plain("a secret");
        }
        if let Some(text) = format.write(value) {
            return Self::plain(text);
        }
        let text = cut(&written(value, is_secret));
        let is_text = value.is_string() && !is_word(&text);
        Self::Value { text, is_text, is_code: format == SummaryFormat::Code }
    }

    /// Writes the name of a field. The names in a map come from the caller, like the values.
    fn name(name: &str) -> Self {
        let text = cut(SanitizedText::of(name).as_str());
        if is_word(&text) {
            Self::Words(text)
        } else {
            Self::Value { text, is_text: true, is_code: false }
        }
    }
}

impl CallHeadline {
    /// Writes the headline of a tool that has no summary: its title and its first arguments,
    /// without the values of secrets.
    pub(crate) fn of_arguments<'a>(
        title: &str,
        arguments: impl IntoIterator<Item = (&'a str, Option<&'a Value>)>,
    ) -> Self {
        let mut parts = vec![HeadlinePart::Words(SanitizedText::of(title).as_str().to_owned())];
        let mut before = ": ";
        for (name, value) in arguments.into_iter().take(MANY) {
            parts.push(HeadlinePart::Words(before.to_owned()));
            parts.push(HeadlinePart::name(name));
            parts.push(HeadlinePart::Words(" ".to_owned()));
            parts.push(match value {
                Some(value) => HeadlinePart::value(Some(value), SummaryFormat::Plain, &|_| false),
                None => HeadlinePart::plain("a secret"),
            });
            before = ", ";
        }
        Self { parts }
    }

    /// Returns its parts, in their order.
    #[must_use]
    pub fn parts(&self) -> &[HeadlinePart] {
        &self.parts
    }
}

impl fmt::Display for CallHeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| fmt::Display::fmt(part, f))
    }
}

impl fmt::Display for HeadlinePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { text, is_text: true, .. } => {
                write!(f, "“{}”", text.replace(['“', '”'], "\""))
            }
            Self::Words(text) | Self::Value { text, .. } => f.write_str(text),
        }
    }
}

/// Returns whether a text reads as one word, so that it cannot pass for a sentence.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.@/:#+".contains(c))
}

/// Writes a value on one line, safe to display.
fn written(value: &Value, is_secret: &dyn Fn(&Value) -> bool) -> String {
    let all = |items: Vec<String>, count: usize| match (count, count.saturating_sub(MANY)) {
        (0, _) => "none".to_owned(),
        (_, 0) => items.join(", "),
        (_, more) => format!("{} and {more} more", items.join(", ")),
    };
    match value {
        _ if is_secret(value) => "a secret".to_owned(),
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => SanitizedText::of(&on_one_line(text)).as_str().to_owned(),
        Value::Array(items) => {
            all(items.iter().take(MANY).map(|item| quoted(item, is_secret)).collect(), items.len())
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{} {}", HeadlinePart::name(name), quoted(value, is_secret))
            };
            all(fields.iter().take(MANY).map(field).collect(), fields.len())
        }
    }
}

/// Replaces each sequence of line ends, tabs and spaces by one space.
fn on_one_line(text: &str) -> String {
    text.split([' ', '\n', '\r', '\t'])
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Writes a value inside another one.
fn quoted(value: &Value, is_secret: &dyn Fn(&Value) -> bool) -> String {
    HeadlinePart::value(Some(value), SummaryFormat::Plain, is_secret).to_string()
}

/// Shortens a long text in the middle, so that its end stays visible.
fn cut(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONG {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONG * 2 / 3).collect();
    let end: String = text.chars().skip(length - LONG / 3).collect();
    format!("{start}…{end}")
}

fn whole_number(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

/// Writes a number of bytes in the largest unit of which there is at least one, with "about" if one
/// decimal place is not exact.
fn bytes(count: i128) -> Option<String> {
    let count = u128::try_from(count).ok()?;
    let units =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let Some((size, unit)) = units.into_iter().find(|(size, _)| count >= *size) else {
        return Some(if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") });
    };
    let tenths = count * 10 / size;
    let about = if count * 10 % size == 0 { "" } else { "about " };
    let (whole, tenth) = (english::grouped(tenths / 10), tenths % 10);
    Some(if tenth == 0 {
        format!("{about}{whole} {unit}")
    } else {
        format!("{about}{whole}.{tenth} {unit}")
    })
}

fn time(value: &Value) -> Option<String> {
    let clock = |seconds: i8, nanos: i32| match (seconds, nanos) {
        (0, 0) => "%H:%M",
        (_, 0) => "%H:%M:%S",
        _ => "%H:%M:%S%.f",
    };
    let instant = |at: Timestamp| {
        let at = at.to_zoned_datetime(jiff::tz::TimeZone::UTC);
        let clock = clock(at.second(), at.subsec_nanosecond());
        at.strftime(&format!("%-d %b %Y, {clock} UTC")).to_string()
    };
    let Value::String(text) = value else {
        return whole_number(value)
            .and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok())
            .map(instant);
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(instant(at));
    }
    // Only a date without a time: parsing a day from a text with a time would lose the time.
    if !text.contains([':', 'T', 't', ' ']) {
        return text.parse::<Date>().ok().map(|day| day.strftime("%-d %b %Y").to_string());
    }
    let at = text.parse::<DateTime>().ok().filter(|_| !text.contains('['))?;
    Some(
        at.strftime(&format!("%-d %b %Y, {}", clock(at.second(), at.subsec_nanosecond())))
            .to_string(),
    )
}

fn duration(value: &Value) -> Option<String> {
    let length = match value {
        Value::String(text) => text.parse::<SignedDuration>().ok()?,
        // The form in which serde writes `core::time::Duration`.
        Value::Object(fields) if fields.len() == 2 => {
            let nanos = i32::try_from(fields.get("nanos")?.as_i64()?).ok()?;
            SignedDuration::new(fields.get("secs")?.as_i64()?, nanos)
        }
        value => SignedDuration::from_secs(i64::try_from(whole_number(value)?).ok()?),
    };
    let sign = if length.is_negative() { "-" } else { "" };
    Some(format!("{sign}{}", english::duration(length.unsigned_abs())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn argument(pointer: &'static str, format: SummaryFormat) -> SummaryPart {
        SummaryPart::Argument { pointer: pointer.into(), format }
    }

    fn one(value: &Value, format: SummaryFormat) -> String {
        ToolSummary::new([argument("/x", format)])
            .fill(&json!({ "x": value }), &|_| false)
            .to_string()
    }

    #[test]
    fn a_summary_is_its_words_with_the_values_in_their_places() {
        let summary = ToolSummary::new([
            SummaryPart::Words("Refund ".into()),
            argument("/amount_cents", SummaryFormat::Cents),
            SummaryPart::Words(" to ".into()),
            argument("/customer/name", SummaryFormat::Plain),
        ]);
        let call = json!({"amount_cents": 1_234_500, "customer": {"name": "Mia Wallace"}});
        assert_eq!(
            summary.fill(&call, &|_| false).to_string(),
            "Refund 12,345.00 to “Mia Wallace”"
        );
        let stored: ToolSummary =
            serde_json::from_value(serde_json::to_value(&summary).unwrap()).unwrap();
        assert_eq!(stored, summary);
    }

    #[test]
    fn numbers_are_written_as_people_write_them_and_say_the_same() {
        let all = [
            (json!(0), SummaryFormat::Cents, "0.00"),
            (json!(5), SummaryFormat::Cents, "0.05"),
            (json!(-123_456), SummaryFormat::Cents, "-1,234.56"),
            (json!(u64::MAX), SummaryFormat::Cents, "184,467,440,737,095,516.15"),
            (json!(1.5), SummaryFormat::Cents, "1.5"),
            (json!("12"), SummaryFormat::Cents, "12"),
            (json!(1), SummaryFormat::Bytes, "1 byte"),
            (json!(999), SummaryFormat::Bytes, "999 bytes"),
            (json!(1_500_000), SummaryFormat::Bytes, "1.5 MB"),
            (json!(1_500_001), SummaryFormat::Bytes, "about 1.5 MB"),
            (json!(2_000_000_000), SummaryFormat::Bytes, "2 GB"),
            (json!(-1), SummaryFormat::Bytes, "-1"),
            (json!(5400), SummaryFormat::Duration, "90 minutes"),
            (json!("PT36H"), SummaryFormat::Duration, "36 hours"),
            (json!({"secs": 1, "nanos": 500_000_000}), SummaryFormat::Duration, "1.5 seconds"),
            (json!(-60), SummaryFormat::Duration, "-1 minute"),
        ];
        for (value, format, expected) in all {
            assert_eq!(one(&value, format), expected, "{value} as {format:?}");
        }
    }

    #[test]
    fn times_are_written_with_their_zone() {
        let all = [
            (json!("2024-05-20T10:00:00Z"), "20 May 2024, 10:00 UTC"),
            (json!("2024-05-20T10:00:00+02:00"), "20 May 2024, 08:00 UTC"),
            (json!("2024-05-20T10:00:30.5Z"), "20 May 2024, 10:00:30.5 UTC"),
            (json!("2024-05-20T10:00"), "20 May 2024, 10:00"),
            (json!("2024-05-20"), "20 May 2024"),
            (json!("20240520T2359"), "20 May 2024, 23:59"),
            (json!(0), "1 Jan 1970, 00:00 UTC"),
            (json!("next week"), "“next week”"),
            (json!(i64::MAX), "9223372036854775807"),
        ];
        for (value, expected) in all {
            assert_eq!(one(&value, SummaryFormat::Time), expected, "{value}");
        }
    }

    #[test]
    fn a_value_cannot_pass_for_the_words_of_the_author() {
        let plain = |value: Value| one(&value, SummaryFormat::Plain);
        assert_eq!(plain(json!("c-17")), "c-17");
        assert_eq!(plain(json!("c-17 (approved by Dana)")), "“c-17 (approved by Dana)”");
        assert_eq!(plain(json!("a” to b “c")), "“a\" to b \"c”");
        assert_eq!(plain(json!("a\nb")), "“a b”");
        assert_eq!(plain(json!("a\u{202e}b")), r"“a\u{202e}b”");
        assert_eq!(plain(json!("")), "“”");
        assert_eq!(plain(json!(["a b", "c", "d", "e"])), "“a b”, c, d and 1 more");
        assert_eq!(plain(json!({"a": "b c"})), "a “b c”");
        assert_eq!(
            plain(json!({"already approved by Dana": true})),
            "“already approved by Dana” yes"
        );
        let labels = [("labels.a, amount_cents 5, to mia", Some(&json!(1)))];
        let headline = CallHeadline::of_arguments("Refund", labels).to_string();
        assert_eq!(headline, "Refund: “labels.a, amount_cents 5, to mia” 1");
        assert_eq!(plain(json!([])), "none");
        assert_eq!(plain(json!(null)), "none");
        let long = plain(json!("x".repeat(400)));
        assert!(long.chars().count() < 70 && long.contains('…'), "{long}");
    }

    #[test]
    fn a_secret_is_named_as_one_wherever_it_stands() {
        let is_secret = |value: &Value| value == "hidden";
        let fill = |call: &Value| {
            ToolSummary::new([argument("/x", SummaryFormat::Plain)]).fill(call, &is_secret)
        };
        assert_eq!(fill(&json!({"x": "hidden"})).to_string(), "a secret");
        assert_eq!(fill(&json!({"x": ["hidden", "seen"]})).to_string(), "a secret, seen");
        assert_eq!(fill(&json!({"x": {"pin": "hidden"}})).to_string(), "pin a secret");
    }

    #[test]
    fn a_format_of_a_later_version_is_read_as_the_plain_one() {
        let later = json!({"argument": {"pointer": "/x", "format": "of_a_later_version"}});
        assert_eq!(
            serde_json::from_value::<SummaryPart>(later).unwrap(),
            argument("/x", SummaryFormat::Plain)
        );
    }
}
