//! A call that waits for people, and the builder of a decision.

use std::fmt;
use std::sync::Arc;

use gate_audit::SigningKey;
use gate_core::approval::{Approval, ReviewSnapshot};
use gate_core::call::{Arguments, Descriptor};
use gate_core::grants::{Grant, Scope};
use gate_core::id::ApprovalId;
use gate_core::ports::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::error::DecideError;
use super::vote::{DecisionOptions, DecisionOutcome, DecisionRequest, Edit};
use crate::engine::call::run_context::RunContext;
use crate::engine::kernel::EngineCore;
use crate::engine::review::reviewer::Reviewer;

/// A call that waits for people: its content for reviewers, and methods to decide it.
///
/// A decision is about the content that this interruption [shows](Approval::review_content). If
/// another reviewer has edited the arguments since then, or the rules now have another result, the
/// decision is refused with [`Refused::Changed`](crate::review::Refused::Changed). Deciding runs
/// nothing: the run that proposed the call runs it, in [`Run::proceed`](crate::Run::proceed).
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)]
/// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let people = StaticDirectory::new().person("dana", ["manager"]);
/// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
/// let dana = gate.reviewer("dana").await?;
/// let run = gate.run("run-42");
/// let turn =
///     run.submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
///
/// let asked = &turn.interruptions()[0];
/// println!("{}\n{}", asked.approval().arguments().as_json(), asked.approval().assessment());
/// asked.approve(&dana).comment("asked for by phone").await?;
///
/// let turn = run.proceed().await?;
/// assert_eq!(turn.answers()[0].for_model(), "deleted mia");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Interruption {
    pub(crate) core: Arc<EngineCore>,
    pub(crate) run: RunContext,
    pub(crate) approval: Arc<Approval>,
    /// The stored descriptor of the tool, for a tool that this gate does not have.
    pub(crate) stored: Option<Arc<Descriptor>>,
    pub(crate) tool_notice: Option<Arc<str>>,
    pub(crate) outdated: Arc<[String]>,
    pub(crate) disputed: Option<Arc<str>>,
}

impl Interruption {
    /// Creates the interruption of a call whose tool this gate has.
    pub(crate) fn new(core: Arc<EngineCore>, run: RunContext, approval: Arc<Approval>) -> Self {
        let tool_notice = core.own_tool_notice(&approval).map(Into::into);
        Self {
            core,
            run,
            approval,
            stored: None,
            tool_notice,
            outdated: Arc::default(),
            disputed: None,
        }
    }

    /// Returns the id of the approval. Answers are matched by it.
    #[must_use]
    pub fn id(&self) -> ApprovalId {
        self.approval.id()
    }

    /// Returns the approval: the tool, the arguments, the agent and its principal, every rule with
    /// its result, and who may decide until when.
    #[must_use]
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// Returns the descriptor of the tool: description, schema, hints. `None` if neither this gate
    /// nor its store knows the tool.
    #[must_use]
    pub fn descriptor(&self) -> Option<&Descriptor> {
        let here = self.core.tool(self.approval.tool().as_str()).map(|tool| tool.descriptor);
        here.or(self.stored.as_deref())
    }

    /// Returns a notice for reviewers if, when this was read, a later gate had another version of
    /// the tool or no longer had it; `None` otherwise.
    #[must_use]
    pub fn tool_notice(&self) -> Option<&str> {
        self.tool_notice.as_deref()
    }

    /// Collects what reviewers are shown of the call, for rendering.
    #[must_use]
    pub fn review(&self) -> ReviewSnapshot {
        let notices = self.disputed().into_iter().chain(self.tool_notice());
        let notices: Vec<&str> = notices.chain(self.outdated.iter().map(String::as_str)).collect();
        self.approval.review(self.descriptor(), &notices)
    }

    /// Returns the difference between the stored call and its records, because of which it does not
    /// run. Only set for a question that was looked up by its id
    /// ([`AnyGate::interruption`](crate::AnyGate::interruption)), as of that lookup.
    #[must_use]
    pub fn disputed(&self) -> Option<&str> {
        self.disputed.as_deref()
    }

    /// Returns the grants that would cover this call if its tool and its policies had not changed
    /// since the grants were given, each with these changes. Only set for a question that was
    /// looked up by its id ([`AnyGate::interruption`](crate::AnyGate::interruption)), as of that
    /// lookup.
    #[must_use]
    pub fn outdated_permissions(&self) -> &[String] {
        &self.outdated
    }

    /// Returns whether the effects of the call cannot be undone. `true` for an unknown tool, which
    /// may do anything. Approving such a call should take more than one click.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        Descriptor::is_destructive(self.descriptor())
    }

    /// Returns the time of the gate's clock, from which deadlines are counted.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Approves the call as shown.
    pub fn approve<'a>(&'a self, reviewer: &'a Reviewer) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Approve)
    }

    /// Rejects the call. The model gets the reason, and the text that the rejection is final.
    pub fn reject<'a>(&'a self, reviewer: &'a Reviewer, reason: impl Into<String>) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Reject { reason: reason.into() })
    }

    /// Approves the call with changed arguments, which the schema and the rules check like those of
    /// a new call. If a field does not fit, the error contains it. If a rule denies, the edit is
    /// refused. If a rule asks more people, the call waits for them.
    pub fn edit<'a>(&'a self, reviewer: &'a Reviewer, edit: Edit) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Edit(edit))
    }

    /// Answers in the tool's place. The call does not run, and the model gets this value.
    pub fn respond<'a>(&'a self, reviewer: &'a Reviewer, value: impl Into<Value>) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Respond { value: value.into() })
    }

    /// Approves the call, and gives a grant with this scope for later calls like it.
    ///
    /// Waiting calls that the grant covers are approved too.
    pub fn grant<'a>(&'a self, reviewer: &'a Reviewer, scope: Scope) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Grant(scope))
    }

    /// Gives a grant with this scope for later calls like this one, after the call itself is
    /// decided, or if nobody was asked about it.
    ///
    /// # Errors
    /// Returns an error if the call waits (use [`grant`](Self::grant), which also approves it), if
    /// the reviewer could not have answered it alone, or if the scope does not fit it.
    pub async fn grant_like(
        &self,
        reviewer: &Reviewer,
        scope: Scope,
    ) -> Result<Arc<Grant>, DecideError> {
        self.core.grant_like_call(self.id(), scope, reviewer).await
    }

    /// Withdraws the reviewer's own vote, while the call is undecided.
    ///
    /// # Errors
    /// Returns an error if there is no such vote, the call is decided, or the store does not
    /// answer.
    pub async fn withdraw(&self, reviewer: &Reviewer) -> Result<Arc<Approval>, DecideError> {
        self.core.withdraw(self.id(), reviewer).await
    }

    /// Revokes the approval of a call that has not run yet, whoever approved it. The call ends as
    /// cancelled, and the model gets the reason.
    ///
    /// # Errors
    /// Returns [`DecideError::AlreadyDecided`] with the call if it has begun to run or was not
    /// approved. Returns an error if the reviewer is not among the people who could have approved
    /// it, if the reason is empty, or if the store does not answer.
    pub async fn revoke(
        &self,
        reviewer: &Reviewer,
        reason: impl Into<String>,
    ) -> Result<Arc<Approval>, DecideError> {
        self.core.revoke(self.id(), reviewer, reason.into()).await
    }

    /// Cancels the question on behalf of the proposer.
    ///
    /// # Errors
    /// Returns an error if the call is already decided, with its present state, or if the store
    /// does not answer.
    pub async fn cancel(&self, reason: &str) -> Result<Arc<Approval>, DecideError> {
        self.core.cancel(self.id(), reason).await
    }

    /// Returns the arguments after an edit, if they fit the tool, to show them before the edit is
    /// sent. It decides nothing, and evaluates no rule.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::review::DecideError;
    /// # /// Pay.
    /// # #[gated_tool(policy = "always_ask")] fn pay(amount: u64) {}
    /// # registry! { pub Tools for () { Pay } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
    /// # let turn = gate
    /// #     .run("run-42")
    /// #     .submit([ToolCall::new("call_1", "pay", r#"{"amount":50}"#)])
    /// #     .await?;
    /// let asked = &turn.interruptions()[0];
    /// assert_eq!(
    ///     asked.preview(&Edit::new().set("amount", 40)).await?.as_json(),
    ///     r#"{"amount":40}"#
    /// );
    /// assert!(matches!(
    ///     asked.preview(&Edit::new().set("amount", "forty")).await,
    ///     Err(DecideError::Invalid(_))
    /// ));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Returns the same error as [`edit`](Self::edit) if the arguments do not fit, and an error if
    /// the store does not answer.
    pub async fn preview(&self, edit: &Edit) -> Result<Arguments, DecideError> {
        self.core.edited(&self.approval, edit).await
    }

    fn decide<'a>(&'a self, reviewer: &'a Reviewer, request: DecisionRequest) -> Decide<'a> {
        Decide {
            interruption: self,
            reviewer,
            options: DecisionOptions { request, comment: None, key: None },
        }
    }
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Interruption({} of {}, {})",
            self.id(),
            self.approval.tool(),
            self.approval.status()
        )
    }
}

/// A builder of a decision, which is made by `.await`. Add a comment or a signature before.
///
/// ```
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
/// let deciding = asked.approve(&dana).comment("asked for by phone"); // nothing is decided yet
/// let decided = deciding.await?;
/// assert_eq!(decided.approval().votes()[0].comment(), Some("asked for by phone"));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Returns [`DecideError`] if the decision does not count. The approval is then unchanged.
///
/// # Cancel safety
/// If it is dropped before it is done, the decision may or may not count: read the approval.
#[must_use = "a decision counts only once it is awaited"]
pub struct Decide<'a> {
    interruption: &'a Interruption,
    reviewer: &'a Reviewer,
    options: DecisionOptions<'a>,
}

impl<'a> Decide<'a> {
    /// Adds a comment, for the record and for policies that require one.
    pub fn comment(mut self, text: impl Into<String>) -> Self {
        self.options.comment = Some(text.into());
        self
    }

    /// Signs the vote with the reviewer's key. If the [directory](crate::people::Directory::key)
    /// has a key of the reviewer, they must sign.
    ///
    /// The signature covers the decision, the comment, the time, and the content that this
    /// interruption [shows](Approval::review_content). It does not cover the scope of a grant.
    ///
    /// # Security
    /// Only the person may have the key. Sign in a program that runs for that person alone, like
    /// `gate` on their machine.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::audit::{KeyKind, SigningKey};
    /// # /// Delete an account.
    /// # #[gated_tool(policy = "always_ask", destructive)]
    /// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
    /// # registry! { pub Tools for () { DeleteAccount } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = SigningKey::from_seed("dana", KeyKind::Log, [7; 32])?.to_secret_text();
    /// let key: SigningKey = secret.parse()?;
    /// let people =
    ///     StaticDirectory::new().person("dana", ["manager"]).with_key(key.verifier().clone());
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// # let dana = gate.reviewer("dana").await?;
    /// # let turn = gate
    /// #     .run("run-42")
    /// #     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
    /// #     .await?;
    /// let asked = &turn.interruptions()[0];
    /// assert!(asked.approve(&dana).await.is_err()); // she has a key, so she must sign
    /// asked.approve(&dana).sign_with(&key).await?;
    /// # Ok(()) }
    /// ```
    pub fn sign_with(mut self, key: &'a SigningKey) -> Self {
        self.options.key = Some(key);
        self
    }
}

impl<'a> IntoFuture for Decide<'a> {
    type Output = Result<DecisionOutcome, DecideError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { interruption: Interruption { core, run, approval, .. }, reviewer, options } =
                self;
            core.decide(run, approval.id(), &approval.review_content(), reviewer, &options).await
        })
    }
}

impl fmt::Debug for Decide<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decide({})", self.interruption.id())
    }
}
