//! A verdict with everything that led to it: every rule, its result, its text.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::AgentName;
use super::requirement::Requirement;
use super::verdict::Verdict;

/// A policy as people and records see it: its name, why it exists, its rules, its source text and the digest of all that.
///
/// Closures cannot be compared; their source can. So a decision names the exact policy it was made under, and one made
/// under another is noticed.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Reads the clock.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_time() -> String { String::new() }
/// let policy = GetTime::policy();
/// let outline = policy.outline();
/// assert_eq!(outline.name(), "never_ask");
/// assert!(outline.text().contains("otherwise"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOutline {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) about: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    pub(crate) rules: Vec<RuleOutline>,
    pub(crate) otherwise: Fallback,
    pub(crate) digest: Digest,
}

impl PolicyOutline {
    /// The name of the policy's function.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy's doc comment.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The policy's source text, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-256 of the canonical JSON of name, comment, text, rules and what happens otherwise.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The rules, in the order in which they were written.
    #[must_use]
    pub fn rules(&self) -> &[RuleOutline] {
        &self.rules
    }

    /// What holds when no rule matches.
    #[must_use]
    pub fn otherwise(&self) -> &Fallback {
        &self.otherwise
    }

    /// Every verdict that this policy could give.
    #[must_use]
    pub fn possible_verdicts(&self) -> Vec<Verdict> {
        let mut all: Vec<Verdict> =
            self.rules.iter().map(RuleOutline::effect).chain([self.otherwise.verdict]).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// One named rule, as people see it.
///
/// ```
/// # fn show(rule: &gate_runtime::RuleOutline) {
/// println!("{}: {}", rule.effect(), rule.name());      // deny: above the legal limit
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOutline {
    pub(crate) name: String,
    pub(crate) effect: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requirement: Option<Requirement>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) limits: Vec<String>,
}

impl RuleOutline {
    /// The name shown to people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The verdict that the rule gives when it matches.
    pub fn effect(&self) -> Verdict {
        self.effect
    }

    /// The rule as it was written, where that is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Who is asked, for a rule that asks.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        self.requirement.as_ref()
    }

    /// Its limits, in words.
    #[must_use]
    pub fn limits(&self) -> &[String] {
        &self.limits
    }
}

/// What holds when no rule of a policy matches.
///
/// ```
/// # fn show(fallback: &gate_runtime::Fallback) {
/// println!("otherwise {}", fallback.verdict());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    pub(crate) verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requirement: Option<Requirement>,
}

impl Fallback {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Who is asked, if the verdict is to ask.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        self.requirement.as_ref()
    }
}

/// How one rule came out for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleResult {
    /// Its conditions hold.
    Matched,
    /// Its conditions do not hold.
    NotMatched,
    /// Its conditions hold, but its limit is used up: it does not count.
    LimitReached,
    /// It returned an error or panicked: it counts as at least "ask", a denying one as "deny".
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

/// One voice in an assessment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Opinion {
    /// A policy: the tool's own, or the one that an agent has for the tool.
    Policy(PolicyOpinion),
    /// An overlay.
    Overlay { name: String, verdict: Verdict, reason: String, requirement: Option<Requirement> },
    /// The gate itself denies.
    Gate { denial: Denial, reason: String },
}

/// Why the gate itself denies a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Denial {
    /// A person refused the very same call before, in the same run.
    RefusedBefore,
    /// Too many calls of the run were denied.
    TooMany,
}

/// How a policy judged one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredOpinion", into = "StoredOpinion")]
pub(crate) struct PolicyOpinion {
    /// The agent whose policy it is; `None`: the tool's own.
    pub(crate) agent: Option<AgentName>,
    pub(crate) policy: Arc<PolicyOutline>,
    /// One for each rule of the outline.
    pub(crate) results: Vec<RuleResult>,
    /// What the failed rules said, by their place.
    pub(crate) errors: Vec<(usize, String)>,
    pub(crate) verdict: Verdict,
}

impl PolicyOpinion {
    /// Whether no rule decided, so that the policy's `otherwise` did.
    pub(crate) fn fell_through(&self) -> bool {
        !self.results.contains(&RuleResult::Matched)
    }

    /// Joins the results: the strictest wins, and a failed rule never loosens.
    pub(crate) fn join(policy: &PolicyOutline, results: &[RuleResult]) -> Verdict {
        let matched = results.contains(&RuleResult::Matched);
        let rules = policy.rules.iter().zip(results).filter_map(|(rule, result)| match result {
            RuleResult::Matched => Some(Ok(rule.effect)),
            RuleResult::Failed => Some(Err(rule.effect)),
            RuleResult::NotMatched | RuleResult::LimitReached => None,
        });
        Verdict::join(rules.chain((!matched).then_some(Ok(policy.otherwise.verdict))))
    }

    fn reports(&self) -> impl Iterator<Item = RuleReport<'_>> {
        let rules = self.policy.rules.iter().zip(&self.results).enumerate().map(|(index, (rule, result))| RuleReport {
            source: self.source(),
            rule: &rule.name,
            effect: rule.effect,
            result: *result,
            text: rule.text.as_deref(),
            error: self.errors.iter().find(|(at, _)| *at == index).map(|(_, error)| error.as_str()),
            requirement: rule.requirement.as_ref(),
        });
        let otherwise = RuleReport {
            source: self.source(),
            rule: "otherwise",
            effect: self.policy.otherwise.verdict,
            result: if self.fell_through() { RuleResult::Matched } else { RuleResult::NotMatched },
            text: None,
            error: None,
            requirement: self.policy.otherwise.requirement.as_ref(),
        };
        rules.chain([otherwise])
    }

    fn source(&self) -> Source<'_> {
        match &self.agent {
            None => Source::ToolPolicy(&self.policy.name),
            Some(agent) => Source::AgentPolicy(agent, &self.policy.name),
        }
    }
}

/// A verdict with everything that led to it.
///
/// `Display` prints it as a reviewer reads it, a line for each rule.
///
/// ```
/// # fn show(assessment: &gate_runtime::Assessment) {
/// for rule in assessment.rules() {
///     println!("{}: {} ({})", rule.rule(), rule.result(), rule.effect());
/// }
/// # }
/// ```
#[must_use]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    pub(crate) verdict: Verdict,
    pub(crate) opinions: Vec<Opinion>,
}

impl Assessment {
    /// Joins opinions: the strictest wins, in any order; none at all asks.
    pub(crate) fn join(opinions: Vec<Opinion>) -> Self {
        Self { verdict: Verdict::join(opinions.iter().map(|opinion| Ok(opinion.verdict()))), opinions }
    }

    /// The joined verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Every rule that was looked at, with its result: of the tool's policy, of the agent's, of the overlays.
    pub fn rules(&self) -> impl Iterator<Item = RuleReport<'_>> {
        self.opinions.iter().flat_map(Opinion::reports)
    }

    /// The rules that led to the verdict.
    pub fn reasons(&self) -> impl Iterator<Item = RuleReport<'_>> {
        self.rules().filter(|rule| rule.counts_for(self.verdict))
    }

    /// Marks the limit of a policy's rule as used up, so that the rule does not count, and joins anew.
    pub(crate) fn exhaust(&mut self, opinion: usize, rule: usize) {
        if let Some(Opinion::Policy(policy)) = self.opinions.get_mut(opinion) {
            if let Some(result) = policy.results.get_mut(rule) {
                *result = RuleResult::LimitReached;
            }
            policy.verdict = PolicyOpinion::join(&policy.policy, &policy.results);
        }
        self.verdict = Verdict::join(self.opinions.iter().map(|opinion| Ok(opinion.verdict())));
    }

    /// Denied by the gate itself.
    pub(crate) fn denied(denial: Denial, reason: String) -> Self {
        Self::join(vec![Opinion::Gate { denial, reason }])
    }

    /// Whether the gate itself denies it, for this reason.
    pub(crate) fn is_denied_for(&self, reason: Denial) -> bool {
        self.opinions.iter().any(|opinion| matches!(opinion, Opinion::Gate { denial, .. } if *denial == reason))
    }

    /// What people must agree to before the call runs: one requirement for each rule that asks, equal ones once.
    ///
    /// Empty unless the verdict is [`Ask`](Verdict::Ask).
    #[must_use]
    pub fn requirements(&self) -> Vec<Requirement> {
        let mut all: Vec<Requirement> = Vec::new();
        if self.verdict != Verdict::Ask {
            return all;
        }
        for found in self.opinions.iter().flat_map(Opinion::requirements) {
            if !all.contains(found) {
                all.push(found.clone());
            }
        }
        if all.is_empty() {
            // A rule failed where nothing else says who decides: any reviewer may.
            all.push(super::requirement::anyone().into());
        }
        all
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

    fn reports(&self) -> Vec<RuleReport<'_>> {
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
            Opinion::Overlay { name, verdict, reason, requirement } => {
                vec![single(Source::Overlay(name), reason, *verdict, requirement.as_ref())]
            }
            Opinion::Gate { reason, .. } => vec![single(Source::Gate, reason, Verdict::Deny, None)],
        }
    }

    /// Who must agree, for an opinion that asks: whom its matched and its failed rules ask, else whom it asks otherwise.
    fn requirements(&self) -> Vec<&Requirement> {
        match self {
            Opinion::Policy(policy) if policy.verdict == Verdict::Ask => {
                let counts = |rule: &RuleReport<'_>| {
                    rule.effect == Verdict::Ask && matches!(rule.result, RuleResult::Matched | RuleResult::Failed)
                };
                let found: Vec<_> = policy.reports().filter(counts).filter_map(|rule| rule.requirement).collect();
                if found.is_empty() { policy.policy.otherwise.requirement.iter().collect() } else { found }
            }
            Opinion::Overlay { requirement, verdict: Verdict::Ask, .. } => requirement.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source<'a> {
    /// The tool's own policy.
    ToolPolicy(&'a str),
    /// The policy that an agent has for the tool.
    AgentPolicy(&'a AgentName, &'a str),
    /// An overlay.
    Overlay(&'a str),
    /// The gate itself: a standing refusal, a limit of denials.
    Gate,
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::ToolPolicy(name) => write!(f, "policy {name}"),
            Source::AgentPolicy(agent, name) => write!(f, "policy {name} of agent {agent}"),
            Source::Overlay(name) => write!(f, "overlay {name}"),
            Source::Gate => f.write_str("the gate"),
        }
    }
}

/// One rule and how it came out.
///
/// ```
/// use gate_runtime::{RuleReport, RuleResult};
/// fn worth_showing(rule: &RuleReport<'_>) -> bool {
///     rule.result() != RuleResult::NotMatched
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleReport<'a> {
    source: Source<'a>,
    rule: &'a str,
    effect: Verdict,
    result: RuleResult,
    text: Option<&'a str>,
    error: Option<&'a str>,
    requirement: Option<&'a Requirement>,
}

impl<'a> RuleReport<'a> {
    /// Which policy or overlay it belongs to.
    #[must_use]
    pub fn source(&self) -> Source<'a> {
        self.source
    }

    /// The rule's name; `otherwise` for what holds when no rule matches.
    #[must_use]
    pub fn rule(&self) -> &'a str {
        self.rule
    }

    /// The verdict it gives when it matches.
    pub fn effect(&self) -> Verdict {
        self.effect
    }

    /// How it came out.
    #[must_use]
    pub fn result(&self) -> RuleResult {
        self.result
    }

    /// The rule as it was written, where that is known.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.text
    }

    /// What it said when it failed.
    #[must_use]
    pub fn error(&self) -> Option<&'a str> {
        self.error
    }

    /// Who is asked, for a rule that asks.
    #[must_use]
    pub fn requirement(&self) -> Option<&'a Requirement> {
        self.requirement
    }

    fn counts_for(&self, verdict: Verdict) -> bool {
        match self.result {
            RuleResult::Matched => self.effect == verdict,
            RuleResult::Failed => self.effect.max(Verdict::Ask) == verdict,
            RuleResult::NotMatched | RuleResult::LimitReached => false,
        }
    }
}

impl fmt::Display for RuleReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.result {
            RuleResult::Matched => "●",
            RuleResult::NotMatched => "·",
            RuleResult::LimitReached => "◌",
            RuleResult::Failed => "!",
        };
        write!(f, "{mark} {:<7} {}", self.effect.to_string(), self.rule)?;
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

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut source = None;
        for (index, rule) in self.rules().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            if source != Some(rule.source) {
                writeln!(f, "{}", rule.source)?;
                source = Some(rule.source);
            }
            write!(f, "  {rule}")?;
        }
        Ok(())
    }
}

/// A policy's opinion as it is stored: results with the names of their rules; the texts are in the policy's own record.
#[derive(Clone, Serialize, Deserialize)]
struct StoredOpinion {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<AgentName>,
    policy: String,
    digest: Digest,
    verdict: Verdict,
    rules: Vec<StoredResult>,
    otherwise: Fallback,
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
        let error = |index| errors.iter().find(|(at, _)| *at == index).map(|(_, error)| error.clone());
        let stored = |(index, (rule, result)): (usize, (&RuleOutline, RuleResult))| StoredResult {
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
        let errors = rules.iter().enumerate().filter_map(|(index, rule)| Some((index, rule.error.clone()?))).collect();
        let outline = |rule: StoredResult| RuleOutline {
            name: rule.rule,
            effect: rule.effect,
            text: None,
            requirement: rule.requirement,
            limits: Vec::new(),
        };
        let rules = rules.into_iter().map(outline).collect();
        let policy =
            PolicyOutline { name: policy, about: String::new(), text: String::new(), rules, otherwise, digest };
        Self { agent, policy: policy.into(), results, errors, verdict }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::requirement::{anyone, ask, role};

    fn policy(effects: &[Verdict], otherwise: Verdict) -> PolicyOutline {
        let rules = effects.iter().enumerate().map(|(index, effect)| RuleOutline {
            name: format!("rule {index}"),
            effect: *effect,
            text: None,
            requirement: (*effect == Verdict::Ask).then(|| ask(role("manager"))),
            limits: Vec::new(),
        });
        let requirement = (otherwise == Verdict::Ask).then(|| ask(anyone()));
        PolicyOutline {
            name: "refunds".into(),
            about: String::new(),
            text: String::new(),
            rules: rules.collect(),
            otherwise: Fallback { verdict: otherwise, requirement },
            digest: Digest::of(""),
        }
    }

    fn any_verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![Just(Verdict::Approve), Just(Verdict::Ask), Just(Verdict::Deny)]
    }

    fn any_result() -> impl Strategy<Value = RuleResult> {
        use RuleResult::{Failed, LimitReached, Matched, NotMatched};
        prop_oneof![Just(Matched), Just(NotMatched), Just(LimitReached), Just(Failed)]
    }

    proptest! {
        #[test]
        fn the_order_of_rules_and_repeating_them_never_change_the_verdict(
            rules in prop::collection::vec((any_verdict(), any_result()), 0..8),
            otherwise in any_verdict(),
            seed in any::<u64>(),
        ) {
            let verdict = |rules: &[(Verdict, RuleResult)]| {
                let (effects, results): (Vec<_>, Vec<_>) = rules.iter().copied().unzip();
                PolicyOpinion::join(&policy(&effects, otherwise), &results)
            };
            let mut other = rules.clone();
            other.sort_by_key(|(verdict, result)| (*verdict as u64 + 3 * *result as u64).wrapping_mul(seed | 1));
            other.extend(rules.first().copied());
            prop_assert_eq!(verdict(&rules), verdict(&other));
        }

        #[test]
        fn one_more_matched_rule_never_lowers_what_rules_decided(
            rules in prop::collection::vec((any_verdict(), any_result()), 0..8),
            more in any_verdict(),
        ) {
            prop_assume!(rules.iter().any(|(_, result)| *result == RuleResult::Matched));
            let (mut effects, mut results): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
            let before = PolicyOpinion::join(&policy(&effects, Verdict::Ask), &results);
            effects.push(more);
            results.push(RuleResult::Matched);
            let after = PolicyOpinion::join(&policy(&effects, Verdict::Ask), &results);
            prop_assert!(after >= before && after >= more);
        }

        #[test]
        fn a_failed_rule_never_approves_and_a_failed_deny_rule_denies(
            rules in prop::collection::vec((any_verdict(), any_result()), 0..8),
            failed in any_verdict(),
            otherwise in any_verdict(),
        ) {
            let (mut effects, mut results): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
            effects.push(failed);
            results.push(RuleResult::Failed);
            let verdict = PolicyOpinion::join(&policy(&effects, otherwise), &results);
            prop_assert!(verdict >= Verdict::Ask && verdict >= failed);
        }
    }

    fn assessed(effects: &[Verdict], results: &[RuleResult]) -> Assessment {
        let policy = policy(effects, Verdict::Ask);
        let verdict = PolicyOpinion::join(&policy, results);
        let opinion =
            PolicyOpinion { agent: None, policy: policy.into(), results: results.to_vec(), errors: vec![], verdict };
        Assessment::join(vec![Opinion::Policy(opinion)])
    }

    #[test]
    fn only_who_is_asked_by_a_matched_rule_must_agree() {
        use RuleResult::{Failed, Matched, NotMatched};
        let asked = assessed(&[Verdict::Ask, Verdict::Approve], &[Matched, Matched]);
        assert_eq!(asked.requirements(), [ask(role("manager"))]);
        let otherwise = assessed(&[Verdict::Ask, Verdict::Approve], &[NotMatched, NotMatched]);
        assert_eq!(otherwise.requirements(), [ask(anyone())]);
        let failed = assessed(&[Verdict::Ask], &[Failed]);
        assert_eq!(failed.requirements(), [ask(role("manager")), ask(anyone())]);
        assert!(assessed(&[Verdict::Deny], &[Matched]).requirements().is_empty());
    }

    #[test]
    fn it_reads_as_lines_and_survives_storage() {
        let assessment = assessed(&[Verdict::Deny, Verdict::Ask], &[RuleResult::NotMatched, RuleResult::Matched]);
        let lines = "policy refunds\n  · deny    rule 0\n  ● ask     rule 1: a manager\n  · ask     otherwise: anyone who reviews";
        assert_eq!(assessment.to_string(), lines);
        let stored = serde_json::to_string(&assessment).unwrap();
        assert_eq!(serde_json::from_str::<Assessment>(&stored).unwrap(), assessment);
    }
}
