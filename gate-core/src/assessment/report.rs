//! Reports about single rules of an assessment.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::approval::requirement::Requirement;
use crate::assessment::verdict::Verdict;
use crate::call::outcome::OTHERWISE;
use crate::id::AgentName;

/// The result of one rule for one call.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::RuleResult;
/// # /// Refund the customer.
/// # #[gated_tool(policy = "refunds")] fn refund(cents: u64) {}
/// # registry! { pub Tools for () { Refund } }
///
/// #[policy]
/// fn refunds(rules: Rules<Refund>) -> Rules<Refund> {
///     rules
///         .deny("too much")
///         .when(|call| call.cents > 100_000)
///         .auto_approve("small")
///         .when(|call| call.cents < 5_000)
///         .otherwise(ask(anyone()))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
///
/// let assessment =
///     gate.run("run-42").assess(&ToolCall::new("call_1", "refund", r#"{"cents":500}"#)).await?;
/// let results: Vec<_> = assessment.rules().map(|rule| rule.result()).collect();
/// assert_eq!(results, [RuleResult::NotMatched, RuleResult::Matched, RuleResult::NotMatched]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleResult {
    /// Its conditions hold.
    Matched,
    /// Its conditions do not hold.
    NotMatched,
    /// Its conditions hold, but its limit is used up, so it does not count.
    LimitReached,
    /// It returned an error, panicked or took too long. It counts as at least "ask". If a denial
    /// depends on it, the call cannot be evaluated: it neither runs nor is denied.
    Failed,
}

impl fmt::Display for RuleResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RuleResult::Matched => "matched",
            RuleResult::NotMatched => "did not match",
            RuleResult::LimitReached => "limit used up",
            RuleResult::Failed => "failed",
        })
    }
}

/// The source of a rule.
///
/// ```
/// use gate_runtime::policy::RuleSource;
/// assert_eq!(RuleSource::ToolPolicy("refunds").to_string(), "policy refunds");
/// assert_eq!(RuleSource::Overlay("no work on Sundays").to_string(), "overlay no work on Sundays");
/// assert_eq!(RuleSource::Gate.to_string(), "the gate");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleSource<'a> {
    /// The tool's own policy.
    ToolPolicy(&'a str),
    /// The policy that an agent has for the tool.
    AgentPolicy(&'a AgentName, &'a str),
    /// An overlay.
    Overlay(&'a str),
    /// The gate itself, because of an earlier refusal or a limit of denials.
    Gate,
}

impl fmt::Display for RuleSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleSource::ToolPolicy(name) => write!(f, "policy {name}"),
            RuleSource::AgentPolicy(agent, name) => write!(f, "policy {name} of agent {agent}"),
            RuleSource::Overlay(name) => write!(f, "overlay {name}"),
            RuleSource::Gate => f.write_str("the gate"),
        }
    }
}

/// One rule and its result.
///
/// ```
/// use gate_runtime::policy::{RuleReport, RuleResult};
/// fn worth_showing(rule: &RuleReport<'_>) -> bool {
///     rule.result() != RuleResult::NotMatched
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleReport<'a> {
    pub(super) source: RuleSource<'a>,
    pub(super) rule: &'a str,
    pub(super) effect: Verdict,
    pub(super) result: RuleResult,
    pub(super) text: Option<&'a str>,
    pub(super) error: Option<&'a str>,
    pub(super) requirement: Option<&'a Requirement>,
}

impl<'a> RuleReport<'a> {
    /// Returns the policy or overlay that it belongs to.
    #[must_use]
    pub fn source(&self) -> RuleSource<'a> {
        self.source
    }

    /// Returns the rule's name; `otherwise` for the fallback when no rule matches.
    #[must_use]
    pub fn rule(&self) -> &'a str {
        self.rule
    }

    /// Returns whether it is the fallback when no rule matches.
    #[must_use]
    pub fn is_otherwise(&self) -> bool {
        self.rule == OTHERWISE
    }

    /// Returns the verdict it gives when it matches.
    pub fn effect(&self) -> Verdict {
        self.effect
    }

    /// Returns the result that it had.
    #[must_use]
    pub fn result(&self) -> RuleResult {
        self.result
    }

    /// Returns the rule as it was written, if that is known.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.text
    }

    /// Returns the error with which it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&'a str> {
        self.error
    }

    /// Returns the people who are asked, for a rule that asks.
    #[must_use]
    pub fn requirement(&self) -> Option<&'a Requirement> {
        self.requirement
    }

    pub(super) fn counts_for(&self, verdict: Verdict) -> bool {
        match self.result {
            RuleResult::Matched => self.effect == verdict,
            RuleResult::Failed => self.effect.max(Verdict::Ask) == verdict,
            RuleResult::NotMatched | RuleResult::LimitReached => false,
        }
    }
}

impl fmt::Display for RuleReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbol = match self.result {
            RuleResult::Matched => "●",
            RuleResult::NotMatched => "·",
            RuleResult::LimitReached => "◌",
            RuleResult::Failed => "!",
        };
        write!(f, "{symbol} {:<7} {}", self.effect.to_string(), self.rule)?;
        if let Some(requirement) = self.requirement {
            write!(f, ": {requirement}")?;
        }
        match (self.result, self.error) {
            (RuleResult::Failed, Some(error)) => write!(f, " (failed: {error})"),
            (RuleResult::LimitReached | RuleResult::Failed, _) => write!(f, " ({})", self.result),
            _ => Ok(()),
        }
    }
}
