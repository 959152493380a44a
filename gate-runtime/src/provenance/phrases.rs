//! An index of one text, with words as numbers, in which phrases are found.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{LazyLock, OnceLock};

use super::tokens::LINE_END;

/// The most words of a phrase that is found inside a text. A longer one must be a whole line or a
/// whole part of the text.
pub(super) const LONGEST: usize = 16;

/// The mark between two parts of a text. No word has this number.
const BREAK: u64 = u64::MAX;

/// Returns the number of a word. The author of a text does not know the key, so they cannot
/// construct two words with the same number.
pub(super) fn number(word: &str) -> u64 {
    keyed(word) >> 1
}

/// Hashes with one key for the whole process, so that every run recognizes a text that was indexed
/// once.
pub(super) fn keyed(what: impl Hash) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEY.hash_one(what)
}

/// Returns the hash of a phrase; for a single word, its number.
pub(super) fn hash(phrase: &[u64]) -> u64 {
    if let [word] = phrase { *word } else { keyed(phrase) }
}

/// Reads a text part by part: a message, or each string of a JSON value.
#[derive(Default)]
pub(super) struct PhraseReader {
    stream: Vec<u64>,
    long: Vec<u64>,
    /// The index at which the current part begins.
    start: usize,
}

impl PhraseReader {
    pub(super) fn push(&mut self, word: &str) {
        self.stream.push(number(word));
    }

    /// Keeps the hash of the current part, and of each of its lines, if it is longer than a phrase.
    pub(super) fn keep_long(&mut self) {
        let part = self.stream.get(self.start..).unwrap_or_default();
        if part.len() > LONGEST {
            let line_end = number(LINE_END);
            let lines = part.split(|word| *word == line_end).chain([part]);
            self.long.extend(lines.filter(|line| line.len() > LONGEST).map(hash));
        }
    }

    /// Ends the current part, so that no phrase continues over its end.
    pub(super) fn end_part(&mut self) {
        self.stream.push(BREAK);
        self.start = self.stream.len();
    }

    pub(super) fn finish(self) -> PhraseIndex {
        let mut found: Vec<(u64, u32)> = self.stream.iter().copied().zip(0..=u32::MAX).collect();
        found.sort_unstable();
        let (mut words, mut text) = (Vec::new(), vec![0; self.stream.len()]);
        for same in found.chunk_by(|(one, _), (other, _)| one == other) {
            let index = u32::try_from(words.len()).unwrap_or(u32::MAX);
            words.extend(same.first().map(|(word, _)| *word));
            for (_, at) in same {
                text.get_mut(*at as usize).into_iter().for_each(|word| *word = index);
            }
        }
        PhraseIndex {
            words: words.into(),
            text: text.into(),
            long: sorted(self.long),
            order: OnceLock::new(),
        }
    }
}

/// Returns the numbers in order, without duplicates.
pub(super) fn sorted(mut numbers: Vec<u64>) -> Box<[u64]> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into()
}

/// The phrases of one text. It never changes. It takes about nine bytes a word, and four more after
/// the first search for a phrase.
pub(super) struct PhraseIndex {
    /// The number of every word, in order.
    words: Box<[u64]>,
    /// The text: for each word, its index in `words`.
    text: Box<[u32]>,
    /// The hashes of its long lines and parts, in order.
    long: Box<[u64]>,
    /// Every position in the text, in the order of the words that follow it. So the work is bounded
    /// by the length of the text, however often the same words occur in it.
    order: OnceLock<Box<[u32]>>,
}

impl PhraseIndex {
    /// Calls a closure with the hash of every phrase of `length` words; for lengths beyond a
    /// phrase, with the hash of every long line and part.
    pub(super) fn each(&self, length: usize, mut each: impl FnMut(u64)) {
        match length {
            0 => {}
            1 => self.words.iter().for_each(|word| each(*word)),
            2..=LONGEST => {
                let text: Vec<u64> = self
                    .text
                    .iter()
                    .filter_map(|index| self.words.get(*index as usize).copied())
                    .collect();
                text.windows(length).for_each(|phrase| each(hash(phrase)));
            }
            _ => self.long.iter().for_each(|long| each(*long)),
        }
    }

    /// Returns whether the text contains the words next to each other.
    pub(super) fn contain(&self, phrase: &[u64]) -> bool {
        if phrase.len() > LONGEST {
            return self.long.binary_search(&hash(phrase)).is_ok();
        }
        let index = |word: &u64| {
            self.words.binary_search(word).ok().and_then(|position| u32::try_from(position).ok())
        };
        match phrase {
            [] => false,
            [word] => index(word).is_some(),
            _ => phrase
                .iter()
                .map(index)
                .collect::<Option<Vec<u32>>>()
                .is_some_and(|phrase| self.has(&phrase)),
        }
    }

    fn has(&self, phrase: &[u32]) -> bool {
        let order = self.order.get_or_init(|| {
            let mut order: Vec<u32> = (0..=u32::MAX).take(self.text.len()).collect();
            order.sort_unstable_by_key(|at| self.at(*at, LONGEST));
            order.into()
        });
        let first = order.partition_point(|at| self.at(*at, phrase.len()) < phrase);
        order.get(first).is_some_and(|at| self.at(*at, phrase.len()) == phrase)
    }

    /// Returns `count` words of the text from a position on, or all remaining ones.
    fn at(&self, start: u32, count: usize) -> &[u32] {
        let rest = self.text.get(start as usize..).unwrap_or_default();
        rest.get(..count).unwrap_or(rest)
    }
}
