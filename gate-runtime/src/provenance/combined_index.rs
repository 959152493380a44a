//! An index over many texts, used when enough values are searched for to pay for it.

use std::collections::HashMap;
use std::sync::Arc;

use super::first_mentions::{FirstMentions, SpeakerKind};
use super::indexed_text::{IndexedText, SearchScope, ValueQuery};

/// The first text with each phrase, in the order of the phrases.
type PhraseTable = Box<[(u64, usize)]>;

/// The first texts of a conversation, with the first text that contains each phrase.
#[derive(Default)]
pub(super) struct CombinedIndex {
    count: usize,
    /// One table for each length of phrase that was searched for.
    tables: HashMap<(SpeakerKind, SearchScope, usize), PhraseTable>,
}

impl CombinedIndex {
    /// Returns the number of indexed texts.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn extend(&mut self, count: usize) {
        *self = Self { count, tables: HashMap::new() };
    }

    pub(super) fn find(
        &mut self,
        query: &ValueQuery,
        texts: &[(SpeakerKind, Arc<IndexedText>)],
    ) -> FirstMentions {
        if self.count == 0 {
            return FirstMentions::default();
        }
        let texts = texts.get(..self.count).unwrap_or(texts);
        let mut first = |speaker| {
            let parts = query.parts(speaker == SpeakerKind::Trusted);
            parts
                .filter_map(|(search_scope, length, hash)| {
                    self.first(speaker, search_scope, length, hash, texts)
                })
                .min()
        };
        FirstMentions {
            trusted: first(SpeakerKind::Trusted),
            tool: first(SpeakerKind::Tool),
            agent: first(SpeakerKind::Agent),
        }
    }

    fn first(
        &mut self,
        speaker: SpeakerKind,
        search_scope: SearchScope,
        length: usize,
        hash: u64,
        texts: &[(SpeakerKind, Arc<IndexedText>)],
    ) -> Option<usize> {
        let table = self.tables.entry((speaker, search_scope, length)).or_insert_with(|| {
            let mut all = Vec::new();
            for (index, (by, text)) in texts.iter().enumerate() {
                if *by == speaker {
                    text.each(search_scope, length, |hash| all.push((hash, index)));
                }
            }
            all.sort_unstable();
            all.dedup_by_key(|(hash, _)| *hash);
            all.into()
        });
        let found = table.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        table.get(found).map(|(_, place)| *place)
    }
}
