//! A cache of indexed texts: a conversation that is passed again in each turn is parsed once.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex};

use super::indexed_text::IndexedText;
use crate::lock::lock;

/// The most bytes of texts and their indexes that are kept after their runs may have ended.
const MOST: usize = 64 * 1024 * 1024;

/// The bytes that a text takes with its index: for each byte of the text, and the overhead of each
/// text.
const EACH_BYTE: usize = 5;
const EACH_TEXT: usize = 400;

/// The texts in runs of a gate, with their indexes, up to a limit.
#[derive(Default)]
pub(crate) struct IndexCache(Mutex<CacheHalves>);

/// A cache of two generations. When the new one is full, the old one is dropped, except for entries
/// that were used again.
#[derive(Default)]
struct CacheHalves {
    new: HashMap<u64, Arc<IndexedText>>,
    old: HashMap<u64, Arc<IndexedText>>,
    /// The number of bytes of the new generation.
    bytes: usize,
}

impl IndexCache {
    /// Returns the index of a text, by its hash and the text itself, and keeps it from now on.
    pub(super) fn get(&self, hash: u64, text: &Arc<str>) -> Arc<IndexedText> {
        let bytes = text.len().saturating_mul(EACH_BYTE).saturating_add(EACH_TEXT);
        // Two tasks may index the same text at once without harm, but must not change the
        // generations at once.
        let mut kept = lock(&self.0);
        if let Some(known) = kept.new.get(&hash).filter(|known| known.text() == text) {
            return Arc::clone(known);
        }
        let known = kept.old.remove(&hash).filter(|known| known.text() == text);
        let indexed = known.unwrap_or_else(|| Arc::new(IndexedText::new(Arc::clone(text))));
        if bytes > MOST / 2 {
            return indexed;
        }
        let mut forgotten = HashMap::new();
        if kept.bytes.saturating_add(bytes) > MOST / 2 {
            let full = mem::take(&mut kept.new);
            forgotten = mem::replace(&mut kept.old, full);
            kept.bytes = 0;
        }
        kept.bytes += bytes;
        kept.new.insert(hash, Arc::clone(&indexed));
        // The lock is released first, so that nobody waits while the old generation is freed.
        drop(kept);
        drop(forgotten);
        indexed
    }
}
