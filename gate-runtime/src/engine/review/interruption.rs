//! A call that waits for people, and the builder of a decision on it.

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

/// A call that waits for people: what they are shown, and the ways to answer.
///
/// A decision counts for what this interruption [shows](Approval::review_content). If another
/// reviewer edited the arguments since then, or the rules now have another result, the decision is
/// refused with an error that says so. Deciding runs nothing: the run that proposed the call runs
/// it, by [`Run::proceed`](crate::Run::proceed).
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

    /// Returns the approval that is asked for: the tool, the arguments, who proposes the call and
    /// for whom, every rule with its result, and who may decide until when.
    #[must_use]
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// Returns the tool as the model knows it: description, schema, hints. `None` if neither this
    /// gate nor its store knows the tool.
    #[must_use]
    pub fn descriptor(&self) -> Option<&Descriptor> {
        let here = self.core.tool(self.approval.tool().as_str()).map(|tool| tool.descriptor);
        here.or(self.stored.as_deref())
    }

    /// Returns what a reviewer must know of the tool, as of when this was read: that a gate which
    /// was built later has another version of it, or does not have it any more. `None` if nothing
    /// like that is known.
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

    /// Returns how the stored call differs from what its records say. A call for which they differ
    /// does not run. Only set for a question that was looked up by its id
    /// ([`Gate::interruption`](crate::AnyGate::interruption)), as of that lookup.
    #[must_use]
    pub fn disputed(&self) -> Option<&str> {
        self.disputed.as_deref()
    }

    /// Returns the standing permissions that would cover this call if its tool and its policies
    /// were still what they were when the permissions were given, each with what changed. Only set
    /// for a question that was looked up by its id
    /// ([`Gate::interruption`](crate::AnyGate::interruption)), as of that lookup.
    #[must_use]
    pub fn outdated_permissions(&self) -> &[String] {
        &self.outdated
    }

    /// Returns whether the effects of the call cannot be undone, as far as is known: a tool that is
    /// not known here may do anything. Approving such a call should take more than one click.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        Descriptor::is_destructive(self.descriptor())
    }

    /// Returns the time of the gate's clock, from which deadlines are counted.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Approves the call as it is shown.
    pub fn approve<'a>(&'a self, reviewer: &'a Reviewer) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Approve)
    }

    /// Rejects the call. The model is told the reason, and that the rejection is final.
    pub fn reject<'a>(&'a self, reviewer: &'a Reviewer, reason: impl Into<String>) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Reject { reason: reason.into() })
    }

    /// Approves the call with changed arguments. They pass the schema and the rules like a new
    /// call: the error names a field that does not fit, a rule that denies refuses the edit, and a
    /// rule that asks more people leaves the call waiting for them.
    pub fn edit<'a>(&'a self, reviewer: &'a Reviewer, edit: Edit) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Edit(edit))
    }

    /// Answers in the tool's place: the call does not run, and the model gets this value.
    pub fn respond<'a>(&'a self, reviewer: &'a Reviewer, value: impl Into<Value>) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Respond { value: value.into() })
    }

    /// Approves the call, and later calls like it in the same run, as far as the scope says.
    ///
    /// Calls of the run that already wait and are covered are approved with it.
    pub fn grant<'a>(&'a self, reviewer: &'a Reviewer, scope: Scope) -> Decide<'a> {
        self.decide(reviewer, DecisionRequest::Grant(scope))
    }

    /// Approves later calls like this one, as far as the scope says, when the call itself is
    /// decided or was never asked about.
    ///
    /// # Errors
    /// While the call waits ([`grant`](Self::grant) answers it too); if the reviewer could not have
    /// answered it alone, or the scope does not fit it.
    pub async fn grant_like(
        &self,
        reviewer: &Reviewer,
        scope: Scope,
    ) -> Result<Arc<Grant>, DecideError> {
        self.core.grant_like_call(self.id(), scope, reviewer).await
    }

    /// Withdraws the reviewer's own vote, as long as others still have to decide.
    ///
    /// # Errors
    /// If there is no such vote, the call is decided, or the store does not answer.
    pub async fn withdraw(&self, reviewer: &Reviewer) -> Result<Arc<Approval>, DecideError> {
        self.core.withdraw(self.id(), reviewer).await
    }

    /// Revokes an approval that has not run yet, no matter who gave it: the call ends as cancelled,
    /// and the model is told the reason.
    ///
    /// # Errors
    /// If the call has begun to run, or was not approved: [`DecideError::AlreadyDecided`] has its
    /// state. If the reviewer is not one of those who could have approved it; without a reason; or
    /// if the store does not answer.
    pub async fn revoke(
        &self,
        reviewer: &Reviewer,
        reason: impl Into<String>,
    ) -> Result<Arc<Approval>, DecideError> {
        self.core.revoke(self.id(), reviewer, reason.into()).await
    }

    /// Cancels the question, in the name of the one who asked.
    ///
    /// # Errors
    /// If the call is decided already (the error says by whom and how), or the store does not
    /// answer.
    pub async fn cancel(&self, reason: &str) -> Result<Arc<Approval>, DecideError> {
        self.core.cancel(self.id(), reason).await
    }

    /// Returns the arguments that an edit would make, if they fit the tool, to show them before the
    /// edit is sent. Nothing is decided, and no rule is evaluated.
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
    /// Those of [`edit`](Self::edit) for arguments that do not fit; or if the store does not
    /// answer.
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

/// A decision that is not made yet: `.await` it. A comment and a signature can be added before.
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
/// [`DecideError`] says why a decision does not count; the approval is then as it was.
///
/// # Cancel safety
/// If it is dropped before it is done, the decision either counts or does not; the approval says
/// which.
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

    /// Signs the vote with the key that the [directory](crate::people::Directory::key) has of the
    /// reviewer. A reviewer with a key there must sign.
    ///
    /// The signature covers the decision, the comment, the time, and what this interruption
    /// [shows](Approval::review_content). It does not cover how far a standing permission reaches.
    ///
    /// # Security
    /// The key is the person's own: sign in a program that runs for that person alone, like `gate`
    /// on their machine.
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
