//! Texts in the order in which they were said, and which of them said a value first.

use std::sync::Arc;

use super::said::{IndexedText, ValueQuery};
use super::together::CombinedIndex;
use super::voice::{FirstMentions, SpeakerKind};

/// Texts in the order in which they were said.
#[derive(Default)]
pub(super) struct TextIndex {
    all: Vec<(SpeakerKind, Arc<IndexedText>)>,
    together: CombinedIndex,
    /// The number of looks into single texts since all were last taken together, and the length of
    /// all texts.
    looked: usize,
    bytes: usize,
}

impl TextIndex {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn push(&mut self, kind: SpeakerKind, said: Arc<IndexedText>) {
        self.bytes = self.bytes.saturating_add(said.text().len());
        self.all.push((kind, said));
    }

    /// Finds who said a value first, among the first so many texts.
    pub(super) fn find(&mut self, wanted: &ValueQuery, count: usize) -> FirstMentions {
        // Looking into each text costs nothing in advance. Where that has cost more than to look
        // into all of them at once, as for a list of a thousand values, it is time to do so.
        if self.looked > self.bytes {
            self.together.extend(self.all.len());
            self.looked = 0;
        }
        let mut found = self.together.find(wanted, &self.all);
        for place in [&mut found.trusted, &mut found.tool, &mut found.agent] {
            *place = place.filter(|place| *place < count);
        }
        if found.trusted.or(found.tool).is_some() {
            return found;
        }
        let texts = self.all.iter().enumerate().take(count).skip(self.together.len());
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
                SpeakerKind::Agent if found.agent.is_none() && said.hints_at(wanted) => {
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
        self.all.iter().map(|(_, said)| said)
    }
}
