//! Texts that were read before: a conversation that is told anew in each turn is read once.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use super::phrases::keyed;
use super::said::Said;
use crate::values::message::Message;

/// How much of the texts that no run may have any more is kept, in bytes, with their indexes.
const MOST: usize = 64 * 1024 * 1024;

/// How many bytes a text takes with its index, for each byte of it, and besides.
const EACH_BYTE: usize = 5;
const EACH_TEXT: usize = 400;

/// The texts that runs of a gate said, with their indexes, as long as there is room.
#[derive(Default)]
pub(crate) struct Indexes(Mutex<Kept>);

/// Two halves: when the one that is filled is full, the other one is forgotten, but for what was asked for again.
#[derive(Default)]
struct Kept {
    new: HashMap<u64, Arc<Said>>,
    old: HashMap<u64, Arc<Said>>,
    /// How many bytes the new ones take.
    bytes: usize,
}

impl Indexes {
    /// Returns what is known of a text, by its hash and itself; knows it from now on.
    pub(super) fn get(&self, hash: u64, text: &Arc<str>) -> Arc<Said> {
        let bytes = text.len().saturating_mul(EACH_BYTE).saturating_add(EACH_TEXT);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.new.get(&hash).filter(|known| known.text() == text) {
            return Arc::clone(known);
        }
        let known = kept.old.remove(&hash).filter(|known| known.text() == text);
        let said = known.unwrap_or_else(|| Arc::new(Said::new(hash, Arc::clone(text))));
        if bytes > MOST / 2 {
            return said;
        }
        let mut forgotten = HashMap::new();
        if kept.bytes.saturating_add(bytes) > MOST / 2 {
            let full = mem::take(&mut kept.new);
            forgotten = mem::replace(&mut kept.old, full);
            kept.bytes = 0;
        }
        kept.bytes += bytes;
        kept.new.insert(hash, Arc::clone(&said));
        // Nobody waits while what is forgotten is dropped.
        drop(kept);
        drop(forgotten);
        said
    }
}

/// The texts of one conversation, as far as somebody asked about them.
#[derive(Default)]
pub(super) struct Texts {
    read: Vec<Arc<Said>>,
    /// Those of the conversation that this one replaced, until it is read.
    before: Vec<Arc<Said>>,
}

impl Texts {
    /// The texts of a conversation that takes the place of this one: most of them are the same.
    pub(super) fn replaced(&self) -> Self {
        let known = if self.read.is_empty() { &self.before } else { &self.read };
        Self { read: Vec::new(), before: known.clone() }
    }

    /// Returns the texts of the conversation, of which these are all messages up to some moment.
    pub(super) fn read(&mut self, messages: &[Message], indexes: &Indexes) -> &[Arc<Said>] {
        let before = mem::take(&mut self.before);
        let mut by_hash: Option<HashMap<u64, usize>> = None;
        let mut next = 0;
        for text in messages.iter().skip(self.read.len()).map(Message::shared_text) {
            // Usually it is the one that came after the last one before, too. To see that costs less than a hash.
            if before.get(next).is_none_or(|known| known.text() != text) {
                let by_hash = by_hash.get_or_insert_with(|| {
                    let places = before.iter().enumerate();
                    places.map(|(place, known)| (known.hash(), place)).collect()
                });
                let hash = keyed(text);
                let place = by_hash
                    .get(&hash)
                    .copied()
                    .filter(|place| before.get(*place).is_some_and(|known| known.text() == text));
                let Some(place) = place else {
                    self.read.push(indexes.get(hash, text));
                    continue;
                };
                next = place;
            }
            self.read.extend(before.get(next).cloned());
            next += 1;
        }
        &self.read
    }
}
