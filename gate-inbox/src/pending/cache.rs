//! The cache of pending calls, shared by all requests.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gate_runtime::id::{AgentName, ApprovalId};
use gate_runtime::review::Status;
use gate_runtime::run::CallSubject;
use gate_runtime::store::{ApprovalFilter, StoreError};
use gate_runtime::{AnyGate, Interruption, Timestamp};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::pending::list::PendingSnapshot;

/// Polling for open pages takes at most one part in this many of the time. With very many
/// questions, open pages update a little later, but agents and reviewers are not delayed.
const SHARE: u32 = 5;

/// The shortest and the longest interval between two reads for open pages.
const PACE: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(2);

/// Reading changes may take one part in this many of the time of a full read; otherwise everything
/// is read.
const PART: u32 = 4;

/// The time after which everything is read again in any case, because of changes without a record,
/// such as a restored database. It is longer with very many questions, so that full reads take at
/// most a hundredth of the time.
const ANEW: Duration = Duration::from_mins(1);
const SELDOM: u32 = 100;

/// The number of records that are read at once.
const RECORDS: usize = 256;

/// The cache of pending calls.
#[derive(Debug, Default)]
pub(crate) struct PendingCache(Mutex<Option<CachedPending>>);

/// The questions of the last read.
#[derive(Debug)]
struct CachedPending {
    /// The time when the last read began, and how long it took.
    started: Instant,
    took: Duration,
    /// The time when everything was last read, and how long that took.
    read: Instant,
    whole: Duration,
    /// The record up to which changes are included.
    seen: u64,
    keys: HashMap<ApprovalId, ListOrder>,
    sorted: BTreeMap<ListOrder, Interruption>,
    /// The number of questions of each agent.
    of_agent: HashMap<AgentName, usize>,
    /// The snapshot for lists, made when it is first needed.
    list: Option<Arc<PendingSnapshot>>,
}

/// The order of a list: by deadline.
type ListOrder = (Timestamp, Timestamp, ApprovalId);

impl PendingCache {
    /// Returns all pending calls, in a state that is not older than this method call.
    ///
    /// Each open list calls this on every change. A caller shares the result of a read that began
    /// after its own call. A page that polls may have to wait; a person who opens a page does not.
    pub(crate) async fn pending(
        &self,
        gate: &AnyGate,
        is_live: bool,
    ) -> Result<Arc<PendingSnapshot>, StoreError> {
        self.look(gate, is_live, CachedPending::interruptions).await
    }

    /// Updates the cache, and returns a part of it.
    async fn look<T>(
        &self,
        gate: &AnyGate,
        is_live: bool,
        take: impl FnOnce(&mut CachedPending) -> T + Send,
    ) -> Result<T, StoreError> {
        let requested_at = Instant::now();
        let mut last = loop {
            // The lock is held while reading, so that concurrent requests share one read of the
            // store.
            let mut last = self.0.lock().await;
            let due = match &mut *last {
                Some(cached) if cached.started > requested_at => return Ok(take(cached)),
                Some(kept) if is_live => {
                    kept.started + kept.took.saturating_mul(SHARE).clamp(PACE, LATE)
                }
                _ => break last,
            };
            if due <= Instant::now() {
                break last;
            }
            drop(last);
            sleep_until(due).await;
        };
        let started = Instant::now();
        if let Some(kept) = &mut *last
            && kept.read.elapsed() < kept.whole.saturating_mul(SELDOM).max(ANEW)
            // If a record cannot be read, a full read may still succeed.
            && let Some(changes) = kept.changes_since(gate, started).await.unwrap_or(None)
        {
            kept.apply(changes, started);
            return Ok(take(kept));
        }
        Ok(take(last.insert(CachedPending::read(gate, started).await?)))
    }
}

/// The changes since the last read: the last record read, and each call that may have begun or
/// stopped waiting.
struct PendingChanges {
    seen: u64,
    changed: Vec<(ApprovalId, Option<Interruption>)>,
}

impl CachedPending {
    /// Reads all pending calls.
    async fn read(gate: &AnyGate, started: Instant) -> Result<Self, StoreError> {
        let read = Instant::now();
        // Taken before the list is read: later changes may already be in the list, and are read
        // again.
        let seen = gate.events().seen();
        let all = gate.interruptions(&ApprovalFilter::all().status(Status::Pending)).await?;
        let whole = read.elapsed();
        let (keys, sorted, of_agent) = (HashMap::new(), BTreeMap::new(), HashMap::new());
        let mut cached =
            Self { started, took: whole, read, whole, seen, keys, sorted, of_agent, list: None };
        for interruption in all {
            cached.put(interruption);
        }
        cached.took = started.elapsed();
        Ok(cached)
    }

    /// Reads the changes since the last read, if that is faster than reading everything.
    async fn changes_since(
        &self,
        gate: &AnyGate,
        started: Instant,
    ) -> Result<Option<PendingChanges>, StoreError> {
        let (mut seen, mut ids) = (self.seen, HashSet::new());
        let is_slow = || started.elapsed() > self.whole / PART;
        loop {
            let records = gate.records(seen, RECORDS).await?;
            for record in &records {
                seen = record.seq();
                let Some(id) = record.subject().map(CallSubject::approval) else { continue };
                // A call that did not wait before and does not wait now does not matter here.
                if record.status() == Some(Status::Pending) || self.keys.contains_key(&id) {
                    ids.insert(id);
                }
            }
            if is_slow() {
                return Ok(None);
            }
            if records.len() < RECORDS {
                break;
            }
        }
        let mut changed = Vec::new();
        for id in ids {
            let interruption = gate.interruption(id).await?;
            changed.push((
                id,
                interruption.filter(|asked| asked.approval().status() == Status::Pending),
            ));
            if is_slow() {
                return Ok(None);
            }
        }
        Ok(Some(PendingChanges { seen, changed }))
    }

    fn apply(&mut self, changes: PendingChanges, started: Instant) {
        self.seen = changes.seen;
        for (id, interruption) in changes.changed {
            self.remove(id);
            if let Some(asked) = interruption {
                self.put(asked);
            }
        }
        // Reset even without changes, because the steps of an escalation begin at set times.
        self.list = None;
        (self.started, self.took) = (started, started.elapsed());
    }

    fn remove(&mut self, id: ApprovalId) {
        let Some(removed) = self.keys.remove(&id).and_then(|key| self.sorted.remove(&key)) else {
            return;
        };
        let agent = removed.approval().subject().info().agent();
        if let Some(count) = self.of_agent.get_mut(agent) {
            *count -= 1;
            if *count == 0 {
                self.of_agent.remove(agent);
            }
        }
    }

    fn put(&mut self, interruption: Interruption) {
        let approval = interruption.approval();
        let key =
            (approval.expires_at().unwrap_or(Timestamp::MAX), approval.asked_at(), approval.id());
        *self.of_agent.entry(approval.subject().info().agent().clone()).or_default() += 1;
        self.keys.insert(approval.id(), key);
        self.sorted.insert(key, interruption);
    }

    fn interruptions(&mut self) -> Arc<PendingSnapshot> {
        let list = self.list.get_or_insert_with(|| {
            Arc::new(PendingSnapshot::of(self.sorted.values().cloned().collect()))
        });
        Arc::clone(list)
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use gate_runtime::prelude::*;
    use gate_runtime::records::Record;
    use gate_runtime::remote::RemoteCall;
    use gate_runtime::store::{BoxFuture, RecordFilter, Store, StoreErrorKind};
    use gate_runtime::testing::{LayeredStore, StoreLayer};
    use gate_runtime::{Approval, NoTools};
    use serde_json::json;
    use tokio::time::advance;

    use super::*;

    /// Counts the reads of all pending calls, and the reads of records.
    #[derive(Default)]
    struct CountingStore {
        inner: MemoryStore,
        lists: AtomicUsize,
        reads: AtomicUsize,
        is_damaged: AtomicBool,
    }

    impl CountingStore {
        fn counts(&self) -> [usize; 2] {
            [&self.lists, &self.reads].map(|count| count.load(Ordering::SeqCst))
        }
    }

    async fn counted_gate() -> (Gate<NoTools>, Arc<LayeredStore<CountingStore>>) {
        let people = StaticDirectory::new().person("dana", ["manager"]).person("eve", ["manager"]);
        let store = Arc::new(LayeredStore(CountingStore::default()));
        let gate = Gate::builder(()).store(Arc::clone(&store)).directory(people);
        (gate.build().await.unwrap(), store)
    }

    impl StoreLayer for CountingStore {
        fn inner(&self) -> &dyn Store {
            &self.inner
        }

        fn records<'a>(
            &'a self,
            filter: &'a RecordFilter,
        ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
            // The gate itself reads the records of one call.
            if filter.of_call().is_none() {
                self.reads.fetch_add(1, Ordering::SeqCst);
                if self.is_damaged.load(Ordering::SeqCst) {
                    let error = StoreError::new(StoreErrorKind::Corrupt, "a record cannot be read");
                    return Box::pin(ready(Err(error)));
                }
            }
            self.inner().records(filter)
        }

        fn approvals<'a>(
            &'a self,
            filter: &'a ApprovalFilter,
        ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
            Box::pin(async move {
                if filter.ids().is_empty() {
                    self.lists.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                self.inner().approvals(filter).await
            })
        }
    }

    #[tokio::test]
    async fn many_who_ask_at_once_are_one_or_two_looks_and_who_asks_later_is_another() {
        let (gate, store) = counted_gate().await;
        let pending_cache = PendingCache::default();
        let all = join_all((0..100).map(|_| pending_cache.pending(&gate, true))).await;
        assert!(all.into_iter().all(|found| found.is_ok()));
        let [lists, looks] = store.counts();
        assert!((1..=2).contains(&lists) && looks <= 1, "{lists} {looks}");
        pending_cache.pending(&gate, true).await.unwrap();
        assert_eq!(store.counts()[1], looks + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_opens_a_list_does_not_wait_for_a_page_that_waits_its_turn() {
        let (gate, store) = counted_gate().await;
        let pending_cache = PendingCache::default();
        pending_cache.pending(&gate, false).await.unwrap();
        pending_cache.0.lock().await.as_mut().unwrap().took = Duration::from_mins(1);
        let began = Instant::now();
        let (live, opened) = tokio::join!(
            async { pending_cache.pending(&gate, true).await.map(|_| began.elapsed()) },
            async {
                advance(Duration::from_millis(1)).await;
                pending_cache.pending(&gate, false).await.map(|_| began.elapsed())
            }
        );
        assert!(opened.unwrap() < PACE);
        assert!(live.unwrap() >= LATE, "and takes what the other found");
        assert_eq!(store.counts()[0] + store.counts()[1], 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_is_read_where_the_record_cannot_be_and_now_and_then_in_any_case() {
        let (gate, store) = counted_gate().await;
        let cache = PendingCache::default();
        let look = async || cache.pending(&gate, false).await.unwrap().len();
        let ask = async |id| {
            gate.remote("bot").ask(RemoteCall::new(id, "issue_refund", "{}")).await.unwrap()
        };
        assert_eq!(look().await, 0);
        store.is_damaged.store(true, Ordering::SeqCst);
        ask("1").await;
        assert_eq!((look().await, store.counts()[0]), (1, 2));
        store.is_damaged.store(false, Ordering::SeqCst);
        ask("2").await;
        assert_eq!((look().await, store.counts()[0]), (2, 2));
        advance(ANEW).await;
        assert_eq!((look().await, store.counts()[0]), (2, 3));
    }

    #[tokio::test]
    async fn it_shows_what_waits_whether_it_goes_on_or_begins_anew() {
        let (gate, store) = counted_gate().await;
        // Its reads are not counted.
        let other: Gate<NoTools> =
            Gate::builder(()).store(store.inner.clone()).build().await.unwrap();
        let [dana, eve] =
            [gate.reviewer("dana").await.unwrap(), gate.reviewer("eve").await.unwrap()];
        let (pending_cache, bot, run) =
            (PendingCache::default(), gate.remote("bot"), gate.run("run"));
        // The number of pending calls, each with its number of changes.
        let shown = async || {
            let found = pending_cache.pending(&gate, false).await.unwrap();
            let all =
                other.interruptions(&ApprovalFilter::all().status(Status::Pending)).await.unwrap();
            let versions = |all: &[Interruption]| -> BTreeMap<_, _> {
                all.iter()
                    .map(|interruption| (interruption.id(), interruption.approval().version()))
                    .collect()
            };
            assert_eq!(versions(found.all()), versions(&all));
            // Makes the test independent of the speed of the machine.
            pending_cache.0.lock().await.as_mut().unwrap().whole = Duration::MAX;
            found.len()
        };
        assert_eq!(shown().await, 0);
        let mut lists = 1;
        for (round, patience) in (0..24).zip([Duration::MAX, Duration::ZERO].into_iter().cycle()) {
            pending_cache.0.lock().await.as_mut().unwrap().whole = patience;
            let two = ask(role("manager")).count(2);
            // A refused call is not asked again.
            let call = RemoteCall::new(
                format!("call-{round}"),
                "issue_refund",
                format!("{{\"round\":{round}}}"),
            );
            let question = bot.ask(call.ask("it is money", two));
            let asked = gate.interruption(question.await.unwrap().id()).await.unwrap().unwrap();
            // More records than are read at once.
            for number in 0..round * 25 {
                run.log_action("looked", &json!({ "number": number }), None).await.unwrap();
            }
            assert_eq!(shown().await, 1);
            lists += usize::from(patience == Duration::ZERO);
            assert_eq!(store.counts()[0], lists);
            asked.approve(&dana).await.unwrap();
            assert_eq!(shown().await, 1);
            match round % 3 {
                0 => drop(asked.approve(&eve).await.unwrap()),
                1 => drop(asked.reject(&eve, "it was delivered").await.unwrap()),
                _ => drop(bot.cancel(asked.id(), "not needed").await.unwrap()),
            }
            assert_eq!(shown().await, 0);
        }
        assert_eq!(store.counts()[0], lists);
    }
}
