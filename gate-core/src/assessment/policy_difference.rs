//! Compares the policies of an earlier assessment with the present ones.

use crate::approval::requirement::Requirement;
use crate::assessment::opinion::{Opinion, PolicyOpinion};
use crate::assessment::policy_view::{PolicyFallback, PolicyView, RuleView};
use crate::assessment::{Assessment, Verdict};
use crate::call::tool_difference::ToolDifference;

impl Assessment {
    /// Returns the differences of the policies in a newer assessment of the same call, rule by
    /// rule: of the tool's policy and of the agent's.
    #[doc(hidden)]
    #[must_use]
    pub fn policy_differences(&self, now: &Self) -> Vec<ToolDifference> {
        let mut all = Vec::new();
        for new in policies(now) {
            match policies(self).find(|old| is_of_same(old, new)) {
                Some(old) => compare(&old.policy, &new.policy, &mut all),
                None => all.push(ToolDifference::PolicyAdded { policy: new.policy.name.clone() }),
            }
        }
        let removed_rules =
            policies(self).filter(|old| !policies(now).any(|new| is_of_same(old, new)));
        all.extend(
            removed_rules
                .map(|old| ToolDifference::PolicyRemoved { policy: old.policy.name.clone() }),
        );
        all
    }
}

fn policies(assessment: &Assessment) -> impl Iterator<Item = &PolicyOpinion> {
    assessment.opinions.iter().filter_map(|opinion| match opinion {
        Opinion::Policy(policy) => Some(policy),
        _ => None,
    })
}

/// Returns whether two opinions are of the same policy. A tool's policy may have another name now,
/// and an agent has one policy for each tool.
fn is_of_same(old: &PolicyOpinion, new: &PolicyOpinion) -> bool {
    old.agent == new.agent
}

fn compare(old: &PolicyView, new: &PolicyView, all: &mut Vec<ToolDifference>) {
    let before = all.len();
    for rule in &new.rules {
        let name = rule.name.clone();
        match find(old, rule) {
            None => all.push(ToolDifference::RuleAdded { rule: name, does: rule_effect(rule) }),
            Some(was) if rule_effect(was) != rule_effect(rule) => {
                all.push(ToolDifference::RuleChanged {
                    rule: name,
                    from: rule_effect(was),
                    to: rule_effect(rule),
                });
            }
            Some(was) if normalized_text(was) != normalized_text(rule) => {
                all.push(ToolDifference::RuleReworded { rule: name });
            }
            Some(_) => {}
        }
    }
    let removed_rules = old.rules.iter().filter(|rule| find(new, rule).is_none());
    all.extend(removed_rules.map(|rule| ToolDifference::RuleRemoved {
        rule: rule.name.clone(),
        does: rule_effect(rule),
    }));
    let otherwise = |PolicyFallback { verdict, requirement }: &PolicyFallback| {
        effect(*verdict, requirement.as_ref())
    };
    let (from, to) = (otherwise(&old.otherwise), otherwise(&new.otherwise));
    if from != to {
        all.push(ToolDifference::OtherwiseChanged { from, to });
    }
    if all.len() == before && old.digest != new.digest {
        all.push(ToolDifference::PolicyReworded { policy: new.name.clone() });
    }
}

fn find<'a>(policy: &'a PolicyView, rule: &RuleView) -> Option<&'a RuleView> {
    policy.rules.iter().find(|other| other.name == rule.name)
}

/// Describes the effect of a rule that matches.
fn rule_effect(rule: &RuleView) -> String {
    let limits = rule.limits.iter().fold(String::new(), |limits, limit| limits + ", " + limit);
    effect(rule.effect, rule.requirement.as_ref()) + &limits
}

fn effect(verdict: Verdict, requirement: Option<&Requirement>) -> String {
    requirement.map_or_else(
        || verdict.to_string(),
        |requirement_text| format!("{verdict} {requirement_text}"),
    )
}

/// Returns the text of a rule without its layout.
fn normalized_text(rule: &RuleView) -> Option<String> {
    rule.text.as_ref().map(|text| text.chars().filter(|c| !c.is_whitespace()).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::approval::requirement::{ask, role};
    use crate::text::digest::Digest;

    fn rule(name: &str, effect: Verdict, text: &str) -> RuleView {
        let requirement = (effect == Verdict::Ask).then(|| ask(role("manager")));
        RuleView {
            name: name.into(),
            effect,
            text: Some(text.into()),
            requirement,
            limits: Vec::new(),
        }
    }

    fn assessment(rules: Vec<RuleView>, otherwise: Verdict, digest: &str) -> Assessment {
        let policy = PolicyView {
            name: "payments".into(),
            about: String::new(),
            text: String::new(),
            rules,
            otherwise: PolicyFallback { verdict: otherwise, requirement: None },
            digest: Digest::of(digest),
        };
        let opinion = PolicyOpinion {
            agent: None,
            policy: Arc::new(policy),
            results: Vec::new(),
            errors: Vec::new(),
            verdict: Verdict::Ask,
        };
        Assessment::join(vec![Opinion::Policy(opinion)])
    }

    #[test]
    fn what_changed_of_a_policy_is_said_rule_by_rule() {
        let small = |text| rule("small", Verdict::Approve, text);
        let (large, limit) =
            (rule("large", Verdict::Ask, ".when(b)"), rule("limit", Verdict::Deny, ".when(c)"));
        let old = assessment(vec![small(".when(a)"), large.clone(), limit], Verdict::Deny, "old");
        let laid_out = assessment(old_rules(&old, small(".when(\n  a)")), Verdict::Deny, "old");
        assert_eq!(old.policy_differences(&laid_out), []);
        let mut asks_two = large;
        asks_two.requirement = Some(ask(role("manager")).count(2));
        let new = vec![small(".when(z)"), asks_two, rule("night", Verdict::Deny, ".between(…)")];
        let found = old.policy_differences(&assessment(new, Verdict::Approve, "new"));
        let differences: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            differences,
            [
                "the rule \"small\" is worded otherwise",
                "the rule \"large\" is now: ask 2 of role manager; it was: ask a manager",
                "the rule \"night\" is new: deny",
                "the rule \"limit\" is gone: deny",
                "where no rule matches, it is now: approve; it was: deny",
            ]
        );
        let reworded = assessment(old_rules(&old, small(".when(a)")), Verdict::Deny, "new");
        assert_eq!(
            old.policy_differences(&reworded),
            [ToolDifference::PolicyReworded { policy: "payments".into() }]
        );
        let none = Assessment::join(Vec::new());
        assert_eq!(
            old.policy_differences(&none),
            [ToolDifference::PolicyRemoved { policy: "payments".into() }]
        );
        assert_eq!(
            none.policy_differences(&old),
            [ToolDifference::PolicyAdded { policy: "payments".into() }]
        );
    }

    /// Returns the rules of an assessment, with another first rule.
    fn old_rules(of: &Assessment, first: RuleView) -> Vec<RuleView> {
        let policy = policies(of).next().unwrap();
        std::iter::once(first).chain(policy.policy.rules.iter().skip(1).cloned()).collect()
    }
}
