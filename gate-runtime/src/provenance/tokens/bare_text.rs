//! The words and numbers of a text that its author may have hidden.

use std::borrow::Cow;

use gate_core::text::{TextHazard, hazard};

use super::normal;
use super::number::readings;

/// A text without invisible characters, escapes or compatibility forms, which could hide its
/// content.
pub(crate) struct BareText<'a>(Cow<'a, str>);

impl<'a> BareText<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        if text.bytes().all(is_bare) {
            return Self(text.into());
        }
        Self(normal(&unescaped(text)).into_owned().into())
    }

    /// Calls a closure with each word. Words are separated by all characters that are not letters
    /// or digits, and letters that look alike are equal.
    pub(crate) fn words(&self, mut each: impl FnMut(&str)) {
        let text = self.0.to_lowercase();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            if word.is_ascii() { each(word) } else { each(&plain_letters(word)) }
        }
    }

    /// Calls a closure with each number, in every possible reading.
    pub(crate) fn numbers(&self, mut each: impl FnMut(&str)) {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | '’');
        let (mut before, mut rest) = (None, &*self.0);
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
            let (run, others) = rest.split_at(end);
            if is_part(first) {
                let is_bound = |c: Option<char>| c.is_some_and(|c| c == '-' || c == '/');
                // Digits in a date or a code are not separate numbers.
                if !is_bound(before)
                    && !before.is_some_and(char::is_alphanumeric)
                    && !is_bound(others.chars().next())
                {
                    let run = run.trim_matches(['.', ',', '\'', '’']);
                    if !run.is_empty() {
                        readings(&run.replace('’', "'")).for_each(|number| each(&number));
                    }
                }
            }
            before = run.chars().last();
            rest = others;
        }
    }
}

/// Replaces the letters of a word that look like plain letters by the plain ones.
fn plain_letters(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_ascii() {
            plain.push(c);
            continue;
        }
        let mut text = [0; 4];
        let looks: String = unicode_security::skeleton(c.encode_utf8(&mut text)).collect();
        if looks.is_ascii() { plain.push_str(&looks) } else { plain.push(c) }
    }
    plain
}

/// Removes invisible characters, and decodes the escapes of JSON and of HTML.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (plain, others) =
            rest.split_at(rest.bytes().position(|byte| !is_bare(byte)).unwrap_or(rest.len()));
        out.push_str(plain);
        let Some(c) = others.chars().next() else { return out };
        let after = others.get(c.len_utf8()..).unwrap_or_default();
        let (decoded, length) = match c {
            '\\' => escaped(after).unwrap_or((' ', 0)),
            '&' => entity(after).unwrap_or(('&', 0)),
            c => (c, 0),
        };
        if hazard(decoded).is_none_or(|hazard| hazard == TextHazard::Control) {
            out.push(decoded);
        }
        rest = after.get(length..).unwrap_or_default();
    }
}

/// Returns whether a byte is a plain character, which cannot hide anything.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii() && byte != b'\\' && byte != b'&'
}

/// Returns the character of an escape, and the length of the escape, from the text after the
/// backslash: `n`, `u0040`.
fn escaped(after: &str) -> Option<(char, usize)> {
    match after.chars().next()? {
        'n' | 'r' | 't' => Some((' ', 1)),
        'u' => Some((char::from_u32(u32::from_str_radix(after.get(1..5)?, 16).ok()?)?, 5)),
        _ => None,
    }
}

/// Returns the character of an entity, and the length of the entity, from the text after the
/// ampersand: `#64;`, `#x40;`.
fn entity(after: &str) -> Option<(char, usize)> {
    let (code, _) = after.get(..10.min(after.len())).or(after.get(..4))?.split_once(';')?;
    let digits = code.strip_prefix('#')?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((char::from_u32(number)?, code.len() + 1))
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    fn bare_words(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        BareText::of(text).words(|word| found.push(word.to_owned()));
        found
    }

    fn numbers(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        BareText::of(text).numbers(|number| found.push(number.to_owned()));
        found
    }

    #[test]
    fn hidden_words_and_numbers_are_found() {
        let hidden = [
            "mailto:mallory@evil.example",
            "to|mallory@evil.example|",
            "_mallory@evil.example_",
            "→mallory@evil.example—now",
            "<a href=\"x\">mallory@evil.example</a>",
            "mal\u{200b}lory@evil.example",
            "mаllory@evil.example",
            r"pay\nmallory@evil.example\nnow",
            r"mallory\u0040evil.example",
            "mallory&#64;evil&#x2e;example",
        ];
        let query = bare_words("mallory@evil.example");
        for text in hidden {
            let found = bare_words(text);
            assert!(found.windows(query.len()).any(|words| words == query), "{text}: {found:?}");
        }
        for (text, number) in [
            ("amount=0.01", "0.01"),
            ("to|5|", "5"),
            ("$1,234", "1234"),
            ("24EUR", "24"),
            ("1.200", "1200"),
        ] {
            let found = numbers(text);
            assert!(found.contains(&number.to_owned()), "{text}: {found:?}");
        }
        assert!(numbers("2024-05-24, A-24, a24, 24/7").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_laid_bare(text in proptest::prelude::any::<String>()) {
            let _ = (bare_words(&text), numbers(&text));
        }

        #[test]
        fn what_is_plain_already_is_laid_bare_as_any_text_is(
            text in "[ -~\n\u{200b}\u{e9}]{0,12}",
        ) {
            let bare = unescaped(&text).nfkc().collect::<String>();
            proptest::prop_assert_eq!(&*BareText::of(&text).0, bare);
        }
    }
}
