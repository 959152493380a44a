//! Pieces of Block Kit, within its limits. Texts that others wrote go into plain text only.

use serde_json::{Value, json};

/// The longest texts that Slack accepts: of a section, of a field, of a header, of a button.
pub(crate) const TEXT: usize = 3_000;
pub(super) const FIELD: usize = 2_000;
pub(super) const HEADER: usize = 150;
const BUTTON: usize = 75;
/// The same, of the confirmation before a click counts.
pub(super) const CONFIRM: usize = 300;

/// Returns a text without anything that Slack would read as markup, a link or a mention, at most so
/// many units long. Never empty, because Slack refuses an empty text.
pub(crate) fn escaped(text: &str, most: usize) -> String {
    cut(text, most).0
}

/// Returns whether Slack accepts the whole text, with nothing cut.
pub(super) fn fits(text: &str, most: usize) -> bool {
    cut(text, most).1
}

/// Returns the text, and whether it is complete.
fn cut(text: &str, most: usize) -> (String, bool) {
    let (mut escaped, mut length) = (String::new(), 0);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let mut one = [0; 4];
        let piece = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            c => c.encode_utf8(&mut one),
        };
        let size: usize = piece.chars().map(char::len_utf16).sum();
        let room = if rest.peek().is_some() { most.saturating_sub(1) } else { most };
        if length + size > room {
            escaped.push('…');
            return (escaped, false);
        }
        escaped.push_str(piece);
        length += size;
    }
    (if escaped.trim().is_empty() { "–".to_owned() } else { escaped }, true)
}

/// Returns a text object in which nothing is markup.
pub(super) fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "text": escaped(text, most), "emoji": false })
}

/// Returns an object with one more field.
pub(super) fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
    object
}

/// Returns a header: a large text at the top.
pub(super) fn header(text: &str) -> Value {
    json!({ "type": "header", "text": plain(text, HEADER) })
}

/// Returns a section with a text that others may have written.
pub(crate) fn section(text: &str) -> Value {
    json!({ "type": "section", "text": plain(text, TEXT) })
}

/// Returns words of our own in bold.
pub(super) fn title(message: &'static str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": format!("*{message}*") } })
}

/// Returns a small text that others may have written.
pub(super) fn remark(text: &str) -> Value {
    json!({ "type": "context", "elements": [plain(text, TEXT)] })
}

/// Returns a link of our own.
pub(super) fn link(url: &str, message: &'static str) -> Value {
    json!({
        "type": "context",
        "elements": [{ "type": "mrkdwn", "text": format!("<{url}|{message}>") }],
    })
}

/// A fact in two columns: its name, which is our own, and its value.
pub(super) enum SectionField {
    Text(&'static str, String),
    /// A moment, which everybody sees in their own time.
    Time(&'static str, gate_runtime::Timestamp),
}

/// Returns a block of at most five facts.
pub(super) fn facts(facts: impl IntoIterator<Item = SectionField>) -> Value {
    let fields = facts.into_iter().take(5).flat_map(|fact| {
        let (name, value) = match fact {
            SectionField::Text(name, text) => (name, plain(&text, FIELD)),
            SectionField::Time(name, time) => {
                let date_format = "{date_short_pretty} at {time}";
                let text = format!("<!date^{}^{date_format}|{time:.0}>", time.as_second());
                (name, json!({ "type": "mrkdwn", "text": text }))
            }
        };
        [json!({ "type": "mrkdwn", "text": format!("*{name}*") }), value]
    });
    json!({ "type": "section", "fields": fields.collect::<Vec<_>>() })
}

/// A button: its label, and what Slack's request says of it when it is clicked.
pub(super) struct Button {
    pub(super) action: &'static str,
    pub(super) label: &'static str,
    pub(super) style: Option<&'static str>,
    pub(super) value: String,
    /// Asked before the request is sent.
    pub(super) confirm: Option<String>,
    pub(super) url: Option<String>,
}

pub(super) fn actions(buttons: impl IntoIterator<Item = Button>) -> Value {
    let buttons = buttons.into_iter().map(|button| {
        let Button { action, label: message, style, value, confirm, url } = button;
        let mut element = json!({
            "type": "button",
            "action_id": action,
            "text": plain(message, BUTTON),
            "value": value,
        });
        if let Some(style) = style {
            element = with(element, "style", style);
        }
        if let Some(url) = url {
            element = with(element, "url", url);
        }
        if let Some(question) = confirm {
            let confirmation = json!({
                "title": plain("Are you sure?", 100),
                "text": plain(&question, CONFIRM),
                "confirm": plain(message, 30),
                "deny": plain("Back", 30),
            });
            element = with(element, "confirm", confirmation);
        }
        element
    });
    json!({ "type": "actions", "block_id": "gate", "elements": buttons.collect::<Vec<_>>() })
}

/// Returns a field in which people type.
pub(super) fn input(id: &'static str, label: &'static str) -> Value {
    json!({
        "type": "input",
        "block_id": id,
        "label": plain(label, 2_000),
        "element": {
            "type": "plain_text_input",
            "action_id": id,
            "multiline": true,
            "max_length": TEXT,
        },
    })
}

/// Returns a modal window.
pub(super) fn modal(title: &'static str, blocks: &[Value]) -> Value {
    json!({
        "type": "modal",
        "title": plain(title, 24),
        "close": plain("Close", 24),
        "blocks": blocks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_mention_a_link_or_half_an_escape() {
        for (text, shown) in [
            (
                "<@U1> <!channel> <https://evil.example|ok>",
                "&lt;@U1&gt; &lt;!channel&gt; &lt;https://evil.example|ok&gt;",
            ),
            ("a & b &lt;", "a &amp; b &amp;lt;"),
            ("", "–"),
            (" \n", "–"),
        ] {
            assert_eq!(escaped(text, TEXT), shown);
        }
        assert_eq!(escaped("ab<>", 7), "ab&lt;…");
        assert_eq!(escaped("ab<>", 6), "ab…");
        assert_eq!(escaped("abcd", 4), "abcd");
        assert_eq!(escaped("🙂🙂🙂", 5), "🙂🙂…");
        assert_eq!(escaped(&"&".repeat(9_000), TEXT).chars().count(), 2_996);
    }

    #[test]
    fn a_text_fits_if_nothing_of_it_is_cut() {
        for (text, most, is_all) in [
            ("abcd", 4, true),
            ("abcde", 4, false),
            ("ab&", 7, true),
            ("ab&", 6, false),
            ("", 0, true),
            ("a…", 2, true),
        ] {
            assert_eq!(fits(text, most), is_all, "{text:?} in {most}");
            assert_eq!(!escaped(text, most).ends_with('…') || text.ends_with('…'), is_all);
        }
    }
}
