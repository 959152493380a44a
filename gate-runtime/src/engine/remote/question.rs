//! A call of another program, on its way to the record.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::call::RemoteCall;
use super::place;
use crate::engine::intake::Circumstances;
use crate::engine::open::invalid;
use crate::logic::bound::Spec;
use crate::logic::descriptor::Descriptor;
use crate::logic::schema::has_secrets;
use crate::ports::store::Proposal;
use crate::values::arguments::Arguments;
use crate::values::id::{AgentName, ApprovalId, ToolName};
use crate::values::json::{ReadLimits, read};
use crate::values::opinion::{Opinion, PolicyOpinion, RuleResult};
use crate::values::outcome::NotRun;
use crate::values::outline::PolicyOutline;
use crate::values::record::Subject;
use crate::values::verdict::Verdict;

/// A call of another program, after it was read.
pub(super) struct Question {
    pub(super) run: Circumstances,
    pub(super) subject: Arc<Subject>,
    pub(super) tool: Arc<Descriptor>,
    pub(super) value: Value,
    pub(super) arguments: Arguments,
    policy: Arc<PolicyOutline>,
}

impl Question {
    pub(super) fn read(limits: ReadLimits, agent: &AgentName, call: RemoteCall) -> Result<Self, NotRun> {
        let run = call.circumstances(agent);
        let tool = ToolName::from(place(agent, call.tool.as_str()));
        let policy = call.policy();
        let tool = Descriptor::remote(tool, call.description, call.schema, call.annotations);
        if has_secrets(tool.input_schema()) {
            return Err(invalid("a call of another program has no secrets here: leave them out of its arguments"));
        }
        let value = read(&call.arguments, limits).map_err(|misfit| invalid(format!("The arguments: {misfit}")))?;
        Spec::of(&tool).check(&value).map_err(|misfits| invalid(format!("The arguments: {misfits}")))?;
        let arguments = Arguments::new(&value, Vec::new()).map_err(invalid)?;
        let subject = Subject {
            approval: ApprovalId::new(),
            info: Arc::clone(&run.info),
            call: call.id,
            tool: tool.name().clone(),
            tool_digest: tool.digest(),
            policy_digest: policy.digest,
            reasoning: call.reasoning,
            request: Some(Arc::new(call.request)),
        };
        Ok(Self { run, subject: Arc::new(subject), tool: Arc::new(tool), value, arguments, policy })
    }

    /// What bears on it in the store.
    pub(super) fn proposal(&self, now: Timestamp) -> Proposal {
        Proposal::new(&self.subject.info.run, &self.subject.call, &self.subject.tool, now)
    }

    pub(super) fn opinion(&self) -> Opinion {
        Opinion::Policy(PolicyOpinion {
            agent: None,
            policy: Arc::clone(&self.policy),
            results: vec![RuleResult::Matched; self.policy.rules.len()],
            errors: Vec::new(),
            verdict: Verdict::Ask,
        })
    }
}
