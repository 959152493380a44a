//! Sanitized text: untrusted text in a form that is safe to display.

use std::fmt::{self, Write as _};

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeEmoji as _, UnicodeGeneralCategory as _};
use unicode_script::{Script, UnicodeScript as _};
use unicode_security::MixedScript as _;

/// Untrusted text, made safe to display: characters that would control a screen, hide, or pass for
/// others are replaced by escapes, and named.
///
/// Use it wherever calls are shown to people. It does not escape a page's markup: escape for HTML
/// after it.
///
/// ```
/// use gate_runtime::review::{SanitizedText, TextHazard};
///
/// let shown = SanitizedText::of("pay \u{202e}ecila\u{200b}");
/// assert_eq!(shown.as_str(), r"pay \u{202e}ecila\u{200b}");
/// assert_eq!(shown.hazards(), [TextHazard::Direction, TextHazard::Invisible]);
///
/// // The first two letters are Cyrillic.
/// assert_eq!(SanitizedText::of("раypal").hazards(), [TextHazard::LookAlike]);
/// assert!(SanitizedText::of("Grüße aus 東京").hazards().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanitizedText {
    text: String,
    hazards: Vec<TextHazard>,
}

/// A hazard of a text for its readers.
///
/// ```
/// assert_eq!(
///     gate_runtime::review::TextHazard::LookAlike.to_string(),
///     "characters that look like others"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TextHazard {
    /// Control characters, like those that steer a terminal.
    Control,
    /// Characters that change the direction of the text.
    Direction,
    /// Characters without width.
    Invisible,
    /// Characters that are drawn over others.
    Overlay,
    /// Characters without a meaning in Unicode: unassigned ones, and those for private use.
    Unknown,
    /// Letters or digits of several scripts in one word, a word that looks like another one in
    /// plain letters, signs that look like plain ones.
    LookAlike,
}

impl fmt::Display for TextHazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control characters",
            Self::Direction => "characters that turn the text around",
            Self::Invisible => "invisible characters",
            Self::Overlay => "characters drawn over others",
            Self::Unknown => "characters without a known meaning",
            Self::LookAlike => "characters that look like others",
        })
    }
}

impl SanitizedText {
    /// Sanitizes a text. Line ends count as control characters.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut escaped = Self { text: String::with_capacity(text.len()), hazards: Vec::new() };
        let is_turkish = text.contains(['ğ', 'Ğ', 'ş', 'Ş', 'İ']);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
            if let Some(flag) = FLAGS.iter().find(|flag| rest.starts_with(**flag)) {
                escaped.text.push_str(flag);
                rest = rest.get(flag.len()..).unwrap_or_default();
            } else if end == 0 {
                let before =
                    text.get(..text.len() - rest.len()).unwrap_or_default().chars().next_back();
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                if belongs_between(before, first, rest.chars().next()) {
                    escaped.text.push(first);
                } else {
                    escaped.push(first);
                }
            } else {
                let (word, others) = rest.split_at(end);
                escaped.push_word(word, is_turkish);
                rest = others;
            }
        }
        escaped.hazards.sort_unstable();
        escaped.hazards.dedup();
        escaped
    }

    /// Returns the text with its escapes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the hazards of the text, each once.
    #[must_use]
    pub fn hazards(&self) -> &[TextHazard] {
        &self.hazards
    }

    fn push(&mut self, c: char) {
        match hazard(c).or_else(|| looks_plain(c).then_some(TextHazard::LookAlike)) {
            Some(hazard) => self.escape(c, hazard),
            None => self.text.push(c),
        }
    }

    fn push_word(&mut self, word: &str, is_turkish: bool) {
        let is_disguised = !word.is_ascii() && looks_like_another(word, is_turkish);
        let mut combining_marks = 0;
        for c in word.chars() {
            combining_marks = if unicode_normalization::char::is_combining_mark(c) {
                combining_marks + 1
            } else {
                0
            };
            if combining_marks > 2 {
                self.escape(c, TextHazard::Overlay);
            } else if is_disguised && !c.is_ascii() {
                self.escape(c, TextHazard::LookAlike);
            } else {
                self.push(c);
            }
        }
    }

    fn escape(&mut self, c: char, hazard: TextHazard) {
        let _ = write!(self.text, "{}", c.escape_unicode());
        if self.hazards.last() != Some(&hazard) {
            self.hazards.push(hazard);
        }
    }
}

impl fmt::Display for SanitizedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Returns a text in JSON form, so that it is clear where it begins and ends, and which quotes are
/// in it. Repeated spaces show their number.
#[must_use]
pub fn quoted(text: &str) -> String {
    let escaped =
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{}\"", SanitizedText::of(&escaped.replace("  ", " \\u{20}")))
}

/// The flags of England, Scotland and Wales: the only ones that are written with tags, which are
/// invisible elsewhere.
const FLAGS: [&str; 3] = [
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// Returns whether an otherwise hidden character has a purpose between these two: making one emoji
/// of several, joining or separating letters of a script whose letters join, or being the space of
/// its language.
fn belongs_between(before: Option<char>, c: char, after: Option<char>) -> bool {
    // The full-width punctuation of Chinese and Japanese looks like the plain one.
    if matches!(
        c,
        '\u{ff01}'..='\u{ff0f}'
            | '\u{ff1a}'..='\u{ff20}'
            | '\u{ff3b}'..='\u{ff40}'
            | '\u{ff5b}'..='\u{ff65}'
    ) {
        return [before, after].into_iter().flatten().any(is_wide);
    }
    let Some(before) = before else { return false };
    let is = |of: fn(char) -> bool| of(before) && after.is_some_and(of);
    match c {
        // Selects how the emoji before it is drawn.
        '\u{fe0e}' | '\u{fe0f}' => {
            is_emoji(before) || (is_key(before) && after == Some('\u{20e3}'))
        }
        '\u{20e3}' => before == '\u{fe0f}',
        '\u{200d}' if after.is_some_and(is_emoji) => is_emoji(before) || before == '\u{fe0f}',
        '\u{200c}' | '\u{200d}' => is(joins),
        '\u{a0}' | '\u{202f}' => {
            let is_of_number = |c: char| {
                c.is_alphanumeric() || c.general_category() == GeneralCategory::CurrencySymbol
            };
            let is_set_off = |c: char| matches!(c, '»' | ':' | ';' | '!' | '?' | '%' | '€');
            (before.is_ascii_digit() && after.is_some_and(is_of_number))
                || before == '«'
                || after.is_some_and(is_set_off)
        }
        '\u{3000}' => is(is_wide),
        _ => false,
    }
}

/// Returns whether a character is an emoji, or a sign that can be drawn as one.
fn is_emoji(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

/// Returns whether a character is on a key of a telephone.
fn is_key(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '#' | '*')
}

/// Returns whether a character is of a script in which letters join, where invisible characters
/// select which ones.
fn joins(c: char) -> bool {
    matches!(
        c.script(),
        Script::Arabic
            | Script::Bengali
            | Script::Devanagari
            | Script::Gujarati
            | Script::Gurmukhi
            | Script::Kannada
            | Script::Khmer
            | Script::Malayalam
            | Script::Mongolian
            | Script::Oriya
            | Script::Sinhala
            | Script::Syriac
            | Script::Tamil
            | Script::Telugu
    )
}

/// Returns whether a character is Chinese, Japanese or Korean, or a sign of theirs.
fn is_wide(c: char) -> bool {
    matches!(
        c.script(),
        Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo
    ) || matches!(c, '\u{3001}'..='\u{303f}' | 'ー' | '！' | '？')
}

fn is_of_word(c: char) -> bool {
    hazard(c).is_none()
        && (c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c))
}

/// Returns whether a word mixes scripts, or cannot be told from one in plain letters (Unicode
/// Technical Standard 39).
fn looks_like_another(word: &str, is_turkish: bool) -> bool {
    // Letters that their readers know: "œ" in French, a dotless "ı" in Turkish, "²" for anyone.
    let is_known =
        |c: &char| matches!(c, 'œ' | 'Œ' | 'æ' | 'Æ' | '²' | '³') || (is_turkish && *c == 'ı');
    let odd: String = word.chars().filter(|c| !is_known(c)).collect();
    if odd.is_ascii() {
        return false;
    }
    if word.chars().any(char::is_alphabetic) {
        let is_plain = unicode_security::skeleton(&odd).all(|c| c.is_ascii());
        return !word.is_single_script() || is_plain || odd.chars().any(is_disguised);
    }
    // Digits of another script are fine among themselves, unless they are drawn like plain ones.
    word.chars().any(|c| c.is_ascii_digit()) || word.chars().any(looks_plain)
}

/// Returns whether a Latin letter is drawn like a plain one and is not, whatever accents the rest
/// of its word has.
fn is_disguised(c: char) -> bool {
    let mut text = [0; 4];
    let has_accent = || [c].into_iter().nfd().next().is_some_and(|base| base.is_ascii());
    !c.is_ascii()
        && c.script() == Script::Latin
        && !has_accent()
        && unicode_security::skeleton(c.encode_utf8(&mut text)).all(|c| c.is_ascii())
}

/// Returns whether a non-letter is drawn like a plain one. The characters of every text are known.
fn looks_plain(c: char) -> bool {
    if c.is_ascii()
        || c.is_alphabetic()
        || matches!(
            c,
            '‘' | '’'
                | '“'
                | '”'
                | '„'
                | '–'
                | '—'
                | '…'
                | '·'
                | '×'
                | '«'
                | '»'
                | '•'
                | '²'
                | '³'
        )
    {
        return false;
    }
    let mut text = [0; 4];
    let text: &str = c.encode_utf8(&mut text);
    text.nfkc().all(|c| c.is_ascii())
        || unicode_security::skeleton(text).all(|c| c.is_ascii_punctuation())
}

/// Returns the hazard of a character by itself, if it is one.
#[must_use]
pub fn hazard(c: char) -> Option<TextHazard> {
    match c {
        c if c.is_control() => Some(TextHazard::Control),
        '\u{2028}' | '\u{2029}' => Some(TextHazard::Control),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => {
            Some(TextHazard::Direction)
        }
        '\u{334}'..='\u{338}' | '\u{20d0}'..='\u{20ff}' => Some(TextHazard::Overlay),
        // Spaces other than the plain one, and formatting characters.
        '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}'
        | '\u{600}'..='\u{605}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'
        | '\u{891}'
        | '\u{8e2}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1345f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        // Characters without width.
        | '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1d159}'
        | '\u{e0000}'..='\u{e0fff}' => Some(TextHazard::Invisible),
        c if c.is_ascii() => None,
        c => match c.general_category() {
            GeneralCategory::Unassigned
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate => Some(TextHazard::Unknown),
            GeneralCategory::Format | GeneralCategory::SpaceSeparator => {
                Some(TextHazard::Invisible)
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_hides_or_pretends_is_escaped_and_named() {
        for (text, escaped, hazard) in [
            ("\u{1b}[2J", r"\u{1b}[2J", TextHazard::Control),
            ("a\nb", r"a\u{a}b", TextHazard::Control),
            ("\u{9b}31m", r"\u{9b}31m", TextHazard::Control),
            ("a\u{2066}b", r"a\u{2066}b", TextHazard::Direction),
            ("a\u{feff}b", r"a\u{feff}b", TextHazard::Invisible),
            ("\u{e0041}", r"\u{e0041}", TextHazard::Invisible),
            ("аlice", r"\u{430}lice", TextHazard::LookAlike),
            ("ＡＢＣ", r"\u{ff21}\u{ff22}\u{ff23}", TextHazard::LookAlike),
            ("сор", r"\u{441}\u{43e}\u{440}", TextHazard::LookAlike),
            ("ο", r"\u{3bf}", TextHazard::LookAlike),
            ("paypaı", r"paypa\u{131}", TextHazard::LookAlike),
            ("G\u{251}rcía", r"G\u{251}rc\u{ed}a", TextHazard::LookAlike),
            ("1৪00", r"1\u{9ea}00", TextHazard::LookAlike),
            ("𝟏𝟎𝟎", r"\u{1d7cf}\u{1d7ce}\u{1d7ce}", TextHazard::LookAlike),
            ("１００", r"\u{ff11}\u{ff10}\u{ff10}", TextHazard::LookAlike),
            ("a∕b", r"a\u{2215}b", TextHazard::LookAlike),
            ("x․y", r"x\u{2024}y", TextHazard::LookAlike),
            ("alice＠x", r"alice\u{ff20}x", TextHazard::LookAlike),
            ("alice＂", r"alice\u{ff02}", TextHazard::LookAlike),
            ("admin\u{a0}", r"admin\u{a0}", TextHazard::Invisible),
            ("\u{3000}", r"\u{3000}", TextHazard::Invisible),
            ("\u{1d173}", r"\u{1d173}", TextHazard::Invisible),
            ("x\u{1d159}y", r"x\u{1d159}y", TextHazard::Invisible),
            ("\u{e000}", r"\u{e000}", TextHazard::Unknown),
            ("\u{f8ff}x", r"\u{f8ff}x", TextHazard::Unknown),
            ("\u{378}", r"\u{378}", TextHazard::Unknown),
            ("x\u{10ffff}", r"x\u{10ffff}", TextHazard::Unknown),
            // What belongs between emoji or letters that join hides between others.
            ("pay\u{200d}pal", r"pay\u{200d}pal", TextHazard::Invisible),
            ("a\u{200c}b", r"a\u{200c}b", TextHazard::Invisible),
            ("x\u{fe0f}", r"x\u{fe0f}", TextHazard::Invisible),
            ("🙂\u{200d}", r"🙂\u{200d}", TextHazard::Invisible),
            (
                "\u{1f3f4}\u{e0068}\u{e0069}\u{e007f}",
                r"🏴\u{e0068}\u{e0069}\u{e007f}",
                TextHazard::Invisible,
            ),
            ("a\u{a0}b", r"a\u{a0}b", TextHazard::Invisible),
            ("a\u{3000}b", r"a\u{3000}b", TextHazard::Invisible),
            ("a\u{336}b", r"a\u{336}b", TextHazard::Overlay),
            ("a\u{301}\u{301}\u{301}", "a\u{301}\u{301}\\u{301}", TextHazard::Overlay),
        ] {
            let sanitized = SanitizedText::of(text);
            assert_eq!(
                (sanitized.as_str(), sanitized.hazards()),
                (escaped, [hazard].as_slice()),
                "{text}"
            );
        }
    }

    #[test]
    fn honest_text_of_any_language_is_left_as_it_is() {
        for text in [
            "Grüße",
            "naïve café",
            "cœur, Œuvre, Encyclopædia",
            "你好，世界！（注）",
            "x² + 10³ m²",
            "İstanbul'da ılık, ağır ısı",
            "привет мир",
            "東京タワー",
            "한국어",
            "مرحبا",
            "e\u{301}te\u{301}",
            "€ 24 · 🙂",
            "Ω",
            "⚠️ check",
            "👩‍👩‍👧 and 👍🏽 and ❤️",
            "1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇨🇭",
            "10\u{a0}000\u{a0}€, 10\u{202f}000",
            "« oui\u{202f}»\u{a0}!",
            "東京\u{3000}タワー",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "שלום",
            "สวัสดี",
            "Xin chào",
            "Καλημέρα",
        ] {
            let sanitized = SanitizedText::of(text);
            assert_eq!((sanitized.as_str(), sanitized.hazards()), (text, [].as_slice()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_acts_or_hides_is_left(text in proptest::prelude::any::<String>()) {
            let sanitized = SanitizedText::of(&text);
            let left: Vec<char> =
                sanitized.as_str().chars().filter(|c| hazard(*c).is_some()).collect();
            let belongs = |c: &char| {
                matches!(
                    c,
                    '\u{fe0e}'
                        | '\u{fe0f}'
                        | '\u{20e3}'
                        | '\u{200c}'
                        | '\u{200d}'
                        | '\u{a0}'
                        | '\u{202f}'
                        | '\u{3000}'
                )
            };
            proptest::prop_assert!(left.iter().all(belongs), "{left:?}");
            proptest::prop_assert_eq!(sanitized.hazards().is_empty(), sanitized.as_str() == text);
        }
    }
}
