//! Assessments: a verdict with everything that led to it, which is every rule, its result, its
//! text.

pub(crate) mod evaluation_failure;
pub(crate) mod opinion;
mod policy_difference;
pub(crate) mod policy_view;
pub(crate) mod report;
pub(crate) mod verdict;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::approval::requirement::Requirement;
use crate::call::argument_origin::ArgumentOrigin;
use crate::call::origin::Origin;
use crate::call::outcome::DeniedBy;

pub use evaluation_failure::EvaluationFailure;
#[doc(hidden)]
pub use opinion::{GateDenial, Opinion, PolicyOpinion};
pub use policy_view::{PolicyFallback, PolicyView, RuleView};
pub use report::{RuleReport, RuleResult, RuleSource};
pub use verdict::Verdict;

/// A verdict with everything that led to it.
///
/// `Display` prints it as a reviewer reads it: a line for each rule, then one for the origin of
/// each argument.
///
/// ```
/// # fn show(assessment: &gate_runtime::policy::Assessment) {
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) origins: Vec<ArgumentOrigin>,
    /// Set if the tool is declared destructive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) destructive: bool,
}

/// Returns the strictest of the opinions.
fn join_verdicts(opinions: &[Opinion]) -> Verdict {
    Verdict::join(opinions.iter().map(|opinion| Ok(opinion.verdict())))
}

impl Assessment {
    /// Sets the origins of the call's arguments.
    #[doc(hidden)]
    pub fn set_origins(&mut self, origins: Vec<ArgumentOrigin>) {
        self.origins = origins;
    }

    /// Sets whether the tool is declared destructive.
    #[doc(hidden)]
    pub fn set_destructive(&mut self, destructive: bool) {
        self.destructive = destructive;
    }

    /// Joins opinions: the strictest wins, in any order. Without any opinion, people are asked.
    #[doc(hidden)]
    pub fn join(opinions: Vec<Opinion>) -> Self {
        let verdict = join_verdicts(&opinions);
        Self { verdict, opinions, origins: Vec::new(), destructive: false }
    }

    /// Returns the joined verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Returns every evaluated rule with its result: the rules of the tool's policy, of the agent's
    /// policy and of overlays.
    pub fn rules(&self) -> impl Iterator<Item = RuleReport<'_>> {
        self.opinions.iter().flat_map(Opinion::reports)
    }

    /// Returns the rules that led to the verdict.
    pub fn reasons(&self) -> impl Iterator<Item = RuleReport<'_>> {
        self.rules().filter(|rule| rule.counts_for(self.verdict))
    }

    /// Returns the origin of each argument, by its place as a JSON pointer: `/recipient`,
    /// `/lines/0/name`.
    ///
    /// Origins are for people. They exist for calls that a person was asked about, for calls of a
    /// tool that asks about its failures, and in the result of `Run::assess`. They do not exist for
    /// calls that rules alone decided, or in a run without a history. Booleans and empty values
    /// have no origin.
    pub fn origins(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.origins.iter().map(|of| (of.pointer.as_str(), &of.origin))
    }

    /// Returns whether another assessment has the same results of the same policies. `false` if
    /// overlays or failed rules are involved.
    #[doc(hidden)]
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let is_same_opinion = |(one, two): (&Opinion, &Opinion)| match (one, two) {
            (Opinion::Policy(one), Opinion::Policy(two)) => {
                Arc::ptr_eq(&one.policy, &two.policy)
                    && (one.verdict, &one.agent, &one.results)
                        == (two.verdict, &two.agent, &two.results)
                    && one.errors.is_empty()
                    && two.errors.is_empty()
            }
            _ => false,
        };
        (self.verdict, self.destructive, self.opinions.len())
            == (other.verdict, other.destructive, other.opinions.len())
            && self.origins.is_empty()
            && other.origins.is_empty()
            && self.opinions.iter().zip(&other.opinions).all(is_same_opinion)
    }

    /// Marks the limit of a policy's rule as used up, so that the rule does not count, and joins
    /// the verdicts again.
    #[doc(hidden)]
    pub fn exhaust(&mut self, opinion: usize, rule: usize) {
        if let Some(Opinion::Policy(policy)) = self.opinions.get_mut(opinion) {
            if let Some(result) = policy.results.get_mut(rule) {
                *result = RuleResult::LimitReached;
            }
            policy.verdict = PolicyOpinion::join(&policy.policy, &policy.results);
        }
        self.verdict = join_verdicts(&self.opinions);
    }

    /// Returns whether the verdict follows from its rules. Somebody could have changed a stored
    /// one.
    pub(crate) fn follows(&self) -> bool {
        let follows = |opinion: &Opinion| match opinion {
            Opinion::Policy(policy) => {
                policy.verdict == PolicyOpinion::join(&policy.policy, &policy.results)
            }
            _ => true,
        };
        self.verdict == join_verdicts(&self.opinions) && self.opinions.iter().all(follows)
    }

    /// Returns the assessment if it has a verdict, or the failures because of which the verdict is
    /// unknown.
    #[doc(hidden)]
    pub fn reached(self) -> Result<Self, EvaluationFailure> {
        if Verdict::is_reached(self.opinions.iter().flat_map(Opinion::verdict_results)) {
            return Ok(self);
        }
        Err(EvaluationFailure::of(self.rules().filter(|rule| rule.result == RuleResult::Failed)))
    }

    /// Returns the rule, person or limit that denies the call; `None` if nothing does.
    #[doc(hidden)]
    #[must_use]
    pub fn denied_by(&self) -> Option<DeniedBy> {
        let denies =
            |rule: &RuleReport<'_>| rule.effect == Verdict::Deny && rule.counts_for(Verdict::Deny);
        let reports = || self.rules().filter(denies);
        // Records of earlier versions have denials by rules that only failed.
        let report = reports()
            .find(|rule| rule.result == RuleResult::Matched)
            .or_else(|| reports().next())?;
        Some(match report.source {
            RuleSource::Overlay(overlay) => {
                DeniedBy::Overlay { overlay: overlay.to_owned(), reason: report.rule.to_owned() }
            }
            RuleSource::Gate if self.is_denied_for(GateDenial::TooMany) => DeniedBy::TooManyDenials,
            RuleSource::Gate if self.is_denied_for(GateDenial::AskedTooOften) => {
                DeniedBy::TooManyQuestions
            }
            RuleSource::Gate => DeniedBy::RefusedBefore,
            _ if report.is_otherwise() => DeniedBy::Otherwise,
            _ => DeniedBy::Rule { rule: report.rule.to_owned() },
        })
    }

    /// Returns the assessment with the same policies and the present opinions of overlays.
    #[doc(hidden)]
    pub fn with_overlays(&self, overlays: Vec<Opinion>) -> Self {
        let policies =
            self.opinions.iter().filter(|opinion| matches!(opinion, Opinion::Policy(_))).cloned();
        let (origins, destructive) = (self.origins.clone(), self.destructive);
        Self { origins, destructive, ..Self::join(policies.chain(overlays).collect()) }
    }

    /// Returns whether another assessment asks people, for the reason of other rules. An assessment
    /// that approves needs nobody.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let has_effect =
            |rule: &RuleReport<'_>| !rule.is_otherwise() && rule.result() != RuleResult::NotMatched;
        let matched_rules = |of: &Self| -> Vec<String> {
            of.rules()
                .filter(has_effect)
                .map(|rule| format!("{}/{}", rule.source, rule.rule()))
                .collect()
        };
        other.verdict == Verdict::Ask
            && (self.verdict != other.verdict || matched_rules(self) != matched_rules(other))
    }

    /// Creates the assessment of a call that the gate itself denies.
    #[doc(hidden)]
    pub fn denied(denial: GateDenial, reason: String) -> Self {
        Self::join(vec![Opinion::Gate { denial, reason }])
    }

    /// Returns whether the gate itself denies it, for this reason.
    #[doc(hidden)]
    #[must_use]
    pub fn is_denied_for(&self, reason: GateDenial) -> bool {
        self.opinions
            .iter()
            .any(|opinion| matches!(opinion, Opinion::Gate { denial, .. } if *denial == reason))
    }

    /// Returns the requirements that people must meet before the call runs: one for each rule that
    /// asks, equal ones once.
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
            // A rule failed and no requirement names who decides, so any reviewer may.
            all.push(crate::approval::requirement::anyone().into());
        }
        all
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
        if !self.origins.is_empty() {
            write!(f, "\norigins")?;
        }
        self.origins.iter().try_for_each(|of| write!(f, "\n  {}: {}", of.pointer, of.origin))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::approval::requirement::{anyone, ask, role};
    use crate::assessment::policy_view::{PolicyFallback, PolicyView, RuleView};
    use crate::text::digest::Digest;

    fn policy(effects: &[Verdict], otherwise: Verdict) -> PolicyView {
        let rules = effects.iter().enumerate().map(|(index, effect)| RuleView {
            name: format!("rule {index}"),
            effect: *effect,
            text: None,
            requirement: (*effect == Verdict::Ask).then(|| ask(role("manager"))),
            limits: Vec::new(),
        });
        let requirement = (otherwise == Verdict::Ask).then(|| ask(anyone()));
        PolicyView {
            name: "refunds".into(),
            about: String::new(),
            text: String::new(),
            rules: rules.collect(),
            otherwise: PolicyFallback { verdict: otherwise, requirement },
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
            other.sort_by_key(|(verdict, result)| {
                (*verdict as u64 + 3 * *result as u64).wrapping_mul(seed | 1)
            });
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
        let opinion = PolicyOpinion {
            agent: None,
            policy: policy.into(),
            results: results.to_vec(),
            errors: vec![],
            verdict,
        };
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
        let assessment = assessed(
            &[Verdict::Deny, Verdict::Ask],
            &[RuleResult::NotMatched, RuleResult::Matched],
        );
        let lines = "policy refunds\n  · deny    rule 0\n  ● ask     rule 1: a manager\n  · \
            ask     otherwise: anyone who reviews";
        assert_eq!(assessment.to_string(), lines);
        let stored = serde_json::to_string(&assessment).unwrap();
        assert_eq!(serde_json::from_str::<Assessment>(&stored).unwrap(), assessment);
    }
}
