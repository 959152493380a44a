//! Removes secrets from the text that models, people and records get, even if a tool returns them
//! in another encoding.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use unicode_normalization::UnicodeNormalization as _;

use super::schema_walk::field_names;
use super::secret_redaction::secrets_of;

/// The replacement for a secret that a tool returned.
pub(crate) const SECRET: &str = "[secret]";

/// The shortest secret that is searched for inside other texts. Shorter ones would match by chance.
const SHORTEST: usize = 4;

/// The shortest secret that is hidden if it is a whole value.
const SHORTEST_WHOLE: usize = 3;

/// From this length on, a secret is found wherever its letters follow each other. A shorter secret
/// with other characters between its letters is found only if no letter or digit adjoins it.
const LONG: usize = 8;

/// The longest text whose decoded forms are decoded once more.
const MOST_NESTED: usize = 64 * 1024;

/// Secrets that must not appear in the text that models, people and records get.
///
/// A secret is found in any case, width and accents, with punctuation or spaces between its
/// letters, as a number or as text, in JSON, percent, HTML, hexadecimal and base64 encodings, and
/// twice encoded; in one text or across several values. Translated, compressed or encrypted secrets
/// are not found.
#[derive(Debug, Default)]
pub(crate) struct SecretScrubber {
    /// The secrets as text.
    texts: Vec<String>,
    /// The letters and digits of the secrets, folded.
    folded: Vec<Vec<char>>,
}

/// The surroundings in which a match counts.
#[derive(Clone, Copy, PartialEq)]
enum MatchContext {
    /// Without a break, or apart from others.
    Text,
    /// Apart from others: in a number, or over several values.
    Values,
}

impl SecretScrubber {
    /// Returns a scrubber of every value that a call's schema marks as secret.
    pub(crate) fn of(schema: &Value, arguments: &Value) -> Self {
        let (mut scrub, secrets) = (Self::default(), secrets_of(schema, arguments));
        let public = if secrets.is_empty() { BTreeSet::new() } else { field_names(schema) };
        for secret in &secrets {
            scrub.add(secret, &public);
        }
        scrub.sort();
        scrub
    }

    /// Adds the secrets of another call.
    pub(crate) fn extend(&mut self, other: Self) {
        let is_new = |text: &String| !self.texts.contains(text);
        let texts: Vec<String> = other.texts.into_iter().filter(is_new).collect();
        let is_new = |text: &Vec<char>| !self.folded.contains(text);
        let folded: Vec<Vec<char>> = other.folded.into_iter().filter(is_new).collect();
        self.texts.extend(texts);
        self.folded.extend(folded);
        self.sort();
    }

    /// Sorts longer secrets first, so that no part of one is left.
    fn sort(&mut self) {
        self.texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// Adds a secret. Its field names are part of it, except the names in the schema.
    fn add(&mut self, secret: &Value, public: &BTreeSet<&str>) {
        match secret {
            Value::String(text) => self.add_text(text.clone()),
            Value::Number(number) => self.add_text(number_text(number)),
            Value::Array(items) => items.iter().for_each(|item| self.add(item, public)),
            Value::Object(map) => {
                for (name, item) in map {
                    if !public.contains(name.as_str()) {
                        self.add_text(name.clone());
                    }
                    self.add(item, public);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn add_text(&mut self, text: String) {
        let folded: Vec<char> = fold(&text).into_iter().map(|(c, _)| c).collect();
        if folded.len() >= SHORTEST_WHOLE {
            self.folded.push(folded);
        }
        if text.chars().count() >= SHORTEST {
            self.texts.push(text);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.folded.is_empty()
    }

    /// Returns a text without the secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        if self.is_whole(text) {
            return SECRET.to_owned();
        }
        let literal = self
            .texts
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), SECRET));
        let clean = self.clean_folded(&literal);
        // An encoded secret may span several lines, like base64 in a mail.
        let join = |text: &str| text.split_whitespace().collect::<String>();
        if !self.is_encoded_in(&clean) && !self.is_encoded_in(&join(&clean)) {
            return clean;
        }
        let hide =
            |word: &str| if self.is_encoded_in(word) { SECRET.to_owned() } else { word.to_owned() };
        let scrubbed: String = clean.split_inclusive(char::is_whitespace).map(hide).collect();
        if self.is_encoded_in(&scrubbed) || self.is_encoded_in(&join(&scrubbed)) {
            SECRET.to_owned()
        } else {
            scrubbed
        }
    }

    /// Returns a JSON text without the secrets, which is still valid JSON.
    pub(crate) fn clean_json(&self, json: &str) -> String {
        let Ok(mut value) = serde_json::from_str(json) else { return self.clean(json) };
        self.clean_value(&mut value);
        let mut leaves = String::new();
        join_leaves(&value, &mut leaves);
        if self.matches(&leaves, MatchContext::Values).next().is_some() {
            // The secret is split over several values, and it is unknown which of them could stay,
            // so all are replaced.
            value = Value::from(SECRET);
        }
        value.to_string()
    }

    fn clean_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.clean(text),
            Value::Number(number) => {
                let text = number_text(number);
                if self.is_whole(&text)
                    || self.matches(&text, MatchContext::Values).next().is_some()
                {
                    *value = Value::from(SECRET);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_value(item)),
            Value::Object(map) => {
                let fields = std::mem::take(map);
                let clean = fields.into_iter().map(|(name, mut item)| {
                    self.clean_value(&mut item);
                    (self.clean(&name), item)
                });
                *map = clean.collect::<Map<_, _>>();
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn is_whole(&self, text: &str) -> bool {
        let folded = fold(text);
        self.folded.iter().any(|secret| secret.iter().eq(folded.iter().map(|(c, _)| c)))
    }

    fn clean_folded(&self, text: &str) -> String {
        let mut found: Vec<Range<usize>> = self.matches(text, MatchContext::Text).collect();
        found.sort_by_key(|range| range.start);
        let (mut clean, mut from) = (String::with_capacity(text.len()), 0);
        for Range { start, end } in found {
            if start >= from {
                clean.push_str(text.get(from..start).unwrap_or_default());
                clean.push_str(SECRET);
            }
            from = from.max(end);
        }
        clean.push_str(text.get(from..).unwrap_or_default());
        clean
    }

    /// Returns the positions of the secrets in a text, ignoring characters between their letters.
    fn matches<'a>(
        &'a self,
        text: &str,
        within: MatchContext,
    ) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let folded = fold(text);
        let searched = self.folded.iter().filter(|secret| secret.len() >= SHORTEST);
        searched
            .flat_map(move |secret| find(&folded, secret, within))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Returns whether a text contains one of the secrets in some encoding.
    fn is_encoded_in(&self, text: &str) -> bool {
        let holds = |text: &str| {
            self.texts.iter().any(|secret| text.contains(secret.as_str()))
                || self.matches(text, MatchContext::Text).next().is_some()
        };
        decoded(text).iter().any(|once| {
            holds(once)
                || (text.len() <= MOST_NESTED && decoded(once).iter().any(|twice| holds(twice)))
        })
    }
}

/// Returns the letters and digits of a text without case, width and accents, each with its
/// position.
fn fold(text: &str) -> Vec<(char, Range<usize>)> {
    let mut folded = Vec::with_capacity(text.len());
    for (start, c) in text.char_indices() {
        let index = start..start + c.len_utf8();
        if c.is_ascii() {
            if c.is_ascii_alphanumeric() {
                folded.push((c.to_ascii_lowercase(), index));
            }
            continue;
        }
        let deliveries =
            [c].into_iter().nfkd().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric());
        folded.extend(deliveries.map(|delivery| (delivery, index.clone())));
    }
    folded
}

fn find(text: &[(char, Range<usize>)], secret: &[char], within: MatchContext) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, window) in text.windows(secret.len()).enumerate() {
        if !window.iter().map(|(c, _)| c).eq(secret) {
            continue;
        }
        let (Some((_, first)), Some((_, last))) = (window.first(), window.last()) else { continue };
        let is_unbroken = || {
            let pairs = window.iter().zip(window.iter().skip(1));
            pairs.into_iter().all(|((_, this), (_, next))| this.end >= next.start)
        };
        let is_apart = || {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            let after = text.get(at + secret.len());
            before.is_none_or(|(_, before)| before.end < first.start)
                && after.is_none_or(|(_, after)| last.end < after.start)
        };
        if secret.len() >= LONG || (within == MatchContext::Text && is_unbroken()) || is_apart() {
            found.push(first.start..last.end);
        }
    }
    found
}

/// Formats a number without an exponent, and without a zero fraction.
fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}

fn join_leaves(value: &Value, leaves: &mut String) {
    match value {
        Value::String(text) => leaves.push_str(text),
        Value::Number(number) => leaves.push_str(&number_text(number)),
        Value::Array(items) => items.iter().for_each(|item| join_leaves(item, leaves)),
        Value::Object(map) => map.values().for_each(|item| join_leaves(item, leaves)),
        Value::Bool(_) | Value::Null => {}
    }
    leaves.push('\n');
}

/// Decodes a text in each encoding whose typical characters it contains.
fn decoded(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    if text.contains('%') {
        forms.push(unescape(text, '%', |rest| hex_bytes(rest, 2)));
    }
    if text.contains('\\') {
        forms.push(unescape(text, '\\', |rest| match rest.chars().next()? {
            'u' => hex_bytes(rest.get(1..)?, 4).map(|(bytes, length)| (bytes, length + 1)),
            'x' => hex_bytes(rest.get(1..)?, 2).map(|(bytes, length)| (bytes, length + 1)),
            'n' | 'r' | 't' | 'b' | 'f' => Some((b" ".to_vec(), 1)),
            _ => Some((Vec::new(), 0)),
        }));
    }
    if text.contains("&#") {
        forms.push(unescape(text, '&', entity));
    }
    let runs = |is_part: fn(char) -> bool, least: usize| {
        text.split(move |c| !is_part(c)).filter(move |run| run.len() >= least)
    };
    let hex: Vec<String> = runs(|c| c.is_ascii_hexdigit(), SHORTEST * 2)
        .flat_map(|run| [run, run.get(1..).unwrap_or_default()])
        .filter_map(|run| gate_core::text::unhex(run.get(..run.len() / 2 * 2)?))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let base64: Vec<String> = runs(|c| sextet(c).is_some(), SHORTEST * 4 / 3 + 1)
        .flat_map(|run| (0..4).filter_map(move |offset| Some(base64_text(run.get(offset..)?))))
        .collect();
    forms.extend(
        [hex, base64].into_iter().filter(|found| !found.is_empty()).map(|found| found.join("\n")),
    );
    forms
}

/// Replaces each escape of a text with the bytes that it encodes.
fn unescape(text: &str, cursor: char, read: impl Fn(&str) -> Option<(Vec<u8>, usize)>) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = rest.find(cursor) {
        let (before, from) = rest.split_at(at);
        bytes.extend_from_slice(before.as_bytes());
        let after = from.strip_prefix(cursor).unwrap_or_default();
        rest = after;
        match read(after) {
            Some((read, length)) => {
                bytes.extend(read);
                rest = after.get(length..).unwrap_or_default();
            }
            None => bytes.push(b' '),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_bytes(text: &str, digits: usize) -> Option<(Vec<u8>, usize)> {
    let code = u32::from_str_radix(text.get(..digits)?, 16).ok()?;
    let bytes = match u8::try_from(code) {
        Ok(byte) if digits == 2 => vec![byte],
        _ => char::from_u32(code)?.to_string().into_bytes(),
    };
    Some((bytes, digits))
}

/// Decodes `#49;` or `#x31;`, after the `&`.
fn entity(text: &str) -> Option<(Vec<u8>, usize)> {
    let end = text.find(';').filter(|end| *end <= 9)?;
    let number = text.get(1..end)?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    Some((char::from_u32(code)?.to_string().into_bytes(), end + 1))
}

/// Returns the value of a base64 character, in either alphabet.
fn sextet(delivery: char) -> Option<u32> {
    let from = |first: char, base: u32| Some(u32::from(delivery) - u32::from(first) + base);
    match delivery {
        'A'..='Z' => from('A', 0),
        'a'..='z' => from('a', 26),
        '0'..='9' => from('0', 52),
        '+' | '-' => Some(62),
        '/' | '_' => Some(63),
        _ => None,
    }
}

fn base64_text(run: &str) -> String {
    let mut bytes = Vec::with_capacity(run.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for value in run.chars().filter_map(sextet) {
        bits = (bits << 6) | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.extend(u8::try_from((bits >> count) & 0xff));
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scrub(pin: &Value) -> SecretScrubber {
        SecretScrubber::of(
            &json!({"properties": {"pin": {"x-gate-secret": true}}}),
            &json!({"pin": pin}),
        )
    }

    #[test]
    fn secrets_are_scrubbed_from_texts() {
        let scrub = scrub(&json!(["pin-1", "card-2", "4111"]));
        assert_eq!(
            scrub.clean_json(r#"{"n":4111,"s":"4111 pin-1"}"#),
            r#"{"n":"[secret]","s":"[secret] [secret]"}"#
        );
        assert_eq!(
            scrub.clean("card card-2 refused, PIN pin-1, order 77"),
            "card [secret] refused, PIN [secret], order 77"
        );
    }

    #[test]
    fn a_secret_is_hidden_in_every_writing_in_which_a_tool_gives_it_back() {
        let writings = [
            (json!("4111111111111111"), r#""card 4111 1111-1111.1111 taken""#),
            (json!("4111111111111111"), "4111111111111111"),
            (json!(4_111_111_111_111_111_u64), r#""4111111111111111""#),
            (json!(4711), r#"{"pin":4711.0}"#),
            (json!(4711), r#"{"pin":"4,711"}"#),
            (json!("4711"), r#"["4","7","1","1"]"#),
            (json!("4711"), r#"{"a":47,"b":{"c":"11"}}"#),
            (json!("4711"), r#"{"4711":true}"#),
            (json!("a \"quoted\" pass"), r#""{\"password\":\"a \\\"quoted\\\" pass\"}""#),
            (json!("pässwörd"), r#""{\"password\":\"p\\u00e4ssw\\u00F6rd\"}""#),
            (json!("p ss/w?rd&1"), r#""https://x.test/?p=p%20ss%2Fw%3Frd%261&q=1""#),
            (json!("p ss/w?rd&1"), r#""https://x.test/?p=p+ss%2fw%3frd%261""#),
            (json!("p ss/w?rd&1"), r#""https://x.test/?u=%68%3Fp%3Dp%2520ss%252Fw%253Frd%25261""#),
            (json!("hunter2-hunter2"), r#""Basic bWlhOmh1bnRlcjItaHVudGVyMg==""#),
            (json!("hunter2-hunter2"), r#""see /x/bWlhOmh1bnRlcjItaHVudGVyMg/ok""#),
            (json!("hunter2-hunter2"), "\"bWlhOmh1bnRl\\r\\ncjItaHVudGVyMg\""),
            (json!("hunter2-hunter2"), r#""68756e746572322d68756e74657232""#),
            (json!("hunter2"), r#""HUNTER2 is right""#),
            (json!("hunter2"), r#""ｈｕｎｔｅｒ２""#),
            (json!("hunter2"), "\"hun\u{200b}ter2\""),
            (json!("hunter2"), r#""&#104;&#x75;nter2""#),
            (json!("123"), r#"{"cvc":"123"}"#),
        ];
        for (secret, output) in writings {
            let clean = scrub(&secret).clean_json(output);
            assert!(clean.contains(SECRET), "{secret} in {output}: {clean}");
            let folded_text: String =
                fold(&clean.replace(SECRET, "")).into_iter().map(|(c, _)| c).collect();
            assert!(
                !folded_text.contains("4711")
                    && !folded_text.contains("unter2")
                    && !folded_text.contains("411111"),
                "{clean}"
            );
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        let scrub = scrub(&json!(["4711", "hunter2-hunter2", "123"]));
        for output in [
            concat!(
                r#"{"at":1747118000,"digest":"#,
                r#""sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"}"#
            ),
            r#"["47 apples","and 11","12 34",1123,"hunter 2"]"#,
            concat!(
                r#"{"100%":"50% of \\ it & more","link":"https://x.test/?q=a%20b","#,
                r#""img":"iVBORw0KGgoAAAANSUhEUgAA"}"#
            ),
        ] {
            assert_eq!(
                serde_json::from_str::<Value>(&scrub.clean_json(output)).unwrap(),
                serde_json::from_str::<Value>(output).unwrap()
            );
        }
    }

    #[test]
    fn the_names_in_a_map_of_secrets_are_secrets_and_those_of_a_type_are_not() {
        let schema = json!({"properties": {
            "tokens": {"x-gate-secret": true, "additionalProperties": {"type": "integer"}},
            "card": {"x-gate-secret": true, "properties": {"number": {"type": "string"}}},
        }});
        let arguments = json!({"tokens": {"sk-live-4711": 1}, "card": {"number": "4000-1234"}});
        let scrub = SecretScrubber::of(&schema, &arguments);
        assert_eq!(scrub.clean("it was sk-live-4711, a number"), "it was [secret], a number");
    }

    #[test]
    fn what_is_encoded_twice_is_found_in_a_long_text() {
        let scrub = SecretScrubber::of(
            &json!({"properties": {"pin": {"x-gate-secret": true}}}),
            &json!({"pin": "hunter-22-x"}),
        );
        // "my pin is hunter-22-x", in base64 of base64.
        let twice = "YlhrZ2NHbHVJR2x6SUdoMWJuUmxjaTB5TWkxNA==";
        let text = format!("{} {twice}", "words and more words ".repeat(2_500));
        assert!(text.len() > 50_000 && !scrub.clean(&text).contains(twice));
    }
}
