//! Calls whose bodies are in other programs: asked about here, begun and ended there.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::attempt::Attempt;
use super::core::{Core, StepError};
use super::course::Course;
use super::error::{DecideError, RunError};
use super::gate::Gate;
use super::intake::Circumstances;
use super::open::{invalid, is_repeated, is_same_call, refusals, unavailable};
use super::wait::Hub;
use crate::logic::bound::Spec;
use crate::logic::descriptor::{Annotations, Descriptor};
use crate::logic::registry::Registry;
use crate::logic::schema::has_secrets;
use crate::ports::overlay::OverlayCall;
use crate::ports::store::{ApprovalFilter, Committed, Proposal, StoreError, Transition};
use crate::values::approval::{Approval, Refusal, Status};
use crate::values::arguments::Arguments;
use crate::values::assessment::Assessment;
use crate::values::context::{NESTED, RunInfo};
use crate::values::digest::Digest;
use crate::values::event::{CallEvent, Changes, GateEvent};
use crate::values::grant::Grant;
use crate::values::history::History;
use crate::values::id::{AgentName, ApprovalId, CallId, CaseId, Principal, RunId, ToolName};
use crate::values::json::{Misfit, ReadLimits, canonical, read, read_value};
use crate::values::limit::LimitKey;
use crate::values::opinion::{Denial, Opinion, PolicyOpinion, RuleResult};
use crate::values::outcome::{NotRun, ToolOutcome};
use crate::values::outline::{Fallback, PolicyOutline, RuleOutline};
use crate::values::record::Subject;
use crate::values::request::Request;
use crate::values::requirement::{Requirement, anyone};
use crate::values::verdict::Verdict;

/// The name of what judges calls whose rules are in other programs: whom to ask is all it says.
const POLICY: &str = "asked from another program";

/// How long a standing permission lets a call begin that it covered: it may end itself, and a call is not kept in store for later.
const COVERED_FOR: Duration = Duration::from_mins(10);

/// The longest name that another program may give to anything, in bytes.
const LONGEST_NAME: usize = 256;

impl<R: Registry> Gate<R> {
    /// What an agent in another program may do with its own calls, and with no others: for whoever serves such programs.
    ///
    /// # Security
    /// The program must have shown that it is this agent. Its runs and tools stand under the agent's name, so no rule, tool or standing permission of
    /// another agent is about them.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// use gate_runtime::{NoTools, RemoteCall, Status, ToolOutcome};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["manager"]);
    /// let gate: Gate<NoTools> = Gate::builder(()).directory(people).build().await?;
    /// let agent = gate.remote("billing-bot");
    /// let call = RemoteCall::new("call_1", "issue_refund", r#"{"order_id":"A-1"}"#).ask("it is money", ask(role("manager")));
    /// let asked = agent.ask(call).await?;
    ///
    /// let dana = gate.reviewer("dana").await?;
    /// gate.pending().await?[0].approve(&dana).await?;
    ///
    /// let begun = agent.begin(asked.id()).await?;                     // on the record, once: now it may run
    /// assert_eq!(begun.arguments().as_json(), r#"{"order_id":"A-1"}"#);
    /// let ended = agent.end(asked.id(), begun.attempts(), ToolOutcome::returned(&"done".into())).await?;
    /// assert_eq!(ended.status(), Status::Succeeded);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn remote(&self, agent: impl Into<AgentName>) -> Remote {
        Remote { core: Arc::clone(&self.core), agent: agent.into() }
    }
}

/// An agent in another program, as far as this gate is concerned: made by [`Gate::remote`].
///
/// It asks, begins and ends its own calls; it decides nothing.
#[derive(Clone)]
pub struct Remote {
    core: Arc<Core>,
    agent: AgentName,
}

/// A call that another program would run, and whom to ask about it.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::{RemoteCall, Request};
/// use serde_json::json;
/// let call = RemoteCall::new("call_1", "issue_refund", r#"{"order_id":"A-1"}"#)
///     .run("run-42")
///     .describe("Issue a refund to the original payment method.")
///     .schema(json!({"type": "object", "properties": {"order_id": {"type": "string"}}, "additionalProperties": false}))
///     .request(Request::new().summary("Refund Mia"))
///     .ask("it is money", ask(role("manager")).within(hours(1)));
/// # let _ = call;
/// ```
#[derive(Clone)]
#[must_use]
pub struct RemoteCall {
    id: CallId,
    run: RunId,
    tool: ToolName,
    arguments: String,
    description: String,
    schema: Value,
    annotations: Annotations,
    principal: Option<Principal>,
    case: Option<CaseId>,
    reasoning: Option<Arc<str>>,
    request: Request,
    rules: Vec<(String, Requirement)>,
}

impl RemoteCall {
    /// A call with its arguments as JSON text, in a run of its own.
    pub fn new(id: impl Into<CallId>, tool: impl Into<ToolName>, arguments: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            run: id.as_str().into(),
            id,
            tool: tool.into(),
            arguments: arguments.into(),
            description: String::new(),
            schema: json!({"type": "object"}),
            annotations: Annotations::default(),
            principal: None,
            case: None,
            reasoning: None,
            request: Request::default(),
            rules: Vec::new(),
        }
    }

    /// The run it belongs to.
    pub fn run(mut self, run: impl Into<RunId>) -> Self {
        self.run = run.into();
        self
    }

    /// What the tool does.
    pub fn describe(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// The JSON Schema (2020-12) of the arguments: what people may edit them to.
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = schema;
        self
    }

    /// Hints about what it does.
    pub fn annotations(mut self, hints: Annotations) -> Self {
        self.annotations = hints;
        self
    }

    /// The person for whom it runs, who does not count among its approvers.
    pub fn on_behalf_of(mut self, who: impl Into<Principal>) -> Self {
        self.principal = Some(who.into());
        self
    }

    /// The matter it belongs to.
    pub fn case(mut self, case: impl Into<CaseId>) -> Self {
        self.case = Some(case.into());
        self
    }

    /// Why the agent says it proposes the call: its claim.
    pub fn reasoning(mut self, text: impl Into<Arc<str>>) -> Self {
        self.reasoning = Some(text.into());
        self
    }

    /// What it says of its question.
    pub fn request(mut self, request: Request) -> Self {
        self.request = request;
        self
    }

    /// Who is asked, and by what rule; said again: they too. Anyone who reviews, if nobody is named.
    pub fn ask(mut self, rule: impl Into<String>, who: impl Into<Requirement>) -> Self {
        self.rules.push((rule.into(), who.into()));
        self
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// The run it belongs to.
    #[must_use]
    pub fn run_id(&self) -> &RunId {
        &self.run
    }

    /// What is wrong with its names.
    fn problem(&self, agent: &AgentName) -> Option<String> {
        let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let optional = |name: Option<&str>| name.map(str::to_owned);
        let names = [
            ("the agent's name", Some(agent.to_string())),
            ("the call's id", Some(self.id.to_string())),
            ("the run's id", Some(self.run.to_string())),
            ("the tool's name", Some(self.tool.to_string())),
            ("the case", optional(self.case.as_ref().map(CaseId::as_str))),
            ("the person it is for", optional(self.principal.as_ref().map(Principal::as_str))),
        ];
        for (what, name) in names {
            match name {
                Some(name) if name.trim().is_empty() => return Some(format!("{what} is empty")),
                Some(name) if name.len() > LONGEST_NAME => {
                    return Some(format!("{what} is longer than {LONGEST_NAME} bytes"));
                }
                _ => {}
            }
        }
        if !is_name(self.tool.as_str()) || !is_name(agent.as_str()) {
            return Some("the name of a tool or an agent has letters, digits, `_`, `-` and `.` only".to_owned());
        }
        if self.run.as_str().contains(NESTED) {
            return Some(format!("the run's id has a `{NESTED}`: leave it out"));
        }
        self.rules.iter().find_map(|(_, requirement)| requirement.problem())
    }

    /// Who asks, in which run.
    fn circumstances(&self, agent: &AgentName) -> Circumstances {
        let mut info = RunInfo::new(place(agent, self.run.as_str()).into(), agent.clone());
        (info.principal, info.case) = (self.principal.clone(), self.case.clone());
        Circumstances { info: Arc::new(info), reasoning: None, history: History::default(), relatives: Vec::new() }
    }

    /// Whom to ask, as a policy.
    fn policy(&self) -> Arc<PolicyOutline> {
        let rule = |(name, requirement): &(String, Requirement)| RuleOutline {
            name: name.clone(),
            effect: Verdict::Ask,
            text: None,
            requirement: Some(requirement.clone()),
            limits: Vec::new(),
        };
        let rules: Vec<RuleOutline> = self.rules.iter().map(rule).collect();
        let otherwise = Fallback { verdict: Verdict::Ask, requirement: Some(anyone().into()) };
        let digest = Digest::of(canonical(&json!([POLICY, rules, otherwise])).unwrap_or_default());
        let about = "Its rules are in the program that asks. Here, it only says whom to ask.".to_owned();
        Arc::new(PolicyOutline { name: POLICY.to_owned(), about, text: String::new(), rules, otherwise, digest })
    }
}

impl fmt::Debug for RemoteCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCall").field("id", &self.id).field("tool", &self.tool).finish_non_exhaustive()
    }
}

/// What stands here under an agent's name.
fn place(agent: &AgentName, what: &str) -> String {
    format!("{agent}/{what}")
}

/// A question that another program asked.
///
/// ```
/// # fn show(asked: &gate_runtime::Asked) {
/// println!("{} is {}{}", asked.id(), asked.status(), if asked.is_new() { "" } else { ", as it was asked before" });
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Asked {
    approval: Arc<Approval>,
    is_new: bool,
}

impl Asked {
    /// Whether it was not asked before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}

impl Deref for Asked {
    type Target = Approval;

    fn deref(&self) -> &Approval {
        &self.approval
    }
}

/// Why another program's call was not asked about.
///
/// ```
/// use gate_runtime::{NotRun, RemoteError};
/// let error = RemoteError::from(NotRun::Invalid { problem: "the tool's name is empty".into() });
/// assert_eq!(error.to_string(), "the tool's name is empty");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteError {
    /// The id was used for another call of the same run.
    IdUsed {
        /// Which one, and what to do.
        problem: String,
    },
    /// It cannot be taken, or what is needed does not answer.
    NotRun(NotRun),
}

impl From<NotRun> for RemoteError {
    fn from(reason: NotRun) -> Self {
        Self::NotRun(reason)
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdUsed { problem } | Self::NotRun(NotRun::Invalid { problem }) => f.write_str(problem),
            Self::NotRun(reason) => f.write_str(&reason.for_reviewer()),
        }
    }
}

impl std::error::Error for RemoteError {}

/// A call of another program, after it was read.
struct Question {
    run: Circumstances,
    subject: Arc<Subject>,
    tool: Arc<Descriptor>,
    value: Value,
    arguments: Arguments,
    policy: Arc<PolicyOutline>,
}

impl Question {
    fn read(limits: ReadLimits, agent: &AgentName, call: RemoteCall) -> Result<Self, NotRun> {
        let run = call.circumstances(agent);
        let tool = ToolName::from(place(agent, call.tool.as_str()));
        let policy = call.policy();
        let tool = Descriptor::remote(tool, call.description, call.schema, call.annotations);
        if has_secrets(tool.input_schema()) {
            return Err(invalid("a call of another program has no secrets here: leave them out of its arguments"));
        }
        let value = read(&call.arguments, limits).map_err(|misfit| invalid(format!("The arguments: {misfit}")))?;
        Spec::of(&tool).check(&value).map_err(|misfits| invalid(format!("The arguments: {misfits}")))?;
        let arguments = Arguments::new(&value, Vec::new()).map_err(invalid)?;
        let subject = Subject {
            approval: ApprovalId::new(),
            info: Arc::clone(&run.info),
            call: call.id,
            tool: tool.name().clone(),
            tool_digest: tool.digest(),
            policy_digest: policy.digest,
            reasoning: call.reasoning,
            request: Some(Arc::new(call.request)),
        };
        Ok(Self { run, subject: Arc::new(subject), tool: Arc::new(tool), value, arguments, policy })
    }

    /// What bears on it in the store.
    fn proposal(&self, now: Timestamp) -> Proposal {
        Proposal::new(&self.subject.info.run, &self.subject.call, &self.subject.tool, now)
    }

    fn opinion(&self) -> Opinion {
        Opinion::Policy(PolicyOpinion {
            agent: None,
            policy: Arc::clone(&self.policy),
            results: vec![RuleResult::Matched; self.policy.rules.len()],
            errors: Vec::new(),
            verdict: Verdict::Ask,
        })
    }
}

impl Remote {
    /// The agent.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// Asks people about a call; an overlay may deny it, a standing permission may answer it. Asked again under the same id in the same run, it is the same
    /// question, and stands as it was asked first.
    ///
    /// # Errors
    /// [`RemoteError::IdUsed`], where the id was used for another call; [`RemoteError::NotRun`], where the arguments or anything else cannot be taken, nobody could
    /// answer, or the store does not answer. Then nobody is asked.
    pub async fn ask(&self, call: RemoteCall) -> Result<Asked, RemoteError> {
        let core = &self.core;
        let question = self.read(call).await?;
        let mut spent: Vec<LimitKey> = Vec::new();
        loop {
            let recalled = core.store.recall(&question.proposal(core.now())).await.map_err(unavailable)?;
            if let Some(known) = recalled.approval {
                let approval = self.known(&question, known).await?;
                return Ok(Asked { approval, is_new: false });
            }
            let schema = question.tool.input_schema();
            let earlier = refusals(schema, &question.value, &question.arguments, &recalled);
            let repeats = |refused: &Arc<Approval>| is_repeated(schema, &question.value, refused);
            let assessment = if recalled.rejected.iter().any(repeats) {
                Assessment::denied(Denial::RefusedBefore, "a person already refused this very call".to_owned())
            } else if recalled.denials >= core.denials {
                let reason = format!("{} calls of this run were denied, which is the limit", recalled.denials);
                Assessment::denied(Denial::TooMany, reason)
            } else {
                let opinions = core.opinions_on(&question.run, &question.subject, &question.arguments).await;
                Assessment::join([question.opinion()].into_iter().chain(opinions).collect())
            };
            let mut grant = None;
            if assessment.verdict() == Verdict::Ask {
                let (subject, requirements) = (&question.subject, assessment.requirements());
                core.check_askable(&question.run, &requirements).await?;
                grant = core.find_grant(subject, &question.arguments, &requirements, &spent, recalled.grants).await;
            }
            let (transition, asked) = core.remote_transition(&question, assessment, earlier, grant.as_deref())?;
            let takes = transition.takes.clone();
            match core.store.commit(transition).await.map_err(unavailable)? {
                Committed::Done => {
                    core.settle(&asked);
                    return Ok(Asked { approval: asked, is_new: true });
                }
                Committed::LimitReached(place) => spent.extend(takes.get(place).map(|take| take.key.clone())),
                Committed::Conflict | Committed::Frozen => {}
            }
        }
    }

    /// Reads a call, and checks it against the schema that came with it. What cannot be taken is on the record, where it can be named.
    async fn read(&self, call: RemoteCall) -> Result<Question, NotRun> {
        let core = &self.core;
        if let Some(problem) = call.problem(&self.agent) {
            return Err(invalid(problem));
        }
        let (run, id, tool) =
            (call.circumstances(&self.agent), call.id.clone(), place(&self.agent, call.tool.as_str()));
        let (limits, agent) = (core.limits, self.agent.clone());
        // A schema that somebody else wrote may take its time, and holds nobody else up.
        let read = spawn_blocking(move || Question::read(limits, &agent, call)).await;
        match read.map_err(unavailable)? {
            Err(reason @ NotRun::Invalid { .. }) => Err(core.refuse(&run, &id, &tool.into(), reason).await),
            read => read,
        }
    }

    /// The call that was asked before under the same id, if it is the same.
    async fn known(&self, question: &Question, known: Arc<Approval>) -> Result<Arc<Approval>, RemoteError> {
        let is_same = known.subject.tool_digest == question.subject.tool_digest
            && is_same_call(question.tool.input_schema(), &question.value, known.proposed());
        if is_same && self.owns(&known) {
            let now = self.core.bring_up_to_date(known.id()).await.map_err(unavailable)?;
            return Ok(now.unwrap_or(known));
        }
        let subject = &question.subject;
        let id = subject.call.as_str().escape_debug();
        let problem =
            format!("The call id `{id}` was used before in this run, for another call: give every call its own");
        match self.core.refuse(&question.run, &subject.call, &subject.tool, NotRun::Invalid { problem }).await {
            NotRun::Invalid { problem } => Err(RemoteError::IdUsed { problem }),
            reason => Err(reason.into()),
        }
    }

    /// One of its own calls; `None` for any other.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Arc<Approval>>, StoreError> {
        Ok(self.core.bring_up_to_date(id).await?.filter(|approval| self.owns(approval)))
    }

    /// Its calls of one run, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn approvals(&self, run: &RunId) -> Result<Vec<Arc<Approval>>, StoreError> {
        let run = place(&self.agent, run.as_str());
        let found = self.core.store.approvals(&ApprovalFilter::all().run(run)).await?;
        Ok(found.into_iter().filter(|approval| self.owns(approval)).collect())
    }

    /// Waits until one of its own calls is no longer pending, but not longer than said, and gives it as it stands then; `None` for any other call.
    ///
    /// # Errors
    /// Where the store does not answer.
    ///
    /// # Cancel safety
    /// It can be dropped at any time: the question stays.
    pub async fn decided(&self, id: ApprovalId, at_most: Duration) -> Result<Option<Arc<Approval>>, StoreError> {
        let core = &self.core;
        let waiter = Hub::wait_for(core, id);
        let end = core.now().checked_add(at_most).unwrap_or(Timestamp::MAX);
        let mut sleep = core.clock.sleep_until(end);
        loop {
            let Some(approval) = self.approval(id).await? else { return Ok(None) };
            if approval.status != Status::Pending {
                return Ok(Some(approval));
            }
            let news = std::pin::pin!(waiter.news());
            if let Either::Right(_) = select(news, &mut sleep).await {
                return self.approval(id).await;
            }
        }
    }

    /// Puts on the record that an approved call begins, which lets the program run it, with the arguments that the approval has now. It is said
    /// once: whoever asks again is told that it has begun.
    ///
    /// From then on the program says at least every 30 seconds that it [still runs](Self::still_runs), until it says how it [ended](Self::end); else it counts as lost, until it does.
    ///
    /// # Errors
    /// [`NotRun`] says why it must not run: not approved, or not any more; frozen; begun before; or the store or the trail does not answer.
    ///
    /// # Cancel safety
    /// Dropped before it is done, the call is indeterminate or as it was.
    pub async fn begin(&self, id: ApprovalId) -> Result<Arc<Approval>, NotRun> {
        let core = &self.core;
        loop {
            let found = self.approval(id).await.map_err(unavailable)?;
            let approval = found.ok_or_else(|| invalid(format!("this agent has no call {id}")))?;
            if approval.status != Status::Approved {
                let how = || invalid(format!("it is {}, and only what is approved may begin, once", approval.status));
                return Err(approval.not_run().unwrap_or_else(how));
            }
            core.check_intact(&approval).await?;
            let course = core.judge_remote_again(&approval).await?;
            if course.status() != Status::Approved {
                let (transition, next) = course.alone();
                if core.store.commit(transition).await.map_err(unavailable)? == Committed::Done {
                    core.settle(&next);
                }
                continue;
            }
            let begun = core.begin_attempt(course).await;
            match begun {
                Ok(begun) => {
                    core.settle(&begun);
                    return Ok(begun);
                }
                Err(reason) => {
                    let now = self.approval(id).await.map_err(unavailable)?;
                    if now.is_none_or(|now| now.version == approval.version) {
                        return Err(reason);
                    }
                }
            }
        }
    }

    /// Says that a call that began still runs, so that nobody takes it for lost.
    ///
    /// `attempt` is its number as the approval had it when it [began](Approval::attempts).
    ///
    /// # Errors
    /// [`DecideError::AlreadyDecided`] has how it stands, where that attempt does not run, or counts as lost already; the store does not answer.
    pub async fn still_runs(&self, id: ApprovalId, attempt: u32) -> Result<Arc<Approval>, DecideError> {
        let core = &self.core;
        loop {
            let approval = self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
            if approval.status != Status::Dispatched || approval.attempts != attempt {
                return Err(DecideError::AlreadyDecided(approval));
            }
            let vouched = Arc::new(approval.vouched(core.now()));
            let mut transition = Transition::at(vouched.changed_at);
            transition.approvals.push(Arc::clone(&vouched));
            if core.store.commit(transition).await? == Committed::Done {
                core.settle(&vouched);
                return Ok(vouched);
            }
        }
    }

    /// Says how an attempt ended that began: what it gave back, or how it failed. Said twice, it is said once.
    ///
    /// # Errors
    /// [`DecideError::AlreadyDecided`] has how it stands, where that attempt never began, ended otherwise, or another one runs; a value that cannot be put on the record;
    /// the store does not answer.
    pub async fn end(&self, id: ApprovalId, attempt: u32, outcome: ToolOutcome) -> Result<Arc<Approval>, DecideError> {
        if let Some(value) = outcome.value() {
            read_value(&value, self.core.limits).map_err(DecideError::BadAnswer)?;
        }
        let stands = self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
        if stands.outcome.as_ref() == Some(&outcome) && stands.attempts == attempt {
            return Ok(stands);
        }
        let ended = CallEvent::Finished { outcome };
        match self.core.step_of(Attempt::number(id, attempt), &ended).await {
            Ok(ended) => Ok(ended),
            Err(StepError::Store(error)) => Err(error.into()),
            Err(StepError::Unknown) => Err(DecideError::Unknown(id)),
            Err(StepError::Refused) => {
                let stands = self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
                Err(DecideError::AlreadyDecided(stands))
            }
        }
    }

    /// Takes a question back. Taken back twice, it is taken back once.
    ///
    /// # Errors
    /// [`DecideError::AlreadyDecided`] has how it stands, where it ended otherwise or began; the store does not answer.
    pub async fn cancel(&self, id: ApprovalId, reason: &str) -> Result<Arc<Approval>, DecideError> {
        self.approval(id).await?.ok_or(DecideError::Unknown(id))?;
        self.core.cancel(id, reason).await
    }

    /// Puts on the record what the program did that no gate decides. `in_reply_to` is one of its own calls.
    ///
    /// # Errors
    /// Where the details have a number beyond ±2^53, are nested more than 64 deep or too long, or the store does not answer: then it is not on the record.
    pub async fn log_action(
        &self,
        run: &RunId,
        case: Option<CaseId>,
        action: impl Into<String>,
        details: &Value,
        in_reply_to: Option<ApprovalId>,
    ) -> Result<(), RunError> {
        if run.as_str().is_empty() {
            return Err(RunError::NoRunId);
        }
        if run.as_str().contains(NESTED) {
            return Err(RunError::ReservedRunId(run.clone()));
        }
        if let Some(id) = in_reply_to
            && self.approval(id).await?.is_none()
        {
            let problem = format!("this agent has no call {id} to which it could be a reply");
            return Err(RunError::Details(Misfit::new("/in_reply_to", problem)));
        }
        let mut info = RunInfo::new(place(&self.agent, run.as_str()).into(), self.agent.clone());
        info.case = case;
        let details = read_value(details, self.core.limits).map_err(RunError::Details)?;
        let event = GateEvent::Action { info: Arc::new(info), action: action.into(), details, in_reply_to };
        Ok(self.core.write_alone(Transition::noting(self.core.now(), event)).await?)
    }

    fn owns(&self, approval: &Approval) -> bool {
        approval.subject.request.is_some() && approval.subject.info.agent == self.agent
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl Core {
    /// What overlays say to a call of another program.
    async fn opinions_on(&self, run: &Circumstances, subject: &Subject, arguments: &Arguments) -> Vec<Opinion> {
        if self.overlays.is_empty() {
            return Vec::new();
        }
        let context = run.context_of(subject, self.now());
        self.ask_overlays(&OverlayCall { tool: &subject.tool, arguments, context: &context }).await
    }

    /// Everything that is written when a question is asked: it, its tool, and the use of the standing permission that answers it.
    fn remote_transition(
        &self,
        question: &Question,
        assessment: Assessment,
        earlier: Vec<Refusal>,
        grant: Option<&Grant>,
    ) -> Result<(Transition, Arc<Approval>), NotRun> {
        let (now, assessment, arguments) = (self.now(), Arc::new(assessment), question.arguments.clone());
        let subject = Arc::clone(&question.subject);
        let approval = Approval::open(subject, arguments.clone(), Arc::clone(&assessment), earlier.clone(), now);
        let event = CallEvent::Assessed { assessment, arguments, earlier, held: false, if_failed: None };
        let mut course = Course::begin(approval, event, now);
        if let Some(grant) = grant {
            course.then(CallEvent::Covered { grant: grant.id(), by: grant.by.clone() }, now).map_err(unavailable)?;
        }
        let (mut transition, approval) = course.alone();
        if let Some(grant) = grant {
            transition.grants.push(Arc::new(grant.used()));
            transition.takes = grant.takes(&question.arguments);
        }
        transition.tools.push(Arc::clone(&question.tool));
        Ok((transition, approval))
    }

    /// What follows before an approved call of another program begins: overlays speak again, and whoever agreed must still be entitled to.
    async fn judge_remote_again(&self, approval: &Approval) -> Result<Course, NotRun> {
        let mut course = Course::from(approval);
        let since = approval.changed_at.duration_since(self.now()).abs();
        if let Some(grant) = approval.grant.filter(|_| Duration::try_from(since).is_ok_and(|since| since > COVERED_FOR))
        {
            course.then(CallEvent::Uncovered { grant }, self.now()).map_err(unavailable)?;
            return Ok(course);
        }
        if !self.overlays.is_empty() {
            let run = Circumstances::of_stored(&approval.subject);
            let opinions = self.opinions_on(&run, &approval.subject, &approval.arguments).await;
            let assessment = Arc::new(approval.assessment.with_overlays(opinions));
            let again = CallEvent::Reassessed { assessment, changes: Changes::default() };
            course.then(again, self.now()).map_err(unavailable)?;
        }
        self.check_consent(&mut course, self.now()).await?;
        Ok(course)
    }
}
