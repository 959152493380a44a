//! Audits a trail: checks whether its events could have happened in this order.

use std::collections::HashMap;
use std::sync::Arc;

use gate_core::approval::{Approval, ReplayError, Status, check_import, number_after};
use gate_core::assessment::Verdict;
use gate_core::grants::Grant;
use gate_core::id::{ApprovalId, GrantId, ReviewerId};
use gate_core::records::{CallEvent, GateEvent, Record, RecordEvent, TrailEntry};

/// Replays the records of a trail in order, and finds the first record that breaks the rules: a
/// record that is missing or repeated, in the trail or in its call; a body that began without an
/// approval; a vote that did not count; a grant that nobody gave or that is for other calls; a
/// state that does not follow.
///
/// Every call is replayed by the function that changes approvals, [`Approval::apply`]. Memory grows
/// with the number of grants and of calls that are open at the same time; of an ended call, only
/// its id and its number of records are kept.
///
/// ```
/// use gate_runtime::records::TrailEntry;
/// use gate_runtime::trail::Auditor;
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// # get_order(&gate.run("run-42"), "A-1".into()).await?;
/// let mut auditor = Auditor::new();
/// for record in gate.records(0, 100).await? {
///     auditor.take(&TrailEntry::Record(Box::new((*record).clone())))?;
/// }
/// assert_eq!((auditor.records(), auditor.calls()), (4, 1));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Auditor {
    next: u64,
    open: HashMap<ApprovalId, Option<Approval>>,
    /// The number of the last record of each call, including ended ones.
    numbers: HashMap<ApprovalId, u64>,
    /// The grants that were given and not revoked, with the number of calls that each has covered.
    grants: HashMap<GrantId, (Arc<Grant>, u32)>,
    /// True if records may be about calls whose beginnings were not replayed here.
    is_partial: bool,
    /// The records that count, if records may be missing in between. A reset entry can withdraw
    /// them.
    picked: Option<Vec<Record>>,
    /// The index of the next entry, if the index of the last one is known.
    due: Option<u64>,
    records: u64,
    calls: u64,
    votes: u64,
    breaks: u64,
}

impl Default for Auditor {
    fn default() -> Self {
        Self::new()
    }
}

impl Auditor {
    /// Creates an auditor before the first record.
    #[must_use]
    pub fn new() -> Self {
        Self {
            next: 1,
            open: HashMap::new(),
            numbers: HashMap::new(),
            grants: HashMap::new(),
            is_partial: false,
            picked: None,
            due: None,
            records: 0,
            calls: 0,
            votes: 0,
            breaks: 0,
        }
    }

    /// Creates an auditor in the middle of a trail, which accepts any record next. Calls that began
    /// before are not checked.
    #[must_use]
    pub fn from_here() -> Self {
        Self { next: 0, is_partial: true, ..Self::new() }
    }

    /// Creates an auditor of records that were picked from a trail, as for a receipt: each must
    /// follow from those of the same call before it, and none of these may be missing. Pass them to
    /// [`take_at`](Self::take_at), which also detects a missing reset entry.
    #[must_use]
    pub fn of_picked() -> Self {
        Self { next: 0, picked: Some(Vec::new()), ..Self::new() }
    }

    /// Adds the next entry. For a [`DigestEntry`](crate::records::DigestEntry), pass the record
    /// beside the tree.
    ///
    /// # Errors
    /// [`ReplayError`] if it does not follow. The entry is not added then.
    pub fn take(&mut self, entry: &TrailEntry) -> Result<(), ReplayError> {
        if self.picked.is_some() {
            (self.next, self.due) = (0, None);
        }
        self.take_next(entry)
    }

    /// Adds an entry that was picked from a trail, with its index there. Between two reset entries,
    /// indexes and record numbers grow by equal steps.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_at(&mut self, index: u64, entry: &TrailEntry) -> Result<(), ReplayError> {
        match self.due.map(|due| index.checked_sub(due)) {
            Some(None) => {
                return Err(ReplayError::at(
                    self.next,
                    format!("entry {index} is not behind the one before it"),
                ));
            }
            Some(Some(passed)) if self.next != 0 => self.next = self.next.saturating_add(passed),
            _ => self.next = 0,
        }
        self.take_next(entry)?;
        self.due = index.checked_add(1);
        Ok(())
    }

    fn take_next(&mut self, entry: &TrailEntry) -> Result<(), ReplayError> {
        match entry {
            TrailEntry::Record(record) => self.take_record(record),
            TrailEntry::Digest(digest_entry) => Err(ReplayError::at(
                digest_entry.seq(),
                "its record was not given: read it from beside the tree",
            )),
            TrailEntry::Reset(reset) => {
                if reset.settled() + 1 != self.next && self.next != 0 {
                    let (settled, sealed_before) = (reset.settled(), self.next.saturating_sub(1));
                    let problem = format!(
                        "the break before it says that {settled} records came first, and \
                         {sealed_before} did"
                    );
                    return Err(ReplayError::at(reset.next(), problem));
                }
                if reset.next() == 0 || reset.next() > reset.settled() + 1 {
                    return Err(ReplayError::at(
                        reset.next(),
                        "the break before it leaves records out",
                    ));
                }
                if let Some(latest) = self.picked.take() {
                    self.replay_kept(&latest, reset.next())?;
                } else {
                    // The state of the database at that time is not known here.
                    self.open.clear();
                    self.numbers.clear();
                    self.is_partial = true;
                }
                self.next = reset.next();
                self.breaks += 1;
                Ok(())
            }
        }
    }

    /// Returns the number of records that were added.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns the number of calls that began.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Returns the number of votes that were given.
    #[must_use]
    pub fn votes(&self) -> u64 {
        self.votes
    }

    /// Returns the number of times that trail and database diverged.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.breaks
    }

    /// Returns the number that the next record must have; 0 if any may follow.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Begins again with the picked records that a reset entry does not withdraw.
    fn replay_kept(&mut self, latest: &[Record], next: u64) -> Result<(), ReplayError> {
        let mut again = Self::of_picked();
        for record in latest.iter().filter(|record| record.seq() < next) {
            again.next = 0;
            again.take_record(record)?;
        }
        (self.open, self.numbers, self.grants, self.picked) =
            (again.open, again.numbers, again.grants, again.picked);
        Ok(())
    }

    fn take_record(&mut self, record: &Record) -> Result<(), ReplayError> {
        if self.next != 0 && record.seq() != self.next {
            let picked =
                if self.picked.is_some() { ", and no break between them is shown" } else { "" };
            return Err(ReplayError::new(
                record,
                format!("record {} should come here{picked}", self.next),
            ));
        }
        match record.event() {
            RecordEvent::Call(event) => self.follow(record, event)?,
            RecordEvent::Gate(_) if record.subject().is_some() || record.call_seq().is_some() => {
                return Err(ReplayError::new(record, "it names a call"));
            }
            RecordEvent::Gate(GateEvent::GrantGiven { grant }) => {
                drop(self.grants.insert(grant.id(), (Arc::clone(grant), 0)));
            }
            RecordEvent::Gate(GateEvent::GrantRevoked { grant, .. }) => {
                drop(self.grants.remove(grant));
            }
            RecordEvent::Gate(_) => {}
        }
        if let Some(latest) = &mut self.picked {
            latest.push(record.clone());
        }
        self.next = record.seq().saturating_add(1);
        self.records += 1;
        Ok(())
    }

    /// Replays an event of a call, and compares the resulting state.
    fn follow(&mut self, record: &Record, event: &CallEvent) -> Result<(), ReplayError> {
        let subject = record
            .subject()
            .ok_or_else(|| ReplayError::new(record, "it does not say which call it is about"))?;
        let id = subject.approval();
        let number = match self.numbers.get(&id) {
            // The call began before the first audited record, so any number may come first.
            None if self.is_partial => record.call_seq().unwrap_or(0),
            before => number_after(before.copied().unwrap_or(0), record.call_seq())
                .map_err(|problem| ReplayError::new(record, problem))?,
        };
        let next = match (event, self.open.get(&id)) {
            (CallEvent::Imported { .. }, Some(_)) => {
                return Err(ReplayError::new(record, "this call was here before"));
            }
            (CallEvent::Imported { approval: Some(_) }, None) => {
                Some(Approval::after(None, record)?)
            }
            // An earlier version did not record the state of an imported call. Such a call does not
            // run.
            (CallEvent::Imported { approval: None }, None) => {
                check_import(record).map_err(|problem| ReplayError::new(record, problem))?;
                None
            }
            (_, Some(None)) => None,
            // It follows the end of the call, and changes nothing in the records.
            (CallEvent::SecretsErased { .. }, _) => {
                self.numbers.insert(id, number);
                return Ok(());
            }
            (CallEvent::Assessed { .. }, Some(Some(_))) => {
                return Err(ReplayError::new(record, "this call was assessed before"));
            }
            (CallEvent::Assessed { .. }, None) => {
                self.calls += 1;
                Some(Approval::after(None, record)?)
            }
            (_, None) if self.is_partial => None,
            (_, before) => Some(Approval::after(before.and_then(Option::as_ref), record)?),
        };
        match (event, &next) {
            (CallEvent::Covered { grant, by, .. }, Some(next))
                if !self.is_partial && self.picked.is_none() =>
            {
                self.cover(*grant, by, next)
                    .map_err(|problem| ReplayError::new(record, problem))?;
            }
            (CallEvent::Voted { .. }, _) => self.votes += 1,
            (CallEvent::Dispatched, Some(next)) if !has_permission(next) => {
                return Err(ReplayError::new(record, "nobody and nothing let it begin"));
            }
            _ => {}
        }
        self.numbers.insert(id, number);
        if record.status().is_some_and(Status::is_terminal) {
            self.open.remove(&id);
        } else {
            self.open.insert(id, next);
        }
        Ok(())
    }

    /// Counts a use of a grant, which must cover the call and have uses left. Times are not
    /// checked, because clocks can be set.
    fn cover(
        &mut self,
        id: GrantId,
        by: &ReviewerId,
        approval: &Approval,
    ) -> Result<(), &'static str> {
        let (grant, uses) = self
            .grants
            .get_mut(&id)
            .ok_or("nobody gave this standing permission, or it was taken back")?;
        if grant.by() != by {
            return Err("somebody else gave this standing permission");
        }
        if !grant.fits(approval.subject(), approval.arguments()) {
            return Err("this standing permission is for other calls");
        }
        if grant.uses_in_all().is_some_and(|most| *uses >= most) {
            return Err("this standing permission was used up");
        }
        *uses = uses.saturating_add(1);
        Ok(())
    }
}

/// Returns whether a rule, people or a grant let a body begin. The state machine allows nothing
/// else; this checks it once more, independently.
fn has_permission(approval: &Approval) -> bool {
    let by_rule = approval.assessment().verdict() == Verdict::Approve;
    by_rule || approval.attempts() > 1 || approval.grant().is_some() || !approval.votes().is_empty()
}
