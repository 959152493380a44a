//! Decisions of reviewers: votes, edits, grants.

use std::sync::Arc;

use gate_audit::SigningKey;
use gate_core::approval::{
    Approval, Decision, Refused, Requirement, ReviewContent, Status, Vote, VoteSignatureError,
};
use gate_core::call::{Arguments, CallSubject, ToolChanges};
use gate_core::grants::{Grant, Scope};
use gate_core::id::{ApprovalId, ReviewerId, Role};
use gate_core::ports::{Changeset, CommitOutcome, DirectoryError, StoreError, StoreErrorKind};
use gate_core::records::{CallEvent, GateEvent, Record};
use gate_core::text::{Digest, SchemaError, below, pointer_to, read_value, step_name};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::error::{DecideError, ReviewerError};
use crate::engine::call::run_context::RunContext;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::unit_of_work::UnitOfWork;
use crate::engine::review::reviewer::Reviewer;
use crate::lock::lock;

use crate::logic::schema::SchemaErrors;
use crate::logic::secret_redaction::{SecretRedaction, seal_edit};
use crate::logic::tool_spec::ToolSpec;
use crate::random;

/// A reviewer's decision before it is checked.
pub(crate) enum DecisionRequest {
    Approve,
    Reject { reason: String },
    Edit(Edit),
    Respond { value: Value },
    Grant(Scope),
}

/// A reviewer's decision request and comment, and the key that signs the vote.
pub(crate) struct DecisionOptions<'a> {
    pub(crate) request: DecisionRequest,
    pub(crate) comment: Option<String>,
    pub(crate) key: Option<&'a SigningKey>,
}

/// Changes to the arguments of a call, field by field, so that no field is dropped or added by
/// accident.
///
/// ```
/// use gate_runtime::review::Edit;
/// let edit = Edit::new().set("amount_cents", 500).remove("note");
/// # let _ = edit;
/// ```
#[derive(Clone, Default, PartialEq)]
#[must_use]
pub struct Edit {
    changes: Vec<(String, Option<Value>)>,
}

impl Edit {
    /// Creates an edit without changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field: the name of an argument, or a JSON pointer, which begins with `/`, to a value
    /// inside one.
    pub fn set(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.changes.push((field.into(), Some(value.into())));
        self
    }

    /// Removes an optional field.
    pub fn remove(mut self, field: impl Into<String>) -> Self {
        self.changes.push((field.into(), None));
        self
    }

    /// Returns the changes from one set of arguments to another, for a page or an editor in which a
    /// person edits all arguments.
    ///
    /// ```
    /// use gate_runtime::review::Edit;
    /// use serde_json::json;
    /// let edit = Edit::between(
    ///     &json!({"amount": 500, "note": "x"}),
    ///     json!({"amount": 300}).as_object().unwrap(),
    /// );
    /// assert_eq!(edit, Edit::new().set("/amount", 300).remove("/note"));
    /// ```
    pub fn between(old: &Value, new: &Map<String, Value>) -> Self {
        let set = new.iter().filter(|(name, value)| old.get(name) != Some(value));
        let set = set.map(|(name, value)| (below("", name), Some(value.clone())));
        let gone =
            old.as_object().into_iter().flat_map(Map::keys).filter(|name| !new.contains_key(*name));
        Self { changes: set.chain(gone.map(|name| (below("", name), None))).collect() }
    }

    /// Returns whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn apply(&self, arguments: &Value) -> Result<Value, SchemaError> {
        let mut edited = arguments.clone();
        for (field, value) in &self.changes {
            let pointer = pointer_to(field);
            // `pointer_to` always returns a leading `/`, so there is a last step.
            let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
            let name = step_name(name);
            let missing =
                || SchemaError::new(pointer.clone(), "there is no such place in the arguments");
            match edited.pointer_mut(parent) {
                Some(Value::Object(map)) => match value {
                    Some(value) => drop(map.insert(name, value.clone())),
                    None => drop(map.remove(&name).ok_or_else(missing)?),
                },
                Some(Value::Array(items)) => {
                    let index: usize = name.parse().map_err(|_| missing())?;
                    match value {
                        Some(value) => *items.get_mut(index).ok_or_else(missing)? = value.clone(),
                        None if index < items.len() => drop(items.remove(index)),
                        None => return Err(missing()),
                    }
                }
                _ => return Err(missing()),
            }
        }
        Ok(edited)
    }
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields: Vec<_> = self.changes.iter().map(|(field, _)| field).collect();
        write!(f, "Edit({fields:?})")
    }
}

/// The outcome of a decision.
///
/// ```
/// use gate_runtime::review::Status;
/// # use gate_runtime::prelude::*;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)]
/// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let people = StaticDirectory::new().person("dana", ["manager"]);
/// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
/// # let dana = gate.reviewer("dana").await?;
/// # let turn = gate
/// #     .run("run-42")
/// #     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
/// #     .await?;
/// let asked = &turn.interruptions()[0];
/// let decided = asked.grant(&dana, Scope::this_run().any("user_id").uses(3)).await?;
/// assert_eq!(decided.status(), Status::Approved);
/// assert!(decided.grant().is_some_and(|grant| grant.uses_left() == Some(3)));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct DecisionOutcome {
    pub(crate) approval: Arc<Approval>,
    pub(crate) grant: Option<Arc<Grant>>,
}

impl DecisionOutcome {
    /// Returns the approval in its present state: others may still have to agree.
    #[must_use]
    pub fn approval(&self) -> &Arc<Approval> {
        &self.approval
    }

    /// Returns its status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.approval.status()
    }

    /// Returns the grant that was given with the decision.
    #[must_use]
    pub fn grant(&self) -> Option<&Arc<Grant>> {
        self.grant.as_ref()
    }
}

impl EngineCore {
    /// Applies a reviewer's decision about the content that they were shown.
    pub(crate) async fn decide(
        self: &Arc<Self>,
        run: &RunContext,
        id: ApprovalId,
        shown: &ReviewContent,
        reviewer: &Reviewer,
        options: &DecisionOptions<'_>,
    ) -> Result<DecisionOutcome, DecideError> {
        let request = &options.request;
        loop {
            // Compare-and-set: after a conflict, the vote is checked again with the changed call.
            let approval = self.bring_up_to_date(id).await?.ok_or(DecideError::Unknown(id))?;
            let now = self.now();
            // A vote counts only for the content that the reviewer saw.
            if approval.status() == Status::Pending && approval.review_content() != *shown {
                return Err(Refused::Changed.into());
            }
            self.check_voter(&approval, reviewer).await?;
            let vote = self.vote_of(&approval, shown, reviewer, options, now).await?;
            let voted = CallEvent::Voted { vote: Box::new(vote.clone()) };
            let mut unit = UnitOfWork::from(&approval);
            match unit.then(voted, now) {
                Ok(()) => {}
                Err(Refused::Final(_) | Refused::NotNow(_)) => return settled(approval, &vote),
                Err(refused) => return Err(refused.into()),
            }
            self.check_signature(approval.subject(), &vote)
                .await
                .map_err(ReviewerError::Directory)??;
            if let DecisionRequest::Edit(_) = request
                && let Some(edit_evaluation) = self.judge_edit(run, unit.approval()).await?
            {
                unit.then(edit_evaluation, now)?;
            }
            let mut changeset = Changeset::at(now);
            let named =
                self.name_directory(&mut changeset).await.map_err(ReviewerError::Directory)?;
            let next = unit.join(&mut changeset);
            let mut grant = None;
            if let DecisionRequest::Grant(scope) = request {
                grant = Some(self.give_grant(scope, &next, reviewer, &mut changeset).await?);
            }
            let changed = changeset.approvals.clone();
            if self.store.commit(changeset).await? == CommitOutcome::Done {
                self.named_directory(named);
                for approval in &changed {
                    self.settle(approval);
                }
                return Ok(DecisionOutcome { approval: next, grant });
            }
        }
    }

    /// Returns the vote for a decision request, about the content that the reviewer was shown. It
    /// is signed if there is a key.
    async fn vote_of(
        self: &Arc<Self>,
        approval: &Approval,
        shown: &ReviewContent,
        reviewer: &Reviewer,
        options: &DecisionOptions<'_>,
        now: Timestamp,
    ) -> Result<Vote, DecideError> {
        let DecisionOptions { request, comment, key } = options;
        let decision = match request {
            DecisionRequest::Approve | DecisionRequest::Grant(_) => Decision::Approve,
            DecisionRequest::Reject { reason } => Decision::Reject { reason: reason.clone() },
            DecisionRequest::Respond { value } => {
                let value = read_value(value, self.limits).map_err(DecideError::BadAnswer)?;
                Decision::Respond { value }
            }
            DecisionRequest::Edit(edit) => {
                Decision::Edit { arguments: self.edited(approval, edit).await? }
            }
        };
        let mut vote = Vote {
            reviewer: reviewer.id().clone(),
            roles: self.roles_as(reviewer.id(), reviewer.is_principal()).await?,
            principal: reviewer.is_principal(),
            decision,
            comment: comment.clone(),
            arguments: shown.arguments(),
            shown: Some(shown.digest()),
            grounds: Some(Digest::of(shown.evidence())),
            at: now,
            signed: None,
        };
        if let Some(key) = key {
            vote.sign(approval.id(), key, &random::bits_256())?;
        }
        Ok(vote)
    }

    /// Records the digest of the directory with a decision, unless it is the digest that this gate
    /// last recorded. An auditor who keeps the people files can find the file with which a decision
    /// was checked.
    pub(crate) async fn name_directory(
        &self,
        changeset: &mut Changeset,
    ) -> Result<Option<Digest>, DirectoryError> {
        let digest = self.directory.digest().await?;
        // Two concurrent decisions may record the same digest twice, which does no harm.
        if *lock(&self.directory_digest) == Some(digest) {
            return Ok(None);
        }
        changeset
            .records
            .push(Record::of_gate(changeset.at, GateEvent::DirectoryChanged { digest }));
        Ok(Some(digest))
    }

    /// Marks a directory's digest as recorded.
    pub(crate) fn named_directory(&self, named: Option<Digest>) {
        if named.is_some() {
            *lock(&self.directory_digest) = named;
        }
    }

    /// Returns the roles of a person, as the directory has them now.
    pub(crate) async fn roles_of(&self, reviewer: &ReviewerId) -> Result<Vec<Role>, ReviewerError> {
        self.roles_at(reviewer, self.now()).await
    }

    /// Returns the roles with which somebody decides. The principal of a run decides without roles,
    /// and needs no directory.
    pub(crate) async fn roles_as(
        &self,
        reviewer: &ReviewerId,
        is_principal: bool,
    ) -> Result<Vec<Role>, ReviewerError> {
        if is_principal { Ok(Vec::new()) } else { self.roles_of(reviewer).await }
    }

    /// Returns the roles of a person at a time, according to the present directory.
    pub(crate) async fn roles_at(
        &self,
        reviewer: &ReviewerId,
        at: Timestamp,
    ) -> Result<Vec<Role>, ReviewerError> {
        let found = self.directory.find(reviewer, at).await.map_err(ReviewerError::Directory)?;
        found.ok_or_else(|| ReviewerError::Unknown(reviewer.clone()))
    }

    /// Checks that a vote is signed as this gate's own directory requires.
    pub(crate) async fn check_signature(
        &self,
        call: &CallSubject,
        vote: &Vote,
    ) -> Result<Result<(), VoteSignatureError>, DirectoryError> {
        let key = self.directory.key(vote.reviewer(), vote.at()).await?;
        Ok(vote.check_signature(call, key.as_ref()))
    }

    /// Checks that a reviewer may vote: they must be a person, and the principal may vote only as
    /// the principal.
    pub(crate) async fn check_voter(
        &self,
        approval: &Approval,
        reviewer: &Reviewer,
    ) -> Result<(), DecideError> {
        let may_vote = self.may_vote(approval, reviewer.id(), reviewer.is_principal()).await;
        Ok(may_vote.map_err(ReviewerError::Directory)??)
    }

    /// Checks that a reviewer may give an order about a call. They must be able to approve it with
    /// their present roles; if nobody was to be asked about it, anyone in the directory may.
    pub(crate) async fn check_entitled(
        &self,
        approval: &Approval,
        reviewer: &Reviewer,
    ) -> Result<(), DecideError> {
        let is_principal = reviewer.is_principal();
        self.check_voter(approval, reviewer).await?;
        let roles = self.roles_as(reviewer.id(), is_principal).await?;
        let asked = approval.requirements().iter().flat_map(Requirement::tiers);
        let entitled = if approval.requirements().is_empty() {
            !is_principal
        } else {
            asked.into_iter().any(|tier| tier.asks(&roles, is_principal))
        };
        if entitled {
            return Ok(());
        }
        let why = format!("it is for {}", approval.waits_for());
        Err(Refused::NotEntitled { reviewer: reviewer.id().clone(), why }.into())
    }

    /// Withdraws a vote while the call is undecided.
    pub(crate) async fn withdraw(
        self: &Arc<Self>,
        id: ApprovalId,
        reviewer: &Reviewer,
    ) -> Result<Arc<Approval>, DecideError> {
        let approval = self.load(id).await?.ok_or(DecideError::Unknown(id))?;
        self.check_voter(&approval, reviewer).await?;
        self.roles_as(reviewer.id(), reviewer.is_principal()).await?;
        self.order(id, CallEvent::Withdrawn { by: reviewer.id().clone() }).await
    }

    /// Revokes an approval whose call has not run yet.
    pub(crate) async fn revoke(
        self: &Arc<Self>,
        id: ApprovalId,
        reviewer: &Reviewer,
        reason: String,
    ) -> Result<Arc<Approval>, DecideError> {
        let approval = self.load(id).await?.ok_or(DecideError::Unknown(id))?;
        self.check_entitled(&approval, reviewer).await?;
        self.order(id, CallEvent::Revoked { by: reviewer.id().clone(), reason }).await
    }

    /// Applies an order of a person, or returns why it is refused.
    pub(crate) async fn order(
        self: &Arc<Self>,
        id: ApprovalId,
        event: CallEvent,
    ) -> Result<Arc<Approval>, DecideError> {
        loop {
            // Compare-and-set: after a conflict the order is checked again, against the call as it
            // stands then.
            let approval = self.bring_up_to_date(id).await?.ok_or(DecideError::Unknown(id))?;
            let mut unit = UnitOfWork::from(&approval);
            match unit.then(event.clone(), self.now()) {
                Ok(()) => {}
                Err(Refused::Final(_) | Refused::NotNow(_)) => {
                    return Err(DecideError::AlreadyDecided(approval));
                }
                Err(refused) => return Err(refused.into()),
            }
            let (changeset, next) = unit.into_changeset();
            if self.store.commit(changeset).await? == CommitOutcome::Done {
                self.settle(&next);
                return Ok(next);
            }
        }
    }

    /// Returns the edited arguments, if they fit the tool of this gate, or else the stored tool.
    pub(crate) async fn edited(
        &self,
        approval: &Approval,
        edit: &Edit,
    ) -> Result<Arguments, DecideError> {
        let here = self.tool(approval.tool().as_str());
        let stored = self.stored_tool(approval).await?;
        let descriptor = here.map(|tool| tool.descriptor).or(stored.as_deref());
        let descriptor =
            descriptor.ok_or_else(|| DecideError::UnknownTool(approval.tool().clone()))?;
        let schema = descriptor.input_schema();
        let invalid = |schema_error: SchemaError| DecideError::Invalid(schema_error.into());
        let edited = edit.apply(&approval.arguments().to_json()).map_err(invalid)?;
        let sealed = seal_edit(schema, &edited, approval.arguments()).map_err(invalid)?;
        let known = self.known_arguments(approval.id());
        let redaction = SecretRedaction { schema, keys: &self.commitments };
        let open = redaction.unseal(&sealed, known.as_ref()).ok_or_else(|| {
            invalid(SchemaError::new(
                "",
                "its secret arguments are in another process: edit it where the call was proposed",
            ))
        })?;
        let open = read_value(&open, self.limits).map_err(invalid)?;
        let completed = match (here, stored.clone()) {
            (Some(tool), _) => tool.spec.complete(Ok(open)),
            // A foreign schema may be slow to check, and must not block other tasks.
            (None, Some(stored)) => {
                spawn_blocking(move || ToolSpec::of(&stored).complete(Ok(open)))
                    .await
                    .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?
            }
            (None, None) => return Err(DecideError::UnknownTool(approval.tool().clone())),
        };
        let completed = completed.map_err(DecideError::Invalid)?;
        let sealed = redaction.seal_again(&completed.arguments, &sealed).map_err(invalid)?;
        Ok(sealed.without_salts())
    }

    /// Evaluates edited arguments: a denial refuses the edit, a stricter requirement asks more
    /// people. If the rules are not in this process, the process that has them evaluates the edit
    /// before the call runs.
    async fn judge_edit(
        &self,
        run: &RunContext,
        next: &Approval,
    ) -> Result<Option<CallEvent>, DecideError> {
        let Some(tool) = self.tool(next.tool().as_str()) else { return Ok(None) };
        let known = self.known_arguments(next.id());
        let unfit = |problem: String| {
            DecideError::Invalid(SchemaErrors::from(SchemaError::new("", problem)))
        };
        let open = tool.redaction(&self.commitments).unseal(next.arguments(), known.as_ref());
        let open =
            open.ok_or_else(|| unfit("its secret arguments are in another process".to_owned()))?;
        let now = next.changed_at();
        let context = run.context_of(next.subject(), now);
        let evaluation = self.judge(tool, &open, next.arguments(), context).await?;
        if let Some(by) = evaluation.assessment.denied_by() {
            return Err(DecideError::EditDenied { by });
        }
        // Requirements that already apply stay, whatever the verdict about the edit.
        let given = next.given().map(Arguments::to_json);
        let assessment =
            self.with_origins(tool, &evaluation, &open, given.as_ref(), &run.history).await?;
        Ok(Some(CallEvent::Reassessed { assessment, changes: ToolChanges::default() }))
    }

    /// Cancels an approval, or returns its present state.
    pub(crate) async fn cancel(
        self: &Arc<Self>,
        id: ApprovalId,
        reason: &str,
    ) -> Result<Arc<Approval>, DecideError> {
        match self.order(id, CallEvent::Cancelled { reason: reason.to_owned() }).await {
            Err(DecideError::AlreadyDecided(approval))
                if approval.status() == Status::Cancelled =>
            {
                Ok(approval)
            }
            ended => ended,
        }
    }
}

/// Handles a decision after the end. A repeated decision is no error; any other gets the present
/// state of the call.
fn settled(approval: Arc<Approval>, vote: &Vote) -> Result<DecisionOutcome, DecideError> {
    let same = |earlier: &Vote| {
        (&earlier.reviewer(), &earlier.decision(), earlier.arguments())
            == (&vote.reviewer(), &vote.decision(), vote.arguments())
    };
    if approval.votes().iter().any(same) {
        return Ok(DecisionOutcome { approval, grant: None });
    }
    Err(DecideError::AlreadyDecided(approval))
}
