//! The texts of one conversation, and which of them said a value first.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use gate_core::call::Message;

use super::indexes::Indexes;
use super::phrases::keyed;
use super::said::{Said, Wanted};
use super::together::Together;
use super::voice::{Found, SpeakerKind};

/// The texts of one conversation, as far as somebody asked about them.
#[derive(Default)]
pub(super) struct Texts {
    read: Vec<(SpeakerKind, Arc<Said>)>,
    /// Those of the conversation that this one replaced, until it is read.
    before: Vec<Arc<Said>>,
    together: Together,
    /// How many texts were looked into one by one, and how long all of them are.
    looked: usize,
    bytes: usize,
}

impl Texts {
    /// The texts of a conversation that takes the place of this one: most of them are the same.
    pub(super) fn replaced(&self) -> Self {
        let read = || self.read.iter().map(|(_, said)| Arc::clone(said)).collect();
        let before = if self.read.is_empty() { self.before.clone() } else { read() };
        Self { before, ..Self::default() }
    }

    /// Finds who said a value first, in messages with which the conversation begins.
    pub(super) fn find(&mut self, wanted: &Wanted, messages: &[Message], is_nested: bool, indexes: &Indexes) -> Found {
        self.read(messages, is_nested, indexes);
        // Looking into each text costs nothing in advance. Where that has cost more than to look into all of them at
        // once, as for a list of a thousand values, it is time to do so.
        if self.looked > self.bytes {
            self.together.extend(self.read.len());
            self.looked = 0;
        }
        let mut found = self.together.find(wanted, &self.read);
        for place in [&mut found.trusted, &mut found.tool, &mut found.agent] {
            *place = place.filter(|place| *place < messages.len());
        }
        if found.trusted.or(found.tool).is_some() {
            return found;
        }
        let texts = self.read.iter().enumerate().take(messages.len()).skip(self.together.len());
        for (place, (voice, said)) in texts {
            self.looked += 1;
            match voice {
                SpeakerKind::Trusted if said.says(wanted) => {
                    found.trusted = Some(place);
                    return found;
                }
                SpeakerKind::Tool if said.hints_at(wanted) => {
                    found.tool = Some(place);
                    return found;
                }
                SpeakerKind::Agent if found.agent.is_none() && said.hints_at(wanted) => found.agent = Some(place),
                _ => {}
            }
        }
        found
    }

    /// Knows the texts of all these messages.
    pub(super) fn read(&mut self, messages: &[Message], is_nested: bool, indexes: &Indexes) {
        let before = mem::take(&mut self.before);
        let mut by_hash: Option<HashMap<u64, usize>> = None;
        let mut next = 0;
        for message in messages.iter().skip(self.read.len()) {
            let text = message.shared_text();
            let at = |place: usize| before.get(place).filter(|known| known.text() == text);
            // Usually it is the one that came next before, too. To see that costs less than a hash.
            let said = if let Some(known) = at(next) {
                next += 1;
                Arc::clone(known)
            } else {
                let hash = keyed(text);
                let places = by_hash.get_or_insert_with(|| {
                    before.iter().enumerate().map(|(place, known)| (known.hash(), place)).collect()
                });
                match places.get(&hash).and_then(|place| Some((*place, at(*place)?))) {
                    Some((place, known)) => {
                        next = place + 1;
                        Arc::clone(known)
                    }
                    None => indexes.get(hash, text),
                }
            };
            self.bytes = self.bytes.saturating_add(text.len());
            self.read.push((SpeakerKind::of(message.speaker(), is_nested), said));
        }
    }

    #[cfg(test)]
    pub(super) fn taken_together(&self) -> usize {
        self.together.len()
    }

    #[cfg(test)]
    pub(super) fn texts(&self) -> impl Iterator<Item = &Arc<Said>> {
        self.read.iter().map(|(_, said)| said)
    }
}
