//! Submits batches of calls, runs those that may run, and continues when people have decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashSet;
use futures_util::future::{join_all, select_all};
use gate_core::approval::{Approval, Status};
use gate_core::call::{NotRun, ToolCall};
use gate_core::id::ApprovalId;
use gate_core::ports::{ApprovalFilter, Changeset, StoreError};

use super::answer::{Answer, CallResult};
use super::batch::{BatchPlace, CallBatch};
use super::ledger::LedgerVersion;
use super::run_session::RunSession;
use super::turn::{Turn, WaitingCalls};
use crate::engine::call::parse::ParsedCall;
use crate::engine::call::propose::{CallLookup, ProposedCall, SubmitContext, SubmittedCall};
use crate::engine::call::run_context::RunContext;
use crate::engine::error::RunError;
use crate::engine::execution::caller_kind::CallerKind;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::change_feed::{ApprovalWaiter, ChangeFeed};

/// The state of one call, and why it could not begin although it is approved.
#[derive(Clone)]
pub(crate) struct CallProgress {
    pub(crate) approval: Arc<Approval>,
    /// The reason why it could not begin just now, although it is approved.
    pub(crate) hindrance: Option<NotRun>,
}

impl From<Arc<Approval>> for CallProgress {
    fn from(approval: Arc<Approval>) -> Self {
        Self { approval, hindrance: None }
    }
}

/// The result of checking the id of one call of a batch.
#[derive(Clone, Copy)]
enum BatchIdCheck {
    /// It is a call.
    Unique,
    /// It only repeats the earlier one at this place.
    Repeat(usize),
    /// Another call of the batch has its id.
    Conflict,
}

impl EngineCore {
    /// Submits a batch, runs the calls that may run, and returns the turn.
    ///
    /// # Cancel safety
    /// A call belongs to the run once it is recorded. If this is dropped before the end, recorded
    /// calls are in the next turn.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        run: &RunContext,
        session: &Arc<RunSession>,
        calls: &[ToolCall],
    ) -> Result<Turn, RunError> {
        let batch = session.begin_batch(CallBatch::of(calls.len()));
        // If the store does not answer, owed calls stay owed for a later turn, and each call of
        // this batch gets that error as its answer.
        let refreshed = session.ledger.refresh(&*self.store).await;
        if calls.is_empty() {
            refreshed?;
        }
        let blocked = match calls {
            // By far the most frequent batch, in which no call waits for another.
            [only] => self.propose_one(run, session, &batch, only).await.into_iter().collect(),
            _ => self.propose_batch(run, session, &batch, calls).await,
        };
        // If this fails, the acknowledgement is written with the next changeset; until then, a
        // restart would only repeat an answer.
        let _ = self.write_acknowledged(session).await;
        if !batch.unfinished().is_empty() {
            // Others may have decided and run calls in the meantime. If that cannot be read, the
            // turn has a slightly older state, and a later turn has the changes.
            let _ = session.ledger.refresh(&*self.store).await;
            let _ = self.load_unknown(session, &batch).await;
        }
        Ok(self.turn(run, session, &batch, &blocked))
    }

    /// Proposes the only call of a batch.
    async fn propose_one(
        self: &Arc<Self>,
        run: &RunContext,
        session: &RunSession,
        batch: &CallBatch,
        call: &ToolCall,
    ) -> Option<(ApprovalId, NotRun)> {
        let ledger_version = session.ledger.moment();
        let submitted = async {
            let proposed = self.read(run, call).await?;
            let lookup = self.plan(run, ProposedCall::here(self, run, proposed)?).await?;
            self.submit_one(run, session, lookup, &[]).await
        };
        let progress = submitted.await;
        put(session, batch, (0, call), progress, ledger_version)
    }

    /// Proposes the calls of a batch. All are evaluated before any runs, because one may hold back
    /// the others.
    async fn propose_batch(
        self: &Arc<Self>,
        run: &RunContext,
        session: &RunSession,
        batch: &CallBatch,
        calls: &[ToolCall],
    ) -> BTreeMap<ApprovalId, NotRun> {
        let before = session.ledger.moment();
        let read = join_all(calls.iter().map(|call| self.read(run, call))).await;
        let id_checks = check_ids(calls, &read);
        let planned = calls.iter().zip(read).zip(&id_checks);
        let planned = join_all(
            planned.map(|((call, read), id_check)| self.look_up_one(run, call, read, *id_check)),
        )
        .await;
        let holds = |plan: &Option<Result<CallLookup, NotRun>>| match plan {
            Some(Ok(CallLookup::New(draft))) => draft.holds_batch(),
            // The call was proposed before, and its caller was dropped before the decision.
            Some(Ok(CallLookup::Known(known))) => known.holds_batch(),
            _ => false,
        };
        let mut held_by: Vec<ApprovalId> =
            planned.iter().filter(|plan| holds(plan)).flatten().filter_map(id_of).collect();
        let (first, then): (Vec<_>, Vec<_>) =
            planned.into_iter().enumerate().partition(|(_, plan)| holds(plan));
        let mut hindrances = BTreeMap::new();
        // Questions that hold others back are written first, so that nobody finds the others
        // approved without the question.
        for part in [first, then] {
            let carried_out = part
                .into_iter()
                .filter_map(|(place, plan)| Some((place, calls.get(place)?, plan?)));
            let carried_out = carried_out.map(async |(place, call, plan)| {
                let taken = match plan {
                    Ok(plan) => self.submit_one(run, session, plan, &held_by).await,
                    Err(reason) => Err(reason),
                };
                put(session, batch, (place, call), taken, before)
            });
            hindrances.extend(join_all(carried_out).await.into_iter().flatten());
            // Uses the recorded questions, because another task may have written the same question.
            held_by = batch
                .unfinished()
                .iter()
                .filter(|known| known.holds_batch())
                .map(|known| known.id())
                .collect();
        }
        for (place, id_check) in id_checks.into_iter().enumerate() {
            if let BatchIdCheck::Repeat(first) = id_check {
                batch.repeat(first, place);
            }
        }
        hindrances
    }

    async fn look_up_one(
        &self,
        run: &RunContext,
        call: &ToolCall,
        read: Result<ParsedCall, NotRun>,
        id_check: BatchIdCheck,
    ) -> Option<Result<CallLookup, NotRun>> {
        match (id_check, read) {
            (BatchIdCheck::Repeat(_), _) => None,
            (BatchIdCheck::Unique, Ok(proposed)) => {
                Some(match ProposedCall::here(self, run, proposed) {
                    Ok(candidate) => self.plan(run, candidate).await.map_err(NotRun::from),
                    Err(reason) => Err(reason),
                })
            }
            (BatchIdCheck::Unique, Err(reason)) => Some(Err(reason)),
            (BatchIdCheck::Conflict, _) => {
                let id = call.id().as_str().escape_debug();
                let problem = format!(
                    "Two different calls of one batch have the id `{id}`: give every call its own"
                );
                Some(Err(self
                    .refuse(run, call.id(), call.tool(), NotRun::Invalid { problem })
                    .await))
            }
        }
    }

    /// Writes the planned call, and runs it if it may run.
    async fn submit_one(
        self: &Arc<Self>,
        run: &RunContext,
        session: &RunSession,
        lookup: CallLookup,
        held_by: &[ApprovalId],
    ) -> Result<CallProgress, NotRun> {
        match lookup {
            CallLookup::New(prepared) => {
                match self
                    .open(run, *prepared, &SubmitContext::of_model(&session.ledger, held_by))
                    .await?
                {
                    SubmittedCall::Settled(approval) => Ok(approval.into()),
                    SubmittedCall::Dispatched(approval, arguments, context) => Ok(self
                        .execute(run, approval, arguments, context, CallerKind::Run)
                        .await
                        .approval
                        .into()),
                }
            }
            CallLookup::Known(approval) => match approval.status() {
                Status::Approved | Status::Dispatched | Status::Indeterminate => {
                    Ok(self.go_on(run, approval).await)
                }
                _ => Ok(approval.into()),
            },
        }
    }

    /// Runs an approved call if it may run now. If not, it stays approved, with the reason; if it
    /// has just ended, returns its end.
    pub(crate) async fn go_on(
        self: &Arc<Self>,
        run: &RunContext,
        approval: Arc<Approval>,
    ) -> CallProgress {
        match self.dispatch(run, approval.id(), CallerKind::Run).await {
            Ok(executed) => executed.approval.into(),
            Err(reason) => {
                // If the store does not answer, the version before the attempt is reported, with
                // the hindrance.
                let now = self.load(approval.id()).await.ok().flatten().unwrap_or(approval);
                let is_open = !now.status().is_terminal();
                CallProgress { approval: now, hindrance: Some(reason).filter(|_| is_open) }
            }
        }
    }

    /// Updates the calls of a batch that the ledger does not know: another task has taken the end
    /// since the last look, or the store owes the call to nobody, because a program proposed it
    /// first. A pending one is a question of the run.
    async fn load_unknown(
        &self,
        session: &RunSession,
        batch: &CallBatch,
    ) -> Result<(), StoreError> {
        let is_forgotten = |known: &Arc<Approval>| session.ledger.find(known).is_none();
        let forgotten = batch
            .unfinished()
            .iter()
            .filter(|known| is_forgotten(known))
            .map(|known| known.id())
            .collect();
        let ledger_version = session.ledger.moment();
        for latest in self.load_all(forgotten).await? {
            batch.note(&latest);
            if latest.status() == Status::Pending {
                session.ledger.note(&latest, ledger_version);
            }
        }
        Ok(())
    }

    /// Writes that the application has these ends, if no other changeset has done so.
    async fn write_acknowledged(&self, session: &RunSession) -> Result<(), StoreError> {
        let mut changeset = Changeset::at(self.now());
        session.ledger.acknowledge(&mut changeset);
        if changeset.acknowledged.is_empty() {
            return Ok(());
        }
        let ids = changeset.acknowledged.clone();
        self.write_alone(changeset).await?;
        session.ledger.acknowledged(&ids);
        Ok(())
    }

    /// Records that the application has a turn, so that its ends are in no later one.
    pub(crate) async fn acknowledge(
        &self,
        session: &RunSession,
        turn: &Turn,
    ) -> Result<(), StoreError> {
        let answers = turn.answers().iter().chain(turn.late());
        let settled = answers.filter(|answer| !answer.is_waiting()).filter_map(Answer::approval);
        session.ledger.take(&settled.cloned().collect::<Vec<_>>());
        self.write_acknowledged(session).await
    }

    /// Runs the calls that have been approved since, and returns the turn.
    pub(crate) async fn proceed(
        self: &Arc<Self>,
        run: &RunContext,
        session: &Arc<RunSession>,
    ) -> Result<Turn, RunError> {
        session.ledger.refresh(&*self.store).await?;
        let own = session.run_id();
        let batch = session.current();
        self.load_unknown(session, &batch).await?;
        let owed = session.ledger.unfinished(&own);
        // A call that a program proposed first, and a model again, is not owed according to the
        // store, but is in the batch.
        let is_unknown = |known: &Arc<Approval>| {
            known.status() != Status::Pending && session.ledger.find(known).is_none()
        };
        let of_batch = batch.unfinished().into_iter().filter(is_unknown);
        let unfinished: BTreeMap<_, _> =
            owed.into_iter().chain(of_batch).map(|call| (call.id(), call)).collect();
        let went_on = unfinished.into_values().map(async |approval| {
            let before = session.ledger.moment();
            let CallProgress { approval, hindrance } = self.go_on(run, approval).await;
            session.ledger.note(&approval, before);
            hindrance.map(|hindrance| (approval.id(), hindrance))
        });
        let hindrances = join_all(went_on).await.into_iter().flatten().collect();
        // People may have decided while bodies ran.
        session.ledger.refresh(&*self.store).await?;
        self.load_unknown(session, &batch).await?;
        Ok(self.turn(run, session, &batch, &hindrances))
    }

    /// Waits until people have decided every call of the batch, and runs the approved ones.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        run: &RunContext,
        session: &Arc<RunSession>,
    ) -> Result<Turn, RunError> {
        let mut waiters: BTreeMap<ApprovalId, ApprovalWaiter> = BTreeMap::new();
        loop {
            let turn = self.proceed(run, session).await?;
            let waits = |answer: &&Answer| {
                matches!(answer.result(), CallResult::Waiting | CallResult::Running)
            };
            let open = turn
                .answers()
                .iter()
                .filter(waits)
                .filter_map(|answer| Some(answer.approval()?.id()));
            let mut open: HashSet<ApprovalId> = open.collect();
            if open.is_empty() {
                return Ok(turn);
            }
            let (own, waiting) = (session.run_id(), session.ledger.waiting());
            let of_run =
                waiting.values().filter(|approval| approval.subject().info().run().is_within(&own));
            open.extend(of_run.map(|approval| approval.id()));
            waiters.retain(|id, _| open.contains(id));
            let known = waiters.len();
            for id in open {
                waiters.entry(id).or_insert_with(|| ChangeFeed::wait_for(self, id));
            }
            // Reading again finds changes before a waiter was registered; later changes wake the
            // waiter.
            if waiters.len() == known {
                select_all(waiters.values().map(|waiter| Box::pin(waiter.changed()))).await;
            }
        }
    }

    /// Creates a turn with answers and questions from the states of the calls. Nested runs
    /// contribute only questions.
    fn turn(
        self: &Arc<Self>,
        run: &RunContext,
        session: &Arc<RunSession>,
        batch: &CallBatch,
        blocked: &BTreeMap<ApprovalId, NotRun>,
    ) -> Turn {
        // Nothing is awaited from here on, so that the turn is consistent.
        for known in &batch.unfinished() {
            if let Some(newer) =
                session.ledger.find(known).filter(|newer| newer.version() > known.version())
            {
                batch.note(&newer);
            }
        }
        let is_running =
            |answer: &Answer| answer.approval().is_some_and(|known| self.holds_lease(known));
        let running = |answer: Answer| if is_running(&answer) { answer.running() } else { answer };
        let answers: Vec<Answer> = batch.answers(blocked).into_iter().map(running).collect();
        let ids: HashSet<ApprovalId> =
            answers.iter().filter_map(|answer| Some(answer.approval()?.id())).collect();
        let late = session
            .ledger
            .answers(&session.run_id())
            .into_iter()
            .filter(|owed| !ids.contains(&owed.id()));
        let late: Vec<Answer> = late.map(|owed| Answer::of(owed, None)).collect();
        let settled = answers.iter().chain(&late).filter(|answer| !answer.is_waiting());
        session.mark_returned(settled.filter_map(Answer::approval).cloned());
        Turn::new(answers, late, WaitingCalls::of(self, run, session))
    }

    pub(crate) async fn load_all(
        &self,
        ids: Vec<ApprovalId>,
    ) -> Result<Vec<Arc<Approval>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let filter = ids.into_iter().fold(ApprovalFilter::all(), ApprovalFilter::id);
        self.store.approvals(&filter).await
    }
}

/// Adds the result of a proposed call to the batch and the ledger.
fn put(
    session: &RunSession,
    batch: &CallBatch,
    (index, call): (usize, &ToolCall),
    submitted: Result<CallProgress, NotRun>,
    ledger_version: LedgerVersion,
) -> Option<(ApprovalId, NotRun)> {
    let CallProgress { approval, hindrance: blocked_by } = match submitted {
        Ok(latest) => latest,
        Err(reason) => {
            batch.fill(index, BatchPlace::Refused(call.clone(), reason));
            return None;
        }
    };
    let id = approval.id();
    session.ledger.record_of_batch(&approval, ledger_version);
    batch.fill(index, BatchPlace::Call(approval));
    blocked_by.map(|not_run| (id, not_run))
}

fn id_of(lookup: &Result<CallLookup, NotRun>) -> Option<ApprovalId> {
    match lookup {
        Ok(CallLookup::New(prepared)) => Some(prepared.id()),
        Ok(CallLookup::Known(known)) => Some(known.id()),
        Err(_) => None,
    }
}

/// Checks the ids of a batch. Two equal calls with one id count as one call; two different calls
/// with one id are refused.
fn check_ids(calls: &[ToolCall], read: &[Result<ParsedCall, NotRun>]) -> Vec<BatchIdCheck> {
    let same = |a: &Result<ParsedCall, NotRun>, b: &Result<ParsedCall, NotRun>| match (a, b) {
        (Ok(a), Ok(b)) => (a.tool, &a.completed.arguments) == (b.tool, &b.completed.arguments),
        _ => false,
    };
    let mut first: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, call) in calls.iter().enumerate() {
        first.entry(call.id().as_str()).or_default().push(index);
    }
    let id_check = |(call_index, call): (usize, &ToolCall)| {
        let same_id = first.get(call.id().as_str()).map_or(&[][..], Vec::as_slice);
        let equal = |other: &usize| {
            read.get(*other).zip(read.get(call_index)).is_some_and(|(a, b)| same(a, b))
        };
        match same_id.first() {
            _ if call.id().as_str().is_empty() || same_id.len() < 2 => BatchIdCheck::Unique,
            _ if !same_id.iter().all(|other| *other == call_index || equal(other)) => {
                BatchIdCheck::Conflict
            }
            Some(first) if *first < call_index => BatchIdCheck::Repeat(*first),
            _ => BatchIdCheck::Unique,
        }
    };
    calls.iter().enumerate().map(id_check).collect()
}
