//! The words of one text as numbers, in which phrases are found.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{LazyLock, OnceLock};

use super::tokens::LINE_END;

/// The most words that a phrase may have that is found inside a text. A longer one must be a whole
/// line or part of it.
pub(super) const LONGEST: usize = 16;

/// The mark between two parts of a text: no word has this number.
const BREAK: u64 = u64::MAX;

/// Returns the number of a word. Who writes a text does not know the key, so no two words can be
/// made to share one.
pub(super) fn number(word: &str) -> u64 {
    keyed(word) >> 1
}

/// Hashes by one key for the whole process, so that a text that was read once is known in every
/// run.
pub(super) fn keyed(what: impl Hash) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEY.hash_one(what)
}

/// The hash of a phrase; of a single word, its number.
pub(super) fn hash(phrase: &[u64]) -> u64 {
    if let [word] = phrase { *word } else { keyed(phrase) }
}

/// A text while it is read, part by part: a message, or each text in a JSON.
#[derive(Default)]
pub(super) struct PhraseReader {
    stream: Vec<u64>,
    long: Vec<u64>,
    /// Where the part begins that is being read.
    start: usize,
}

impl PhraseReader {
    pub(super) fn push(&mut self, word: &str) {
        self.stream.push(number(word));
    }

    /// Keeps the part that is being read, and each of its lines, as a whole, where it is longer
    /// than a phrase.
    pub(super) fn keep_long(&mut self) {
        let part = self.stream.get(self.start..).unwrap_or_default();
        if part.len() > LONGEST {
            let line_end = number(LINE_END);
            let lines = part.split(|word| *word == line_end).chain([part]);
            self.long.extend(lines.filter(|line| line.len() > LONGEST).map(hash));
        }
    }

    /// Ends the part that is being read, so that no phrase continues over its end.
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

/// Numbers in order, each once.
pub(super) fn sorted(mut numbers: Vec<u64>) -> Box<[u64]> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into()
}

/// The phrases of one text. It never changes, and takes some nine bytes a word; four more once a
/// phrase was looked for.
pub(super) struct PhraseIndex {
    /// The number of every word, in order.
    words: Box<[u64]>,
    /// The text: for each word its place among `words`.
    text: Box<[u32]>,
    /// The hashes of its long lines and parts, in order.
    long: Box<[u64]>,
    /// Every place in the text, in the order of the words that follow it. So the work is never more
    /// than the text is long, however often the same words stand in it.
    order: OnceLock<Box<[u32]>>,
}

impl PhraseIndex {
    /// Passes on the hash of every phrase that has so many words; of every long line and part, for
    /// more than are in a phrase.
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

    /// Returns whether the words stand together in the text.
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

    /// So many words of the text from a place on, or all that are left.
    fn at(&self, start: u32, count: usize) -> &[u32] {
        let rest = self.text.get(start as usize..).unwrap_or_default();
        rest.get(..count).unwrap_or(rest)
    }
}
