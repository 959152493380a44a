//! The memories of a gate's runs.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex};

use gate_core::id::RunId;

use super::index_cache::IndexCache;
use super::run_memory::RunMemory;
use crate::lock::lock;

/// The most bytes of memories that are kept of runs without a handle.
const MOST: usize = 64 * 1024 * 1024;

/// The bytes of overhead for each run.
const EACH_RUN: usize = 1024;

/// The memories of a gate's runs: of every run that has a handle, and of other runs up to a limit.
pub(crate) struct RunMemories {
    key: [u8; 32],
    indexes: Arc<IndexCache>,
    kept: Mutex<RunHalves>,
}

/// A cache of two generations. When the new one is full, the old one is dropped, except for runs
/// that have a handle.
#[derive(Default)]
struct RunHalves {
    new: HashMap<(RunId, RunId), (Arc<RunMemory>, usize)>,
    old: HashMap<(RunId, RunId), (Arc<RunMemory>, usize)>,
    /// The bytes of the memories of the new generation when they were last used.
    bytes: usize,
}

impl RunMemories {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, indexes: Arc::default(), kept: Mutex::default() }
    }

    /// Returns the memory of a run, by its outermost run and the family under which its calls are
    /// stored.
    pub(crate) fn of(&self, run: &RunId, family: &RunId) -> Arc<RunMemory> {
        let name = (run.outermost(), family.clone());
        // Held from look-up to insertion, so that all handles of a run get one memory.
        let mut kept = lock(&self.kept);
        let RunHalves { new, old, bytes } = &mut *kept;
        if let Some((memory, counted)) = new.get_mut(&name) {
            let now = memory.bytes() + EACH_RUN;
            *bytes = bytes.saturating_sub(*counted).saturating_add(now);
            *counted = now;
            return Arc::clone(memory);
        }
        let known = old.remove(&name).map(|(memory, _)| memory);
        let memory = known.unwrap_or_else(|| {
            let (run, family) = name.clone();
            Arc::new(RunMemory::new(run, family, self.key, Arc::clone(&self.indexes)))
        });
        let size = memory.bytes() + EACH_RUN;
        let mut forgotten = HashMap::new();
        if bytes.saturating_add(size) > MOST / 2 {
            forgotten = mem::replace(old, mem::take(new));
            *bytes = 0;
            // A run with a handle keeps its memory: two memories of one run would each know only
            // half.
            new.extend(forgotten.extract_if(|_, (memory, _)| Arc::strong_count(memory) > 1));
        }
        *bytes = bytes.saturating_add(size);
        new.insert(name, (Arc::clone(&memory), size));
        // The lock is released first, so that nobody waits while the old generation is freed.
        drop(kept);
        drop(forgotten);
        memory
    }
}
