//! One run of an agent: its calls, one by one or in batches.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;

use super::core::{Core, lock};
use super::dispatch::Executed;
use super::error::{CallError, DecideError, RunError};
use super::intake::{Circumstances, Proposed, Raw};
use super::interruption::Interruption;
use super::open::{Opened, Plan};
use super::run_state::{RunState, Slot};
use super::turn::{Answer, Turn};
use super::wait::Hub;
use crate::logic::registry::{Offers, Registry};
use crate::logic::tool::Tool;
use crate::ports::store::ApprovalFilter;
use crate::values::approval::{Approval, Status};
use crate::values::assessment::Assessment;
use crate::values::context::{Message, RunInfo, ToolCall};
use crate::values::event::CallEvent;
use crate::values::id::{AgentName, ApprovalId, CallId, CaseId, Principal, Role, RunId};
use crate::values::outcome::{NotRun, ToolOutcome};
use crate::values::requirement::Requirement;

/// One run of an agent, made by [`Gate::run`](crate::Gate::run): every call of a model goes through it.
///
/// [`submit`](Self::submit) takes a batch of calls and never waits; [`call`](Self::call) takes one typed call and waits for the
/// decision. Call ids are unique within a run: the same call under the same id again gives the stored result.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)] fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).agent("support").build().await?;
/// let run = gate.run("run-42").agent("support").on_behalf_of("mia_li_3668");
///
/// let turn = run.submit([ToolCall::new("call_1", "get_order", r#"{"order_id":"A-1001"}"#)]).await?;
/// assert_eq!(turn.answers()[0].for_model(), "A-1001: paid");
///
/// assert_eq!(get_order(&run, "A-1001".into()).await?, "A-1001: paid");
/// # Ok(()) }
/// ```
pub struct Run<R: Registry> {
    core: Arc<Core>,
    run: Circumstances,
    heard: Mutex<Arc<Vec<Message>>>,
    slots: Mutex<Slots>,
    registry: PhantomData<fn() -> R>,
}

/// The calls that a run has not answered for good.
#[derive(Clone, Default)]
struct Slots {
    /// Of the last batch, in order.
    current: Vec<Slot>,
    /// Of earlier batches, still waiting.
    earlier: Vec<ApprovalId>,
}

impl<R: Registry> Run<R> {
    pub(crate) fn new(core: Arc<Core>, run: RunId) -> Self {
        let agent = match core.agents.as_slice() {
            [only] => only.clone(),
            _ => AgentName::from(""),
        };
        let info = Arc::new(RunInfo { run, agent, principal: None, roles: Vec::new(), case: None });
        Self::resumed(core, Circumstances { info, reasoning: None, history: Arc::default() }, Vec::new(), Vec::new())
    }

    pub(crate) fn resumed(core: Arc<Core>, run: Circumstances, current: Vec<Slot>, earlier: Vec<ApprovalId>) -> Self {
        let slots = Mutex::new(Slots { current, earlier });
        Self { core, run, heard: Mutex::default(), slots, registry: PhantomData }
    }

    /// The agent that runs. A gate with one agent knows; one with several must be told.
    #[must_use]
    pub fn agent(mut self, name: impl Into<AgentName>) -> Self {
        self.info_mut().agent = name.into();
        self
    }

    /// The person for whom it runs. That person does not count among the approvers of its calls.
    #[must_use]
    pub fn on_behalf_of(mut self, who: impl Into<Principal>) -> Self {
        self.info_mut().principal = Some(who.into());
        self
    }

    /// The roles of the person for whom it runs, for rules to look at. They never count as a reviewer's.
    #[must_use]
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<Role>>) -> Self {
        self.info_mut().roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// The matter it belongs to.
    #[must_use]
    pub fn case(mut self, case: impl Into<CaseId>) -> Self {
        self.info_mut().case = Some(case.into());
        self
    }

    /// Why the agent says it does what it does, where a call does not say it: shown to reviewers as its claim.
    #[must_use]
    pub fn reasoning(mut self, text: impl Into<Arc<str>>) -> Self {
        self.run.reasoning = Some(text.into());
        self
    }

    /// What was said before, oldest first: rules see it as the call's history.
    #[must_use]
    pub fn history(self, messages: impl IntoIterator<Item = Message>) -> Self {
        *lock(&self.heard) = Arc::new(messages.into_iter().collect());
        self
    }

    /// Adds what is said now to the history.
    pub fn hear(&self, message: Message) {
        Arc::make_mut(&mut lock(&self.heard)).push(message);
    }

    fn info_mut(&mut self) -> &mut RunInfo {
        Arc::make_mut(&mut self.run.info)
    }

    /// Who runs, for whom, in which matter.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.run.info
    }

    /// The circumstances of the next call, if the run can go on at all.
    fn circumstances(&self) -> Result<Circumstances, RunError> {
        let RunInfo { run, agent, .. } = &*self.run.info;
        if run.as_str().is_empty() {
            return Err(RunError::NoRunId);
        }
        if !self.core.knows_agent(agent) {
            return Err(RunError::UnknownAgent { agent: agent.clone(), known: self.core.agents.clone() });
        }
        Ok(Circumstances { history: Arc::clone(&lock(&self.heard)), ..self.run.clone() })
    }

    /// Takes a batch of calls, as a model proposed them, and never waits for people.
    ///
    /// What rules approve has run when this returns; what they deny is answered; the rest are
    /// [interruptions](Turn::interruptions). Answers come in the order of the calls. A call that fits nothing gets the problem
    /// as its answer, and the others go on.
    ///
    /// # Errors
    /// Where the run itself cannot go on: an unknown agent. A store that does not answer makes a call's answer
    /// [`Unavailable`](NotRun::Unavailable), not an error here.
    ///
    /// # Cancel safety
    /// A body that runs when this is dropped becomes indeterminate; everything else stays as the record says.
    pub async fn submit(&self, calls: impl IntoIterator<Item = ToolCall>) -> Result<Turn, RunError> {
        let run = self.circumstances()?;
        let calls: Vec<ToolCall> = calls.into_iter().collect();
        let read = join_all(calls.iter().map(|call| self.core.read(&run, call))).await;
        let planned = self.plan_batch(&run, &calls, read).await;
        let hold = planned.iter().any(|plan| matches!(plan, Some(Ok(Plan::New(draft))) if draft.holds_batch()));
        let opened = planned.into_iter().map(|plan| async {
            match plan {
                Some(Ok(plan)) => Some(self.open(&run, plan, hold).await),
                Some(Err(reason)) => Some(Err(reason)),
                None => None,
            }
        });
        let opened = join_all(opened).await;
        let mut slots: Vec<Slot> = Vec::with_capacity(calls.len());
        for (call, opened) in calls.iter().zip(opened) {
            slots.push(match opened {
                Some(Ok(approval)) => Slot::Call { approval: approval.id() },
                Some(Err(reason)) => Slot::Refused { call: call.id.clone(), tool: call.tool.clone(), reason },
                // An equal call of the batch under the same id: one call, answered twice.
                None => match calls.iter().position(|first| first.id == call.id).and_then(|first| slots.get(first)) {
                    Some(slot) => slot.clone(),
                    None => continue,
                },
            });
        }
        {
            let mut held = lock(&self.slots);
            let left = std::mem::replace(&mut held.current, slots);
            held.earlier.extend(left.iter().filter_map(Slot::approval));
        }
        self.look(&run).await
    }

    /// Plans each call of a batch; `None` for one that only repeats an earlier one of the batch.
    async fn plan_batch(
        &self,
        run: &Circumstances,
        calls: &[ToolCall],
        read: Vec<Result<Proposed, NotRun>>,
    ) -> Vec<Option<Result<Plan, NotRun>>> {
        let same = |a: &Result<Proposed, NotRun>, b: &Result<Proposed, NotRun>| match (a, b) {
            (Ok(a), Ok(b)) => (a.tool, &a.arguments) == (b.tool, &b.arguments),
            _ => false,
        };
        let fate = calls.iter().zip(&read).enumerate().map(|(index, (call, one))| {
            let mut twins =
                calls.iter().zip(&read).enumerate().filter(|(other, (twin, _))| *other != index && twin.id == call.id);
            if call.id.as_str().is_empty() {
                Fate::Plan
            } else if twins.clone().any(|(_, (_, twin))| !same(one, twin)) {
                Fate::Clash
            } else if twins.any(|(other, _)| other < index) {
                Fate::Repeat
            } else {
                Fate::Plan
            }
        });
        let fates: Vec<Fate> = fate.collect();
        let plans = calls.iter().zip(read).zip(fates).map(|((call, read), fate)| async move {
            match (fate, read) {
                (Fate::Repeat, _) => None,
                (Fate::Plan, Ok(proposed)) => Some(self.core.plan(run, proposed).await),
                (Fate::Plan, Err(reason)) => Some(Err(reason)),
                (Fate::Clash, _) => {
                    let id = call.id.as_str().escape_debug();
                    let problem =
                        format!("Two different calls of one batch have the id `{id}`: give every call its own");
                    Some(Err(self.core.refuse(run, &call.id, &call.tool, problem).await))
                }
            }
        });
        join_all(plans).await
    }

    /// Writes what was planned and runs what may run.
    async fn open(&self, run: &Circumstances, plan: Plan, hold: bool) -> Result<Arc<Approval>, NotRun> {
        match plan {
            Plan::New(draft) => match self.core.open(run, *draft, hold).await? {
                Opened::Stands(approval) => Ok(approval),
                Opened::Run(approval, arguments, context) => {
                    Ok(self.core.execute(approval, arguments, context).await.approval)
                }
            },
            Plan::Known(approval) if approval.status == Status::Approved && !approval.held => {
                Ok(self.core.dispatch(run, approval.id()).await?.approval)
            }
            Plan::Known(approval) if approval.status == Status::Dispatched => {
                Ok(self.core.dispatch(run, approval.id()).await?.approval)
            }
            Plan::Known(approval) => Ok(approval),
        }
    }

    /// Runs what has been approved since, and gives the batch as it stands now. It never waits for people.
    ///
    /// Before anything runs, tool, policy and arguments are compared with what was approved, and the rules look again.
    ///
    /// # Errors
    /// Where the run itself cannot go on: an unknown agent, a store that does not answer.
    ///
    /// # Cancel safety
    /// As for [`submit`](Self::submit).
    pub async fn proceed(&self) -> Result<Turn, RunError> {
        let run = self.circumstances()?;
        let slots = lock(&self.slots).clone();
        let stand = self.load(slots.ids()).await?;
        let holding = |approval: &Arc<Approval>| {
            approval.status == Status::Pending && approval.requirements.iter().any(Requirement::holds_batch)
        };
        let current: Vec<ApprovalId> = slots.current.iter().filter_map(Slot::approval).collect();
        let hold = stand.iter().any(|approval| current.contains(&approval.id()) && holding(approval));
        let ready = stand.iter().filter(|approval| match approval.status {
            Status::Approved => !(approval.held && hold),
            Status::Dispatched => true,
            _ => false,
        });
        let dispatched = ready.map(|approval| async {
            let result = self.core.dispatch(&run, approval.id()).await;
            (approval.id(), result.err())
        });
        let failed: Vec<(ApprovalId, NotRun)> =
            join_all(dispatched).await.into_iter().filter_map(|(id, failure)| Some((id, failure?))).collect();
        self.look_with(&run, &failed).await
    }

    /// Waits until people have decided every call of the batch, and runs what they approved.
    ///
    /// # Errors
    /// As for [`proceed`](Self::proceed).
    ///
    /// # Cancel safety
    /// Waiting can be dropped at any time; a body that runs then becomes indeterminate.
    pub async fn wait(&self) -> Result<Turn, RunError> {
        loop {
            let waiters: Vec<_> = lock(&self.slots).ids().into_iter().map(|id| Hub::wait_for(&self.core, id)).collect();
            let turn = self.proceed().await?;
            if !turn.answers().iter().any(|answer| answer.approval().is_some_and(|a| a.status == Status::Pending)) {
                return Ok(turn);
            }
            let news: Vec<_> = waiters.iter().map(|waiter| Box::pin(waiter.news())).collect();
            futures_util::future::select_all(news).await;
        }
    }

    /// The batch as the store has it.
    async fn look(&self, run: &Circumstances) -> Result<Turn, RunError> {
        self.look_with(run, &[]).await
    }

    async fn look_with(&self, run: &Circumstances, failed: &[(ApprovalId, NotRun)]) -> Result<Turn, RunError> {
        let slots = lock(&self.slots).clone();
        let stand = self.load(slots.ids()).await?;
        let answer = |id: ApprovalId| {
            let approval = stand.iter().find(|approval| approval.id() == id).cloned()?;
            let failure = failed.iter().find(|(failed, _)| *failed == id).map(|(_, reason)| reason.clone());
            Some(match failure {
                Some(reason) => {
                    let Subject { call, tool, .. } = &*approval.subject;
                    Answer::refused(call.clone(), tool.clone(), reason, Some(Arc::clone(&approval)))
                }
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
        let (waiting, late): (Vec<_>, Vec<_>) = slots.earlier.iter().filter_map(|id| answer(*id)).partition(|answer| {
            answer.approval().is_some_and(|approval| matches!(approval.status, Status::Pending | Status::Approved))
        });
        let mut interruptions: Vec<Interruption> = Vec::new();
        for answer in waiting.iter().chain(&answers) {
            let pending = answer.approval().filter(|approval| approval.status == Status::Pending);
            if let Some(approval) = pending
                && interruptions.iter().all(|known| known.id() != approval.id())
            {
                interruptions.push(Interruption::new(Arc::clone(&self.core), run.clone(), Arc::clone(approval)));
            }
        }
        let still: Vec<ApprovalId> = waiting.iter().filter_map(|answer| Some(answer.approval()?.id())).collect();
        lock(&self.slots).earlier.retain(|id| still.contains(id));
        Ok(Turn::new(answers, late, interruptions))
    }

    async fn load(&self, ids: Vec<ApprovalId>) -> Result<Vec<Arc<Approval>>, RunError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let filter = ids.into_iter().fold(ApprovalFilter::all(), ApprovalFilter::id);
        Ok(self.core.store.approvals(&filter).await?)
    }

    /// Makes one typed call, and waits for the decision, if one is needed.
    ///
    /// The value is what the tool's function returned, its own `Result` included: whether it *ran* and whether it *failed* are
    /// two questions. The function of the tool, `issue_refund(&run, …)`, is the short form of this.
    ///
    /// # Errors
    /// [`CallError`] says why there is no value: it did not run, someone else answered, or nobody knows.
    ///
    /// # Cancel safety
    /// Dropped while people are asked, the question is kept or cancelled, as its policy says; in neither case does it run by
    /// itself later. Dropped while the body runs, the call becomes indeterminate.
    pub async fn call<T: Tool>(&self, call: T) -> Result<T::Output, CallError>
    where
        R: Offers<T>,
    {
        self.call_as(ApprovalId::new().to_string(), call).await
    }

    /// [`call`](Self::call) under an id of your own: again with the same id and arguments, it is the same call.
    ///
    /// # Errors
    /// As for [`call`](Self::call); a call that ran before gives [`CallError::RanElsewhere`] with the stored result.
    ///
    /// # Cancel safety
    /// As for [`call`](Self::call); a question that was kept is waited for again under the same id.
    pub async fn call_as<T: Tool>(&self, id: impl Into<CallId>, call: T) -> Result<T::Output, CallError>
    where
        R: Offers<T>,
    {
        let raw = (T::codec().write)(call);
        let executed = self.wait_for_call(id.into(), T::NAME, raw).await?;
        match executed.output.map(|output| output.downcast::<T::Output>()) {
            Some(Ok(output)) => Ok(*output),
            _ => Err(without_value(&executed.approval)),
        }
    }

    async fn wait_for_call(
        &self,
        id: CallId,
        tool: &'static str,
        raw: Result<serde_json::Value, serde_json::Error>,
    ) -> Result<Executed, CallError> {
        let run = self.circumstances().map_err(|error| NotRun::Invalid { problem: error.to_string() })?;
        let proposed = self.core.read_raw(&run, &id, &tool.into(), Raw::Value(raw), run.reasoning.clone()).await?;
        let approval = match self.core.plan(&run, proposed).await? {
            Plan::Known(approval) => approval,
            Plan::New(draft) => match self.core.open(&run, *draft, false).await? {
                Opened::Run(approval, arguments, context) => {
                    return Ok(self.core.execute(approval, arguments, context).await);
                }
                Opened::Stands(approval) => approval,
            },
        };
        Ok(self.core.wait_and_dispatch(&run, approval).await?)
    }

    /// Judges a call without acting: nothing runs, nobody is asked, nothing is stored, no limit is touched.
    ///
    /// # Errors
    /// Why the call would be refused before any rule sees it; or the store does not answer.
    pub async fn assess(&self, call: &ToolCall) -> Result<Assessment, NotRun> {
        let run = self.circumstances().map_err(|error| NotRun::Invalid { problem: error.to_string() })?;
        self.core.assess(&run, call).await
    }

    /// Takes back every call of the run that waits, and says how many.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn cancel(&self, reason: &str) -> Result<usize, RunError> {
        let mut count = 0;
        for status in [Status::Pending, Status::Approved] {
            let filter = ApprovalFilter::all().run(&self.run.info.run).status(status);
            for approval in self.core.store.approvals(&filter).await? {
                match self.core.cancel(approval.id(), reason).await {
                    Ok(_) => count += 1,
                    Err(DecideError::Store(error)) => return Err(error.into()),
                    // Someone was faster: it is no longer there to be taken back.
                    Err(_) => {}
                }
            }
        }
        Ok(count)
    }

    /// The state of the run, to go on later or elsewhere: see [`RunState`].
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn state(&self) -> Result<RunState, RunError> {
        let slots = lock(&self.slots).clone();
        let approvals = self.load(slots.ids()).await?;
        Ok(RunState::write(&self.core.key, &self.run, slots.current, slots.earlier, &approvals)?)
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Plan,
    Repeat,
    Clash,
}

impl Slots {
    fn ids(&self) -> Vec<ApprovalId> {
        let mut ids: Vec<ApprovalId> =
            self.current.iter().filter_map(Slot::approval).chain(self.earlier.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// Why a call that did not run here has no value.
fn without_value(approval: &Approval) -> CallError {
    match Answer::of(Arc::new(approval.clone())).result() {
        super::turn::CallResult::Ran(outcome) => CallError::RanElsewhere(outcome.clone()),
        super::turn::CallResult::Responded(outcome) => CallError::Responded(outcome.clone()),
        super::turn::CallResult::NotRun(reason) => CallError::NotRun(reason.clone()),
        super::turn::CallResult::Indeterminate(why) => CallError::Indeterminate(why.clone()),
        super::turn::CallResult::Waiting => {
            CallError::NotRun(NotRun::Unavailable { problem: "it waits again: its tool or policy changed".to_owned() })
        }
    }
}

impl Core {
    /// Waits until an approval is decided, and runs it if it may.
    async fn wait_and_dispatch(
        self: &Arc<Self>,
        run: &Circumstances,
        approval: Arc<Approval>,
    ) -> Result<Executed, NotRun> {
        if approval.status.is_terminal() {
            return Ok(Executed { approval, output: None });
        }
        let id = approval.id();
        let waiter = Hub::wait_for(self, id);
        let mut waiting = Abandoned { core: self, id, is_over: false };
        loop {
            self.bring_up_to_date(id).await.map_err(super::open::unavailable)?;
            let approval = self.load(id).await.map_err(super::open::unavailable)?;
            match approval.map(|approval| approval.status) {
                Some(Status::Pending) => waiter.news().await,
                _ => {
                    waiting.is_over = true;
                    let executed = self.dispatch(run, id).await?;
                    // Asked again, because something changed: it waits on.
                    if executed.approval.status != Status::Pending {
                        return Ok(executed);
                    }
                    waiting.is_over = false;
                }
            }
        }
    }

    async fn assess(&self, run: &Circumstances, call: &ToolCall) -> Result<Assessment, NotRun> {
        let (index, arguments) =
            self.parse(&call.tool, Raw::Text(&call.arguments)).map_err(|problem| NotRun::Invalid { problem })?;
        let tool = self.tool_at(index)?;
        let unfit = |error: crate::values::json::Misfit| NotRun::Invalid { problem: error.to_string() };
        let sealed = crate::logic::redact::seal(tool.descriptor.input_schema(), &arguments).map_err(unfit)?;
        let reasoning = call.reasoning.clone().or_else(|| run.reasoning.clone());
        let context = self.context(run, &call.id, ApprovalId::new(), reasoning);
        let mut judgement = self.judge(tool, &arguments, &sealed, context).await.map_err(unfit)?;
        let takes = judgement.takes();
        if !takes.is_empty() {
            let mut about = crate::ports::store::Proposal::new(&run.info.run, &call.id, &tool.name, self.now());
            about.counters = takes.iter().map(|take| (take.key.clone(), take.window)).collect();
            let used = self.store.recall(&about).await.map_err(super::open::unavailable)?.used;
            judgement.exhaust(&|take| {
                let place = takes.iter().position(|known| known.key == take.key);
                place.and_then(|place| used.get(place)).is_none_or(|used| !take.fits(*used))
            });
        }
        Ok(judgement.assessment())
    }
}

/// A caller that waits. If it goes away, that is on the record, and the policy says what becomes of the question.
struct Abandoned<'a> {
    core: &'a Arc<Core>,
    id: ApprovalId,
    is_over: bool,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (core, id) = (Arc::clone(self.core), self.id);
            runtime.spawn(async move { core.step(id, &CallEvent::Abandoned).await.map(drop) });
        }
    }
}

use crate::values::event::Subject;

impl<R: Registry> fmt::Debug for Run<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({} by {})", self.run.info.run, self.run.info.agent)
    }
}

const _: fn(&ToolOutcome) = |_| ();
