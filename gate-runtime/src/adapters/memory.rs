//! A store in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::logic::descriptor::Descriptor;
use crate::ports::BoxFuture;
use crate::ports::store::{
    ApprovalFilter, Committed, LetterFilter, LetterOrder, Proposal, Recalled, RecordFilter, Standing, Store,
    StoreError, Transition,
};
use crate::values::approval::{Approval, Status};
use crate::values::digest::Digest;
use crate::values::freeze::{Freeze, FreezeScope};
use crate::values::grant::Grant;
use crate::values::id::{ApprovalId, CallId, GrantId, RunId, ToolName};
use crate::values::letter::Letter;
use crate::values::limit::{LimitKey, Take};
use crate::values::record::Record;

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
    /// Oldest first.
    grants: BTreeMap<GrantId, Arc<Grant>>,
    /// Those that hold in any run.
    everywhere: Vec<GrantId>,
    freezes: BTreeMap<FreezeScope, Freeze>,
    tools: HashMap<Digest, Arc<Descriptor>>,
    limits: HashMap<LimitKey, VecDeque<(Timestamp, u64)>>,
    /// By the numbers of their records, then by their notifiers.
    letters: BTreeMap<(u64, String), Arc<Letter>>,
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
        let active = |grant: &Arc<Grant>| *grant.tool() == about.tool && grant.is_active(about.now);
        let run = self.runs.get(&about.run);
        let grants = run.map(|run| &run.grants).into_iter().chain([&self.everywhere]).flatten();
        recalled.grants = grants.filter_map(|id| self.grants.get(id).cloned()).filter(active).collect();
        let Some(run) = run else { return recalled };
        let approval = |id: &ApprovalId| self.approval(*id).cloned();
        recalled.approval = run.calls.get(&about.call).and_then(approval);
        recalled.denials = run.denials;
        recalled.rejected =
            run.rejected.iter().filter_map(approval).filter(|rejected| *rejected.tool() == about.tool).collect();
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
        let letter = |letter: &Letter| self.letters.get(&place_of(letter)).map_or(0, |known| known.version());
        let letter_fits = |new: &Arc<Letter>| letter(new) + 1 == new.version();
        let letter_is_there = |old: &Arc<Letter>| letter(old) == old.version();
        let Transition { approvals, grants, lifted, letters, forgotten, .. } = transition;
        let holds = |freeze: &Freeze| self.freezes.get(freeze.scope()) == Some(freeze);
        if !approvals.iter().all(fits) || !grants.iter().all(grant_fits) || !lifted.iter().all(holds) {
            return Committed::Conflict;
        }
        if !letters.iter().all(letter_fits) || !forgotten.iter().all(letter_is_there) {
            return Committed::Conflict;
        }
        if self.freezes.values().any(|freeze| transition.is_stopped_by(freeze)) {
            return Committed::Frozen;
        }
        let used = |take: &Take| Ok::<_, Infallible>(self.used(&take.key, take.window, transition.at));
        let Ok(reached) = transition.limit_reached(used);
        reached.map_or(Committed::Done, Committed::LimitReached)
    }

    fn letters(&self, filter: &LetterFilter) -> Vec<Arc<Letter>> {
        let mut open = BTreeSet::new();
        let mut is_first = |letter: &Letter| match letter.approval() {
            Some(call) if letter.state().is_open() => open.insert((letter.notifier().to_owned(), call)),
            Some(call) => !open.contains(&(letter.notifier().to_owned(), call)),
            None => true,
        };
        let first_only = filter.wants_first_of_each_call();
        let from = if first_only { 0 } else { filter.of_record().unwrap_or(filter.is_after()) };
        let all = self.letters.range((from, String::new())..).map(|(_, letter)| letter);
        let wanted = all.filter(|letter| (!first_only || is_first(letter)) && filter.admits(letter));
        let mut found: Vec<Arc<Letter>> = wanted.cloned().collect();
        match filter.order() {
            LetterOrder::Oldest => {}
            LetterOrder::Newest => found.reverse(),
            LetterOrder::Soonest => found.sort_by_key(|letter| letter.due_at()),
        }
        found.truncate(filter.at_most());
        found
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
            let known = self.approvals.get(place);
            let (before, was_refused) =
                (known.map(|known| known.status()), known.is_some_and(|known| known.is_refused()));
            if before.is_none() {
                run.calls.insert(approval.subject().call().clone(), id);
            }
            if before != Some(approval.status()) && approval.status() == Status::Denied {
                run.denials += 1;
            }
            if approval.is_refused() && !was_refused {
                run.rejected.push(id);
            }
            match self.approvals.get_mut(place) {
                Some(known) => *known = approval,
                None => self.approvals.push(approval),
            }
        }
        for grant in transition.grants {
            if grant.version() == 1 {
                let run = grant.run().map(|run| &mut self.runs.entry(run.clone()).or_default().grants);
                run.unwrap_or(&mut self.everywhere).push(grant.id());
            }
            self.grants.insert(grant.id(), grant);
        }
        for freeze in transition.freezes {
            self.freezes.insert(freeze.scope().clone(), freeze);
        }
        for freeze in &transition.lifted {
            self.freezes.remove(freeze.scope());
        }
        for tool in transition.tools {
            self.tools.entry(tool.digest()).or_insert(tool);
        }
        for Take { key, amount, window, .. } in transition.takes {
            let taken = self.limits.entry(key).or_default();
            let since = transition.at.checked_sub(window).unwrap_or(Timestamp::MIN);
            while taken.front().is_some_and(|(at, _)| *at <= since) {
                taken.pop_front();
            }
            taken.push_back((transition.at, amount));
        }
        for letter in transition.letters {
            self.letters.insert(place_of(&letter), letter);
        }
        for letter in &transition.forgotten {
            self.letters.remove(&place_of(letter));
        }
        for record in transition.records {
            let seq = self.records.len() as u64 + 1;
            self.records.push(record.numbered(seq));
        }
        self.records.len() as u64
    }
}

fn place_of(letter: &Letter) -> (u64, String) {
    (letter.record(), letter.notifier().to_owned())
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
                    self.shared.last.send_if_modified(|told| std::mem::replace(told, last) != last);
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
            if let Some(after) = filter.is_after() {
                let after = place(&after).unwrap_or(usize::MAX);
                places.retain(|place| *place > after);
            }
            let found = places.into_iter().filter_map(|place| kept.approvals.get(place));
            Ok(found.filter(|approval| filter.admits(approval)).take(filter.at_most()).cloned().collect())
        })
    }

    fn records<'a>(&'a self, filter: &'a RecordFilter) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
        Box::pin(async move {
            let skip = usize::try_from(filter.is_after()).unwrap_or(usize::MAX);
            let kept = self.kept();
            let found = kept.records.iter().skip(skip).filter(|record| filter.admits(record));
            Ok(found.take(filter.at_most()).cloned().map(Arc::new).collect())
        })
    }

    fn standing(&self, now: Timestamp) -> BoxFuture<'_, Result<Standing, StoreError>> {
        Box::pin(async move {
            let kept = self.kept();
            let grants = kept.grants.values().filter(|grant| grant.is_active(now)).cloned().collect();
            let freezes = kept.freezes.values().cloned().collect();
            let tools: BTreeSet<ToolName> = kept.tools.values().map(|tool| tool.name().clone()).collect();
            Ok(Standing { grants, freezes, tools: tools.into_iter().collect() })
        })
    }

    fn letters<'a>(&'a self, filter: &'a LetterFilter) -> BoxFuture<'a, Result<Vec<Arc<Letter>>, StoreError>> {
        Box::pin(async move { Ok(self.kept().letters(filter)) })
    }

    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>> {
        Box::pin(async move { Ok(self.kept().tools.get(&digest).cloned()) })
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
