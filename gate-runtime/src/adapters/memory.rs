//! A store in memory.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::ports::BoxFuture;
use crate::ports::store::{ApprovalFilter, Committed, Proposal, Recalled, Store, StoreError, Transition};
use crate::values::approval::{Approval, Status};
use crate::values::event::Record;
use crate::values::grant::Grant;
use crate::values::id::{ApprovalId, CallId, GrantId, RunId};
use crate::values::limit::{LimitKey, Take};

/// Keeps everything in the memory of this process, and everything is gone with it.
///
/// Clones share one store: two gates over clones of it behave like two processes over one database. It forgets nothing while
/// it lives: it is for tests, examples and short runs.
///
/// ```
/// use gate_runtime::MemoryStore;
/// let one = MemoryStore::new();
/// let same = one.clone();
/// # let _ = same;
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    kept: Mutex<Kept>,
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    /// Oldest first.
    approvals: Vec<Arc<Approval>>,
    /// Their places.
    places: HashMap<ApprovalId, usize>,
    runs: HashMap<RunId, RunKept>,
    grants: HashMap<GrantId, Arc<Grant>>,
    limits: HashMap<LimitKey, VecDeque<(Timestamp, u64)>>,
    records: Vec<Record>,
}

#[derive(Default)]
struct RunKept {
    calls: HashMap<CallId, ApprovalId>,
    rejected: Vec<ApprovalId>,
    denials: u64,
    grants: Vec<GrantId>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        let (last, _) = watch::channel(0);
        Self { shared: Arc::new(Shared { kept: Mutex::default(), last }) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn approval(&self, id: ApprovalId) -> Option<&Arc<Approval>> {
        self.approvals.get(*self.places.get(&id)?)
    }

    fn recall(&self, about: &Proposal) -> Recalled {
        let mut recalled = Recalled {
            used: about.counters.iter().map(|(key, window)| self.used(key, *window, about.now)).collect(),
            ..Recalled::default()
        };
        let Some(run) = self.runs.get(&about.run) else { return recalled };
        let approval = |id: &ApprovalId| self.approval(*id).cloned();
        recalled.approval = run.calls.get(&about.call).and_then(approval);
        recalled.denials = run.denials;
        recalled.rejected =
            run.rejected.iter().filter_map(approval).filter(|rejected| *rejected.tool() == about.tool).collect();
        let active = |grant: &Arc<Grant>| *grant.tool() == about.tool && grant.is_active(about.now);
        recalled.grants = run.grants.iter().filter_map(|id| self.grants.get(id).cloned()).filter(active).collect();
        recalled
    }

    fn used(&self, key: &LimitKey, window: std::time::Duration, now: Timestamp) -> u64 {
        let since = now.checked_sub(window).unwrap_or(Timestamp::MIN);
        let taken = self.limits.get(key).into_iter().flatten();
        taken.filter(|(at, _)| *at > since).fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// Whether everything that a transition expects is so.
    fn check(&self, transition: &Transition) -> Committed {
        let fits = |approval: &Arc<Approval>| match self.approval(approval.id()) {
            Some(known) => known.version() + 1 == approval.version(),
            None => approval.version() == 1 && !self.has_call(approval),
        };
        let grant_fits = |grant: &Arc<Grant>| match self.grants.get(&grant.id()) {
            Some(known) => known.version() + 1 == grant.version(),
            None => grant.version() == 1,
        };
        if !transition.approvals.iter().all(fits) || !transition.grants.iter().all(grant_fits) {
            return Committed::Conflict;
        }
        // Takes of one transition may draw on one counter: each sees those before it.
        for (place, take) in transition.takes.iter().enumerate() {
            let before = transition.takes.iter().take(place).filter(|earlier| earlier.key == take.key);
            let used =
                before.fold(self.used(&take.key, take.window, transition.at), |sum, t| sum.saturating_add(t.amount));
            if !take.fits(used) {
                return Committed::LimitReached(place);
            }
        }
        Committed::Done
    }

    fn has_call(&self, approval: &Approval) -> bool {
        let subject = approval.subject();
        self.runs.get(subject.info().run()).is_some_and(|run| run.calls.contains_key(subject.call()))
    }

    fn write(&mut self, transition: Transition) -> u64 {
        for approval in transition.approvals {
            let run = self.runs.entry(approval.subject().info().run().clone()).or_default();
            let id = approval.id();
            let new = self.approvals.len();
            let place = *self.places.entry(id).or_insert(new);
            let before = self.approvals.get(place).map(|known| known.status());
            if before.is_none() {
                run.calls.insert(approval.subject().call().clone(), id);
            }
            if before != Some(approval.status()) {
                match approval.status() {
                    Status::Denied => run.denials += 1,
                    Status::Rejected => run.rejected.push(id),
                    _ => {}
                }
            }
            match self.approvals.get_mut(place) {
                Some(known) => *known = approval,
                None => self.approvals.push(approval),
            }
        }
        for grant in transition.grants {
            if grant.version() == 1 {
                self.runs.entry(grant.run().clone()).or_default().grants.push(grant.id());
            }
            self.grants.insert(grant.id(), grant);
        }
        for Take { key, amount, window, .. } in transition.takes {
            let taken = self.limits.entry(key).or_default();
            let since = transition.at.checked_sub(window).unwrap_or(Timestamp::MIN);
            while taken.front().is_some_and(|(at, _)| *at <= since) {
                taken.pop_front();
            }
            taken.push_back((transition.at, amount));
        }
        for record in transition.records {
            let seq = self.records.len() as u64 + 1;
            self.records.push(record.numbered(seq));
        }
        self.records.len() as u64
    }
}

impl Store for MemoryStore {
    fn recall<'a>(&'a self, about: &'a Proposal) -> BoxFuture<'a, Result<Recalled, StoreError>> {
        Box::pin(async move { Ok(self.kept().recall(about)) })
    }

    fn commit(&self, transition: Transition) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let mut kept = self.kept();
            let outcome = kept.check(&transition);
            if outcome == Committed::Done {
                let last = kept.write(transition);
                // Under the lock, so that the number never goes back; to nobody it is not told.
                if self.shared.last.receiver_count() > 0 {
                    self.shared.last.send_replace(last);
                }
            }
            Ok(outcome)
        })
    }

    fn approvals<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        Box::pin(async move {
            let kept = self.kept();
            let run = filter.of_run().map(|run| kept.runs.get(run).map(|run| run.calls.values()));
            let place = |id: &ApprovalId| kept.places.get(id).copied();
            let mut places: Vec<usize> = match (filter.ids(), run) {
                ([], None) => (0..kept.approvals.len()).collect(),
                ([], Some(calls)) => calls.into_iter().flatten().filter_map(place).collect(),
                (ids, _) => ids.iter().filter_map(place).collect(),
            };
            places.sort_unstable();
            places.dedup();
            let found = places.into_iter().filter_map(|place| kept.approvals.get(place));
            Ok(found.filter(|approval| filter.admits(approval)).take(filter.at_most()).cloned().collect())
        })
    }

    fn records(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        Box::pin(async move {
            let skip = usize::try_from(after).unwrap_or(usize::MAX);
            Ok(self.kept().records.iter().skip(skip).take(limit).cloned().map(Arc::new).collect())
        })
    }

    fn watch(&self) -> watch::Receiver<u64> {
        let kept = self.kept();
        self.shared.last.send_replace(kept.records.len() as u64);
        self.shared.last.subscribe()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        let (approvals, records) = (kept.approvals.len(), kept.records.len());
        f.debug_struct("MemoryStore").field("approvals", &approvals).field("records", &records).finish()
    }
}
