//! Checks the conditions that hold after every kill, from outside: with the database file, and with
//! the recorded effects of the tools.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use gate_runtime::audit::{LogKeys, WitnessPolicy};
use gate_runtime::grants::FreezeScope;
use gate_runtime::id::{ApprovalId, GrantId};
use gate_runtime::policy::Verdict;
use gate_runtime::records::{CallEvent, GateEvent, Record, RecordEvent, TrailEntry};
use gate_runtime::review::{Decision, SettledBy, Settlement, Status};
use gate_runtime::store::{ApprovalFilter, ApprovalStore, RecordFilter, RecordLog};
use gate_runtime::trail::{Auditor, TrailReader};
use gate_runtime::{Approval, Timestamp};
use gate_sqlite::SqliteStore;

use crate::tools::{ACKNOWLEDGED, Effect, FREE_DRAWS, SAID, USES, effects, lines};
use crate::victim::signing_key;

/// The records of one file that were read so far, and the state that follows from them.
#[derive(Default)]
pub struct RecordChecker {
    records: Vec<Arc<Record>>,
    calls: HashMap<ApprovalId, CallTrace>,
    /// The decisions of people, as the comments that they gave.
    facts: BTreeSet<String>,
    /// The number of times that each grant was used.
    grants: BTreeMap<GrantId, u32>,
    /// For each account, the verdicts of the rules on its calls.
    draws: BTreeMap<u64, Vec<Verdict>>,
    frozen: BTreeSet<String>,
    /// The calls that have ended, in the state in which they were first read as ended.
    ended: HashMap<ApprovalId, Arc<Approval>>,
    pub wrong: Vec<String>,
    pub counts: Counts,
}

/// The records of one call.
#[derive(Default)]
struct CallTrace {
    status: Option<Status>,
    dispatched: u32,
    /// The number of times that a person let it run again.
    again: u32,
    by_itself: u32,
    may_begin: bool,
    /// The attempts that are recorded as never begun.
    released: BTreeSet<u32>,
    /// True if no person who is asked again has voted yet.
    needs_vote: bool,
    voters: BTreeSet<String>,
    /// The number of its dispatches before a person edited it.
    edited_after: u32,
    /// True if its first dispatch was approved by rules alone. Later ones are questions, whose
    /// votes replace the first ones.
    ran_free: bool,
}

/// The counts of everything that happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub calls: usize,
    pub records: usize,
    pub effects: usize,
    /// Executions of calls that ran before.
    pub repeats: usize,
    pub acknowledged: usize,
    pub lost: usize,
    pub by_people: usize,
    pub by_reconcilers: usize,
    pub by_idempotence: usize,
    /// Records in the trail.
    pub sealed: usize,
    /// The number of times that more records were sealed than the time before.
    pub checkpoints: usize,
}

impl RecordChecker {
    /// Reads the new records, and compares them with the known state.
    pub async fn check(&mut self, folder: &Path) {
        let store = match SqliteStore::open(folder.join("gate.db")).await {
            Ok(store) => store,
            Err(error) => return self.wrong.push(format!("it cannot be opened: {error}")),
        };
        let seen = self.records.len() as u64;
        let records = store.records(&RecordFilter::after(seen)).await.unwrap();
        for (record, seq) in records.into_iter().zip(seen + 1..) {
            self.require(record.seq() == seq, || {
                format!("after record {} comes {}", seq - 1, record.seq())
            });
            self.follow(&record);
            self.records.push(record);
        }
        self.check_trail(folder);
        let approvals = store.approvals(&ApprovalFilter::all()).await.unwrap();
        let done = effects(folder);
        self.compare(&approvals, &done);
        self.compare_words(folder, &approvals);
        let active_controls = store.active_controls(Timestamp::now()).await.unwrap();
        for (grant, used) in self.grants.clone() {
            let left = active_controls.grants.iter().find(|known| known.id() == grant);
            let left = left.and_then(|grant| grant.uses_left()).unwrap_or(0);
            self.require(used + left == USES, || {
                format!("{grant} was used {used} times, and has {left} uses left")
            });
        }
        self.counts.calls = approvals.len();
        self.counts.records = self.records.len();
        self.counts.effects = done.len();
    }

    /// Checks at the end that the records that were read step by step equal those of the file, and
    /// that the file is intact.
    pub async fn check_end(&mut self, folder: &Path) {
        self.check(folder).await;
        let store = SqliteStore::open(folder.join("gate.db")).await.unwrap();
        let records = store.records(&RecordFilter::after(0)).await.unwrap();
        self.require(records == self.records, || {
            "records were changed after they were written".to_owned()
        });
        let approvals = store.approvals(&ApprovalFilter::all()).await.unwrap();
        let done = effects(folder);
        let sealed = self.counts.sealed;
        self.require(sealed == records.len(), || format!("only {sealed} records are sealed"));
        for approval in &approvals {
            let times =
                done.iter().filter(|effect| effect.key == approval.id().to_string()).count();
            let is_right = match (approval.status(), approval.tool().as_str()) {
                (Status::Succeeded, "book") => times == 1,
                (Status::Succeeded, _) => times >= 1,
                (status, _) => status.is_terminal() && times <= 1,
            };
            let tool = approval.tool();
            self.require(is_right, || {
                format!("{tool} {} is {} and ran {times} times", approval.id(), approval.status())
            });
        }
        drop(store);
        let file = rusqlite::Connection::open(folder.join("gate.db")).unwrap();
        let whole: String =
            file.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        self.require(whole == "ok", || format!("the file is damaged: {whole}"));
    }

    /// Checks the published part of the trail: each entry verifies, equals the stored record, and
    /// could have followed the ones before it.
    fn check_trail(&mut self, folder: &Path) {
        let folder = folder.join("trail");
        if !folder.join("checkpoint").exists() {
            return;
        }
        let keys = LogKeys::new("crashes", signing_key().verifier().clone()).unwrap();
        let reader = match TrailReader::open(&folder, &keys, &WitnessPolicy::none()) {
            Ok(reader) => reader,
            Err(error) => return self.wrong.push(format!("the trail cannot be opened: {error}")),
        };
        let sealed = self.counts.sealed;
        self.require(reader.size() as usize >= sealed, || {
            format!("of {sealed} sealed records {} are left", reader.size())
        });
        self.counts.sealed = reader.size() as usize;
        self.counts.checkpoints += usize::from(reader.size() as usize > sealed);
        let mut auditor = Auditor::new();
        for entry in reader.entries(0) {
            let taken =
                entry.and_then(|(index, bytes)| Ok((index, reader.read(index, &bytes)?, bytes)));
            let problem = match taken {
                Err(error) => Some(error.to_string()),
                Ok((index, entry, bytes)) => match self.records.get(index as usize) {
                    None => Some(format!("entry {index} is of no record")),
                    Some(record)
                        if TrailEntry::leaf(record).unwrap().text().as_bytes() != bytes =>
                    {
                        Some(format!("entry {index} is not its record"))
                    }
                    Some(_) => {
                        auditor.take(&entry).err().map(|replay_error| replay_error.to_string())
                    }
                },
            };
            if let Some(problem) = problem {
                return self.wrong.push(format!("the trail: {problem}"));
            }
        }
    }

    fn require(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            self.wrong.push(otherwise());
        }
    }

    /// Adds a record after those before it.
    fn follow(&mut self, record: &Record) {
        match record.event() {
            RecordEvent::Call(event) => self.follow_call(record, event),
            RecordEvent::Gate(GateEvent::GrantGiven { grant }) => {
                self.facts.insert(format!("granted {}", grant.id()));
                self.grants.insert(grant.id(), 0);
            }
            RecordEvent::Gate(GateEvent::Frozen { freeze }) => {
                self.facts.insert(format!("frozen {}", freeze.reason()));
                self.frozen.insert(format!("{:?}", freeze.scope()));
            }
            RecordEvent::Gate(GateEvent::FreezeLifted { scope, .. }) => {
                self.facts.insert(format!("lifted {scope:?}"));
                self.frozen.remove(&format!("{scope:?}"));
            }
            RecordEvent::Gate(_) => {}
        }
    }

    fn follow_call(&mut self, record: &Record, event: &CallEvent) {
        let subject = record.subject().unwrap();
        let (id, tool) = (subject.approval(), subject.tool().as_str());
        let what =
            || format!("record {}: {tool} {} {}", record.seq(), subject.call(), record.kind());
        let mut wrong = Vec::new();
        let mut hold = |is_so: bool, why: &str| {
            if !is_so {
                wrong.push(format!("{}: {why}", what()));
            }
        };
        let unit_of_work = self.calls.entry(id).or_default();
        hold(unit_of_work.status.is_none_or(|status| !status.is_terminal()), "it had ended");
        match event {
            CallEvent::Assessed { assessment, .. } => {
                hold(unit_of_work.status.is_none(), "it is not new");
                unit_of_work.may_begin = true;
                if tool == "draw" {
                    let account =
                        subject.call().as_str().parse::<u64>().unwrap() / (3 * crate::tools::CALLS);
                    self.draws.entry(account).or_default().push(assessment.verdict());
                }
            }
            CallEvent::Voted { vote } => {
                unit_of_work.needs_vote = false;
                if matches!(vote.decision(), Decision::Edit { .. }) {
                    unit_of_work.edited_after = unit_of_work.dispatched;
                }
                unit_of_work.voters.insert(vote.reviewer().to_string());
                self.facts.insert(format!("voted {id} {}", vote.reviewer()));
            }
            CallEvent::Withdrawn { by } => {
                unit_of_work.voters.remove(by.as_str());
                self.facts.insert(format!("withdrawn {id} {by}"));
            }
            CallEvent::Revoked { by, .. } => drop(self.facts.insert(format!("revoked {id} {by}"))),
            CallEvent::Covered { grant, .. } => match self.grants.get_mut(grant) {
                Some(used) => *used += 1,
                None => hold(false, "nobody gave its grant"),
            },
            CallEvent::Dispatched => {
                hold(unit_of_work.may_begin && !unit_of_work.needs_vote, "nobody let it run again");
                hold(
                    !self.frozen.contains(&format!("{:?}", FreezeScope::tool(tool))),
                    "its tool is stopped",
                );
                unit_of_work.may_begin = false;
                unit_of_work.ran_free |=
                    unit_of_work.dispatched == 0 && unit_of_work.voters.is_empty();
                unit_of_work.dispatched += 1;
            }
            CallEvent::Lost { .. } => self.counts.lost += 1,
            CallEvent::Released { .. } => {
                unit_of_work.may_begin = true;
                unit_of_work.released.insert(unit_of_work.dispatched);
            }
            CallEvent::AskedAgain { reason, .. } => {
                hold(unit_of_work.status == Some(Status::Indeterminate), "it was not lost");
                (unit_of_work.may_begin, unit_of_work.needs_vote) = (true, true);
                unit_of_work.voters.clear();
                unit_of_work.again += 1;
                self.counts.by_people += 1;
                self.facts.insert(format!("settled {id} {reason}"));
            }
            CallEvent::Settled { settlement, by, reason } => {
                hold(unit_of_work.status == Some(Status::Indeterminate), "it was not lost");
                let is_again = *settlement == Settlement::RunAgain;
                unit_of_work.may_begin |= is_again;
                match by {
                    SettledBy::Person { .. } => {
                        self.counts.by_people += 1;
                        unit_of_work.again += u32::from(is_again);
                        self.facts.insert(format!(
                            "settled {id} {}",
                            reason.as_deref().unwrap_or_default()
                        ));
                    }
                    SettledBy::Reconciler => {
                        self.counts.by_reconcilers += 1;
                        hold(tool == "book", "it has no reconciler");
                    }
                    SettledBy::Idempotence => {
                        self.counts.by_idempotence += 1;
                        unit_of_work.by_itself += 1;
                        hold(
                            tool == "set" && unit_of_work.dispatched < 3,
                            "it must not run again by itself",
                        );
                    }
                }
            }
            _ => {}
        }
        unit_of_work.status = record.status();
        self.wrong.extend(wrong);
    }

    /// Compares the states with the records, and both with the effects.
    fn compare(&mut self, approvals: &[Arc<Approval>], done: &[Effect]) {
        let mut wrong = Vec::new();
        let mut by_key: HashMap<&str, Vec<&Effect>> = HashMap::new();
        for effect in done {
            by_key.entry(&effect.key).or_default().push(effect);
        }
        let mut free: BTreeMap<u64, usize> = BTreeMap::new();
        self.counts.repeats = done.len() - by_key.len();
        for approval in approvals {
            let (id, tool, status) = (approval.id(), approval.tool().as_str(), approval.status());
            let call = approval.subject().call();
            let mut hold = |is_so: bool, why: String| {
                if !is_so {
                    wrong.push(format!("{tool} {call} is {status}: {why}"));
                }
            };
            let Some(unit_of_work) = self.calls.get(&id) else {
                hold(false, "there is no record of it".to_owned());
                continue;
            };
            hold(
                unit_of_work.status == Some(status),
                format!("its records say {:?}", unit_of_work.status),
            );
            hold(
                unit_of_work.dispatched == approval.attempts(),
                format!("{} are dispatched", unit_of_work.dispatched),
            );
            let voters: BTreeSet<_> =
                approval.votes().iter().map(|vote| vote.reviewer().to_string()).collect();
            hold(
                voters == unit_of_work.voters,
                format!("{voters:?} are not {:?}, whose votes were taken", unit_of_work.voters),
            );
            if let Some(earlier) = self.ended.get(&id) {
                hold(earlier == approval, format!("it was {}, for good", earlier.status()));
            } else if status.is_terminal() {
                self.ended.insert(id, Arc::clone(approval));
            }
            let ran = by_key.remove(id.to_string().as_str()).unwrap_or_default();
            let attempts: BTreeSet<_> = ran.iter().map(|effect| effect.attempt).collect();
            hold(
                attempts.len() == ran.len(),
                format!("of one dispatch it ran twice: {} in all", ran.len()),
            );
            hold(
                attempts.is_disjoint(&unit_of_work.released),
                "it ran where the record says that it did not begin".to_owned(),
            );
            let highest = attempts.last().copied().unwrap_or(0);
            hold(
                highest <= unit_of_work.dispatched,
                format!("it ran before its dispatch number {highest} was on the record"),
            );
            for effect in &ran {
                hold(
                    effect.status == "dispatched",
                    format!("when it ran it was {}", effect.status),
                );
                // A person who is asked to run a call again may edit it; earlier attempts ran as
                // proposed.
                let is_as_proposed = effect.attempt <= unit_of_work.edited_after;
                let arguments =
                    if is_as_proposed { approval.proposed() } else { approval.arguments() };
                hold(
                    effect.arguments == arguments.as_json(),
                    format!("it ran with {}", effect.arguments),
                );
                hold(*effect.call == *call.as_str(), format!("its key belongs to {}", effect.call));
            }
            let times = u32::try_from(ran.len()).unwrap();
            let allowed = match tool {
                "book" => 1,
                "set" => 3 + unit_of_work.again,
                _ => 1 + unit_of_work.again,
            };
            hold(times <= allowed, format!("it ran {times} times"));
            match status {
                Status::Succeeded => hold(times > 0, "it did not run".to_owned()),
                Status::Denied | Status::Rejected => hold(times == 0, "it ran".to_owned()),
                // A person who is asked to run a call again may answer in the tool's place.
                Status::Responded => {
                    hold(times == 0 || unit_of_work.again > 0, "it ran".to_owned());
                }
                Status::Failed | Status::Expired => {
                    hold(false, "nothing here fails or takes so long".to_owned());
                }
                _ => {}
            }
            if tool == "draw" && times > 0 && unit_of_work.ran_free {
                *free
                    .entry(call.as_str().parse::<u64>().unwrap() / (3 * crate::tools::CALLS))
                    .or_default() += 1;
            }
        }
        for (key, effects) in by_key {
            wrong.push(format!(
                "{} ran {} times under {key}, which nobody knows",
                effects[0].call,
                effects.len()
            ));
        }
        for (account, verdicts) in &self.draws {
            let let_through =
                verdicts.iter().filter(|verdict| **verdict == Verdict::Approve).count();
            let expected = verdicts.len().min(FREE_DRAWS);
            let ran = free.get(account).copied().unwrap_or(0);
            if let_through != expected || ran > FREE_DRAWS {
                wrong.push(format!("account {account}: of {verdicts:?} {ran} ran without anybody"));
            }
        }
        self.wrong.extend(wrong);
    }

    /// Checks that each acknowledged decision is recorded, and that people made each recorded
    /// decision.
    fn compare_words(&mut self, folder: &Path, approvals: &[Arc<Approval>]) {
        let said: BTreeSet<_> = lines(folder, SAID).into_iter().collect();
        let acknowledged: BTreeSet<_> = lines(folder, ACKNOWLEDGED).into_iter().collect();
        self.counts.acknowledged = acknowledged.len();
        let answers: BTreeSet<_> = approvals
            .iter()
            .map(|known| format!("answered {} {}", known.id(), known.status()))
            .collect();
        let lost = acknowledged
            .iter()
            .filter(|fact| !self.facts.contains(*fact) && !answers.contains(*fact));
        let lost: Vec<_> = lost.map(|fact| format!("acknowledged, and lost: {fact}")).collect();
        let invented =
            self.facts.iter().filter(|fact| !fact.starts_with("granted ") && !said.contains(*fact));
        let invented: Vec<_> = invented.map(|fact| format!("nobody said: {fact}")).collect();
        self.wrong.extend(lost.into_iter().chain(invented));
    }
}
