//! The values that one text contains.
//!
//! A text of a trusted speaker must contain a value *whole*, because such a text can let a call
//! run. For an untrusted speaker, a *loose* match is enough, with other characters before, after or
//! between its words: a value that a tool or an agent mentioned first is not the user's, in
//! whatever form it was written.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::phrases::{LONGEST, PhraseIndex, PhraseReader, hash, number, sorted};
use super::tokens::{BareText, LINE_END, NEGATIONS, plain_number, words};

/// The mark before each word of a negated sentence.
const DOUBT: &str = "\0";

/// The most levels of JSON inside strings of JSON.
const DEEPEST: usize = 4;

/// A value to search for.
pub(super) struct ValueQuery {
    /// The forms that match in texts of trusted speakers.
    strict: Vec<Vec<u64>>,
    /// The forms that match whole in texts of other speakers.
    wholes: Vec<Vec<u64>>,
    loose: Vec<u64>,
    number: Option<u64>,
}

impl ValueQuery {
    /// Creates a query for a value as it is written, in any equal form.
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

    /// Adds other texts for the same value.
    pub(super) fn or_as(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        for text in texts {
            self.add(numbers_of(&text));
        }
        self
    }

    /// Adds another form of the same value, as words.
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

    /// Creates a query for a value that trusted speakers must write as one of these texts, and
    /// other speakers in any form.
    pub(super) fn only_as(text: &str, texts: impl IntoIterator<Item = String>) -> Self {
        let mut only = Self::of(text);
        only.strict.clear();
        only.or_as(texts)
    }

    /// Creates a query for a word in a negated sentence.
    pub(super) fn doubtful(word: &str) -> Self {
        Self { strict: vec![vec![number(DOUBT), number(word)]], ..Self::by_trusted([]) }
    }

    /// Creates a query for texts that matter only if a trusted speaker wrote them.
    pub(super) fn by_trusted(texts: impl IntoIterator<Item = String>) -> Self {
        let strict = texts.into_iter().map(|text| numbers_of(&text)).collect();
        Self { strict, wholes: Vec::new(), loose: Vec::new(), number: None }
    }

    /// Returns the scopes to search, each with the length and the hash of the value. All values
    /// longer than a phrase have the same length.
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

/// The part of an index in which a value is searched for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SearchScope {
    /// The words of trusted speakers.
    Whole,
    /// The words of other speakers, as whole values.
    LooseWhole,
    /// The words of other speakers, with any surroundings.
    Phrases,
    /// The numbers of other speakers.
    Numbers,
}

/// A text with its index, which is built once, when it is first needed.
pub(super) struct IndexedText {
    text: Arc<str>,
    whole: OnceLock<PhraseIndex>,
    loose: OnceLock<LooseIndex>,
}

/// The values in a text of an untrusted speaker.
struct LooseIndex {
    phrases: PhraseIndex,
    /// The whole values: numbers, dates and codes in canonical form.
    wholes: PhraseIndex,
    /// Every number in the text.
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

    /// Calls a closure with the hash of every phrase of a length in a scope.
    pub(super) fn each(&self, search_scope: SearchScope, length: usize, mut each: impl FnMut(u64)) {
        match search_scope {
            SearchScope::Whole => self.whole().each(length, each),
            SearchScope::LooseWhole => self.loose().wholes.each(length, each),
            SearchScope::Phrases => self.loose().phrases.each(length, each),
            SearchScope::Numbers => self.loose().numbers.iter().for_each(|number| each(*number)),
        }
    }

    /// Returns whether it contains a value whole.
    pub(super) fn contains(&self, query: &ValueQuery) -> bool {
        query.strict.iter().any(|words| self.whole().contain(words))
    }

    /// Returns whether it contains a value in any form.
    pub(super) fn may_contain(&self, query: &ValueQuery) -> bool {
        let LooseIndex { phrases, wholes, numbers } = self.loose();
        let loosely = match &query.number {
            Some(number) => numbers.binary_search(number).is_ok(),
            None => phrases.contain(&query.loose),
        };
        loosely || query.wholes.iter().any(|words| wholes.contain(words))
    }
}

/// Returns the words of a value, as numbers.
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
        // Punctuation alone is not a value.
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

/// Adds the negated sentences, with a mark before each word.
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

/// Calls a closure with each string of a JSON value; also with each key, because maps have values
/// in their keys. JSON inside strings is parsed, up to the given depth.
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
