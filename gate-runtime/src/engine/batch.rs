//! Batches of calls: taken in together, run as far as they may, looked at again as people decide.

use std::sync::Arc;

use futures_util::future::{join_all, select_all};

use super::core::{Core, lock};
use super::error::RunError;
use super::intake::{Circumstances, Proposed};
use super::interruption::Interruption;
use super::open::{Opened, Plan};
use super::run_state::Slot;
use super::thread::Thread;
use super::turn::{Answer, Turn};
use super::wait::Hub;
use crate::ports::store::ApprovalFilter;
use crate::values::approval::{Approval, Status};
use crate::values::context::ToolCall;
use crate::values::id::ApprovalId;
use crate::values::outcome::NotRun;
use crate::values::requirement::Requirement;

/// The calls that a run has not answered for good.
#[derive(Clone, Default)]
pub(crate) struct Slots {
    /// Of the last batch, in order.
    pub(crate) current: Vec<Slot>,
    /// Those of the last batch that were not settled when they were last looked at.
    unsettled: Vec<ApprovalId>,
    /// Of earlier batches, still waiting.
    pub(crate) earlier: Vec<ApprovalId>,
}

impl Slots {
    /// As a state has them: nothing was looked at yet.
    pub(crate) fn resumed(current: Vec<Slot>, earlier: Vec<ApprovalId>) -> Self {
        Self { unsettled: current.iter().filter_map(Slot::approval).collect(), current, earlier }
    }

    /// Every approval among them, once.
    pub(crate) fn ids(&self) -> Vec<ApprovalId> {
        let current = self.current.iter().filter_map(Slot::approval);
        let mut ids: Vec<ApprovalId> = current.chain(self.earlier.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// What becomes of one call of a batch, for its id.
#[derive(Clone, Copy)]
enum Fate {
    /// It is a call.
    Plan,
    /// It only repeats an earlier one of the batch.
    Repeat,
    /// Another call of the batch has its id.
    Clash,
}

impl Core {
    /// Takes a batch in, runs what may run, and gives the batch as it stands then.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        run: &Circumstances,
        thread: &Thread,
        calls: &[ToolCall],
    ) -> Result<Turn, RunError> {
        let opened = match calls {
            // By far the most frequent batch, and nothing in it waits for anything else in it.
            [only] => vec![Some(self.take_in(run, only).await)],
            _ => self.take_in_together(run, calls).await,
        };
        let mut stand = Vec::with_capacity(calls.len());
        let mut current: Vec<Slot> = Vec::with_capacity(calls.len());
        for (call, opened) in calls.iter().zip(opened) {
            current.push(match opened {
                Some(Ok(approval)) => {
                    let slot = Slot::Call { approval: approval.id() };
                    stand.push(approval);
                    slot
                }
                Some(Err(reason)) => Slot::Refused { call: call.id.clone(), tool: call.tool.clone(), reason },
                None => match calls.iter().zip(&current).find(|(first, _)| first.id == call.id) {
                    Some((_, slot)) => slot.clone(),
                    None => continue,
                },
            });
        }
        let earlier = {
            let mut slots = lock(&thread.slots);
            slots.current = current;
            let left = std::mem::take(&mut slots.unsettled);
            slots.earlier.extend(left);
            slots.earlier.clone()
        };
        stand.extend(self.load_all(earlier).await?);
        let nested = self.nested_questions(thread).await?;
        Ok(self.turn(run, thread, &stand, &[], nested))
    }

    /// Takes in a call that is alone.
    async fn take_in(self: &Arc<Self>, run: &Circumstances, call: &ToolCall) -> Result<Arc<Approval>, NotRun> {
        let proposed = self.read(run, call).await?;
        let plan = self.plan(run, proposed).await?;
        self.carry_out(run, plan, false).await
    }

    /// Takes in the calls of a batch: all are judged before any is carried out, for one may hold the others. `None` for a call
    /// that only repeats another one.
    async fn take_in_together(
        self: &Arc<Self>,
        run: &Circumstances,
        calls: &[ToolCall],
    ) -> Vec<Option<Result<Arc<Approval>, NotRun>>> {
        let read = join_all(calls.iter().map(|call| self.read(run, call))).await;
        let fates = fates(calls, &read);
        let planned = calls.iter().zip(read).zip(&fates);
        let planned = join_all(planned.map(|((call, read), fate)| self.plan_one(run, call, read, *fate))).await;
        let hold = planned.iter().any(|plan| matches!(plan, Some(Ok(Plan::New(draft))) if draft.holds_batch()));
        let opened = planned.into_iter().map(|plan| async {
            match plan? {
                Ok(plan) => Some(self.carry_out(run, plan, hold).await),
                Err(reason) => Some(Err(reason)),
            }
        });
        join_all(opened).await
    }

    async fn plan_one(
        &self,
        run: &Circumstances,
        call: &ToolCall,
        read: Result<Proposed, NotRun>,
        fate: Fate,
    ) -> Option<Result<Plan, NotRun>> {
        match (fate, read) {
            (Fate::Repeat, _) => None,
            (Fate::Plan, Ok(proposed)) => Some(self.plan(run, proposed).await),
            (Fate::Plan, Err(reason)) => Some(Err(reason)),
            (Fate::Clash, _) => {
                let id = call.id.as_str().escape_debug();
                let problem = format!("Two different calls of one batch have the id `{id}`: give every call its own");
                Some(Err(self.refuse(run, &call.id, &call.tool, NotRun::Invalid { problem }).await))
            }
        }
    }

    /// Writes what was planned and runs what may run.
    async fn carry_out(self: &Arc<Self>, run: &Circumstances, plan: Plan, hold: bool) -> Result<Arc<Approval>, NotRun> {
        match plan {
            Plan::New(draft) => match self.open(run, *draft, hold, false).await? {
                Opened::Stands(approval) => Ok(approval),
                Opened::Run(approval, arguments, context) => {
                    Ok(self.execute(approval, arguments, context).await.approval)
                }
            },
            Plan::Known(approval) => match approval.status {
                Status::Approved if approval.held => Ok(approval),
                Status::Approved | Status::Dispatched | Status::Indeterminate => {
                    Ok(self.dispatch(run, approval.id()).await?.approval)
                }
                _ => Ok(approval),
            },
        }
    }

    /// Runs what has been approved since, and gives the batch as it stands then.
    pub(crate) async fn proceed(self: &Arc<Self>, run: &Circumstances, thread: &Thread) -> Result<Turn, RunError> {
        let known = lock(&thread.slots).clone();
        let stand = self.load_all(known.ids()).await?;
        let current: Vec<ApprovalId> = known.current.iter().filter_map(Slot::approval).collect();
        let hold = stand.iter().any(|approval| current.contains(&approval.id()) && holds_batch(approval));
        let ready = stand.iter().filter(|approval| match approval.status {
            Status::Approved => !(approval.held && hold),
            Status::Dispatched | Status::Indeterminate => true,
            _ => false,
        });
        let dispatched = join_all(ready.map(|approval| async {
            let failure = self.dispatch(run, approval.id()).await.err();
            failure.map(|reason| (approval.id(), reason))
        }))
        .await;
        let failed: Vec<(ApprovalId, NotRun)> = dispatched.into_iter().flatten().collect();
        let stand = self.load_all(known.ids()).await?;
        let nested = self.nested_questions(thread).await?;
        Ok(self.turn(run, thread, &stand, &failed, nested))
    }

    /// Waits until people have decided every call of the batch, and runs what they approved.
    pub(crate) async fn wait(self: &Arc<Self>, run: &Circumstances, thread: &Thread) -> Result<Turn, RunError> {
        loop {
            let waiters: Vec<_> = lock(&thread.slots).ids().into_iter().map(|id| Hub::wait_for(self, id)).collect();
            let turn = self.proceed(run, thread).await?;
            let is_pending = |answer: &Answer| answer.approval().is_some_and(|known| known.status == Status::Pending);
            if waiters.is_empty() || !turn.answers().iter().any(is_pending) {
                return Ok(turn);
            }
            select_all(waiters.iter().map(|waiter| Box::pin(waiter.news()))).await;
        }
    }

    /// The questions of nested runs, each with the circumstances of its own.
    async fn nested_questions(self: &Arc<Self>, thread: &Thread) -> Result<Vec<Interruption>, RunError> {
        let mut questions = Vec::new();
        for nested in thread.descendants() {
            let ids = lock(&nested.slots).ids();
            let run = nested.as_it_is(nested.info());
            for approval in self.load_all(ids).await? {
                if approval.status == Status::Pending {
                    questions.push(Interruption::new(Arc::clone(self), run.clone(), approval));
                }
            }
        }
        Ok(questions)
    }

    /// Answers and questions, from how the approvals stand. Late answers are given once. Of nested runs there are questions only.
    fn turn(
        self: &Arc<Self>,
        run: &Circumstances,
        thread: &Thread,
        stand: &[Arc<Approval>],
        failed: &[(ApprovalId, NotRun)],
        nested: Vec<Interruption>,
    ) -> Turn {
        let mut slots = lock(&thread.slots);
        let answer = |id: ApprovalId| {
            let approval = Arc::clone(stand.iter().find(|approval| approval.id() == id)?);
            Some(match failed.iter().find(|(failed, _)| *failed == id) {
                Some((_, reason)) => Answer::refused(
                    approval.subject.call.clone(),
                    approval.subject.tool.clone(),
                    reason.clone(),
                    Some(approval),
                ),
                None => Answer::of(approval),
            })
        };
        let answers = slots.current.iter().filter_map(|slot| match slot {
            Slot::Call { approval } => answer(*approval),
            Slot::Refused { call, tool, reason } => {
                Some(Answer::refused(call.clone(), tool.clone(), reason.clone(), None))
            }
        });
        let answers: Vec<Answer> = answers.collect();
        let waits = |answer: &Answer| answer.approval().is_some_and(|known| !known.status.is_terminal());
        let unsettled =
            answers.iter().filter(|answer| waits(answer)).filter_map(|answer| Some(answer.approval()?.id()));
        slots.unsettled = unsettled.collect();
        let (waiting, late): (Vec<_>, Vec<_>) = slots.earlier.iter().filter_map(|id| answer(*id)).partition(waits);
        slots.earlier = waiting.iter().filter_map(|answer| Some(answer.approval()?.id())).collect();
        let mut interruptions: Vec<Interruption> = Vec::new();
        for approval in waiting.iter().chain(&answers).filter_map(Answer::approval) {
            let is_new = interruptions.iter().all(|known| known.id() != approval.id());
            if approval.status == Status::Pending && is_new {
                interruptions.push(Interruption::new(Arc::clone(self), run.clone(), Arc::clone(approval)));
            }
        }
        interruptions.extend(nested);
        Turn::new(answers, late, interruptions)
    }

    pub(crate) async fn load_all(&self, ids: Vec<ApprovalId>) -> Result<Vec<Arc<Approval>>, RunError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let filter = ids.into_iter().fold(ApprovalFilter::all(), ApprovalFilter::id);
        Ok(self.store.approvals(&filter).await?)
    }
}

fn holds_batch(approval: &Approval) -> bool {
    approval.status == Status::Pending && approval.requirements.iter().any(Requirement::holds_batch)
}

/// Which calls of a batch are calls of their own. Two that share an id are one if they are equal, and none if not.
fn fates(calls: &[ToolCall], read: &[Result<Proposed, NotRun>]) -> Vec<Fate> {
    let same = |a: &Result<Proposed, NotRun>, b: &Result<Proposed, NotRun>| match (a, b) {
        (Ok(a), Ok(b)) => (a.tool, &a.arguments) == (b.tool, &b.arguments),
        _ => false,
    };
    let all = || calls.iter().zip(read).enumerate();
    let fate = |(place, (call, one)): (usize, (&ToolCall, &Result<Proposed, NotRun>))| {
        let mut twins = all().filter(|(other, (twin, _))| *other != place && twin.id == call.id);
        if call.id.as_str().is_empty() {
            Fate::Plan
        } else if twins.clone().any(|(_, (_, twin))| !same(one, twin)) {
            Fate::Clash
        } else if twins.any(|(other, _)| other < place) {
            Fate::Repeat
        } else {
            Fate::Plan
        }
    };
    all().map(fate).collect()
}
