//! Evaluates one call by a policy.

use std::sync::Arc;

use gate_core::assessment::{PolicyOpinion, RuleResult};
use gate_core::grants::LimitCharge;
use gate_core::id::AgentName;

use super::AnyPolicy;
use super::condition::ConditionResult;
use super::entry::RuleEntry;
use super::limit::RuleLimit;
use crate::logic::time_limit::TimeLimit;
use crate::logic::tool::call::AnyCall;

/// The evaluation of one call by a policy, before its limits are checked.
#[derive(Debug)]
pub(crate) struct PolicyEvaluation {
    pub(crate) opinion: PolicyOpinion,
    /// The charges of the matching rules, by the index of the rule.
    pub(crate) charges: Vec<(usize, Vec<LimitCharge>)>,
}

impl AnyPolicy {
    /// Returns whether it has an async rule.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Evaluates a call without waiting. An async rule counts as failed, so this is only for
    /// policies without one.
    pub(crate) fn evaluate(&self, call: &AnyCall, agent: Option<&AgentName>) -> PolicyEvaluation {
        let mut judging = EvaluationBuilder::new(self, agent);
        for entry in &self.entries {
            judging.add(entry, entry.evaluate_now(call), call);
        }
        judging.finish()
    }

    /// Evaluates a call, and waits for async rules, each up to the limit.
    pub(crate) async fn evaluate_later(
        &self,
        call: &AnyCall,
        agent: Option<&AgentName>,
        limit: &dyn TimeLimit,
    ) -> PolicyEvaluation {
        let mut judging = EvaluationBuilder::new(self, agent);
        for entry in &self.entries {
            let held = entry.look_later(call, limit).await;
            judging.add(entry, held, call);
        }
        judging.finish()
    }
}

impl RuleEntry {
    fn evaluate_now(&self, call: &AnyCall) -> ConditionResult {
        for condition in &self.conditions {
            let waited_for = || Err("a rule that waits was not waited for".to_owned());
            if !condition.evaluate_now(call).unwrap_or_else(waited_for)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn look_later(&self, call: &AnyCall, limit: &dyn TimeLimit) -> ConditionResult {
        for condition in &self.conditions {
            if !condition.look_later(call, limit).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

struct EvaluationBuilder<'a> {
    policy: &'a AnyPolicy,
    agent: Option<&'a AgentName>,
    results: Vec<RuleResult>,
    errors: Vec<(usize, String)>,
    charges: Vec<(usize, Vec<LimitCharge>)>,
}

impl<'a> EvaluationBuilder<'a> {
    fn new(policy: &'a AnyPolicy, agent: Option<&'a AgentName>) -> Self {
        let results = Vec::with_capacity(policy.entries.len());
        Self { policy, agent, results, errors: Vec::new(), charges: Vec::new() }
    }

    fn add(&mut self, entry: &RuleEntry, held: ConditionResult, call: &AnyCall) {
        let index = self.results.len();
        let held = held.and_then(|holds| {
            if holds && !entry.limits.is_empty() {
                self.charges.push((index, self.takes_of(entry, call)?));
            }
            Ok(holds)
        });
        self.results.push(match held {
            Ok(true) => RuleResult::Matched,
            Ok(false) => RuleResult::NotMatched,
            Err(error) => {
                self.errors.push((index, error));
                RuleResult::Failed
            }
        });
    }

    fn takes_of(&self, entry: &RuleEntry, call: &AnyCall) -> Result<Vec<LimitCharge>, String> {
        let policy = &self.policy.view.name();
        let owner = self.agent.map(|agent| format!("/{agent}")).unwrap_or_default();
        let name = |index: usize, limit: &RuleLimit| {
            // Other units use another counter, because past charges would otherwise count for a
            // millionth.
            let units =
                if limit.places == 0 { String::new() } else { format!("e{}", limit.places) };
            format!("{}{owner}/{policy}/{}/{index}{units}", self.policy.tool, entry.name)
        };
        entry
            .limits
            .iter()
            .enumerate()
            .map(|(index, limit)| limit.take(&name(index, limit), call))
            .collect()
    }

    fn finish(self) -> PolicyEvaluation {
        let Self { policy, agent, results, errors, charges } = self;
        let view = Arc::clone(&policy.view);
        let verdict = PolicyOpinion::join(&view, &results);
        let opinion =
            PolicyOpinion { agent: agent.cloned(), policy: view, results, errors, verdict };
        PolicyEvaluation { opinion, charges }
    }
}
