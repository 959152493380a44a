//! The values that one text says.
//!
//! Whom we trust must have said a value *whole*, for what they said lets a call run. For whom we do
//! not trust it is enough to have said it *loosely*, with anything before, after or between its
//! words: what a tool or an agent said first is not the user's, however it was written.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::phrases::{LONGEST, PhraseIndex, PhraseReader, hash, number, sorted};
use super::tokens::{BareText, LINE_END, NEGATIONS, plain_number, words};

/// The mark that stands before each word of a sentence that says that something is not so.
const DOUBT: &str = "\0";

/// The most levels of JSON that may stand in the texts of JSON.
const DEEPEST: usize = 4;

/// A value that is looked for.
pub(super) struct ValueQuery {
    /// The ways in which those whom we trust say it.
    strict: Vec<Vec<u64>>,
    /// The ways in which others may say it, as if we trusted them.
    wholes: Vec<Vec<u64>>,
    loose: Vec<u64>,
    number: Option<u64>,
}

impl ValueQuery {
    /// A value that is said as it is written, in whatever form.
    pub(super) fn of(text: &str) -> Self {
        let mut only = None;
        let mut count = 0;
        words(text, |word| {
            only = if count == 0 { plain_number(word) } else { None };
            count += 1;
        });
        let mut loose = Vec::new();
        BareText::of(text).words(|word| loose.push(number(word)));
        loose.truncate(LONGEST);
        let plain = numbers_of(text);
        Self {
            strict: vec![plain.clone()],
            wholes: vec![plain],
            loose,
            number: only.as_deref().map(number),
        }
    }

    /// The same value, which may also be said so.
    pub(super) fn or_as(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        for text in texts {
            self.add(numbers_of(&text));
        }
        self
    }

    /// The same value, which may also be said in these words.
    pub(super) fn or_as_words(mut self, words: Option<Vec<String>>) -> Self {
        if let Some(words) = words {
            self.add(words.iter().map(|word| number(word)).collect());
        }
        self
    }

    fn add(&mut self, words: Vec<u64>) {
        self.strict.push(words.clone());
        self.wholes.push(words);
    }

    /// A value that those whom we trust say only in these ways, and others in any.
    pub(super) fn only_as(text: &str, texts: impl IntoIterator<Item = String>) -> Self {
        let mut only = Self::of(text);
        only.strict.clear();
        only.or_as(texts)
    }

    /// A word in a sentence that says that something is not so.
    pub(super) fn doubtful(word: &str) -> Self {
        Self { strict: vec![vec![number(DOUBT), number(word)]], ..Self::by_trusted([]) }
    }

    /// Something that matters only where those whom we trust say it.
    pub(super) fn by_trusted(texts: impl IntoIterator<Item = String>) -> Self {
        let strict = texts.into_iter().map(|text| numbers_of(&text)).collect();
        Self { strict, wholes: Vec::new(), loose: Vec::new(), number: None }
    }

    /// In what it is looked for, with its length and its hash there. What is longer than a phrase
    /// has one length.
    pub(super) fn parts(
        &self,
        is_trusted: bool,
    ) -> impl Iterator<Item = (SearchScope, usize, u64)> {
        let of = |search_scope, words: &[u64]| {
            (!words.is_empty()).then(|| (search_scope, words.len().min(LONGEST + 1), hash(words)))
        };
        let (part, wholes) = if is_trusted {
            (SearchScope::Whole, &self.strict)
        } else {
            (SearchScope::LooseWhole, &self.wholes)
        };
        let number = self.number.map(|number| (SearchScope::Numbers, 1, number));
        let loose =
            number.or_else(|| of(SearchScope::Phrases, &self.loose)).filter(|_| !is_trusted);
        loose.into_iter().chain(wholes.iter().filter_map(move |words| of(part, words)))
    }
}

/// In what of a text a value is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SearchScope {
    /// The words of whom we trust.
    Whole,
    /// The words of others, as if we trusted them.
    LooseWhole,
    /// The words of others, whatever stands around them.
    Phrases,
    /// The numbers of others.
    Numbers,
}

/// A text that somebody said. What it says is read once, when it is first asked.
pub(super) struct IndexedText {
    text: Arc<str>,
    whole: OnceLock<PhraseIndex>,
    loose: OnceLock<LooseIndex>,
}

/// The values that a text says, if it comes from somebody whom we do not trust.
struct LooseIndex {
    phrases: PhraseIndex,
    /// The same as if we trusted them: numbers, dates and codes in their one form.
    wholes: PhraseIndex,
    /// Every number in it.
    numbers: Box<[u64]>,
}

impl IndexedText {
    pub(super) fn new(text: Arc<str>) -> Self {
        Self { text, whole: OnceLock::new(), loose: OnceLock::new() }
    }

    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    fn whole(&self) -> &PhraseIndex {
        self.whole.get_or_init(|| read_whole(self.text.trim()))
    }

    fn loose(&self) -> &LooseIndex {
        self.loose.get_or_init(|| LooseIndex::read(self.text.trim()))
    }

    /// Passes on the hash of everything of some length that stands in a part of it.
    pub(super) fn each(&self, search_scope: SearchScope, length: usize, mut each: impl FnMut(u64)) {
        match search_scope {
            SearchScope::Whole => self.whole().each(length, each),
            SearchScope::LooseWhole => self.loose().wholes.each(length, each),
            SearchScope::Phrases => self.loose().phrases.each(length, each),
            SearchScope::Numbers => self.loose().numbers.iter().for_each(|number| each(*number)),
        }
    }

    /// Returns whether it says a value whole.
    pub(super) fn contains(&self, query: &ValueQuery) -> bool {
        query.strict.iter().any(|words| self.whole().contain(words))
    }

    /// Returns whether it says a value in any way.
    pub(super) fn may_contain(&self, query: &ValueQuery) -> bool {
        let LooseIndex { phrases, wholes, numbers } = self.loose();
        let loosely = match &query.number {
            Some(number) => numbers.binary_search(number).is_ok(),
            None => phrases.contain(&query.loose),
        };
        loosely || query.wholes.iter().any(|words| wholes.contain(words))
    }
}

/// The words of a value.
fn numbers_of(text: &str) -> Vec<u64> {
    let (mut found, mut says_something) = (Vec::new(), false);
    words(text, |word| {
        says_something |= word.contains(char::is_alphanumeric);
        found.push(number(word));
    });
    while found.last() == Some(&number(LINE_END)) {
        found.pop();
    }
    if !says_something {
        // Punctuation alone is no value.
        found.clear();
    }
    found
}

fn read_whole(text: &str) -> PhraseIndex {
    let mut prepared = PhraseReader::default();
    let mut add = |text: &str| {
        add_whole(&mut prepared, text);
        add_doubts(&mut prepared, text);
    };
    match serde_json::from_str::<Value>(text) {
        Ok(json) if text.starts_with(['{', '[']) => each_text(&json, 0, &mut add),
        _ => add(text),
    }
    prepared.finish()
}

fn add_whole(prepared: &mut PhraseReader, text: &str) {
    words(text, |word| prepared.push(word));
    prepared.keep_long();
    prepared.end_part();
}

/// Adds the sentences in which something is said not to be so, with a mark before each word.
fn add_doubts(prepared: &mut PhraseReader, text: &str) {
    let (mut sentence, mut has_doubt) = (Vec::new(), false);
    let mut end = |sentence: &mut Vec<String>, has_doubt: bool| {
        if has_doubt {
            sentence.iter().flat_map(|word| [DOUBT, word]).for_each(|word| prepared.push(word));
            prepared.end_part();
        }
        sentence.clear();
    };
    words(text, |word| {
        if [".", "!", "?", ";", LINE_END].contains(&word) {
            end(&mut sentence, has_doubt);
            has_doubt = false;
        } else {
            has_doubt |= NEGATIONS.contains(&word) || word.ends_with("n't");
            sentence.push(word.to_owned());
        }
    });
    end(&mut sentence, has_doubt);
}

impl LooseIndex {
    fn read(text: &str) -> Self {
        let (mut phrases, mut wholes, mut numbers) =
            (PhraseReader::default(), PhraseReader::default(), Vec::new());
        let mut add = |text: &str| {
            let bare = BareText::of(text);
            bare.words(|word| phrases.push(word));
            phrases.end_part();
            bare.numbers(|found| numbers.push(number(found)));
            add_whole(&mut wholes, text);
        };
        match serde_json::from_str::<Value>(text) {
            Ok(json) => each_text(&json, DEEPEST, &mut add),
            Err(_) => add(text),
        }
        Self { phrases: phrases.finish(), wholes: wholes.finish(), numbers: sorted(numbers) }
    }
}

/// The texts of a JSON, each by itself; keys too, for a map has values in them. JSON in its texts
/// is taken apart as deep as is said.
pub(super) fn each_text(json: &Value, depth: usize, add: &mut impl FnMut(&str)) {
    match json {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => add(&number.to_string()),
        Value::String(text) => {
            let inner =
                (depth > 0).then(|| serde_json::from_str::<Value>(text.trim()).ok()).flatten();
            match inner.filter(|inner| !inner.is_number()) {
                Some(inner) => each_text(&inner, depth - 1, add),
                None => add(text),
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_text(item, depth, add)),
        Value::Object(fields) => {
            for (name, value) in fields {
                add(name);
                each_text(value, depth, add);
            }
        }
    }
}
