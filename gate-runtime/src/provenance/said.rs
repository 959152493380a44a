//! Which values were said first by whom: an index that grows with the conversation.
//!
//! Whom we trust must have said a value *whole*, for what they said lets a call run. For whom we do not trust it is enough to have said it
//! *loosely*, with anything before, after or between its words: what a tool or an agent said first is not the user's, however it was written.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::Value;

use super::words::{Bare, LINE_END, plain_number, words};
use crate::values::message::{Message, Speaker};

/// How many words a value may have that is found inside a text. A longer one must be a whole line, message, or text in a JSON; of whom we
/// do not trust, its beginning is enough.
const LONGEST: usize = 16;

/// How deep JSON may stand in the texts of JSON.
const DEEPEST: usize = 4;

/// Who speaks, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Trusted,
    Tool,
    Agent,
}

/// A value that is looked for.
pub(super) struct Wanted {
    words: Vec<String>,
    loose: Vec<String>,
    number: Option<String>,
}

impl Wanted {
    pub(super) fn of(text: &str) -> Self {
        let mut words = words(text);
        let number = if let [word] = words.as_slice() { plain_number(word) } else { None };
        while words.last().is_some_and(|word| word == LINE_END) {
            words.pop();
        }
        if !words.iter().any(|word| word.contains(char::is_alphanumeric)) {
            // Punctuation alone is no value.
            words.clear();
        }
        let mut loose = Bare::of(text).words();
        loose.truncate(LONGEST);
        Self { words, loose, number }
    }
}

/// An index of what was said, up to some message. Each message is read once, however many rules ask.
#[derive(Default)]
pub(super) struct Said {
    /// How many messages have been read.
    read: usize,
    trusted: Phrases,
    tools: Loose,
    agents: Loose,
}

/// What was said by whom we do not trust.
#[derive(Default)]
struct Loose {
    phrases: Phrases,
    /// The same as if we trusted them: numbers, dates and codes in their one form.
    wholes: Phrases,
    /// The first message with each number.
    numbers: HashMap<String, usize>,
}

impl Said {
    /// Reads the messages that were not read before.
    pub(super) fn read(&mut self, messages: &[Message], voice: impl Fn(&Speaker) -> Voice) {
        for (index, message) in messages.iter().enumerate().skip(self.read) {
            self.read = index + 1;
            let text = message.text().trim();
            match voice(message.speaker()) {
                Voice::Trusted => {
                    let mut add = |text: &str| self.trusted.add(words(text), index);
                    match serde_json::from_str::<Value>(text) {
                        Ok(json) if text.starts_with(['{', '[']) => each_text(&json, 0, &mut add),
                        _ => add(text),
                    }
                }
                Voice::Tool => self.tools.read(text, index),
                Voice::Agent => self.agents.read(text, index),
            }
        }
    }

    /// The first message, among so many, in which somebody said it.
    pub(super) fn first(&mut self, wanted: &Wanted, voice: Voice, among: usize) -> Option<usize> {
        let found = match voice {
            Voice::Trusted => self.trusted.first(&wanted.words),
            Voice::Tool => self.tools.first(wanted),
            Voice::Agent => self.agents.first(wanted),
        };
        found.filter(|message| *message < among)
    }
}

impl Loose {
    fn read(&mut self, text: &str, message: usize) {
        let mut add = |text: &str| {
            let bare = Bare::of(text);
            self.phrases.add(bare.words(), message);
            self.wholes.add(words(text), message);
            for number in bare.numbers() {
                self.numbers.entry(number).or_insert(message);
            }
        };
        match serde_json::from_str::<Value>(text) {
            Ok(json) => each_text(&json, DEEPEST, &mut add),
            Err(_) => add(text),
        }
    }

    fn first(&mut self, wanted: &Wanted) -> Option<usize> {
        let loose = match &wanted.number {
            Some(number) => self.numbers.get(number).copied(),
            None => self.phrases.first(&wanted.loose),
        };
        let whole = self.wholes.first(&wanted.words);
        loose.into_iter().chain(whole).min()
    }
}

/// The texts of a JSON, each by itself; keys too, for a map has values in them. JSON in its texts is taken apart as deep as is said.
fn each_text(json: &Value, depth: usize, add: &mut impl FnMut(&str)) {
    match json {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => add(&number.to_string()),
        Value::String(text) => {
            let inner = (depth > 0).then(|| serde_json::from_str::<Value>(text.trim()).ok()).flatten();
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

/// Texts as words, in which phrases are found.
///
/// A phrase of `n` words is looked up in a table of all phrases of `n` words, which is made when the first such one is asked for: so the
/// work is linear in the conversation, whatever stands in it.
#[derive(Default)]
struct Phrases {
    /// Every word that was said, as a number.
    numbers: HashMap<String, u32>,
    stream: Vec<u32>,
    parts: Vec<Part>,
    tables: BTreeMap<usize, Table>,
    /// The first message with every long line and text.
    wholes: HashMap<u64, usize>,
    hasher: RandomState,
}

/// One text: a message, or a text in a JSON.
struct Part {
    start: usize,
    end: usize,
    message: usize,
}

/// The first place of every phrase of one length.
#[derive(Default)]
struct Table {
    /// How many parts have been read.
    read: usize,
    first: HashMap<u64, Place>,
}

#[derive(Clone, Copy)]
struct Place {
    start: usize,
    message: usize,
}

impl Phrases {
    fn add(&mut self, words: Vec<String>, message: usize) {
        let start = self.stream.len();
        for word in words {
            let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            let number = *self.numbers.entry(word).or_insert(next);
            self.stream.push(number);
        }
        let line_end = self.numbers.get(LINE_END);
        let all = self.stream.get(start..).unwrap_or_default();
        let lines = all.split(|word| Some(word) == line_end);
        for long in lines.chain([all]).filter(|line| line.len() > LONGEST) {
            self.wholes.entry(self.hasher.hash_one(long)).or_insert(message);
        }
        self.parts.push(Part { start, end: self.stream.len(), message });
    }

    /// The message in which a phrase was first said.
    fn first(&mut self, words: &[String]) -> Option<usize> {
        let numbers: Option<Vec<u32>> = words.iter().map(|word| self.numbers.get(word).copied()).collect();
        let numbers = numbers.filter(|numbers| !numbers.is_empty())?;
        let hash = self.hasher.hash_one(numbers.as_slice());
        if numbers.len() > LONGEST {
            return self.wholes.get(&hash).copied();
        }
        let place = self.table(numbers.len()).first.get(&hash).copied()?;
        let there = self.stream.get(place.start..place.start + numbers.len());
        (there == Some(numbers.as_slice())).then_some(place.message)
    }

    /// The table of all phrases of a length, brought up to date.
    fn table(&mut self, length: usize) -> &Table {
        let table = self.tables.entry(length).or_default();
        for part in self.parts.iter().skip(table.read) {
            let words = self.stream.get(part.start..part.end).unwrap_or_default();
            for (offset, phrase) in words.windows(length).enumerate() {
                let place = Place { start: part.start + offset, message: part.message };
                table.first.entry(self.hasher.hash_one(phrase)).or_insert(place);
            }
        }
        table.read = self.parts.len();
        table
    }
}
