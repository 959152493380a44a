//! Opinions in an assessment: policies, overlays, the gate itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::approval::requirement::Requirement;
use crate::assessment::policy_view::{PolicyFallback, PolicyView, RuleView};
use crate::assessment::report::{RuleReport, RuleResult, RuleSource};
use crate::assessment::verdict::Verdict;
use crate::call::outcome::OTHERWISE;
use crate::id::AgentName;
use crate::text::digest::Digest;

/// One opinion in an assessment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Opinion {
    /// A policy: the tool's own, or the one that an agent has for the tool.
    Policy(PolicyOpinion),
    /// An overlay. If it failed, it has the verdict for its failure, and the error as the reason.
    Overlay {
        /// The overlay's name.
        name: String,
        /// The verdict.
        verdict: Verdict,
        /// The reason, for people.
        reason: String,
        /// The requirement, if it asks.
        requirement: Option<Requirement>,
        /// Set if it failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
    /// The gate itself denies.
    Gate {
        /// The limit or the refusal that denies.
        denial: GateDenial,
        /// The reason, for people.
        reason: String,
    },
}

/// The reason why the gate itself denies a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateDenial {
    /// A person refused the same call before, in the same run.
    RefusedBefore,
    /// Too many calls of the run were denied.
    TooMany,
    /// The run asked people too often.
    AskedTooOften,
}

/// The opinion of a policy on one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredOpinion", into = "StoredOpinion")]
pub struct PolicyOpinion {
    /// The agent whose policy it is; `None` for the tool's own policy.
    pub agent: Option<AgentName>,
    /// The policy.
    pub policy: Arc<PolicyView>,
    /// The results, one for each rule of the policy.
    pub results: Vec<RuleResult>,
    /// The errors of the failed rules, by their place.
    pub errors: Vec<(usize, String)>,
    /// The strictest verdict of its results.
    pub verdict: Verdict,
}

impl PolicyOpinion {
    /// Returns whether no rule matched, so that the policy's `otherwise` applies.
    pub(crate) fn fell_through(&self) -> bool {
        !self.results.contains(&RuleResult::Matched)
    }

    /// Joins the results: the strictest wins, and a failed rule never loosens.
    #[doc(hidden)]
    pub fn join(policy: &PolicyView, results: &[RuleResult]) -> Verdict {
        Verdict::join(Self::rule_verdicts(policy, results))
    }

    /// Returns the verdict of each rule, and of `otherwise` if nothing matched. If a rule failed,
    /// it is unknown whether it would have matched, and so whether `otherwise` applies: that counts
    /// as failed, too.
    fn rule_verdicts(
        policy: &PolicyView,
        results: &[RuleResult],
    ) -> impl Iterator<Item = Result<Verdict, Verdict>> {
        let rules = policy.rules.iter().zip(results).filter_map(|(rule, result)| match result {
            RuleResult::Matched => Some(Ok(rule.effect)),
            RuleResult::Failed => Some(Err(rule.effect)),
            RuleResult::NotMatched | RuleResult::LimitReached => None,
        });
        let is_sure = !results.contains(&RuleResult::Failed);
        let verdict = policy.otherwise.verdict;
        let otherwise = if is_sure { Ok(verdict) } else { Err(verdict) };
        rules.chain((!results.contains(&RuleResult::Matched)).then_some(otherwise))
    }

    fn reports(&self) -> impl Iterator<Item = RuleReport<'_>> {
        let rules = self.policy.rules.iter().zip(&self.results).enumerate().map(
            |(index, (rule, result))| RuleReport {
                source: self.source(),
                rule: &rule.name,
                effect: rule.effect,
                result: *result,
                text: rule.text.as_deref(),
                error: self
                    .errors
                    .iter()
                    .find(|(at, _)| *at == index)
                    .map(|(_, error)| error.as_str()),
                requirement: rule.requirement.as_ref(),
            },
        );
        let otherwise = RuleReport {
            source: self.source(),
            rule: OTHERWISE,
            effect: self.policy.otherwise.verdict,
            result: if self.fell_through() { RuleResult::Matched } else { RuleResult::NotMatched },
            text: None,
            error: None,
            requirement: self.policy.otherwise.requirement.as_ref(),
        };
        rules.chain([otherwise])
    }

    fn source(&self) -> RuleSource<'_> {
        match &self.agent {
            None => RuleSource::ToolPolicy(&self.policy.name),
            Some(agent) => RuleSource::AgentPolicy(agent, &self.policy.name),
        }
    }
}

impl Opinion {
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Opinion::Policy(policy) => policy.verdict,
            Opinion::Overlay { verdict, .. } => *verdict,
            Opinion::Gate { .. } => Verdict::Deny,
        }
    }

    /// Returns the verdicts of its rules: `Err` for a failed one, with the verdict that it would
    /// have given.
    pub(super) fn verdict_results(&self) -> Vec<Result<Verdict, Verdict>> {
        match self {
            Opinion::Policy(policy) => {
                PolicyOpinion::rule_verdicts(&policy.policy, &policy.results).collect()
            }
            Opinion::Overlay { verdict, failed: true, .. } => vec![Err(*verdict)],
            Opinion::Overlay { verdict, .. } => vec![Ok(*verdict)],
            Opinion::Gate { .. } => vec![Ok(Verdict::Deny)],
        }
    }

    pub(super) fn reports(&self) -> Vec<RuleReport<'_>> {
        let single = |source, rule, verdict, requirement| RuleReport {
            source,
            rule,
            effect: verdict,
            result: RuleResult::Matched,
            text: None,
            error: None,
            requirement,
        };
        match self {
            Opinion::Policy(policy) => policy.reports().collect(),
            Opinion::Overlay { name, verdict, reason, requirement, failed: true } => {
                let failed =
                    single(RuleSource::Overlay(name), name, *verdict, requirement.as_ref());
                vec![RuleReport { result: RuleResult::Failed, error: Some(reason), ..failed }]
            }
            Opinion::Overlay { name, verdict, reason, requirement, .. } => {
                vec![single(RuleSource::Overlay(name), reason, *verdict, requirement.as_ref())]
            }
            Opinion::Gate { reason, .. } => {
                vec![single(RuleSource::Gate, reason, Verdict::Deny, None)]
            }
        }
    }

    /// Returns the requirements of an opinion that asks: those of its matched and its failed rules,
    /// otherwise that of its fallback.
    pub(super) fn requirements(&self) -> Vec<&Requirement> {
        match self {
            Opinion::Policy(policy) if policy.verdict == Verdict::Ask => {
                let counts = |rule: &RuleReport<'_>| {
                    rule.effect == Verdict::Ask
                        && matches!(rule.result, RuleResult::Matched | RuleResult::Failed)
                };
                let found: Vec<_> =
                    policy.reports().filter(counts).filter_map(|rule| rule.requirement).collect();
                if found.is_empty() {
                    policy.policy.otherwise.requirement.iter().collect()
                } else {
                    found
                }
            }
            Opinion::Overlay { requirement, verdict: Verdict::Ask, .. } => {
                requirement.iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A policy's opinion as it is stored: results with the names of their rules. The texts of the
/// rules are in the policy's own record.
#[derive(Clone, Serialize, Deserialize)]
struct StoredOpinion {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<AgentName>,
    policy: String,
    digest: Digest,
    verdict: Verdict,
    rules: Vec<StoredResult>,
    otherwise: PolicyFallback,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredResult {
    rule: String,
    effect: Verdict,
    result: RuleResult,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requirement: Option<Requirement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<PolicyOpinion> for StoredOpinion {
    fn from(opinion: PolicyOpinion) -> Self {
        let PolicyOpinion { agent, policy, results, errors, verdict } = opinion;
        let error =
            |index| errors.iter().find(|(at, _)| *at == index).map(|(_, error)| error.clone());
        let stored = |(index, (rule, result)): (usize, (&RuleView, RuleResult))| StoredResult {
            rule: rule.name.clone(),
            effect: rule.effect,
            result,
            requirement: rule.requirement.clone(),
            error: error(index),
        };
        Self {
            agent,
            policy: policy.name.clone(),
            digest: policy.digest,
            verdict,
            rules: policy.rules.iter().zip(results).enumerate().map(stored).collect(),
            otherwise: policy.otherwise.clone(),
        }
    }
}

impl From<StoredOpinion> for PolicyOpinion {
    fn from(stored: StoredOpinion) -> Self {
        let StoredOpinion { agent, policy, digest, verdict, rules, otherwise } = stored;
        let results = rules.iter().map(|rule| rule.result).collect();
        let errors = rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| Some((index, rule.error.clone()?)))
            .collect();
        let view = |rule: StoredResult| RuleView {
            name: rule.rule,
            effect: rule.effect,
            text: None,
            requirement: rule.requirement,
            limits: Vec::new(),
        };
        let rules = rules.into_iter().map(view).collect();
        let policy = PolicyView {
            name: policy,
            about: String::new(),
            text: String::new(),
            rules,
            otherwise,
            digest,
        };
        Self { agent, policy: policy.into(), results, errors, verdict }
    }
}
