//! A store in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use foldhash::{HashMap, HashSet};
use gate_core::approval::{Approval, Status};
use gate_core::call::{Arguments, Descriptor};
use gate_core::grants::{Freeze, FreezeScope, GiveBack, Grant, LimitCharge, LimitKey};
use gate_core::id::{ApprovalId, CallId, CaseId, GrantId, RunId, ToolName};
use gate_core::ports::{
    ALIKE, ActiveControls, ApprovalFilter, ApprovalStore, BoxFuture, CallHistory, CallQuery,
    Changeset, CommitOutcome, DeliveryFilter, DeliveryOrder, KnownTool, OutboxStore, REFUSALS,
    RecordFilter, RecordLog, RecordSignal, RecordWatch, RunChange, RunChanges, RunQuery,
    StoreError, StoreErrorKind,
};
use gate_core::records::{Delivery, Record};
use gate_core::text::{DAY, Digest};
use jiff::Timestamp;

use crate::lock::lock;

/// A store in the memory of this process. Everything is lost when the process ends.
///
/// Clones share one store: two gates over clones behave like two processes over one database. The
/// store never deletes anything, so use it for tests, examples and short runs.
///
/// ```
/// use gate_runtime::MemoryStore;
/// let one = MemoryStore::new();
/// let same = one.clone();
/// # let _ = same;
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<StoreInner>,
}

struct StoreInner {
    kept: Mutex<StoreTables>,
    signal: RecordSignal,
}

#[derive(Default)]
struct StoreTables {
    /// The approvals, oldest first.
    approvals: Vec<KeptApproval>,
    /// The places of the approvals.
    indexes: HashMap<ApprovalId, usize>,
    /// The places of the calls that have not ended.
    open: OpenCalls,
    runs: HashMap<RunId, RunKept>,
    families: HashMap<RunId, FamilyKept>,
    /// The places of the calls that people refused, by case and tool.
    refused_in_case: HashMap<(CaseId, ToolName), BTreeSet<usize>>,
    /// The places of the calls that wait, by tool and likeness.
    equal_calls: HashMap<(ToolName, Digest), BTreeSet<usize>>,
    /// The grants, oldest first.
    grants: BTreeMap<GrantId, Arc<Grant>>,
    /// The grants that may still be active, by run and tool. Those for any run are under `None`.
    active_grants: HashMap<(Option<RunId>, ToolName), Vec<GrantId>>,
    freezes: BTreeMap<FreezeScope, Freeze>,
    /// The tools, each with the number of the record with which it was last written.
    tools: HashMap<Digest, (Arc<Descriptor>, u64)>,
    limits: HashMap<LimitKey, LimitUsage>,
    /// The charges for each call, with their counters and times.
    taken_for: HashMap<ApprovalId, Vec<(LimitKey, Timestamp, u64)>>,
    /// The deliveries, by the numbers of their records, then by their notifiers.
    deliveries: BTreeMap<(u64, String), Arc<Delivery>>,
    records: Vec<Record>,
    /// For each record, the number of the previous record about the same call; 0 if there is none.
    before: Vec<u64>,
}

struct KeptApproval {
    approval: Arc<Approval>,
    /// The number of the last record about the approval.
    changed: u64,
    is_owed: bool,
}

#[derive(Default)]
struct RunKept {
    calls: HashMap<CallId, usize>,
}

#[derive(Default)]
struct FamilyKept {
    /// The places of the calls that people refused, by tool.
    refused: HashMap<ToolName, BTreeSet<usize>>,
    /// The places of the calls that people refused, by tool and likeness.
    refused_alike: HashMap<(ToolName, Digest), BTreeSet<usize>>,
    /// The places of the owed calls.
    owed: HashSet<usize>,
    /// Every change of a call, by the number of its record. Once there are many changes that are
    /// not the last of their call, these are dropped.
    changes: VecDeque<(u64, usize)>,
    calls: usize,
}

impl FamilyKept {
    /// Returns where the changes after a record begin. Usually there are none.
    fn changed_after(&self, seq: u64) -> usize {
        match self.changes.back() {
            Some((last, _)) if *last > seq => {
                self.changes.partition_point(|(known, _)| *known <= seq)
            }
            _ => self.changes.len(),
        }
    }
}

/// The places of calls that have not ended.
#[derive(Default)]
struct OpenCalls {
    pending: HashSet<usize>,
    approved: HashSet<usize>,
    dispatched: HashSet<usize>,
    indeterminate: HashSet<usize>,
}

impl OpenCalls {
    fn of(&mut self, status: Status) -> Option<&mut HashSet<usize>> {
        match status {
            Status::Pending => Some(&mut self.pending),
            Status::Approved => Some(&mut self.approved),
            Status::Dispatched => Some(&mut self.dispatched),
            Status::Indeterminate => Some(&mut self.indeterminate),
            _ => None,
        }
    }

    fn indexes(&self, status: Status) -> Option<&HashSet<usize>> {
        match status {
            Status::Pending => Some(&self.pending),
            Status::Approved => Some(&self.approved),
            Status::Dispatched => Some(&self.dispatched),
            Status::Indeterminate => Some(&self.indeterminate),
            _ => None,
        }
    }
}

/// The charges on one counter, oldest first. Each has the sum of all charges up to it, so that the
/// sum of a window is one subtraction.
#[derive(Default)]
struct LimitUsage {
    charges: VecDeque<(Timestamp, u64, u128)>,
    /// The sum of the charges before the first one that is still kept.
    before: u128,
}

impl LimitUsage {
    fn used(&self, window: Duration, now: Timestamp) -> u64 {
        let since = now.checked_sub(window).unwrap_or(Timestamp::MIN);
        let first = self.charges.partition_point(|(at, ..)| *at <= since);
        let before = first
            .checked_sub(1)
            .and_then(|last| self.charges.get(last))
            .map_or(self.before, |(.., sum)| *sum);
        let sum = self.charges.back().map_or(self.before, |(.., sum)| *sum);
        // A sum beyond 64 bits is beyond every limit.
        u64::try_from(sum.saturating_sub(before)).unwrap_or(u64::MAX)
    }

    fn take(&mut self, amount: u64, window: Duration, now: Timestamp) {
        let since = now.checked_sub(window).unwrap_or(Timestamp::MIN);
        while self.charges.front().is_some_and(|(at, ..)| *at <= since) {
            if let Some((.., sum)) = self.charges.pop_front() {
                self.before = sum;
            }
        }
        let sum = self.charges.back().map_or(self.before, |(.., sum)| *sum);
        // If the clock went back, the charge counts until the later time, so that the list stays in
        // order.
        let at = self.charges.back().map_or(now, |(last, ..)| now.max(*last));
        self.charges.push_back((at, amount, sum.saturating_add(amount.into())));
    }

    /// Removes one charge. This is rare, so it may take time in proportion to the later charges.
    fn give_back(&mut self, at: Timestamp, amount: u64) {
        let first = self.charges.partition_point(|(known, ..)| *known < at);
        let found = self
            .charges
            .range(first..)
            .position(|(known_at, known, _)| (*known_at, *known) == (at, amount));
        let Some(index) = found.map(|offset| first + offset) else { return };
        self.charges.remove(index);
        for (.., sum) in self.charges.range_mut(index..) {
            *sum = sum.saturating_sub(amount.into());
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        let signal = RecordSignal::new(0);
        Self { shared: Arc::new(StoreInner { kept: Mutex::default(), signal }) }
    }

    fn kept(&self) -> MutexGuard<'_, StoreTables> {
        lock(&self.shared.kept)
    }
}

impl StoreTables {
    fn at(&self, index: usize) -> Option<&Arc<Approval>> {
        self.approvals.get(index).map(|written| &written.approval)
    }

    fn approval(&self, id: ApprovalId) -> Option<&Arc<Approval>> {
        self.at(*self.indexes.get(&id)?)
    }

    fn load_history(&mut self, about: &CallQuery) -> CallHistory {
        let used =
            about.counters.iter().map(|(key, window)| self.used(key, *window, about.now)).collect();
        let grants = self
            .active(Some(&about.run), about)
            .into_iter()
            .chain(self.active(None, about))
            .collect();
        let known = self.runs.get(&about.run).and_then(|run| run.calls.get(&about.call));
        let approval = known.and_then(|index| self.at(*index)).cloned();
        let (rejected, alike) = (self.rejected(about), self.alike(about));
        CallHistory { approval, rejected, alike, grants, used }
    }

    /// Returns the active grants of one run, or those for any run. Drops the grants that ended more
    /// than a day ago, because no clock goes back that far.
    fn active(&mut self, run: Option<&RunId>, about: &CallQuery) -> Vec<Arc<Grant>> {
        if self.active_grants.is_empty() {
            return Vec::new();
        }
        let Some(ids) = self.active_grants.get_mut(&(run.cloned(), about.tool.clone())) else {
            return Vec::new();
        };
        let yesterday = about.now.checked_sub(DAY).unwrap_or(Timestamp::MIN);
        ids.retain(|id| self.grants.get(id).is_some_and(|grant| grant.is_active(yesterday)));
        let known = ids.iter().filter_map(|id| self.grants.get(id));
        known.filter(|grant| grant.is_active(about.now)).cloned().collect()
    }

    /// Returns the refused calls: in the family, all equal calls and the newest others; in the
    /// case, the newest.
    fn rejected(&self, about: &CallQuery) -> Vec<Arc<Approval>> {
        let family = self.families.get(&about.family);
        let key = about.likeness.map(|likeness| (about.tool.clone(), likeness));
        let equal = family.and_then(|family| family.refused_alike.get(&key?));
        let mut indexes = equal.cloned().unwrap_or_default();
        let is_other = |index: &&usize| !equal.is_some_and(|equal| equal.contains(index));
        let of_tool =
            family.and_then(|family| family.refused.get(&about.tool)).into_iter().flatten();
        indexes.extend(of_tool.rev().filter(is_other).take(REFUSALS));
        let case = about.case.clone().filter(|_| !self.refused_in_case.is_empty());
        let of_case = case.and_then(|case| self.refused_in_case.get(&(case, about.tool.clone())));
        indexes.extend(of_case.into_iter().flatten().rev().take(REFUSALS));
        indexes.into_iter().filter_map(|position| self.at(position).cloned()).collect()
    }

    fn alike(&self, about: &CallQuery) -> Vec<Arc<Approval>> {
        let likeness = about.likeness.filter(|_| !self.equal_calls.is_empty());
        let equal =
            likeness.and_then(|likeness| self.equal_calls.get(&(about.tool.clone(), likeness)));
        let newest = equal.into_iter().flatten().rev().take(ALIKE);
        let mut found: Vec<_> = newest.filter_map(|index| self.at(*index).cloned()).collect();
        found.reverse();
        found
    }

    fn used(&self, key: &LimitKey, window: Duration, now: Timestamp) -> u64 {
        self.limits.get(key).map_or(0, |usage| usage.used(window, now))
    }

    fn run_changes(&self, query: &RunQuery) -> RunChanges {
        let seq = self.records.len() as u64;
        let Some(family) = self.families.get(&query.family) else {
            return RunChanges { seq, ..RunChanges::default() };
        };
        let mut indexes: Vec<(u64, usize)> = if query.after == 0 {
            let changed = |index: &usize| Some((self.approvals.get(*index)?.changed, *index));
            family.owed.iter().filter_map(changed).collect()
        } else {
            let first = family.changed_after(query.after);
            let is_last = |(seq, position): &&(u64, usize)| {
                self.approvals.get(*position).is_some_and(|at| at.changed == *seq)
            };
            family.changes.range(first..).filter(is_last).copied().collect()
        };
        indexes.sort_unstable();
        let calls = indexes.into_iter().filter_map(|(_, place)| self.approvals.get(place));
        let known: HashSet<ApprovalId> = query.known.iter().copied().collect();
        let calls = calls.filter(|written| !known.contains(&written.approval.id()));
        let change = |KeptApproval { approval, changed, is_owed }: &KeptApproval| RunChange {
            seq: *changed,
            approval: Arc::clone(approval),
            is_owed: *is_owed,
        };
        RunChanges { calls: calls.map(change).collect(), seq }
    }

    /// Checks all conditions of a changeset.
    fn check(&self, changeset: &Changeset) -> CommitOutcome {
        let fits = |approval: &Arc<Approval>| match self.approval(approval.id()) {
            Some(known) => known.version() + 1 == approval.version(),
            None => approval.version() == 1 && !self.has_call(approval),
        };
        let grant_fits = |grant: &Arc<Grant>| match self.grants.get(&grant.id()) {
            Some(known) => known.version() + 1 == grant.version(),
            None => grant.version() == 1,
        };
        let delivery = |delivery: &Delivery| {
            self.deliveries.get(&place_of(delivery)).map_or(0, |known| known.version())
        };
        let delivery_fits = |new: &Arc<Delivery>| delivery(new) + 1 == new.version();
        let delivery_exists = |old: &Arc<Delivery>| delivery(old) == old.version();
        let Changeset { approvals, grants, lifted, deliveries, forgotten, .. } = changeset;
        if changeset.writes_twice() {
            return CommitOutcome::Conflict;
        }
        let is_in_force = |freeze: &Freeze| self.freezes.get(freeze.scope()) == Some(freeze);
        if !approvals.iter().all(fits)
            || !grants.iter().all(grant_fits)
            || !lifted.iter().all(is_in_force)
        {
            return CommitOutcome::Conflict;
        }
        if !deliveries.iter().all(delivery_fits) || !forgotten.iter().all(delivery_exists) {
            return CommitOutcome::Conflict;
        }
        if self.freezes.values().any(|freeze| changeset.is_stopped_by(freeze)) {
            return CommitOutcome::Frozen;
        }
        let used = |take: &LimitCharge| {
            Ok::<_, Infallible>(self.used(&take.key, take.window, changeset.at))
        };
        let Ok(reached) = changeset.limit_reached(used);
        reached.map_or(CommitOutcome::Done, CommitOutcome::LimitReached)
    }

    fn deliveries(&self, filter: &DeliveryFilter) -> Vec<Arc<Delivery>> {
        let mut open = BTreeSet::new();
        let mut is_first = |delivery: &Delivery| match delivery.approval() {
            Some(call) if delivery.state().is_open() => {
                open.insert((delivery.notifier().to_owned(), call))
            }
            Some(call) => !open.contains(&(delivery.notifier().to_owned(), call)),
            None => true,
        };
        let first_only = filter.wants_first_of_each_call();
        let from = if first_only { 0 } else { filter.of_record().unwrap_or(filter.is_after()) };
        let all = self.deliveries.range((from, String::new())..).map(|(_, delivery)| delivery);
        let admitted =
            all.filter(|delivery| (!first_only || is_first(delivery)) && filter.admits(delivery));
        let mut found: Vec<Arc<Delivery>> = admitted.cloned().collect();
        match filter.order() {
            DeliveryOrder::Oldest => {}
            DeliveryOrder::Newest => found.reverse(),
            DeliveryOrder::Soonest => found.sort_by_key(|delivery| delivery.due_at()),
        }
        found.truncate(filter.at_most());
        found
    }

    fn has_call(&self, approval: &Approval) -> bool {
        let subject = approval.subject();
        self.runs
            .get(subject.info().run())
            .is_some_and(|run| run.calls.contains_key(subject.call()))
    }

    fn write_approval(&mut self, approval: &Arc<Approval>, seq: Option<u64>) {
        let index = *self.indexes.entry(approval.id()).or_insert(self.approvals.len());
        let before = self.at(index).map(Arc::clone);
        if before.is_none() {
            let subject = approval.subject();
            let run = self.runs.entry(subject.info().run().clone()).or_default();
            run.calls.insert(subject.call().clone(), index);
        }
        let (was, is) = (before.as_ref().map(|before| before.status()), approval.status());
        if was != Some(is) {
            was.and_then(|was| self.open.of(was)).map(|indexes| indexes.remove(&index));
            self.open.of(is).map(|open_calls| open_calls.insert(index));
        }
        if approval.is_refused() && !before.as_ref().is_some_and(|before| before.is_refused()) {
            self.note_refused(approval, index);
        }
        self.note_alike(before.as_deref(), approval, index);
        let family = self.families.entry(approval.subject().family()).or_default();
        if let Some(written) = self.approvals.get_mut(index) {
            written.approval = Arc::clone(approval);
            written.changed = seq.unwrap_or(written.changed);
        } else {
            family.owed.insert(index);
            family.calls += 1;
            self.approvals.push(KeptApproval {
                approval: Arc::clone(approval),
                changed: seq.unwrap_or(0),
                is_owed: true,
            });
        }
        if let Some(seq) = seq {
            // This is the end of the list, except for other calls of the same changeset.
            let end = family.changed_after(seq.saturating_sub(1));
            family.changes.insert(end, (seq, index));
            if family.changes.len() > 2 * family.calls + 16 {
                let approvals = &self.approvals;
                family.changes.retain(|(seq, position)| {
                    approvals.get(*position).is_some_and(|at| at.changed == *seq)
                });
            }
        }
    }

    fn note_refused(&mut self, approval: &Approval, index: usize) {
        let (subject, tool) = (approval.subject(), approval.tool());
        let family = self.families.entry(subject.family()).or_default();
        family.refused.entry(tool.clone()).or_default().insert(index);
        for key in likenesses(approval) {
            family.refused_alike.entry(key).or_default().insert(index);
        }
        if let Some(case) = subject.info().case() {
            self.refused_in_case.entry((case.clone(), tool.clone())).or_default().insert(index);
        }
    }

    /// Updates the index of calls that wait by likeness. A call that a rule approves and that runs
    /// at once is never in it.
    fn note_alike(&mut self, before: Option<&Approval>, approval: &Approval, index: usize) {
        if let Some(before) = before.filter(|before| waits(before.status())) {
            for key in likenesses(before) {
                if let Some(indexes) = self.equal_calls.get_mut(&key) {
                    indexes.remove(&index);
                    if indexes.is_empty() {
                        self.equal_calls.remove(&key);
                    }
                }
            }
        }
        if waits(approval.status()) {
            for key in likenesses(approval) {
                self.equal_calls.entry(key).or_default().insert(index);
            }
        }
    }

    fn acknowledge(&mut self, id: ApprovalId) {
        let Some(index) = self.indexes.get(&id).copied() else { return };
        let Some(written) = self.approvals.get_mut(index) else { return };
        if std::mem::take(&mut written.is_owed)
            && let Some(family) = self.families.get_mut(&written.approval.subject().family())
        {
            family.owed.remove(&index);
        }
    }

    fn write_grant(&mut self, grant: Arc<Grant>) {
        let key = (grant.run().cloned(), grant.tool().clone());
        let is_over = grant.is_revoked() || grant.uses_left() == Some(0);
        if grant.version() == 1 && !is_over {
            self.active_grants.entry(key).or_default().push(grant.id());
        } else if is_over && let Some(ids) = self.active_grants.get_mut(&key) {
            ids.retain(|id| *id != grant.id());
        }
        self.grants.insert(grant.id(), grant);
    }

    fn take(&mut self, take: LimitCharge, now: Timestamp) {
        let LimitCharge { key, amount, window, taken_for, .. } = take;
        let usage = self.limits.entry(key.clone()).or_default();
        usage.take(amount, window, now);
        let at = usage.charges.back().map_or(now, |(at, ..)| *at);
        let has_ended = |id: &ApprovalId| {
            self.approval(*id).is_some_and(|approval| approval.status().is_terminal())
        };
        if let Some(id) = taken_for.filter(|id| !has_ended(id)) {
            self.taken_for.entry(id).or_default().push((key, at, amount));
        }
    }

    fn give_back(&mut self, back: &GiveBack) {
        let Some(charges) = self.taken_for.remove(&back.taken_for) else { return };
        let is_wanted = |key: &LimitKey| back.limit.is_none_or(|limit| limit == key.limit());
        let (given_back, kept): (Vec<_>, Vec<_>) =
            charges.into_iter().partition(|(key, ..)| is_wanted(key));
        for (key, at, amount) in given_back {
            if let Some(window) = self.limits.get_mut(&key) {
                window.give_back(at, amount);
            }
        }
        if !kept.is_empty() {
            self.taken_for.insert(back.taken_for, kept);
        }
    }

    /// Returns the number of the last record about a call, while the records after `before` are
    /// being written.
    fn last_about(&self, id: ApprovalId, before: u64) -> Option<u64> {
        let written = usize::try_from(before)
            .ok()
            .and_then(|before| self.records.get(before..))
            .unwrap_or_default();
        let is_about =
            |record: &&Record| record.subject().is_some_and(|subject| subject.approval() == id);
        let now = written.iter().rev().find(is_about).map(Record::seq);
        now.or_else(|| Some(self.approvals.get(*self.indexes.get(&id)?)?.changed))
    }

    /// Returns the records about a call after a number, newest first.
    fn about(&self, id: ApprovalId, after: u64) -> impl Iterator<Item = &Record> {
        let at = |seq: u64| usize::try_from(seq.checked_sub(1)?).ok();
        let last = self.last_about(id, self.records.len() as u64).filter(|seq| *seq > after);
        let seqs = std::iter::successors(last, move |seq| {
            self.before.get(at(*seq)?).copied().filter(|before| *before > after)
        });
        seqs.filter_map(move |seq| self.records.get(at(seq)?))
    }

    fn write(&mut self, changeset: Changeset) -> u64 {
        // This comes before the approvals are written, because charges are only given back for a
        // call that has not ended.
        for back in &changeset.given_back {
            self.give_back(back);
        }
        let before = self.records.len() as u64;
        let mut seq = before;
        for record in changeset.records {
            seq += 1;
            let before_it =
                record.subject().and_then(|subject| self.last_about(subject.approval(), before));
            self.before.push(before_it.unwrap_or(0));
            self.records.push(record.numbered(seq));
        }
        let first = usize::try_from(before).unwrap_or(usize::MAX);
        let written = self.records.get(first..).unwrap_or_default().iter();
        let of_calls =
            written.filter_map(|record| Some((record.subject()?.approval(), record.seq())));
        // Most changesets are about one call, and need no map.
        let last: Vec<(ApprovalId, u64)> = match changeset.approvals.as_slice() {
            [] => Vec::new(),
            [only] => of_calls.rev().find(|(id, _)| *id == only.id()).into_iter().collect(),
            _ => of_calls.collect::<BTreeMap<_, _>>().into_iter().collect(),
        };
        for approval in changeset.approvals {
            // Charges of a call that ended can no longer be given back.
            if approval.status().is_terminal() && !self.taken_for.is_empty() {
                self.taken_for.remove(&approval.id());
            }
            let found = last.binary_search_by_key(&approval.id(), |(id, _)| *id);
            let seq = found.ok().and_then(|found| last.get(found)).map(|(_, seq)| *seq);
            self.write_approval(&approval, seq);
        }
        for id in changeset.acknowledged {
            self.acknowledge(id);
        }
        for grant in changeset.grants {
            self.write_grant(grant);
        }
        for freeze in changeset.freezes {
            self.freezes.insert(freeze.scope().clone(), freeze);
        }
        for freeze in &changeset.lifted {
            self.freezes.remove(freeze.scope());
        }
        for tool in changeset.tools {
            self.tools.entry(tool.digest()).or_insert((tool, seq)).1 = seq;
        }
        for take in changeset.charges {
            self.take(take, changeset.at);
        }
        for delivery in changeset.deliveries {
            self.deliveries.insert(place_of(&delivery), delivery);
        }
        for delivery in &changeset.forgotten {
            self.deliveries.remove(&place_of(delivery));
        }
        self.records.len() as u64
    }
}

/// Returns whether a call with this status is reported to equal calls.
fn waits(status: Status) -> bool {
    matches!(status, Status::Pending | Status::Approved | Status::Indeterminate)
}

/// Returns the keys by which equal calls find a call: those of its arguments, and of the proposed
/// arguments.
fn likenesses(approval: &Approval) -> BTreeSet<(ToolName, Digest)> {
    let key = |arguments: &Arguments| (approval.tool().clone(), arguments.likeness());
    [approval.proposed(), approval.arguments()].map(key).into()
}

fn place_of(delivery: &Delivery) -> (u64, String) {
    (delivery.record(), delivery.notifier().to_owned())
}

impl RecordLog for MemoryStore {
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        Box::pin(async move {
            let mut kept = self.kept();
            let outcome = kept.check(&changeset);
            if outcome == CommitOutcome::Done {
                let last = kept.write(changeset);
                if self.shared.signal.is_watched() {
                    self.shared.signal.publish(last);
                }
            }
            Ok(outcome)
        })
    }

    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>> {
        Box::pin(async move {
            let text = |record: Arc<Record>| match serde_json::to_string(&*record) {
                Ok(text) => Ok((record.seq(), text)),
                Err(error) => Err(StoreError::new(StoreErrorKind::Corrupt, error)),
            };
            self.records(filter).await?.into_iter().map(text).collect()
        })
    }

    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
        Box::pin(async move {
            let skip = usize::try_from(filter.is_after()).unwrap_or(usize::MAX);
            let kept = self.kept();
            if let Some(call) = filter.of_call() {
                let about =
                    kept.about(call, filter.is_after()).filter(|record| filter.admits(record));
                let mut found: Vec<Arc<Record>> = about.cloned().map(Arc::new).collect();
                found.reverse();
                found.truncate(filter.at_most());
                return Ok(found);
            }
            let found = kept.records.iter().skip(skip).filter(|record| filter.admits(record));
            Ok(found.take(filter.at_most()).cloned().map(Arc::new).collect())
        })
    }

    fn watch(&self) -> RecordWatch {
        let kept = self.kept();
        // Numbers are not published while nobody watches.
        self.shared.signal.publish(kept.records.len() as u64);
        self.shared.signal.watch()
    }
}

impl ApprovalStore for MemoryStore {
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>> {
        Box::pin(async move { Ok(self.kept().load_history(about)) })
    }

    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        Box::pin(async move {
            let kept = self.kept();
            let index = |id: &ApprovalId| kept.indexes.get(id).copied();
            let mut indexes: Vec<usize> = if !filter.ids().is_empty() {
                filter.ids().iter().filter_map(index).collect()
            } else if let Some(open) = filter
                .statuses()
                .iter()
                .map(|status| kept.open.indexes(*status))
                .collect::<Option<Vec<_>>>()
                && !open.is_empty()
            {
                open.into_iter().flatten().copied().collect()
            } else if let Some(run) = filter.of_run() {
                kept.runs.get(run).into_iter().flat_map(|run| run.calls.values().copied()).collect()
            } else if let Some(run) = filter.is_within() {
                // For calls of a remote agent, the family is the agent, whose name is the beginning
                // of the run's.
                let agent = run.as_str().split_inclusive('/').next().unwrap_or_default();
                let families =
                    [run.outermost(), agent.into()].map(|family| kept.families.get(&family));
                families
                    .into_iter()
                    .flatten()
                    .flat_map(|family| family.changes.iter().map(|(_, position)| *position))
                    .collect()
            } else {
                (0..kept.approvals.len()).collect()
            };
            indexes.sort_unstable();
            indexes.dedup();
            if let Some(after) = filter.is_after() {
                let after = index(&after).unwrap_or(usize::MAX);
                indexes.retain(|place| *place > after);
            }
            let found = indexes.into_iter().filter_map(|place| kept.at(place));
            let found = found.filter(|approval| filter.admits_whatever_its_id(approval));
            Ok(found.take(filter.at_most()).cloned().collect())
        })
    }

    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>> {
        Box::pin(async move { Ok(self.kept().run_changes(query)) })
    }

    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>> {
        Box::pin(async move { Ok(self.kept().grants.get(&id).cloned()) })
    }

    fn active_controls(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>> {
        Box::pin(async move {
            let kept = self.kept();
            let approved = kept.open.approved.iter().filter_map(|index| kept.at(*index)?.grant());
            let covering: BTreeSet<GrantId> = approved.collect();
            let may_matter = |grant: &&Arc<Grant>| {
                grant.is_active(now) || (!grant.is_revoked() && covering.contains(&grant.id()))
            };
            let ids =
                kept.active_grants.values().flatten().copied().chain(covering.iter().copied());
            let ids: BTreeSet<GrantId> = ids.collect();
            let grants = ids
                .iter()
                .filter_map(|id| kept.grants.get(id))
                .filter(may_matter)
                .cloned()
                .collect();
            let freezes = kept.freezes.values().cloned().collect();
            let known = |(digest, (tool, written)): (&Digest, &(Arc<Descriptor>, u64))| {
                KnownTool::new(tool.name().clone(), *digest, *written)
            };
            let tools: BTreeSet<KnownTool> = kept.tools.iter().map(known).collect();
            Ok(ActiveControls { grants, freezes, tools: tools.into_iter().collect() })
        })
    }

    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>> {
        Box::pin(
            async move { Ok(self.kept().tools.get(&digest).map(|(tool, _)| Arc::clone(tool))) },
        )
    }
}

impl OutboxStore for MemoryStore {
    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>> {
        Box::pin(async move { Ok(self.kept().deliveries(filter)) })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        let (approvals, records) = (kept.approvals.len(), kept.records.len());
        f.debug_struct("MemoryStore")
            .field("approvals", &approvals)
            .field("records", &records)
            .finish()
    }
}
