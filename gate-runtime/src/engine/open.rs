//! From a proposed call to a stored approval: recalled, judged, written.

use std::sync::Arc;

use serde_json::Value;

use super::core::{Core, GateTool, lock};
use super::course::Course;
use super::intake::{Circumstances, Proposed};
use super::judge::Judgement;
use crate::logic::context::CallContext;
use crate::logic::redact::{Scrub, seal_like};
use crate::ports::directory::DirectoryError;
use crate::ports::store::{Committed, Proposal, Recalled, Transition};
use crate::values::approval::{Approval, Refusal, Status};
use crate::values::arguments::Arguments;
use crate::values::event::CallEvent;
use crate::values::grant::Grant;
use crate::values::id::{ApprovalId, CallId};
use crate::values::limit::LimitKey;
use crate::values::message::Message;
use crate::values::opinion::Denial;
use crate::values::outcome::NotRun;
use crate::values::record::Subject;
use crate::values::requirement::{Requirement, Who};
use crate::values::verdict::Verdict;
use crate::values::words::with_article;

/// A proposed call after the store was asked and the rules judged.
pub(crate) enum Plan {
    /// The call was proposed before: this is how it stands.
    Known(Arc<Approval>),
    /// It is new.
    New(Box<Draft>),
}

/// A new approval, not written yet.
pub(crate) struct Draft {
    proposed: Proposed,
    sealed: Arguments,
    subject: Arc<Subject>,
    judgement: Judgement,
    earlier: Vec<Refusal>,
    grant: Option<Arc<Grant>>,
    /// Counters of grants that turned out to be used up.
    spent: Vec<LimitKey>,
}

impl Draft {
    /// Whether the calls of its batch that need no person wait for it.
    pub(crate) fn holds_batch(&self) -> bool {
        let asks = self.judgement.verdict() == Verdict::Ask && self.grant.is_none();
        asks && self.judgement.assessment.requirements().iter().any(Requirement::holds_batch)
    }
}

/// A call that is on the record.
pub(crate) enum Opened {
    /// It stands so, and nothing is to be done now.
    Stands(Arc<Approval>),
    /// It is dispatched: its body must run now, with these arguments.
    Run(Arc<Approval>, Value, CallContext),
}

impl Core {
    /// Recalls what bears on a call, and has it judged if it is new.
    pub(crate) async fn plan(&self, run: &Circumstances, proposed: Proposed) -> Result<Plan, NotRun> {
        let tool = self.tool_at(proposed.tool)?;
        let schema = tool.descriptor.input_schema();
        let proposal = Proposal::new(&run.info.run, &proposed.call, &tool.name, self.now());
        let mut recalled = self.store.recall(&proposal).await.map_err(unavailable)?;
        if let Some(known) = recalled.approval {
            if known.subject.tool == tool.name && is_same_call(schema, &proposed.arguments, known.proposed()) {
                self.remember_secrets(&known, &proposed.arguments);
                return Ok(Plan::Known(known));
            }
            return Err(self.refuse(run, &proposed.call, &tool.name, id_used(&proposed.call)).await);
        }
        for relative in &run.relatives {
            // What people refused to an agent, they refused to those that it calls, and to the one that calls it.
            let about = Proposal::new(relative, &proposed.call, &tool.name, proposal.now);
            let there = self.store.recall(&about).await.map_err(unavailable)?;
            recalled.rejected.extend(there.rejected);
            recalled.denials = recalled.denials.saturating_add(there.denials);
        }
        let sealed = tool.seal(&proposed.arguments).map_err(invalid)?;
        let earlier = refusals(schema, &proposed.arguments, &sealed, &recalled);
        let subject = Arc::new(subject_of(run, tool, &proposed));
        let judgement = if let Some((why, reason)) = self.denied_already(schema, &proposed.arguments, &recalled) {
            Judgement::denied(why, reason)
        } else {
            let context = run.context(&proposed.call, subject.approval, subject.reasoning.clone(), proposal.now);
            self.judge(tool, &proposed.arguments, &sealed, context).await.map_err(invalid)?
        };
        let mut draft = Draft { proposed, sealed, subject, judgement, earlier, grant: None, spent: Vec::new() };
        if draft.judgement.verdict() == Verdict::Ask {
            self.check_askable(run, &draft.judgement.assessment.requirements()).await?;
            draft.grant = self.find_grant_for(&draft, recalled.grants).await;
        }
        Ok(Plan::New(Box::new(draft)))
    }

    /// Why a call is denied before any rule is asked: people refused it already, or too many calls of its run were denied.
    pub(crate) fn denied_already(
        &self,
        schema: &Value,
        arguments: &Value,
        recalled: &Recalled,
    ) -> Option<(Denial, String)> {
        if recalled.rejected.iter().any(|refused| is_repeated(schema, arguments, refused)) {
            return Some((Denial::RefusedBefore, "a person already refused this very call".to_owned()));
        }
        let words = || format!("{} calls of this run were denied, which is the limit", recalled.denials);
        (recalled.denials >= self.denials).then(|| (Denial::TooMany, words()))
    }

    /// A call whose secrets another process read is proposed again here: now it can run here.
    fn remember_secrets(&self, known: &Approval, arguments: &Value) {
        if !known.arguments.secrets().is_empty() && !known.status.is_terminal() {
            lock(&self.vault).insert(known.id(), arguments.clone());
        }
    }

    /// A question that nobody could ever answer is not asked.
    pub(crate) async fn check_askable(&self, run: &Circumstances, requirements: &[Requirement]) -> Result<(), NotRun> {
        match self.unaskable(run, requirements).await.map_err(unavailable)? {
            Some(problem) => Err(NotRun::Unavailable { problem }),
            None => Ok(()),
        }
    }

    /// Why nobody could ever answer a question; `None` where somebody could.
    pub(crate) async fn unaskable(
        &self,
        run: &Circumstances,
        requirements: &[Requirement],
    ) -> Result<Option<String>, DirectoryError> {
        for tier in requirements.iter().flat_map(Requirement::tiers) {
            let problem = match tier.who() {
                Who::Principal if run.info.principal.is_none() => {
                    "the policy asks the person whom the run acts for, but the run names none: add `.on_behalf_of(…)`"
                        .to_owned()
                }
                Who::Role { role } if !self.directory.has_holder(role, self.now()).await? => {
                    let role = with_article(role.as_str());
                    format!("the policy asks {role}, but nobody in the directory holds that role")
                }
                _ => continue,
            };
            return Ok(Some(problem));
        }
        Ok(None)
    }

    async fn find_grant_for(&self, draft: &Draft, grants: Vec<Arc<Grant>>) -> Option<Arc<Grant>> {
        let requirements = draft.judgement.assessment.requirements();
        self.find_grant(&draft.subject, &draft.sealed, &requirements, &draft.spent, grants).await
    }

    /// A standing permission that answers the question, if its giver could answer it alone.
    pub(crate) async fn find_grant(
        &self,
        subject: &Subject,
        arguments: &Arguments,
        requirements: &[Requirement],
        spent: &[LimitKey],
        grants: Vec<Arc<Grant>>,
    ) -> Option<Arc<Grant>> {
        let now = self.now();
        for grant in grants {
            let is_spent = || grant.takes(arguments).iter().any(|take| spent.contains(&take.key));
            if grant.covers(subject, arguments, now)
                && !is_spent()
                && self.may_grant(&grant.by, subject, requirements, &[]).await.is_ok()
            {
                return Some(grant);
            }
        }
        None
    }

    /// Writes a draft, with everything that follows at once: the use of a grant, of limits, the dispatch.
    ///
    /// `hold`: a call that may run waits for its batch. `is_waited_for`: somebody stays until it is decided.
    pub(crate) async fn open(
        self: &Arc<Self>,
        run: &Circumstances,
        draft: Draft,
        hold: bool,
        is_waited_for: bool,
    ) -> Result<Opened, NotRun> {
        let mut draft = draft;
        loop {
            let (transition, approval) = self.transition(run, &draft, hold)?;
            let secret = !draft.sealed.secrets().is_empty();
            if secret {
                // Before the commit: once it is on the record, it can be dispatched.
                lock(&self.vault).insert(approval.id(), draft.proposed.arguments.clone());
            }
            let takes = transition.takes.clone();
            let otherwise: Option<fn() -> CallEvent> = match approval.status {
                Status::Dispatched => Some(never_began),
                Status::Pending if is_waited_for => Some(|| CallEvent::Abandoned),
                _ => None,
            };
            let committed = self.commit_for(transition, &approval, otherwise).await;
            if secret && !matches!(committed, Ok(Committed::Done)) {
                lock(&self.vault).remove(&approval.id());
            }
            match committed.map_err(unavailable)? {
                Committed::Done if approval.status == Status::Dispatched => {
                    let Draft { proposed, subject, .. } = draft;
                    let reasoning = subject.reasoning.clone();
                    let context = run.context(&proposed.call, subject.approval, reasoning, approval.changed_at);
                    return Ok(Opened::Run(approval, proposed.arguments, context));
                }
                Committed::Done => {
                    self.settle(&approval);
                    return Ok(Opened::Stands(approval));
                }
                Committed::Frozen => {
                    if let Some(reason) = self.frozen(&approval).await? {
                        return Err(self.refuse(run, &draft.proposed.call, approval.tool(), reason).await);
                    }
                }
                Committed::LimitReached(place) => {
                    draft.spent.extend(takes.get(place).map(|take| take.key.clone()));
                    self.judge_without(run, &mut draft).await?;
                }
                // The same call came at the same time, or a grant's last use went: look again.
                Committed::Conflict => match self.plan(run, draft.proposed).await? {
                    Plan::Known(approval) => return Ok(Opened::Stands(approval)),
                    Plan::New(again) => draft = *again,
                },
            }
        }
    }

    /// Judges a draft anew, where a limit or a grant turned out to be used up.
    async fn judge_without(&self, run: &Circumstances, draft: &mut Draft) -> Result<(), NotRun> {
        let spent = &draft.spent;
        draft.judgement.exhaust(&|take| spent.contains(&take.key));
        if draft.judgement.verdict() == Verdict::Ask {
            self.check_askable(run, &draft.judgement.assessment.requirements()).await?;
            let tool = self.tool_at(draft.proposed.tool)?;
            let proposal = Proposal::new(&run.info.run, &draft.proposed.call, &tool.name, self.now());
            let recalled = self.store.recall(&proposal).await.map_err(unavailable)?;
            draft.grant = self.find_grant_for(draft, recalled.grants).await;
        }
        Ok(())
    }

    fn transition(
        &self,
        run: &Circumstances,
        draft: &Draft,
        hold: bool,
    ) -> Result<(Transition, Arc<Approval>), NotRun> {
        let now = self.now();
        let assessment = self.tool_at(draft.proposed.tool)?.shown(&draft.judgement, &draft.proposed.arguments, run);
        let may_run = assessment.verdict() == Verdict::Approve;
        let held = hold && (may_run || draft.grant.is_some());
        let (subject, sealed) = (Arc::clone(&draft.subject), draft.sealed.clone());
        let mut approval = Approval::open(subject, sealed, assessment, draft.earlier.clone(), now);
        approval.held = held;
        approval.conversation = self.conversation(run, draft)?;
        let mut course = opened(approval, draft.grant.as_deref())?;
        if course.status() == Status::Approved && !held {
            course.then(CallEvent::Dispatched, now).map_err(unavailable)?;
        }
        let (mut transition, approval) = course.alone();
        if let Some(grant) = &draft.grant {
            use_up(grant, &approval, &mut transition);
        }
        if may_run {
            transition.takes = draft.judgement.takes();
        }
        Ok((transition, approval))
    }
}

impl Core {
    /// What was said before a question, for whoever decides it: as much as the gate keeps.
    fn conversation(&self, run: &Circumstances, draft: &Draft) -> Result<Vec<Message>, NotRun> {
        if self.conversation == 0 || draft.judgement.verdict() != Verdict::Ask {
            return Ok(Vec::new());
        }
        let tool = self.tool_at(draft.proposed.tool)?;
        let scrub = tool.spec.has_secrets.then(|| Scrub::of(tool.descriptor.input_schema(), &draft.proposed.arguments));
        let said = run.history.messages();
        let kept = said.iter().skip(said.len().saturating_sub(self.conversation));
        let clean = |text: &str| scrub.as_ref().map_or_else(|| text.to_owned(), |scrub| scrub.clean(text));
        Ok(kept.map(|message| message.saying(ends(&clean(message.text())))).collect())
    }
}

/// A text by its ends, if it is long.
fn ends(text: &str) -> String {
    /// How many characters of a message are kept.
    const LONGEST: usize = 2_000;
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let (start, end) = (text.chars().take(LONGEST / 2), text.chars().skip(count - LONGEST / 2));
    let left_out = count - LONGEST / 2 * 2;
    format!("{}\n[… {left_out} characters …]\n{}", start.collect::<String>(), end.collect::<String>())
}

/// The first events of a new approval: how it was judged, and the standing permission that answers it, if one does.
pub(crate) fn opened(approval: Approval, grant: Option<&Grant>) -> Result<Course, NotRun> {
    let now = approval.asked_at;
    let event = CallEvent::Assessed {
        assessment: Arc::clone(&approval.assessment),
        arguments: approval.arguments.without_salts(),
        earlier: approval.earlier.clone(),
        held: approval.held,
        if_failed: None,
    };
    let mut course = Course::begin(approval, event, now);
    if let Some(grant) = grant {
        course.then(CallEvent::Covered { grant: grant.id(), by: grant.by.clone() }, now).map_err(unavailable)?;
    }
    Ok(course)
}

/// Counts the use of a standing permission that answers a question.
pub(crate) fn use_up(grant: &Grant, asked: &Approval, transition: &mut Transition) {
    transition.grants.push(Arc::new(grant.used()));
    transition.takes = grant.takes(&asked.arguments);
}

/// A body that was about to begin when whoever was to run it went away.
pub(crate) fn never_began() -> CallEvent {
    CallEvent::Lost { why: "whoever was to run it went away before it began".to_owned() }
}

fn subject_of(run: &Circumstances, tool: &GateTool, proposed: &Proposed) -> Subject {
    let reasoning = proposed.reasoning.as_deref().map(|text| {
        let secrets = || Scrub::of(tool.descriptor.input_schema(), &proposed.arguments);
        if tool.spec.has_secrets { secrets().clean(text).into() } else { Arc::from(text) }
    });
    Subject {
        approval: ApprovalId::new(),
        info: Arc::clone(&run.info),
        call: proposed.call.clone(),
        tool: tool.name.clone(),
        tool_digest: tool.descriptor.digest(),
        policy_digest: tool.policy_digest(&run.info.agent),
        reasoning,
        request: None,
    }
}

/// Why a call is refused whose id another call has.
pub(crate) fn id_used(call: &CallId) -> NotRun {
    let id = call.as_str().escape_debug();
    invalid(format!("The call id `{id}` was used before in this run, for another call: give every call its own"))
}

/// Whether arguments are those of an earlier call. Secrets are compared with the salts of the earlier one.
pub(crate) fn is_same_call(schema: &Value, arguments: &Value, earlier: &Arguments) -> bool {
    seal_like(schema, arguments, earlier).is_ok_and(|sealed| sealed.digest() == earlier.digest())
}

/// Whether a call only repeats one that a person refused, as it was proposed or as it was edited.
fn is_repeated(schema: &Value, arguments: &Value, refused: &Approval) -> bool {
    let same = |earlier| is_same_call(schema, arguments, earlier);
    refused.refuses_repeats() && (same(refused.proposed()) || same(refused.arguments()))
}

/// What people refused earlier in the run for the tool, as the reviewer and the model are told of it.
pub(crate) fn refusals(schema: &Value, arguments: &Value, sealed: &Arguments, recalled: &Recalled) -> Vec<Refusal> {
    let told = recalled.rejected.iter().filter_map(|refused| {
        let mut refusal = refused.rejection()?;
        if is_same_call(schema, arguments, refused.proposed()) {
            refusal.arguments = sealed.digest();
        }
        Some(refusal)
    });
    told.collect()
}

pub(crate) fn unavailable(error: impl std::fmt::Display) -> NotRun {
    NotRun::Unavailable { problem: error.to_string() }
}

pub(crate) fn invalid(error: impl std::fmt::Display) -> NotRun {
    NotRun::Invalid { problem: error.to_string() }
}
