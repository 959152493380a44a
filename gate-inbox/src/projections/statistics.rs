//! Counts the questions, the times to decision, and the decisions as records arrive, by the hour,
//! for a month.
//!
//! The outcome of a question counts for the hour in which it was asked. So each question that a
//! rule asked in a time range is decided, over or still waiting. If it is asked again, because
//! rules changed or because the call failed, only the first answer counts.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::id::{ApprovalId, ReviewerId};
use gate_runtime::policy::{RuleResult, Verdict};
use gate_runtime::records::{CallEvent, GateEvent, Record, RecordEvent};
use gate_runtime::review::{Decision, Status};

use crate::projections::histogram::Histogram;

/// The number of hours that are kept: a month, with the hour that has begun.
const HOURS: usize = 31 * 24;

/// The most open questions that are followed. Beyond that, the oldest are not followed to their
/// end.
const OPEN: usize = 100_000;

/// The numbers of rules and of people that are counted separately. Later ones are counted together.
const RULES: usize = 2_000;
const PEOPLE: usize = 1_000;

/// A rule, by its source and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RuleKey {
    /// The source as in an assessment, like `policy refunds`.
    pub(crate) source: String,
    pub(crate) name: String,
}

/// The outcome of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ApprovalOutcome {
    Approved,
    Edited,
    Rejected,
    Answered,
    /// A standing permission covered it.
    Covered,
    Expired,
    /// It was cancelled, or a rule denied it later.
    Dropped,
}

impl ApprovalOutcome {
    /// Returns whether people decided it, and nothing else.
    pub(crate) fn is_decided(self) -> bool {
        matches!(self, Self::Approved | Self::Edited | Self::Rejected | Self::Answered)
    }
}

/// The counts of the questions and calls for which a rule was a reason, and of their outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleCounts {
    /// The numbers of times that it was a reason to approve a call, to ask, and to deny it.
    pub(crate) let_through: u64,
    pub(crate) asked: u64,
    pub(crate) denied: u64,
    /// The number of times that it failed.
    pub(crate) failed: u64,
    /// The number of times that its limit was used up.
    pub(crate) used_up: u64,
    pub(crate) became: BTreeMap<ApprovalOutcome, u64>,
}

impl RuleCounts {
    /// Returns how often it was a reason for the verdict.
    pub(crate) fn fired(&self) -> u64 {
        self.let_through + self.asked + self.denied
    }

    /// Returns how many of its questions still wait.
    pub(crate) fn open(&self) -> u64 {
        self.asked.saturating_sub(self.became.values().sum())
    }
}

/// The counts of a time range.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallCounts {
    pub(crate) let_through: u64,
    pub(crate) asked: u64,
    pub(crate) denied: u64,
    /// Refused before any rule saw it.
    pub(crate) refused: u64,
    pub(crate) became: BTreeMap<ApprovalOutcome, u64>,
    /// The durations from the question to the decision of people.
    pub(crate) waits: Histogram,
    rules: HashMap<usize, RuleCounts>,
    people: HashMap<usize, BTreeMap<ApprovalOutcome, u64>>,
}

/// The counts of each hour, and the questions that are still open.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    hours: BTreeMap<i64, CallCounts>,
    rules: NameIndex<RuleKey>,
    people: NameIndex<ReviewerId>,
    open: HashMap<ApprovalId, OpenApproval>,
    /// The open questions, in the order in which they were asked.
    order: BTreeMap<u64, ApprovalId>,
}

#[derive(Debug)]
struct OpenApproval {
    seq: u64,
    asked_at: Timestamp,
    rules: Vec<usize>,
    is_edited: bool,
}

impl Statistics {
    /// Counts a record.
    pub(crate) fn apply(&mut self, record: &Record) {
        let RecordEvent::Call(event) = record.event() else {
            if let RecordEvent::Gate(GateEvent::CallRefused { .. }) = record.event() {
                self.hour(record.at()).refused += 1;
            }
            return;
        };
        let Some(subject) = record.subject() else { return };
        let id = subject.approval();
        match event {
            CallEvent::Assessed { .. } => self.assessed(record, event, id),
            CallEvent::Voted { vote } => {
                let kind = match vote.decision() {
                    Decision::Approve => ApprovalOutcome::Approved,
                    Decision::Edit { .. } => ApprovalOutcome::Edited,
                    Decision::Reject { .. } => ApprovalOutcome::Rejected,
                    Decision::Respond { .. } => ApprovalOutcome::Answered,
                };
                let who = self.people.index_of(vote.reviewer(), PEOPLE);
                *self.hour(record.at()).people.entry(who).or_default().entry(kind).or_default() +=
                    1;
                if let (ApprovalOutcome::Edited, Some(open)) = (kind, self.open.get_mut(&id)) {
                    open.is_edited = true;
                }
            }
            _ => {}
        }
        let became = match (event, record.status()) {
            (CallEvent::Covered { .. }, _) => ApprovalOutcome::Covered,
            (CallEvent::Expired, _) => ApprovalOutcome::Expired,
            (CallEvent::Voted { .. }, Some(Status::Approved)) => ApprovalOutcome::Approved,
            (CallEvent::Voted { .. }, Some(Status::Rejected)) => ApprovalOutcome::Rejected,
            (CallEvent::Voted { .. }, Some(Status::Responded)) => ApprovalOutcome::Answered,
            (_, Some(Status::Cancelled | Status::Denied)) => ApprovalOutcome::Dropped,
            _ => return,
        };
        self.close(id, became, record.at());
    }

    fn assessed(&mut self, record: &Record, event: &CallEvent, id: ApprovalId) {
        let CallEvent::Assessed { assessment, .. } = event else { return };
        let at = record.at();
        let rule_index = |rules: &mut NameIndex<RuleKey>, source: String, name: &str| {
            rules.index_of(&RuleKey { source, name: name.to_owned() }, RULES)
        };
        let mut reasons = Vec::new();
        for rule in assessment.reasons() {
            let found = rule_index(&mut self.rules, rule.source().to_string(), rule.rule());
            if !reasons.contains(&found) {
                reasons.push(found);
            }
        }
        for rule in assessment.rules() {
            let result = rule.result();
            if matches!(result, RuleResult::Failed | RuleResult::LimitReached) {
                let found = rule_index(&mut self.rules, rule.source().to_string(), rule.rule());
                let of = self.hour(at).rules.entry(found).or_default();
                if result == RuleResult::Failed { of.failed += 1 } else { of.used_up += 1 }
            }
        }
        let hour = self.hour(at);
        for rule in &reasons {
            let of = hour.rules.entry(*rule).or_default();
            match assessment.verdict() {
                Verdict::Approve => of.let_through += 1,
                Verdict::Ask => of.asked += 1,
                Verdict::Deny => of.denied += 1,
            }
        }
        match assessment.verdict() {
            Verdict::Approve => hour.let_through += 1,
            Verdict::Deny => hour.denied += 1,
            Verdict::Ask => {
                hour.asked += 1;
                self.order.insert(record.seq(), id);
                self.open.insert(
                    id,
                    OpenApproval {
                        seq: record.seq(),
                        asked_at: at,
                        rules: reasons,
                        is_edited: false,
                    },
                );
                if self.open.len() > OPEN
                    && let Some((_, oldest)) = self.order.pop_first()
                {
                    self.open.remove(&oldest);
                }
            }
        }
    }

    fn close(&mut self, id: ApprovalId, became: ApprovalOutcome, at: Timestamp) {
        let Some(open) = self.open.remove(&id) else { return };
        self.order.remove(&open.seq);
        let became = if became == ApprovalOutcome::Approved && open.is_edited {
            ApprovalOutcome::Edited
        } else {
            became
        };
        // An hour that is no longer kept needs no counts.
        if let Some(hour) = self.hours.get_mut(&hour_of(open.asked_at)) {
            *hour.became.entry(became).or_default() += 1;
            if became.is_decided() {
                hour.waits
                    .add(Duration::try_from(at.duration_since(open.asked_at)).unwrap_or_default());
            }
            for rule in open.rules {
                *hour.rules.entry(rule).or_default().became.entry(became).or_default() += 1;
            }
        }
    }

    fn hour(&mut self, at: Timestamp) -> &mut CallCounts {
        let hour = hour_of(at);
        if self.hours.len() >= HOURS && !self.hours.contains_key(&hour) {
            self.hours.pop_first();
        }
        self.hours.entry(hour).or_default()
    }

    /// Returns the counts of a number of hours, up to and including the hour of a time.
    pub(crate) fn of(&self, last: Timestamp, hours: i64) -> CountSummary {
        let last = hour_of(last);
        let mut sum = CallCounts::default();
        for (_, hour) in self.hours.range(last.saturating_sub(hours.saturating_sub(1))..=last) {
            sum.join(hour);
        }
        let CallCounts { rules, people, .. } = &mut sum;
        let rules = std::mem::take(rules)
            .into_iter()
            .map(|(rule, of)| (self.rules.name(rule).cloned(), of))
            .collect();
        let people = std::mem::take(people)
            .into_iter()
            .map(|(who, of)| (self.people.name(who).cloned(), of))
            .collect();
        CountSummary { counts: sum, rules, people }
    }
}

/// The counts of a time range, with names. `None` stands for all that are not counted separately.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountSummary {
    pub(crate) counts: CallCounts,
    pub(crate) rules: BTreeMap<Option<RuleKey>, RuleCounts>,
    pub(crate) people: BTreeMap<Option<ReviewerId>, BTreeMap<ApprovalOutcome, u64>>,
}

impl CallCounts {
    fn join(&mut self, other: &Self) {
        self.let_through += other.let_through;
        self.asked += other.asked;
        self.denied += other.denied;
        self.refused += other.refused;
        self.waits.join(&other.waits);
        add(&mut self.became, &other.became);
        for (rule, of) in &other.rules {
            let sum = self.rules.entry(*rule).or_default();
            sum.let_through += of.let_through;
            sum.asked += of.asked;
            sum.denied += of.denied;
            sum.failed += of.failed;
            sum.used_up += of.used_up;
            add(&mut sum.became, &of.became);
        }
        for (who, of) in &other.people {
            add(self.people.entry(*who).or_default(), of);
        }
    }
}

fn add(sum: &mut BTreeMap<ApprovalOutcome, u64>, more: &BTreeMap<ApprovalOutcome, u64>) {
    for (became, count) in more {
        *sum.entry(*became).or_default() += count;
    }
}

/// Returns the hour of a time, as a number of hours since 1970.
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3_600)
}

/// An index of names. Names beyond the limit share one index, which has no name.
#[derive(Debug)]
struct NameIndex<N> {
    indexes: HashMap<N, usize>,
    names: Vec<N>,
}

impl<N> Default for NameIndex<N> {
    fn default() -> Self {
        Self { indexes: HashMap::new(), names: Vec::new() }
    }
}

impl<N: Clone + Eq + Hash> NameIndex<N> {
    fn index_of(&mut self, name: &N, most: usize) -> usize {
        if let Some(index) = self.indexes.get(name) {
            return *index;
        }
        if self.names.len() >= most {
            return usize::MAX;
        }
        self.indexes.insert(name.clone(), self.names.len());
        self.names.push(name.clone());
        self.names.len() - 1
    }

    fn name(&self, index: usize) -> Option<&N> {
        self.names.get(index)
    }
}

#[cfg(test)]
mod tests {
    use gate_runtime::prelude::*;
    use gate_runtime::testing::ManualClock;

    use super::*;

    /// Small ones go through.
    #[policy]
    fn payments(rules: Rules<Pay>) -> Rules<Pay> {
        rules
            .deny("too much")
            .when(|call| call.amount > 1_000)
            .auto_approve("small")
            .when(|call| call.amount < 10)
            .otherwise(ask(anyone()).within(hours(4)))
    }

    /// Pay.
    #[gated_tool(policy = "payments")]
    fn pay(amount: u64) -> u64 {
        amount
    }

    registry! { Tools for () { Pay } }

    fn count(of: &BTreeMap<ApprovalOutcome, u64>, became: ApprovalOutcome) -> u64 {
        of.get(&became).copied().unwrap_or_default()
    }

    #[tokio::test]
    async fn what_became_of_a_question_counts_for_the_hour_in_which_it_was_asked() {
        let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        let people = StaticDirectory::new().person("dana", ["manager"]);
        let gate: Gate<Tools> =
            Gate::builder(()).clock(clock.clone()).directory(people).build().await.unwrap();
        let run = gate.run("run-1");
        let call =
            |id: &str, amount: u64| ToolCall::new(id, "pay", format!("{{\"amount\":{amount}}}"));
        let calls = [
            call("1", 5),
            call("2", 5_000),
            call("3", 50),
            call("4", 60),
            call("5", 70),
            call("6", 80),
        ];
        let turn = run.submit(calls).await.unwrap();
        let dana = gate.reviewer("dana").await.unwrap();
        let [approved, edited, rejected, _] = turn.interruptions() else {
            panic!("four are asked")
        };
        clock.advance(Duration::from_hours(2));
        approved.approve(&dana).await.unwrap();
        edited.edit(&dana, Edit::new().set("amount", 55)).await.unwrap();
        rejected.reject(&dana, "no").await.unwrap();
        clock.advance(Duration::from_hours(3));
        gate.run_due().await;

        let mut statistics = Statistics::default();
        for record in gate.records(0, 1_000).await.unwrap() {
            statistics.apply(&record);
        }
        assert_eq!((statistics.open.len(), statistics.order.len()), (0, 0));
        let at = Timestamp::from_second(1_800_000_000 + 5 * 3_600).unwrap();
        let all = statistics.of(at, 24);
        let counts = &all.counts;
        assert_eq!((counts.let_through, counts.denied, counts.asked), (1, 1, 4));
        let kinds = [
            ApprovalOutcome::Approved,
            ApprovalOutcome::Edited,
            ApprovalOutcome::Rejected,
            ApprovalOutcome::Expired,
        ];
        assert_eq!(kinds.map(|kind| count(&counts.became, kind)), [1, 1, 1, 1]);
        assert_eq!(counts.waits.count(), 3);
        let otherwise =
            Some(RuleKey { source: "policy payments".into(), name: "otherwise".into() });
        let of = &all.rules[&otherwise];
        assert_eq!(
            (of.fired(), of.asked, of.open(), count(&of.became, ApprovalOutcome::Edited)),
            (4, 4, 0, 1)
        );
        assert_eq!(all.people[&Some("dana".into())].values().sum::<u64>(), 3);
        assert_eq!(statistics.of(at, 3).counts.became.len(), 0, "they were asked before");
        assert_eq!(statistics.of(at, 4).people.len(), 1, "and the votes were later");
    }

    #[test]
    fn only_so_many_hours_and_names_are_kept() {
        let mut statistics = Statistics::default();
        for hour in 0..10_000 {
            statistics.hour(Timestamp::from_second(hour * 3_600).unwrap()).asked += 1;
        }
        assert_eq!(statistics.hours.len(), HOURS);
        assert_eq!(
            statistics.of(Timestamp::from_second(9_999 * 3_600).unwrap(), 24).counts.asked,
            24
        );
        let mut names = NameIndex::default();
        let indexes: Vec<usize> = (0..5).map(|name| names.index_of(&name, 3)).collect();
        assert_eq!(indexes, [0, 1, 2, usize::MAX, usize::MAX]);
        assert_eq!((names.index_of(&1, 3), names.name(usize::MAX)), (1, None));
    }
}
