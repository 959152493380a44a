//! Renders text from outside, so that nothing in it is active, hidden or mistaken for something
//! else.

use std::time::Duration;

use gate_runtime::id::Digest;
use gate_runtime::review::{
    CallHeadline, HeadlinePart, SanitizedText, ShownArgument, ShownValue, TextHazard,
};
use gate_runtime::tool::Descriptor;
use gate_runtime::{Approval, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

/// The longest value that is shown whole without a click, in characters.
const LONG: usize = 500;

/// Renders a text on one line.
pub(crate) fn plain(text: impl AsRef<str>) -> Markup {
    let sanitized = SanitizedText::of(text.as_ref());
    html! {
        @if sanitized.hazards().is_empty() {
            bdi { (sanitized.as_str()) }
        } @else {
            bdi.odd { (sanitized.as_str()) }
        }
    }
}

/// Returns a text for where markup is not possible: a title, an attribute.
pub(crate) fn bare(text: impl AsRef<str>) -> String {
    SanitizedText::of(text.as_ref()).as_str().to_owned()
}

/// Renders a text of several lines: whole, or its two ends, with the rest behind a click. Hazards
/// are reported for the whole text.
pub(crate) fn block(text: &str) -> Markup {
    let count = text.chars().count();
    html! {
        @if text.is_empty() {
            p.faint { "An empty text." }
        } @else if count <= LONG {
            pre.text tabindex=[scrolls(text)] { (lines(text)) }
        } @else {
            pre.text tabindex="0" {
                (lines(&text.chars().take(LONG / 2).collect::<String>())) " […] "
                (lines(&text.chars().skip(count - LONG / 2).collect::<String>()))
            }
            details {
                summary { "Show all " (count) " characters" }
                pre.text tabindex="0" { (lines(text)) }
                p.faint.digest { (Digest::of(text)) }
            }
        }
        (hazards(text))
    }
}

/// Returns whether a page shows all arguments of a call without a click.
pub(crate) fn is_shown_whole(approval: &Approval) -> bool {
    let is_short = |argument: &ShownArgument| match argument.value() {
        ShownValue::Is(value) => written(value).chars().count() <= LONG,
        ShownValue::Secret | ShownValue::LeftOut => true,
    };
    approval.shown_arguments(None).iter().all(is_short)
}

/// Returns the `tabindex` of a text that may be higher than its box, also on a telephone, so that
/// it can be scrolled without a mouse.
fn scrolls(text: &str) -> Option<&'static str> {
    let rows: usize = text.split('\n').map(|line| line.chars().count().div_ceil(20).max(1)).sum();
    (rows > 12).then_some("0")
}

/// Formats a value for a page.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

/// Renders a JSON value.
pub(crate) fn value(value: &Value) -> Markup {
    match value {
        Value::String(_) | Value::Array(_) | Value::Object(_) => block(&written(value)),
        Value::Null => html! { p.faint { "Nothing (null)." } },
        Value::Bool(_) | Value::Number(_) => html! { pre.text { (value) } },
    }
}

/// Renders a text line by line. A run of empty lines is replaced by its length, so that no text is
/// hidden far below.
fn lines(text: &str) -> Markup {
    let all: Vec<&str> = text.split('\n').collect();
    let runs: Vec<&[&str]> =
        all.chunk_by(|one, two| one.trim().is_empty() && two.trim().is_empty()).collect();
    html! {
        @for (number, run) in runs.into_iter().enumerate() {
            @if number > 0 { "\n" }
            @if run.len() > 3 {
                span.faint { "[" (run.len()) " empty lines]" }
            } @else {
                (each_line(run))
            }
        }
    }
}

fn each_line(lines: &[&str]) -> Markup {
    html! {
        @for (number, line) in lines.iter().enumerate() {
            @if number > 0 { "\n" }
            @for (index, part) in line.split('\t').enumerate() {
                @if index > 0 { "\t" }
                @if !part.is_empty() { (plain(part)) }
            }
        }
    }
}

/// Describes the hazards of a text. Line breaks are no hazard.
pub(crate) fn hazards(text: &str) -> Markup {
    let found = hazards_of(text);
    html! {
        @if !found.is_empty() {
            p.warning { "It has " (listed(&found)) ", shown as \\u{…}." }
        }
    }
}

pub(crate) fn hazards_of(text: &str) -> Vec<TextHazard> {
    SanitizedText::of(&text.replace(['\n', '\t'], " ")).hazards().to_vec()
}

/// Formats a list: `a, b and c`.
pub(crate) fn listed<T: ToString>(items: &[T]) -> String {
    let mut items: Vec<String> = items.iter().map(T::to_string).collect();
    match (items.pop(), items.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} and {last}", items.join(", ")),
    }
}

/// Formats a count with its noun: `1 vote`, `2 votes`, `3 entries`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    match (count, noun.strip_suffix("ry")) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ries"),
        (_, None) => format!("{count} {noun}s"),
    }
}

/// Renders the sentence that describes a call: the values of the call are set apart from the text
/// of the tool's author.
pub(crate) fn headline(headline: &CallHeadline) -> Markup {
    html! {
        @for part in headline.parts() {
            @match part {
                HeadlinePart::Words(message) => (message),
                HeadlinePart::Value { text, is_code: true, .. } => code { bdi { (text) } },
                HeadlinePart::Value { .. } => bdi { (part) },
            }
        }
    }
}

/// Renders the arguments of a call on one line, with long values shortened to their ends.
pub(crate) fn summary(approval: &Approval, tool: Option<&Descriptor>) -> Markup {
    let shown = approval.shown_arguments(tool);
    let written = |argument: &ShownArgument| match argument.value() {
        ShownValue::Is(Value::String(text)) => text.replace('\n', " ⏎ "),
        _ => argument.text(),
    };
    html! {
        @for argument in shown.iter().take(8) {
            span.pair {
                span.faint { (plain(short(argument.name()))) ": " }
                (plain(short(&written(argument))))
            }
            " "
        }
        @if shown.len() > 8 { span.faint { "and " (shown.len() - 8) " more" } }
    }
}

/// Returns a text on one line, shortened to its ends if it is long.
pub(crate) fn short(text: &str) -> String {
    let text = text.replace('\n', " ⏎ ");
    let count = text.chars().count();
    if count <= 70 {
        return text;
    }
    let ends: (String, String) =
        (text.chars().take(45).collect(), text.chars().skip(count - 20).collect());
    format!("{} […] {}", ends.0, ends.1)
}

/// Formats a duration in its largest unit, rounded down.
pub(crate) fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "second"));
    plural(usize::try_from(seconds / size).unwrap_or(usize::MAX), unit)
}

/// Renders the time since an event.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> Markup {
    let age = Duration::try_from(now.duration_since(then)).unwrap_or_default();
    html! {
        time datetime=(then) title=(format!("{then:.0}")) {
            @if age.as_secs() == 0 { "just now" } @else { (length(age)) " ago" }
        }
    }
}

/// Renders a deadline.
pub(crate) fn until(end: Timestamp, now: Timestamp) -> Markup {
    let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
    html! {
        time datetime=(end) title=(format!("{end:.0}")) data-left=(left.as_secs()) {
            @if left.is_zero() { "time is up" } @else { (length(left)) " left" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_text_is_text_and_what_hides_is_named() {
        let shown = block("<b>\u{202e}x\n</pre>").into_string();
        assert!(
            !shown.contains("<b>")
                && !shown.contains('\u{202e}')
                && !shown.contains("x\n</pre></bdi>"),
            "{shown}"
        );
        assert!(shown.contains("characters that turn the text around"), "{shown}");
        assert!(!block("two\nlines").into_string().contains("warning"));
    }

    #[test]
    fn a_long_text_is_shown_by_its_ends_and_what_hides_in_between_is_named() {
        let text = format!("{}\u{200b}{}", "a".repeat(1_000), "b".repeat(1_000));
        let shown = block(&text).into_string();
        assert!(
            shown.contains("Show all 2001 characters") && shown.contains("invisible"),
            "{shown}"
        );
    }

    #[test]
    fn times_are_said_in_their_largest_unit() {
        assert_eq!(length(Duration::from_secs(3_599)), "59 minutes");
        assert_eq!(length(Duration::from_hours(24)), "1 day");
        assert_eq!(length(Duration::ZERO), "0 seconds");
    }
}
