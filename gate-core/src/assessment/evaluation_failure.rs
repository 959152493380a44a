//! The reason why a call has no verdict.

use std::fmt;

use crate::assessment::report::RuleReport;

/// The reason why a call could not be evaluated: which rules and overlays failed, and with which
/// errors.
///
/// A failure is not a verdict. Nothing runs, nothing counts against the call, and it can be
/// proposed again.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::records::RecordEvent;
/// # use gate_runtime::records::GateEvent;
/// # /// Pay.
/// # #[gated_tool(policy = "payments")] fn pay(iban: String) {}
/// # registry! { pub Tools for () { Pay } }
/// #[policy]
/// fn payments(rules: Rules<Pay>) -> Rules<Pay> {
///     rules.deny("sanctions list").when(|_| Err::<bool, _>("503")).otherwise(ask(anyone()))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let turn =
///     gate.run("run-42").submit([ToolCall::new("call_1", "pay", r#"{"iban":"DE12"}"#)]).await?;
/// assert_eq!(turn.answers()[0].kind(), "unavailable");
/// let records = gate.records(0, 100).await?;
/// let Some(RecordEvent::Gate(GateEvent::CallUnjudged { problem, .. })) =
///     records.last().map(|last| last.event())
/// else {
///     panic!("it is on the record")
/// };
/// assert_eq!(
///     problem.to_string(),
///     r#"it could not be judged: "sanctions list" of policy payments failed: 503"#
/// );
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EvaluationFailure {
    failures: Vec<String>,
}

impl EvaluationFailure {
    #[expect(single_use_lifetimes, reason = "anonymous lifetimes in `impl Trait` are unstable")]
    pub(super) fn of<'a>(failed: impl Iterator<Item = RuleReport<'a>>) -> Self {
        let text = |rule: RuleReport<'_>| {
            let error = rule.error.unwrap_or("it did not say why");
            format!("\"{}\" of {} failed: {error}", rule.rule, rule.source)
        };
        Self { failures: failed.map(text).collect() }
    }

    /// Creates a failure with a reason.
    #[doc(hidden)]
    #[must_use]
    pub fn because(text: String) -> Self {
        Self { failures: vec![text] }
    }

    /// Describes what failed: each rule or overlay with its error.
    #[must_use]
    pub fn failures(&self) -> &[String] {
        &self.failures
    }
}

impl fmt::Display for EvaluationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it could not be judged: {}", self.failures.join("; "))
    }
}

impl std::error::Error for EvaluationFailure {}
