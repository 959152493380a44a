//! Waits for an approval to change, without polling the store.

use std::sync::{Arc, Mutex, Weak};

use foldhash::HashMap;
use gate_core::id::ApprovalId;
use gate_core::ports::{RecordFilter, RecordWatch};
use tokio::sync::Notify;

use super::EngineCore;
use crate::lock::lock;

/// The number of records that are read at once.
const PAGE: usize = 256;

/// Wakes the tasks that wait for an approval when a record about it appears, from any process.
///
/// One task reads new records for all waiters. It ends when nobody waits.
#[derive(Default)]
pub(crate) struct ChangeFeed {
    waiters: Mutex<WaiterTable>,
}

#[derive(Default)]
struct WaiterTable {
    by_id: HashMap<ApprovalId, Vec<Weak<Notify>>>,
    is_followed: bool,
}

/// Waits for changes of one approval. No change after its creation is missed.
pub(crate) struct ApprovalWaiter {
    core: Arc<EngineCore>,
    id: ApprovalId,
    changed: Arc<Notify>,
}

impl ChangeFeed {
    /// Registers a waiter. Read the approval after this, then wait.
    pub(crate) fn wait_for(core: &Arc<EngineCore>, id: ApprovalId) -> ApprovalWaiter {
        let changed = Arc::new(Notify::new());
        // The lock is held until the task is spawned, so that two waiters start only one task.
        let mut waiters = lock(&core.change_feed.waiters);
        waiters.by_id.entry(id).or_default().push(Arc::downgrade(&changed));
        if !std::mem::replace(&mut waiters.is_followed, true) {
            let mut following = core.store.watch();
            // Marked here, and not when the task begins, so that changes in between count as new.
            let seen = following.mark_seen();
            tokio::spawn(follow(Arc::downgrade(core), following, seen));
        }
        ApprovalWaiter { core: Arc::clone(core), id, changed }
    }

    /// Wakes the waiters of an approval, so that they read it again.
    pub(crate) fn wake(&self, id: ApprovalId) {
        for waiter in
            lock(&self.waiters).by_id.get(&id).into_iter().flatten().filter_map(Weak::upgrade)
        {
            waiter.notify_one();
        }
    }

    fn wake_all(&self) {
        for waiter in lock(&self.waiters).by_id.values().flatten().filter_map(Weak::upgrade) {
            waiter.notify_one();
        }
    }

    /// Returns whether the task should end, because nobody waits any more.
    fn stop_if_idle(&self) -> bool {
        // Checked and recorded under one lock, so that a later waiter knows to start a new task.
        let mut waiters = lock(&self.waiters);
        waiters.is_followed = !waiters.by_id.is_empty();
        !waiters.is_followed
    }
}

impl ApprovalWaiter {
    /// Waits until the approval may have changed since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for ApprovalWaiter {
    fn drop(&mut self) {
        // Removed here, so that the task ends when nobody waits any more.
        let mut waiters = lock(&self.core.change_feed.waiters);
        if let Some(others) = waiters.by_id.get_mut(&self.id) {
            others.retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(&self.changed)));
            if others.is_empty() {
                waiters.by_id.remove(&self.id);
            }
        }
    }
}

/// Reads new records and wakes their waiters, until nobody waits or the gate is gone.
async fn follow(gate: Weak<EngineCore>, mut last: RecordWatch, mut seen: u64) {
    loop {
        let Some(until) = last.changed().await else { return };
        let Some(core) = gate.upgrade() else { return };
        while seen < until {
            let Ok(records) = core.store.records(&RecordFilter::after(seen).limit(PAGE)).await
            else {
                // Without the records, it is unknown whose approval changed, so every waiter reads
                // its own.
                core.change_feed.wake_all();
                break;
            };
            let Some(newest) = records.last() else { break };
            seen = newest.seq();
            for subject in records.iter().filter_map(|record| record.subject()) {
                core.change_feed.wake(subject.approval());
            }
        }
        if core.change_feed.stop_if_idle() {
            return;
        }
    }
}
