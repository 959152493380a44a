//! Overlays evaluate every call, untyped, in addition to the policies.

use std::fmt;

use gate_core::approval::Requirement;
use gate_core::call::Arguments;
use gate_core::id::ToolName;
use gate_core::ports::BoxFuture;

use crate::logic::context::CallContext;

/// An overlay evaluates the calls of all tools, like an external policy engine, a risk score or a
/// company-wide rule. It can only make a verdict stricter.
///
/// ```
/// use gate_runtime::policy::{Objection, Overlay, OverlayCall, OverlayError};
/// use gate_runtime::store::BoxFuture;
///
/// struct NoSundays;
///
/// impl Overlay for NoSundays {
///     fn name(&self) -> &str {
///         "no work on Sundays"
///     }
///
///     fn judge<'a>(
///         &'a self,
///         call: &'a OverlayCall<'a>,
///     ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
///         let sunday = call.context().now().to_string().starts_with("2026-11-22");
///         Box::pin(async move { Ok(sunday.then(|| Objection::deny("it is Sunday"))) })
///     }
/// }
/// # assert_eq!(NoSundays.name(), "no work on Sundays");
/// ```
pub trait Overlay: Send + Sync + 'static {
    /// Returns its name in records and on pages.
    fn name(&self) -> &str;

    /// Evaluates a call. Returns `None` for no objection.
    ///
    /// # Errors
    /// Returns a description of the failure. The overlay also fails if it panics, if it takes
    /// longer than [`judging_timeout`](crate::GateBuilder::judging_timeout), or if its requirement
    /// can never be met, like the approval of zero people. [`on_failure`](Self::on_failure)
    /// determines the consequence.
    fn judge<'a>(
        &'a self,
        call: &'a OverlayCall<'a>,
    ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>>;

    /// Returns the consequence of a failure. Defaults to [`OnFailure::Deny`]: no call runs while
    /// the overlay fails.
    ///
    /// Called once, when the gate is built.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// use gate_runtime::policy::{Objection, OnFailure, Overlay, OverlayCall, OverlayError};
    /// use gate_runtime::store::BoxFuture;
    ///
    /// struct FraudScore;
    ///
    /// impl Overlay for FraudScore {
    ///     fn name(&self) -> &str {
    ///         "fraud score"
    ///     }
    ///
    ///     fn judge<'a>(
    ///         &'a self,
    ///         _: &'a OverlayCall<'a>,
    ///     ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
    ///         Box::pin(async { Err(OverlayError::new("the service does not answer")) })
    ///     }
    ///
    ///     fn on_failure(&self) -> OnFailure {
    ///         OnFailure::ask(role("fraud"))
    ///     }
    /// }
    /// # /// Refund the customer.
    /// # #[gated_tool(policy = "never_ask")] fn refund(cents: u64) {}
    /// # registry! { pub Tools for () { Refund } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let people = StaticDirectory::new().person("fay", ["fraud"]);
    /// let gate: Gate<Tools> =
    ///     Gate::builder(()).overlay(FraudScore).directory(people).build().await?;
    /// let turn = gate
    ///     .run("run-42")
    ///     .submit([ToolCall::new("call_1", "refund", r#"{"cents":500}"#)])
    ///     .await?;
    /// assert_eq!(turn.interruptions()[0].approval().waits_for(), "a fraud");
    /// # Ok(()) }
    /// ```
    fn on_failure(&self) -> OnFailure {
        OnFailure::Deny
    }
}

/// The reason why an [`Overlay`] could not evaluate a call. The text is in records and shown to
/// people, so it must not contain secrets.
///
/// ```
/// use gate_runtime::policy::OverlayError;
/// let error = OverlayError::new("the service does not answer");
/// assert_eq!(error.to_string(), "the service does not answer");
/// ```
#[derive(Debug)]
pub struct OverlayError {
    problem: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl OverlayError {
    /// Creates an error with a description.
    pub fn new(problem: impl fmt::Display) -> Self {
        Self { problem: problem.to_string(), source: None }
    }

    /// Adds the underlying error, for logs. It is not in records, nor shown to people.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for OverlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for OverlayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// The consequence of a failure of an [`Overlay`] for the call that it should have evaluated. A
/// failure never lets a call run.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::OnFailure;
/// assert_eq!(OnFailure::ask(role("fraud")), OnFailure::Ask(role("fraud").into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The call does not run. A failure is not a verdict: it does not count against the run, and
    /// the call can be proposed again.
    Deny,
    /// People must agree.
    Ask(Requirement),
}

impl OnFailure {
    /// People must agree.
    pub fn ask(requirement: impl Into<Requirement>) -> Self {
        Self::Ask(requirement.into())
    }
}

/// An objection of an overlay to a call. It can make a verdict stricter, never looser: an overlay
/// cannot approve.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::Objection;
/// let objection = Objection::ask("unusual amount", role("fraud"));
/// assert_eq!(objection.reason(), "unusual amount");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Objection {
    pub(crate) reason: String,
    /// The requirement; `None` if the objection denies the call.
    pub(crate) requirement: Option<Requirement>,
}

impl Objection {
    /// Creates an objection that denies the call.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), requirement: None }
    }

    /// Creates an objection that asks people.
    pub fn ask(reason: impl Into<String>, requirement: impl Into<Requirement>) -> Self {
        Self { reason: reason.into(), requirement: Some(requirement.into()) }
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A call for an overlay: untyped, with secrets replaced by marks.
///
/// ```
/// use gate_runtime::policy::{Objection, OverlayCall};
///
/// fn too_much(call: &OverlayCall<'_>) -> Option<Objection> {
///     let cents = call.arguments().get("cents")?.as_u64()?;
///     (cents > 100_000).then(|| Objection::deny(format!("too much for `{}`", call.tool())))
/// }
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::policy::{Overlay, OverlayError};
/// # use gate_runtime::store::BoxFuture;
/// # struct Fraud;
/// # impl Overlay for Fraud {
/// #     fn name(&self) -> &str { "fraud" }
/// # fn judge<'a>(
/// #     &'a self,
/// #     call: &'a OverlayCall<'a>,
/// # ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
/// #         Box::pin(async move { Ok(too_much(call)) })
/// #     }
/// # }
/// # /// Refund the customer.
/// # #[gated_tool(policy = "never_ask")] fn refund(cents: u64) {}
/// # registry! { pub Tools for () { Refund } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).overlay(Fraud).build().await?;
/// # let turn = gate
/// #     .run("run-42")
/// #     .submit([ToolCall::new("call_1", "refund", r#"{"cents":200000}"#)])
/// #     .await?;
/// # assert!(turn.answers()[0].for_model().contains("too much for `refund`"));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct OverlayCall<'a> {
    pub(crate) tool: &'a ToolName,
    pub(crate) arguments: &'a Arguments,
    pub(crate) context: &'a CallContext,
}

impl OverlayCall<'_> {
    /// Returns the tool.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        self.tool
    }

    /// Returns the arguments.
    #[must_use]
    pub fn arguments(&self) -> &Arguments {
        self.arguments
    }

    /// Returns the context of the call: agent, principal, run and time.
    #[must_use]
    pub fn context(&self) -> &CallContext {
        self.context
    }
}
