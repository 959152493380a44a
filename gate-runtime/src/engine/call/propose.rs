//! Turns a proposed call into a stored approval: loads its history, evaluates it, writes it.

use std::sync::Arc;

use gate_core::approval::{Approval, EarlierRefusal, NewApproval, Requirement, Status};
use gate_core::assessment::{GateDenial, PolicyView, Verdict};
use gate_core::call::{Arguments, CallSubject, Descriptor, Message, NotRun, SecretCommitment};
use gate_core::grants::{ASKED, EVER, Grant, LimitCharge, LimitKey, WAITING};
use gate_core::id::{ApprovalId, CallId};
use gate_core::ports::{CallHistory, CallQuery, Changeset, CommitOutcome, REFUSALS};
use gate_core::records::CallEvent;
use gate_core::text::DAY;
use jiff::Timestamp;
use serde_json::Value;

use super::evaluate::CallEvaluation;
use super::not_run::{invalid, unavailable};
use super::parse::ParsedCall;
use super::run_context::RunContext;
use crate::engine::execution::caller_kind::CallerKind;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::unit_of_work::{UnitOfWork, refused};
use crate::engine::session::ledger::RunLedger;
use crate::lock::lock;
use crate::logic::context::CallContext;
use crate::logic::secret_redaction::SecretRedaction;
use crate::logic::tool_spec::CompletedArguments;

/// A proposed call, parsed and sealed. Its body is in this process or in another program.
pub(crate) struct ProposedCall {
    pub(crate) subject: Arc<CallSubject>,
    /// The arguments as they will run, secrets included.
    pub(crate) arguments: Value,
    pub(crate) sealed: Arguments,
    /// The arguments as they were given, if defaults completed them.
    pub(crate) given: Option<GivenArguments>,
    pub(crate) body: BodyPlace,
}

/// The arguments that a model gave, if different arguments will run.
pub(crate) struct GivenArguments {
    /// The arguments, secrets included.
    pub(crate) arguments: Value,
    pub(crate) sealed: Arguments,
}

/// The place of a call's body.
pub(crate) enum BodyPlace {
    /// In this process: the tool with this index.
    Here(usize),
    /// In another program, which describes the tool and names the people to ask.
    Elsewhere {
        tool: Arc<Descriptor>,
        policy: Arc<PolicyView>,
        /// The number of questions of its agent that may wait at once.
        at_once: Option<u64>,
    },
}

impl ProposedCall {
    /// Creates a call of a tool in this process.
    pub(crate) fn here(
        core: &EngineCore,
        run: &RunContext,
        proposed: ParsedCall,
    ) -> Result<Self, NotRun> {
        let ParsedCall { tool: index, call, completed, reasoning } = proposed;
        let tool = core.tool_at(index)?;
        let CompletedArguments { arguments, given } = completed;
        let sealed = tool.seal(&arguments, &core.commitments).map_err(invalid)?;
        let seal_as = |given: &Value| tool.redaction(&core.commitments).seal_again(given, &sealed);
        let given = given
            .map(|given| seal_as(&given).map(|sealed| GivenArguments { arguments: given, sealed }));
        let given = given.transpose().map_err(invalid)?;
        let reasoning = reasoning.map(|text| run.without_secrets(text));
        let subject = CallSubject {
            approval: ApprovalId::new(),
            info: Arc::clone(&run.info),
            call,
            tool: tool.name.clone(),
            tool_digest: tool.descriptor.digest(),
            policy_digest: tool.policy_digest(run.info.agent()),
            reasoning,
            request: None,
        };
        Ok(Self {
            subject: Arc::new(subject),
            arguments,
            sealed,
            given,
            body: BodyPlace::Here(index),
        })
    }

    /// Returns the given arguments, if different arguments will run.
    fn given(&self) -> Option<&Value> {
        self.given.as_ref().map(|given| &given.arguments)
    }

    /// Returns the query for the store before the call is evaluated.
    fn query(&self, now: Timestamp) -> CallQuery {
        let CallSubject { info, call, tool, .. } = &*self.subject;
        let family = self.subject.family();
        let counters = vec![(refused(&family), DAY)];
        let (case, likeness) = (info.case().cloned(), Some(self.sealed.likeness()));
        CallQuery {
            family,
            case,
            likeness,
            counters,
            ..CallQuery::new(info.run(), call, tool, now)
        }
    }

    fn redaction<'a>(&'a self, core: &'a EngineCore) -> Result<SecretRedaction<'a>, NotRun> {
        let schema = match &self.body {
            BodyPlace::Here(index) => core.tool_at(*index)?.descriptor.input_schema(),
            BodyPlace::Elsewhere { tool, .. } => tool.input_schema(),
        };
        Ok(SecretRedaction { schema, keys: &core.commitments })
    }

    /// Returns whether its arguments equal those of an earlier call. Secrets are compared with the
    /// salts of the earlier call. A call of a version that did not complete arguments is compared
    /// with the given arguments.
    fn has_arguments(&self, redaction: SecretRedaction<'_>, earlier: &Arguments) -> bool {
        let is = |arguments: &Value, sealed: &Arguments| {
            if sealed.secrets().is_empty() {
                return sealed.digest() == earlier.digest();
            }
            redaction
                .seal_like(arguments, earlier)
                .is_ok_and(|sealed| sealed.digest() == earlier.digest())
        };
        let was_given =
            || self.given.as_ref().is_some_and(|given| is(&given.arguments, &given.sealed));
        is(&self.arguments, &self.sealed) || was_given()
    }

    /// Returns whether its arguments equal those of another call.
    ///
    /// A commitment that contains its own opening never counts as equal. An earlier version may
    /// have written it, but somebody may also have written guesses into the database, who would
    /// learn which guess is right.
    fn is_like(&self, redaction: SecretRedaction<'_>, other: &Arguments) -> bool {
        !other.secrets().iter().any(SecretCommitment::opens_itself)
            && self.has_arguments(redaction, other)
    }

    /// Returns whether an earlier call was given the same arguments, whatever the defaults were at
    /// that time.
    fn was_given_as(&self, earlier: &Approval) -> bool {
        let (given, earlier) = (self.given.as_ref(), earlier.given());
        given.zip(earlier).is_some_and(|(given, earlier)| {
            given.sealed.secrets().is_empty() && given.sealed.digest() == earlier.digest()
        })
    }

    /// Returns whether it equals a call that a person refused, either as proposed or as edited.
    fn is_equal(&self, redaction: SecretRedaction<'_>, refused: &Approval) -> bool {
        self.was_given_as(refused)
            || self.is_like(redaction, refused.proposed())
            || self.is_like(redaction, refused.arguments())
    }

    /// Returns whether the known call with its id is the same call: agent, principal and arguments
    /// are equal and, if a program named the people to ask, also the tool and the requirements.
    fn is(&self, known: &Approval, redaction: SecretRedaction<'_>) -> bool {
        let (new, old) = (&self.subject, &known.subject());
        let is_same_proposal = match &self.body {
            BodyPlace::Here(_) => old.request().is_none(),
            BodyPlace::Elsewhere { .. } => {
                let erased =
                    |subject: &CallSubject| (subject.tool_digest(), subject.policy_digest());
                old.request().is_some()
                    && erased(new) == erased(old)
                    && new.info().case() == old.info().case()
            }
        };
        is_same_proposal
            && new.tool() == old.tool()
            && (&new.info().agent(), &new.info().principal())
                == (&old.info().agent(), &old.info().principal())
            && (self.was_given_as(known) || self.has_arguments(redaction, known.proposed()))
    }
}

/// A proposed call after its history was loaded and the policies evaluated it.
pub(crate) enum CallLookup {
    /// The call was proposed before; contains its present state.
    Known(Arc<Approval>),
    /// The call is new.
    New(Box<PreparedApproval>),
}

/// A new approval, not written yet.
pub(crate) struct PreparedApproval {
    candidate: ProposedCall,
    judgement: CallEvaluation,
    earlier: Vec<EarlierRefusal>,
    alike: Vec<ApprovalId>,
    /// Set if a person refused an equal call, or revoked its approval: then a person must decide
    /// this call too.
    was_refused: bool,
    grant: Option<Arc<Grant>>,
    /// Counters of grants that turned out to be used up.
    spent: Vec<LimitKey>,
}

impl PreparedApproval {
    pub(crate) fn id(&self) -> ApprovalId {
        self.candidate.subject.approval()
    }

    /// Returns whether it holds back the calls of its batch that need no person.
    pub(crate) fn holds_batch(&self) -> bool {
        let asks = self.judgement.verdict() == Verdict::Ask && self.grant.is_none();
        asks && self.judgement.assessment.requirements().iter().any(Requirement::holds_batch)
    }
}

/// A recorded call.
pub(crate) enum SubmittedCall {
    /// Nothing more is to be done now.
    Settled(Arc<Approval>),
    /// The call is dispatched, and its body must run now, with these arguments.
    Dispatched(Arc<Approval>, Value, CallContext),
}

/// The circumstances of a call's submission that its changeset depends on.
pub(crate) struct SubmitContext<'a> {
    /// The questions of its batch that hold the call back.
    held_by: &'a [ApprovalId],
    by: CallProposer<'a>,
}

enum CallProposer<'a> {
    /// A model. The call is owed to the model's application until that acknowledges the end.
    Model(&'a RunLedger),
    /// A program that waits for the decision and gets the value itself. Inside the body of a call,
    /// its questions belong to that call's run.
    Program(Option<&'a RunLedger>),
    /// A remote program, which queries the call's state itself.
    Remote,
}

impl<'a> SubmitContext<'a> {
    pub(crate) fn of_model(ledger: &'a RunLedger, held_by: &'a [ApprovalId]) -> Self {
        Self { held_by, by: CallProposer::Model(ledger) }
    }

    pub(crate) fn of_program(ledger: Option<&'a RunLedger>) -> Self {
        Self { held_by: &[], by: CallProposer::Program(ledger) }
    }

    pub(crate) fn of_elsewhere() -> Self {
        Self { held_by: &[], by: CallProposer::Remote }
    }

    /// Returns the events to apply to a call if its proposer is dropped while it is written.
    fn on_drop(&self, status: Status) -> Option<fn() -> Vec<CallEvent>> {
        match (status, &self.by) {
            (Status::Dispatched, CallProposer::Program(_)) => Some(CallerKind::Program.unbegun()),
            (Status::Dispatched, _) => Some(CallerKind::Run.unbegun()),
            (Status::Pending, CallProposer::Program(_)) => Some(|| vec![CallEvent::Abandoned]),
            _ => None,
        }
    }
}

/// The reason why a proposed call was not accepted.
pub(crate) enum ProposeError {
    /// Another call of its run has the same id.
    IdUsed(NotRun),
    /// Nobody could answer its question.
    NobodyToAsk(NotRun),
    /// The agent has reached its limit of waiting questions.
    TooManyWait(u64),
    /// Any other reason.
    NotRun(NotRun),
}

impl From<NotRun> for ProposeError {
    fn from(reason: NotRun) -> Self {
        Self::NotRun(reason)
    }
}

impl From<ProposeError> for NotRun {
    fn from(why: ProposeError) -> Self {
        match why {
            ProposeError::IdUsed(reason)
            | ProposeError::NobodyToAsk(reason)
            | ProposeError::NotRun(reason) => reason,
            ProposeError::TooManyWait(count) => {
                unavailable(format_args!("{count} questions of its agent wait already"))
            }
        }
    }
}

impl EngineCore {
    /// Loads the history of a call, and evaluates the call if it is new. Every call goes through
    /// this, from any proposer and with its body in any place.
    pub(crate) async fn plan(
        &self,
        run: &RunContext,
        candidate: ProposedCall,
    ) -> Result<CallLookup, ProposeError> {
        self.check_principal(run).await?;
        let query = candidate.query(self.now());
        let history = self.store.load_history(&query).await.map_err(unavailable)?;
        let redaction = candidate.redaction(self)?;
        if let Some(known) = history.approval {
            if candidate.is(&known, redaction) {
                self.remember_secrets(&known, &candidate.arguments);
                return Ok(CallLookup::Known(known));
            }
            if known.proposed().secrets().iter().any(|secret| secret.lacks_key(&self.commitments)) {
                return Err(unavailable(
                    "its secret arguments were committed to with another key, so it is not known \
                     whether it is the same call: give the gate that key, with `.key(…)` or \
                     `.earlier_keys([…])`",
                )
                .into());
            }
            let CallSubject { call, tool, .. } = &*candidate.subject;
            return Err(ProposeError::IdUsed(self.refuse(run, call, tool, id_used(call)).await));
        }
        let equal = |refused: &&Arc<Approval>| candidate.is_equal(redaction, refused);
        let of_family =
            history.rejected.iter().filter(|refused| refused.subject().family() == query.family);
        let refused: Vec<Arc<Approval>> = of_family.filter(equal).cloned().collect();
        let evaluation = if let Some((why, reason)) = self.denied_already(&refused, &history) {
            CallEvaluation::denied(why, reason)
        } else {
            self.judge_candidate(run, &candidate).await?
        };
        let earlier = refusals(redaction, &candidate, &history);
        let equal = history.alike.iter().filter(|other| other.id() != candidate.subject.approval());
        let equal = equal.filter(|other| candidate.is_like(redaction, other.arguments()));
        let alike = equal.map(|other| other.id()).collect();
        let was_refused = !refused.is_empty();
        let mut prepared = PreparedApproval {
            candidate,
            judgement: evaluation,
            earlier,
            alike,
            was_refused,
            grant: None,
            spent: Vec::new(),
        };
        if prepared.judgement.verdict() == Verdict::Ask {
            self.check_askable(run, &prepared.judgement.assessment.requirements()).await?;
            prepared.grant = self.find_grant(&prepared, history.grants).await;
        }
        Ok(CallLookup::New(Box::new(prepared)))
    }

    async fn judge_candidate(
        &self,
        run: &RunContext,
        candidate: &ProposedCall,
    ) -> Result<CallEvaluation, NotRun> {
        let ProposedCall { subject, arguments, sealed, body, .. } = candidate;
        match body {
            BodyPlace::Here(index) => {
                let context = run.context(
                    subject.call(),
                    subject.approval(),
                    subject.shared_reasoning().cloned(),
                    self.now(),
                );
                self.judge_for(self.tool_at(*index)?, arguments, sealed, context, None).await
            }
            BodyPlace::Elsewhere { tool, policy, .. } => {
                let mut assessment =
                    CallEvaluation::joined(policy, self.opinions_on(run, subject, sealed).await?);
                assessment.set_destructive(tool.annotations().destructive);
                Ok(CallEvaluation::of_program(self.reached(subject, assessment).await?))
            }
        }
    }

    /// Returns the reason to deny a call before any rule is evaluated: too many calls of its family
    /// did not run, or people refused it before.
    fn denied_already(
        &self,
        refused: &[Arc<Approval>],
        history: &CallHistory,
    ) -> Option<(GateDenial, String)> {
        // Fails closed: if the store does not return the count, the call is denied.
        let count = history.used.first().copied().unwrap_or(u64::MAX);
        if count >= self.denials {
            return Some((GateDenial::TooMany, self.too_many(count)));
        }
        let again = refused.iter().any(|refused| refused.refuses_repeats());
        again.then(|| {
            (GateDenial::RefusedBefore, "a person already refused this very call".to_owned())
        })
    }

    /// Keeps the secrets of a known call that another process received, so that it can run here.
    fn remember_secrets(&self, known: &Approval, arguments: &Value) {
        if !known.arguments().secrets().is_empty() && !known.status().is_terminal() {
            lock(&self.vault).insert(known.id(), arguments.clone());
        }
    }

    /// Finds a grant that answers the question, if its giver could answer it alone. No grant
    /// answers the question of a call that a person refused.
    async fn find_grant(
        &self,
        prepared: &PreparedApproval,
        grants: Vec<Arc<Grant>>,
    ) -> Option<Arc<Grant>> {
        if prepared.was_refused {
            return None;
        }
        let ProposedCall { subject, sealed, .. } = &prepared.candidate;
        let requirements = prepared.judgement.assessment.requirements();
        let now = self.now();
        for grant in grants {
            let is_spent = || {
                grant
                    .charges(sealed, subject.approval())
                    .iter()
                    .any(|take| prepared.spent.contains(&take.key))
            };
            if grant.covers(subject, sealed, now)
                && !is_spent()
                && self.may_grant(grant.by(), subject, &requirements, &[]).await.is_ok()
            {
                return Some(grant);
            }
        }
        None
    }

    /// Writes a new approval together with its immediate consequences: the use of a grant, charges
    /// on limits, the dispatch.
    pub(crate) async fn open(
        self: &Arc<Self>,
        run: &RunContext,
        prepared: PreparedApproval,
        opening: &SubmitContext<'_>,
    ) -> Result<SubmittedCall, ProposeError> {
        let mut draft = prepared;
        loop {
            // Repeated only after the store refused the commit, for a conflict, a freeze or a
            // limit.
            let (changeset, approval) = self.changeset(run, &draft, opening).await?;
            let secret = !draft.candidate.sealed.secrets().is_empty();
            if secret {
                // This comes before the commit, because the call can be dispatched once it is
                // recorded.
                lock(&self.vault).insert(approval.id(), draft.candidate.arguments.clone());
            }
            let (charges, acknowledged) =
                (changeset.charges.clone(), changeset.acknowledged.clone());
            let committed =
                self.commit_for(changeset, &approval, opening.on_drop(approval.status())).await;
            if secret && !matches!(committed, Ok(CommitOutcome::Done)) {
                // An approval that was not written keeps no secrets in memory.
                lock(&self.vault).remove(&approval.id());
            }
            match committed.map_err(unavailable)? {
                CommitOutcome::Done => {
                    run.history.mark_recorded(approval.noted_messages());
                    if let CallProposer::Model(ledger) = opening.by {
                        ledger.acknowledged(&acknowledged);
                    }
                    if approval.status() == Status::Dispatched {
                        let context = run.context_of(approval.subject(), approval.changed_at());
                        return Ok(SubmittedCall::Dispatched(
                            approval,
                            draft.candidate.arguments,
                            context,
                        ));
                    }
                    self.settle(&approval);
                    return Ok(SubmittedCall::Settled(approval));
                }
                CommitOutcome::Frozen => {
                    // If the freeze has been lifted meanwhile, the loop tries again.
                    if let Some(reason) = self.frozen(&approval).await? {
                        let CallSubject { call, tool, .. } = approval.subject();
                        return Err(self.refuse(run, call, tool, reason).await.into());
                    }
                }
                CommitOutcome::LimitReached(index) => {
                    if let Some(take) = charges.get(index) {
                        self.judge_without(run, &mut draft, take).await?;
                    }
                }
                // The same call was proposed at the same time, or another call took a grant's last
                // use: load the history again.
                CommitOutcome::Conflict => match self.plan(run, draft.candidate).await? {
                    CallLookup::Known(approval) => return Ok(SubmittedCall::Settled(approval)),
                    CallLookup::New(again) => draft = *again,
                },
            }
        }
    }

    /// Evaluates a new approval again, after a limit or a grant was found to be used up.
    async fn judge_without(
        &self,
        run: &RunContext,
        prepared: &mut PreparedApproval,
        take: &LimitCharge,
    ) -> Result<(), ProposeError> {
        match take.key.limit() {
            WAITING => return Err(ProposeError::TooManyWait(take.max)),
            ASKED => {
                let reason = format!(
                    "this run asked people {} times within a day, and more is not allowed",
                    take.max
                );
                prepared.judgement = CallEvaluation::denied(GateDenial::AskedTooOften, reason);
                prepared.grant = None;
                return Ok(());
            }
            _ => prepared.spent.push(take.key.clone()),
        }
        let spent = &prepared.spent;
        prepared.judgement.exhaust(&|take| spent.contains(&take.key));
        if prepared.judgement.verdict() == Verdict::Ask {
            self.check_askable(run, &prepared.judgement.assessment.requirements()).await?;
            prepared.grant = None;
            if !prepared.was_refused {
                let history = self
                    .store
                    .load_history(&prepared.candidate.query(self.now()))
                    .await
                    .map_err(unavailable)?;
                prepared.grant = self.find_grant(prepared, history.grants).await;
            }
        }
        Ok(())
    }

    async fn changeset(
        &self,
        run: &RunContext,
        prepared: &PreparedApproval,
        opening: &SubmitContext<'_>,
    ) -> Result<(Changeset, Arc<Approval>), NotRun> {
        let now = self.now();
        let assessment = match &prepared.candidate.body {
            BodyPlace::Here(index) => {
                let ProposedCall { arguments, .. } = &prepared.candidate;
                let (tool, given) = (self.tool_at(*index)?, prepared.candidate.given());
                self.shown(tool, &prepared.judgement, arguments, given, run)
                    .await
                    .map_err(unavailable)?
            }
            BodyPlace::Elsewhere { .. } => Arc::clone(&prepared.judgement.assessment),
        };
        let may_run = assessment.verdict() == Verdict::Approve;
        let held = !opening.held_by.is_empty() && (may_run || prepared.grant.is_some());
        let ProposedCall { subject, sealed, body, .. } = &prepared.candidate;
        let new = NewApproval {
            earlier: prepared.earlier.clone(),
            alike: prepared.alike.clone(),
            held,
            held_by: if held { opening.held_by.to_vec() } else { Vec::new() },
            conversation: self.conversation(run, prepared),
            heard: run.history.unrecorded_tags(),
            given: prepared.candidate.given.as_ref().map(|given| given.sealed.clone()),
            ..NewApproval::of(Arc::clone(subject), sealed.clone(), assessment)
        };
        let approval = Approval::open(new, now);
        let mut unit = first_events(approval, prepared.grant.as_deref())?;
        if unit.status() == Status::Approved && !held && matches!(body, BodyPlace::Here(_)) {
            unit.then(CallEvent::Dispatched, now).map_err(unavailable)?;
        }
        let (mut changeset, approval) = unit.into_changeset();
        if let Some(grant) = &prepared.grant {
            changeset.grants.push(Arc::new(grant.used()));
            changeset.charges.extend(grant.charges(approval.arguments(), approval.id()));
        }
        if may_run {
            let for_it = |take| LimitCharge { taken_for: Some(approval.id()), ..take };
            changeset.charges.extend(prepared.judgement.charges().into_iter().map(for_it));
        }
        if approval.status() == Status::Pending {
            changeset.charges.extend(self.asking(&approval, body));
        }
        if let BodyPlace::Elsewhere { tool, .. } = body {
            changeset.tools.push(Arc::clone(tool));
        }
        match opening.by {
            CallProposer::Model(ledger) => ledger.acknowledge(&mut changeset),
            CallProposer::Program(Some(_)) if approval.status() == Status::Pending => {}
            // The proposer follows the call itself, so it is in no turn.
            CallProposer::Program(_) | CallProposer::Remote => {
                changeset.acknowledged.push(approval.id());
            }
        }
        Ok((changeset, approval))
    }

    /// Returns the charges on the limits of questions. The commit checks them, so that the limits
    /// hold even for calls that are proposed at the same time.
    fn asking(&self, approval: &Approval, body: &BodyPlace) -> impl Iterator<Item = LimitCharge> {
        let family = approval.subject().family();
        let key = LimitKey::new(ASKED, family.as_str());
        let often =
            LimitCharge { key, amount: 1, max: self.questions, window: DAY, taken_for: None };
        let at_once = match body {
            BodyPlace::Elsewhere { at_once, .. } => *at_once,
            BodyPlace::Here(_) => None,
        };
        let waiting = at_once.map(|max| {
            let key = LimitKey::new(WAITING, approval.subject().info().agent().as_str());
            LimitCharge { key, amount: 1, max, window: EVER, taken_for: Some(approval.id()) }
        });
        [often].into_iter().chain(waiting)
    }
}

impl EngineCore {
    /// Returns the conversation before a question, for its reviewers, with as many messages as the
    /// gate keeps.
    fn conversation(&self, run: &RunContext, prepared: &PreparedApproval) -> Vec<Message> {
        let is_asked = matches!(prepared.candidate.body, BodyPlace::Here(_))
            && prepared.judgement.verdict() == Verdict::Ask;
        if self.conversation == 0 || !is_asked {
            return Vec::new();
        }
        let text = run.history.messages();
        let kept = text.iter().skip(text.len().saturating_sub(self.conversation));
        let clean =
            |message: &Message| ends(&run.without_secrets(Arc::clone(message.shared_text())));
        kept.map(|message| message.with_text(clean(message))).collect()
    }
}

/// Returns the beginning and the end of a long text.
fn ends(text: &str) -> String {
    /// The number of characters of a message that are kept.
    const LONGEST: usize = 2_000;
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let (start, end) = (text.chars().take(LONGEST / 2), text.chars().skip(count - LONGEST / 2));
    let left_out = count - LONGEST / 2 * 2;
    format!(
        "{}\n[… {left_out} characters …]\n{}",
        start.collect::<String>(),
        end.collect::<String>()
    )
}

/// Returns the first events of a new approval: its assessment and, if a grant covers it, the grant.
fn first_events(mut approval: Approval, grant: Option<&Grant>) -> Result<UnitOfWork, NotRun> {
    let now = approval.asked_at();
    let event = approval.opening(None);
    let mut unit = UnitOfWork::begin(approval, event, now);
    if let Some(grant) = grant {
        unit.then(CallEvent::covered_by(grant), now).map_err(unavailable)?;
    }
    Ok(unit)
}

/// Returns the reason to refuse a call with the id of another call.
fn id_used(call: &CallId) -> NotRun {
    let id = call.as_str().escape_debug();
    invalid(format!(
        "The call id `{id}` was used before in this run, for another call, or by another agent or \
         for another person: give every call its own"
    ))
}

/// Returns the earlier refusals of the tool's calls for the reviewer and the model: equal calls
/// first, and at most [`REFUSALS`].
fn refusals(
    redaction: SecretRedaction<'_>,
    candidate: &ProposedCall,
    history: &CallHistory,
) -> Vec<EarlierRefusal> {
    let returned = history.rejected.iter().filter_map(|refused| {
        let mut refusal = refused.rejection()?;
        let equal =
            candidate.was_given_as(refused) || candidate.is_like(redaction, refused.proposed());
        if equal {
            refusal.arguments = candidate.sealed.digest();
        }
        Some((equal, refusal))
    });
    let (equal, other): (Vec<_>, Vec<_>) = returned.partition(|(equal, _)| *equal);
    let newest = equal.into_iter().rev().chain(other.into_iter().rev()).take(REFUSALS);
    let mut kept: Vec<EarlierRefusal> = newest.map(|(_, refusal)| refusal).collect();
    kept.sort_by_key(EarlierRefusal::approval);
    kept
}
