//! Canonical JSON (RFC 8785) from JSON text that is nearly that, without building values.
//!
//! A record in a store is compact JSON as `serde_json` writes it. Its canonical form differs in
//! nothing but the order of the keys, and putting them into order costs a fifth of reading it,
//! sorting it and writing it again. A trail does it for every record.

use std::ops::Range;

/// The greatest depth of objects and arrays within each other.
const DEEPEST: usize = 100;

/// Returns the canonical form of a JSON text whose keys only have to be sorted; `None` for any
/// other text, which this module does not judge.
pub(crate) fn canonical_json(text: &str) -> Option<String> {
    let mut sorter = KeySorter {
        rest: text.as_bytes(),
        out: Vec::with_capacity(text.len()),
        members: Vec::new(),
    };
    sorter.value(0)?;
    let is_whole = sorter.rest.is_empty();
    is_whole.then(|| String::from_utf8(sorter.out).ok()).flatten()
}

struct KeySorter<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    /// The members of the objects that are being read, the innermost last: their keys, and their
    /// places in the output.
    members: Vec<(&'a [u8], Range<usize>)>,
}

impl<'a> KeySorter<'a> {
    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.rest.first()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(drop),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.take(b'{')?;
        let (first, begin) = (self.members.len(), self.out.len());
        if self.rest.first() != Some(&b'}') {
            loop {
                let from = self.out.len();
                let key = self.string()?;
                // Non-ASCII letters and escapes may sort differently than their bytes.
                if key.iter().any(|byte| !byte.is_ascii() || *byte == b'\\') {
                    return None;
                }
                self.take(b':')?;
                self.value(depth + 1)?;
                self.members.push((key, from..self.out.len()));
                if self.rest.first() != Some(&b',') {
                    break;
                }
                self.take(b',')?;
            }
        }
        let members = self.members.get(first..)?;
        if !members.is_sorted_by(|(one, _), (two, _)| one < two) {
            self.reorder(first, begin)?;
        }
        self.members.truncate(first);
        self.take(b'}')
    }

    /// Sorts the members of an object by their keys, of which none may come twice.
    fn reorder(&mut self, first: usize, begin: usize) -> Option<()> {
        let members = self.members.get_mut(first..)?;
        members.sort_unstable_by_key(|(key, _)| *key);
        if members.windows(2).any(|two| matches!(two, [(one, _), (two, _)] if one == two)) {
            return None;
        }
        let unsorted = self.out.split_off(begin);
        for (index, (_, range)) in members.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(unsorted.get(range.start - begin..range.end - begin)?);
        }
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        if self.rest.first() != Some(&b']') {
            self.value(depth + 1)?;
            while self.rest.first() == Some(&b',') {
                self.take(b',')?;
                self.value(depth + 1)?;
            }
        }
        self.take(b']')
    }

    /// Reads a string in the form of RFC 8785, and returns its content between the quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let mut end = 0;
        loop {
            match self.rest.get(end)? {
                b'"' => break,
                b'\\' => {
                    end += match self.rest.get(end + 1..)? {
                        [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                        [b'u', b'0', b'0', high @ (b'0' | b'1'), low, ..]
                            if is_escaped(*high, *low) =>
                        {
                            6
                        }
                        _ => return None,
                    }
                }
                0..0x20 => return None,
                _ => end += 1,
            }
        }
        let (inner, rest) = self.rest.split_at_checked(end)?;
        self.out.extend_from_slice(inner);
        self.rest = rest;
        self.take(b'"')?;
        Some(inner)
    }

    /// Reads a whole number within ±2^53, which fifteen digits always are.
    fn number(&mut self) -> Option<()> {
        let sign = usize::from(self.rest.first() == Some(&b'-'));
        let digits = self.rest.get(sign..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (token, rest) = self.rest.split_at_checked(sign + digits)?;
        let is_plain = match token.get(sign..)? {
            [b'0'] => sign == 0,
            [first, ..] => *first != b'0' && digits <= 15,
            [] => false,
        };
        if !is_plain || matches!(rest.first(), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.out.extend_from_slice(token);
        self.rest = rest;
        Some(())
    }

    fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        self.out.extend_from_slice(word);
        Some(())
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        if *first != byte {
            return None;
        }
        self.out.push(byte);
        self.rest = rest;
        Some(())
    }
}

/// Returns whether a control character is one that has no shorter escape.
fn is_escaped(high: u8, low: u8) -> bool {
    let is_digit = matches!(low, b'0'..=b'9' | b'a'..=b'f');
    is_digit && !(high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::text::json::canonical;

    #[test]
    fn keys_are_put_into_order_at_every_depth() {
        let text = r#"{"b":[{"d":1,"c":"x"}],"a":{"z":null,"y":true},"":-5}"#;
        assert_eq!(
            canonical_json(text).unwrap(),
            r#"{"":-5,"a":{"y":true,"z":null},"b":[{"c":"x","d":1}]}"#
        );
        for text in ["0", "-1", "\"\"", "[]", "{}", "null", "[[],{}]", r#""\u0001\n\\ä""#] {
            assert_eq!(canonical_json(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_needs_more_than_order_is_left_alone() {
        for text in [
            "",
            " 1",
            "1 ",
            "01",
            "-0",
            "-",
            "1.0",
            "1e3",
            "9999999999999999",
            "tru",
            "[1,]",
            "[1",
            "{\"a\"}",
            "{\"a\":1,}",
            r#"{"a":1,"a":2}"#,
            r#"{"b":1,"a":2,"a":3}"#,
            r#"{"ä":1}"#,
            r#"{"\n":1}"#,
            r#""\/""#,
            r#""\u0041""#,
            r#""\u000A""#,
            r#""\u000a""#,
            r#""\u001F""#,
            r#""\u00""#,
            "\"\n\"",
            "\"",
            "\"\\",
            "{\"a\" :1}",
            "[1]x",
        ] {
            assert_eq!(canonical_json(text), None, "{text}");
        }
        assert_eq!(canonical_json(&"[".repeat(200_000)), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1_000_i64..1_000).prop_map(Value::from),
            (-1e9..1e9).prop_map(|n: f64| json!(n)),
            "[ -~]{0,8}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let keys = prop_oneof!["[a-zA-Z_ -]{0,6}", "[ -~]{0,4}", any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((keys, inner), 0..6)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    /// JSON text with its keys in any order, as a store could have it.
    fn shuffled(value: &Value, turn: &mut usize) -> String {
        match value {
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| shuffled(item, turn)).collect();
                format!("[{}]", items.join(","))
            }
            Value::Object(map) => {
                let mut members: Vec<String> = map
                    .iter()
                    .map(|(key, item)| {
                        format!("{}:{}", Value::from(key.as_str()), shuffled(item, turn))
                    })
                    .collect();
                *turn += 7;
                let turns = *turn % members.len().max(1);
                members.rotate_left(turns);
                format!("{{{}}}", members.join(","))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn what_is_sorted_is_the_canonical_form(value in any_json(), turn in 0..100_usize) {
            let text = shuffled(&value, &mut { turn });
            if let Some(sorted) = canonical_json(&text) {
                prop_assert_eq!(sorted, canonical(&value).unwrap());
            }
        }

        #[test]
        fn no_text_is_taken_for_what_it_is_not(text in "[\\[\\]{}\":,\\\\ua0-9.e \\-tfn]{0,24}") {
            if let Some(sorted) = canonical_json(&text) {
                let value: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(sorted, canonical(&value).unwrap());
            }
        }
    }
}
