//! Compares the store with the trail.

use std::collections::VecDeque;
use std::sync::Arc;

use gate_core::ports::{RecordFilter, RecordLog, StoreError};
use gate_core::records::{GateEvent, Record, RecordEvent, TrailEntry};
use gate_core::text::{SchemaError, push_step};
use serde_json::Value;

use super::blocking;
use super::error::{Divergence, DivergenceKind, TrailError};
use super::reader::TrailReader;
use super::sealed_calls::{SealedCalls, SealedRecord, leaf_of};

/// The number of records that are read from the store at once.
pub(super) const PAGE: usize = 1_024;

/// The number of entries that are read from the folder at once.
const ENTRIES: usize = 4_096;

/// Compares every entry of the trail with the stored record, and returns their divergence, if there
/// is one.
///
/// After a reset entry, the trail contains the same record numbers again, and only the later
/// records count.
pub(crate) async fn compare(
    store: &dyn RecordLog,
    reader: &Arc<TrailReader>,
) -> Result<Option<Divergence>, TrailError> {
    Ok(survey(store, reader).await?.err())
}

/// Compares the trail with the store as [`compare`] does. If they do not diverge, returns the
/// sealed records of the calls that may still run.
pub(super) async fn survey(
    store: &dyn RecordLog,
    reader: &Arc<TrailReader>,
) -> Result<Result<SealedCalls, Divergence>, TrailError> {
    let mut pass = ComparePass::over(store, Vec::new());
    pass.run(reader).await?;
    if let Some(divergence) = pass.divergence {
        return Ok(Err(Divergence { sealed: pass.next.saturating_sub(1), ..divergence }));
    }
    if pass.breaks.is_empty() {
        return Ok(Ok(pass.calls));
    }
    // Records that a later reset entry withdrew do not count, and only now are they known.
    let mut again = ComparePass::over(store, pass.breaks);
    again.run(reader).await?;
    Ok(Ok(again.calls))
}

struct ComparePass<'a> {
    records: RecordPages<'a>,
    next: u64,
    divergence: Option<Divergence>,
    /// The indexes of the reset entries, each with the number of the first record that was written
    /// again.
    breaks: Vec<(u64, u64)>,
    /// The reset entries that an earlier pass found.
    known: Vec<(u64, u64)>,
    calls: SealedCalls,
}

impl<'a> ComparePass<'a> {
    fn over(store: &'a dyn RecordLog, known: Vec<(u64, u64)>) -> Self {
        let (divergence, breaks, calls) = (None, Vec::new(), SealedCalls::default());
        Self { records: RecordPages::new(store), next: 1, divergence, breaks, known, calls }
    }

    async fn run(&mut self, reader: &Arc<TrailReader>) -> Result<(), TrailError> {
        while self.calls.entries < reader.size() {
            let (trail, from) = (Arc::clone(reader), self.calls.entries);
            let read =
                blocking(move || trail.entries(from).take(ENTRIES).collect::<Result<Vec<_>, _>>());
            for (at, bytes) in read.await? {
                self.take(at, &bytes).await?;
                self.calls.entries = at + 1;
            }
        }
        Ok(())
    }

    async fn take(&mut self, index: u64, bytes: &[u8]) -> Result<(), TrailError> {
        let record = self.records.get(self.next).await?;
        let leaf = record.as_deref().map(|text| leaf_of(self.next, text)).transpose()?;
        if let (Some(text), Some(leaf)) = (&record, &leaf)
            && leaf.text().as_bytes() == bytes
        {
            if !self.known.iter().any(|(at, next)| *at > index && *next <= self.next) {
                let sealed = SealedRecord::of_text(self.next, text, leaf);
                self.calls.take(&sealed.map_err(|error| TrailError::Record {
                    seq: self.next,
                    problem: SchemaError::new("", error.to_string()),
                })?);
            }
            self.next += 1;
            return Ok(());
        }
        let entry =
            TrailEntry::parse(bytes).map_err(|problem| TrailError::Entry { index, problem })?;
        if let TrailEntry::Reset(reset) = &entry {
            // From here on, the trail has the records that the store had when the divergence was
            // settled.
            if self.divergence.as_ref().is_some_and(|found| found.seq() >= reset.next()) {
                self.divergence = None;
            }
            self.next = reset.next();
            self.breaks.push((index, reset.next()));
            return Ok(());
        }
        if self.divergence.is_none() {
            self.divergence = Some(match (record, leaf) {
                (Some(text), Some(leaf)) => {
                    Divergence::changed(self.next, 0, &text, difference(bytes, leaf.text()))
                }
                _ => Divergence { seq: self.next, sealed: 0, how: DivergenceKind::Shorter },
            });
        }
        self.next += 1;
        Ok(())
    }
}

/// Reads the records of a store in their order, a page at a time.
struct RecordPages<'a> {
    store: &'a dyn RecordLog,
    page: VecDeque<(u64, String)>,
}

impl<'a> RecordPages<'a> {
    fn new(store: &'a dyn RecordLog) -> Self {
        Self { store, page: VecDeque::new() }
    }

    /// Returns the record with a number, if the store has it.
    async fn get(&mut self, seq: u64) -> Result<Option<String>, TrailError> {
        while self.page.front().is_some_and(|(first, _)| *first < seq) {
            self.page.pop_front();
        }
        if self.page.front().is_none_or(|(first, _)| *first != seq) {
            let filter = RecordFilter::after(seq.saturating_sub(1)).limit(PAGE);
            self.page = self.store.record_texts(&filter).await?.into();
        }
        Ok(self.page.pop_front_if(|(first, _)| *first == seq).map(|(_, text)| text))
    }
}

/// Reads the records of a store after a number, one after the other.
pub(super) async fn each_record(
    store: &dyn RecordLog,
    mut after: u64,
    mut take: impl FnMut(&Record) + Send,
) -> Result<(), StoreError> {
    loop {
        let page = store.records(&RecordFilter::after(after).limit(PAGE)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq();
        for record in &page {
            take(record);
        }
    }
}

/// Returns whether this record begins the trail with a name.
pub(super) fn begins(record: &Record, trail: &str) -> bool {
    matches!(
        record.event(),
        RecordEvent::Gate(GateEvent::TrailBegun { origin, .. }) if origin == trail
    )
}

/// Returns the first place where two JSON texts differ, as a JSON pointer.
fn difference(one: &[u8], two: &str) -> String {
    let (one, two) = (serde_json::from_slice(one), serde_json::from_str(two));
    let mut pointer = String::new();
    if let (Ok(one), Ok(two)) = (&one, &two) {
        find_difference(one, two, &mut pointer);
    }
    pointer
}

fn find_difference(one: &Value, two: &Value, pointer: &mut String) {
    let step = match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let names = one.keys().chain(two.keys());
            let name = names.into_iter().find(|name| one.get(*name) != two.get(*name));
            name.map(|name| (name.clone(), one.get(name), two.get(name)))
        }
        (Value::Array(one), Value::Array(two)) => {
            let index =
                (0..one.len().max(two.len())).find(|index| one.get(*index) != two.get(*index));
            index.map(|index| (index.to_string(), one.get(index), two.get(index)))
        }
        _ => None,
    };
    if let Some((name, one, two)) = step {
        push_step(pointer, &name);
        if let (Some(one), Some(two)) = (one, two) {
            find_difference(one, two, pointer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let one = br#"{"a":{"b":[1,{"c":2}]},"z":0}"#;
        assert_eq!(difference(one, r#"{"a":{"b":[1,{"c":3}]},"z":1}"#), "/a/b/1/c");
        assert_eq!(difference(one, r#"{"a":{"b":[1]},"z":0}"#), "/a/b/1");
        assert_eq!(difference(one, r#"{"a":{},"z":0}"#), "/a/b");
        assert_eq!(difference(one, r#"{"a":{"b":[1,{"c":2}]},"z":0}"#), "");
    }
}
