//! The most recently decided calls of each tool and of each case. Older calls are not kept.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

use gate_runtime::id::{ApprovalId, CaseId, GrantId, ToolName};
use gate_runtime::run::CallSubject;

/// The number of calls that are kept of each tool and case: one more than is shown, because one may
/// be the call itself.
const EACH: usize = 11;

/// The numbers of tools and of cases that are kept: those with the most recent decisions.
const TOOLS: usize = 1_000;
const CASES: usize = 10_000;

/// The number of standing permissions whose uses are counted.
const GRANTS: usize = 10_000;

/// The calls that people decided most recently, and the uses of standing permissions.
#[derive(Debug, Default)]
pub(crate) struct Precedents {
    of_tool: RecentByKey<ToolName>,
    of_case: RecentByKey<CaseId>,
    uses: HashMap<GrantId, u64>,
}

impl Precedents {
    /// Records that people decided a call.
    pub(crate) fn decided(&mut self, subject: &CallSubject) {
        self.of_tool.put(subject.tool(), subject.approval(), TOOLS);
        if let Some(case) = subject.info().case() {
            self.of_case.put(case, subject.approval(), CASES);
        }
    }

    /// Records that a standing permission approved a call.
    pub(crate) fn used(&mut self, grant: GrantId) {
        if self.uses.len() < GRANTS || self.uses.contains_key(&grant) {
            *self.uses.entry(grant).or_default() += 1;
        }
    }

    /// Returns how often a standing permission approved a call; `None` if that is not known.
    pub(crate) fn uses(&self, grant: GrantId) -> Option<u64> {
        let known = self.uses.get(&grant).copied();
        known.or((self.uses.len() < GRANTS).then_some(0))
    }

    /// Returns the most recently decided calls of the tool, and those of the case: newest first,
    /// without the call itself.
    pub(crate) fn like(&self, subject: &CallSubject) -> (Vec<ApprovalId>, Vec<ApprovalId>) {
        let others = |found: Option<&VecDeque<ApprovalId>>| {
            let others = found.into_iter().flatten().rev().filter(|id| **id != subject.approval());
            others.take(EACH - 1).copied().collect()
        };
        let of_case = subject.info().case().and_then(|case| self.of_case.each.get(case));
        (
            others(self.of_tool.each.get(subject.tool()).map(|(_, ids)| ids)),
            others(of_case.map(|(_, ids)| ids)),
        )
    }
}

/// The newest approvals of each key, for a limited number of keys. The least recently used key is
/// dropped first.
#[derive(Debug)]
struct RecentByKey<K> {
    each: HashMap<K, (u64, VecDeque<ApprovalId>)>,
    order: BTreeMap<u64, K>,
    count: u64,
}

impl<K> Default for RecentByKey<K> {
    fn default() -> Self {
        Self { each: HashMap::new(), order: BTreeMap::new(), count: 0 }
    }
}

impl<K: Clone + Eq + Hash> RecentByKey<K> {
    fn put(&mut self, key: &K, id: ApprovalId, most: usize) {
        self.count += 1;
        let (touched, ids) = self.each.entry(key.clone()).or_insert_with(|| (0, VecDeque::new()));
        self.order.remove(touched);
        *touched = self.count;
        self.order.insert(self.count, key.clone());
        ids.retain(|known| *known != id);
        ids.push_back(id);
        if ids.len() > EACH {
            ids.pop_front();
        }
        if self.each.len() > most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.each.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_are_kept_and_the_longest_untouched_go() {
        let mut newest = RecentByKey::default();
        let ids: Vec<ApprovalId> = (0..20).map(|_| ApprovalId::new()).collect();
        for id in &ids {
            newest.put(&"a", *id, 2);
        }
        assert!(newest.each["a"].1.iter().eq(&ids[9..]));
        newest.put(&"b", ids[0], 2);
        newest.put(&"a", ids[10], 2);
        newest.put(&"c", ids[0], 2);
        let mut kept: Vec<&str> = newest.each.keys().copied().collect();
        kept.sort_unstable();
        assert_eq!(kept, ["a", "c"]);
        assert_eq!(newest.order.len(), 2);
        assert_eq!(newest.each["a"].1.back(), Some(&ids[10]), "decided again, it is the newest");
    }

    #[test]
    fn uses_are_counted_as_long_as_there_is_place() {
        let mut precedents = Precedents::default();
        let first = GrantId::new();
        precedents.used(first);
        precedents.used(first);
        assert_eq!((precedents.uses(first), precedents.uses(GrantId::new())), (Some(2), Some(0)));
        for _ in 0..GRANTS {
            precedents.used(GrantId::new());
        }
        assert_eq!((precedents.uses.len(), precedents.uses(GrantId::new())), (GRANTS, None));
    }
}
