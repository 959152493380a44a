//! The view of a policy for people and records.

use serde::{Deserialize, Serialize};

use crate::approval::requirement::Requirement;
use crate::assessment::verdict::Verdict;
use crate::text::digest::Digest;

/// The view of a policy for people and records: its name, its purpose, its rules, its source text,
/// and the digest of these.
///
/// Closures cannot be compared, but their source can. So a decision contains the digest of the
/// policy that it was made under, and the engine detects a change of the policy.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Reads the clock.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_time() -> String { String::new() }
/// let policy = GetTime::policy();
/// let outline = policy.view();
/// assert_eq!(outline.name(), "never_ask");
/// assert!(outline.text().contains("otherwise"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    #[doc(hidden)]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[doc(hidden)]
    pub about: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[doc(hidden)]
    pub text: String,
    #[doc(hidden)]
    pub rules: Vec<RuleView>,
    #[doc(hidden)]
    pub otherwise: PolicyFallback,
    #[doc(hidden)]
    pub digest: Digest,
}

impl PolicyView {
    /// Returns the name of the policy's function.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the policy's doc comment.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Returns the policy's source text, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the SHA-256 of the canonical JSON of name, comment, text, rules and fallback.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the rules, in the order in which they were written.
    #[must_use]
    pub fn rules(&self) -> &[RuleView] {
        &self.rules
    }

    /// Returns the fallback, which applies when no rule matches.
    #[must_use]
    pub fn otherwise(&self) -> &PolicyFallback {
        &self.otherwise
    }

    /// Returns every verdict that this policy could give.
    #[must_use]
    pub fn possible_verdicts(&self) -> Vec<Verdict> {
        let mut all: Vec<Verdict> =
            self.rules.iter().map(RuleView::effect).chain([self.otherwise.verdict]).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// One named rule, as people see it.
///
/// ```
/// # fn show(rule: &gate_runtime::policy::RuleView) {
/// println!("{}: {}", rule.effect(), rule.name());      // deny: above the legal limit
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    #[doc(hidden)]
    pub name: String,
    #[doc(hidden)]
    pub effect: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub requirement: Option<Requirement>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[doc(hidden)]
    pub limits: Vec<String>,
}

impl RuleView {
    /// Returns the name that people are shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the verdict that the rule gives when it matches.
    pub fn effect(&self) -> Verdict {
        self.effect
    }

    /// Returns the rule as it was written, if that is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Returns the people who are asked, for a rule that asks.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        self.requirement.as_ref()
    }

    /// Returns its limits, in words.
    #[must_use]
    pub fn limits(&self) -> &[String] {
        &self.limits
    }
}

/// The verdict when no rule of a policy matches, and the people whom it asks.
///
/// ```
/// # fn show(fallback: &gate_runtime::policy::PolicyFallback) {
/// println!("otherwise {}", fallback.verdict());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFallback {
    #[doc(hidden)]
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub requirement: Option<Requirement>,
}

impl PolicyFallback {
    /// Returns the verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Returns the people who are asked, if the verdict is to ask.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        self.requirement.as_ref()
    }
}
