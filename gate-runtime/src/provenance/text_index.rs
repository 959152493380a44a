//! Finds the first of many texts that contains a value.

use std::sync::Arc;

use super::combined_index::CombinedIndex;
use super::first_mentions::{FirstMentions, SpeakerKind};
use super::indexed_text::{IndexedText, ValueQuery};

/// Texts in the order in which they were added.
#[derive(Default)]
pub(super) struct TextIndex {
    all: Vec<(SpeakerKind, Arc<IndexedText>)>,
    together: CombinedIndex,
    /// The work of searches in single texts since the combined index was last built, and the length
    /// of all texts.
    looked: usize,
    bytes: usize,
}

impl TextIndex {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn push(&mut self, kind: SpeakerKind, text: Arc<IndexedText>) {
        self.bytes = self.bytes.saturating_add(text.text().len());
        self.all.push((kind, text));
    }

    /// Finds the first mentions of a value among the first `count` texts.
    pub(super) fn find(&mut self, query: &ValueQuery, count: usize) -> FirstMentions {
        // Searching each text has no cost in advance. Once that has cost more than building the
        // combined index, as for a list of a thousand values, the index is built.
        if self.looked > self.bytes {
            self.together.extend(self.all.len());
            self.looked = 0;
        }
        let mut found = self.together.find(query, &self.all);
        for index in [&mut found.trusted, &mut found.tool, &mut found.agent] {
            *index = index.filter(|position| *position < count);
        }
        if found.trusted.or(found.tool).is_some() {
            return found;
        }
        let texts = self.all.iter().enumerate().take(count).skip(self.together.len());
        for (place, (speaker, text)) in texts {
            self.looked += 1;
            match speaker {
                SpeakerKind::Trusted if text.contains(query) => {
                    found.trusted = Some(place);
                    return found;
                }
                SpeakerKind::Tool if text.may_contain(query) => {
                    found.tool = Some(place);
                    return found;
                }
                SpeakerKind::Agent if found.agent.is_none() && text.may_contain(query) => {
                    found.agent = Some(place);
                }
                _ => {}
            }
        }
        found
    }

    #[cfg(test)]
    pub(super) fn taken_together(&self) -> usize {
        self.together.len()
    }

    #[cfg(test)]
    pub(super) fn texts(&self) -> impl Iterator<Item = &Arc<IndexedText>> {
        self.all.iter().map(|(_, text)| text)
    }
}
