//! Which whole values were said first by whom: an index that grows with the conversation.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::Value;

use super::words::{LINE_END, words, words_of_value};
use super::{Message, Speaker};

/// How many words a value may have that is found inside a text. A longer one must be a whole line, message, or text in a tool's JSON.
const LONGEST: usize = 16;

/// An index of what was said, up to some message.
///
/// Each message is read once, however many rules ask. A value of `n` words is looked up in a table of all phrases of `n` words, which is made
/// when the first such value is asked for: so the work is linear in the conversation, whatever stands in it.
#[derive(Default)]
pub(super) struct Said {
    /// How many messages have been read.
    read: usize,
    /// Every word that was said, as a number.
    numbers: HashMap<String, u32>,
    stream: Vec<u32>,
    parts: Vec<Part>,
    tables: BTreeMap<usize, Table>,
    /// The first place of every long line and text.
    wholes: HashMap<u64, Place>,
    hasher: RandomState,
}

/// One text: a message, or a text in a tool's JSON.
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

impl Said {
    /// Reads the messages that were not read before. What the agent says is no source of anything.
    pub(super) fn read(&mut self, messages: &[Message], is_source: impl Fn(&Speaker) -> bool) {
        for (index, message) in messages.iter().enumerate().skip(self.read) {
            self.read = index + 1;
            if !is_source(message.speaker()) {
                continue;
            }
            let text = message.text().trim();
            match serde_json::from_str::<Value>(text) {
                Ok(json) if text.starts_with(['{', '[']) => self.add_json(&json, index),
                _ => self.add(text, index),
            }
        }
    }

    /// The texts of a JSON, each by itself; keys too, for a map has values in them.
    fn add_json(&mut self, json: &Value, message: usize) {
        match json {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.add(&number.to_string(), message),
            Value::String(text) => self.add(text, message),
            Value::Array(items) => items.iter().for_each(|item| self.add_json(item, message)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.add(name, message);
                    self.add_json(value, message);
                }
            }
        }
    }

    fn add(&mut self, text: &str, message: usize) {
        let start = self.stream.len();
        for word in words(text) {
            let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            let number = *self.numbers.entry(word).or_insert(next);
            self.stream.push(number);
        }
        let part = Part { start, end: self.stream.len(), message };
        let line_end = self.numbers.get(LINE_END);
        let all = self.stream.get(start..).unwrap_or_default();
        let lines = all.split(|word| Some(word) == line_end);
        for long in lines.chain([all]).filter(|line| line.len() > LONGEST) {
            self.wholes.entry(self.hasher.hash_one(long)).or_insert(Place { start: 0, message });
        }
        self.parts.push(part);
    }

    /// The message, among the first so many, in which a text was first said as a whole value.
    pub(super) fn first(&mut self, text: &str, among: usize) -> Option<usize> {
        let words = words_of_value(text);
        let numbers: Option<Vec<u32>> = words.iter().map(|word| self.numbers.get(word).copied()).collect();
        let numbers = numbers.filter(|numbers| !numbers.is_empty())?;
        let hash = self.hasher.hash_one(numbers.as_slice());
        let place =
            if numbers.len() > LONGEST {
                self.wholes.get(&hash).copied()
            } else {
                self.table(numbers.len()).first.get(&hash).copied().filter(|place| {
                    self.stream.get(place.start..place.start + numbers.len()) == Some(numbers.as_slice())
                })
            };
        place.map(|place| place.message).filter(|message| *message < among)
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
