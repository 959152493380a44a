//! A call of a remote program.

use std::fmt;
use std::sync::Arc;

use gate_core::approval::{Requirement, anyone};
use gate_core::assessment::{PolicyFallback, PolicyView, RuleView, Verdict};
use gate_core::call::{Annotations, NESTED, RemoteRequest, RunInfo};
use gate_core::id::{AgentName, CallId, CaseId, Principal, RunId, ToolName};
use gate_core::text::{Digest, canonical};
use serde_json::{Value, json};

use super::namespaced;
use crate::engine::call::run_context::RunContext;
use crate::engine::kernel::EngineCore;
use crate::provenance::RunHistory;

/// The name of the policy of remote calls, which only names the people to ask.
const POLICY: &str = "asked from another program";

/// The maximum length of every name in a remote call, in bytes.
const LONGEST_NAME: usize = 256;

/// A call whose body is in another program, and the people to ask about it.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::remote::RemoteRequest;
/// use gate_runtime::remote::RemoteCall;
/// use serde_json::json;
/// let call = RemoteCall::new("call_1", "issue_refund", r#"{"order_id":"A-1"}"#)
///     .run("run-42")
///     .describe("Issue a refund to the original payment method.")
///     .schema(json!({
///         "type": "object",
///         "properties": {"order_id": {"type": "string"}},
///         "additionalProperties": false,
///     }))
///     .request(RemoteRequest::new().summary("Refund Mia"))
///     .ask("it is money", ask(role("manager")).within(hours(1)));
/// # let _ = call;
/// ```
#[derive(Clone)]
#[must_use]
pub struct RemoteCall {
    pub(super) id: CallId,
    pub(super) run: RunId,
    pub(super) tool: ToolName,
    pub(super) arguments: String,
    pub(super) description: String,
    pub(super) schema: Value,
    pub(super) annotations: Annotations,
    principal: Option<Principal>,
    case: Option<CaseId>,
    pub(super) reasoning: Option<Arc<str>>,
    pub(super) request: RemoteRequest,
    rules: Vec<(String, Requirement)>,
    pub(super) at_once: Option<u64>,
}

impl RemoteCall {
    /// Creates a call with its arguments as JSON text. By default, it is in a separate run.
    pub fn new(
        id: impl Into<CallId>,
        tool: impl Into<ToolName>,
        arguments: impl Into<String>,
    ) -> Self {
        let id = id.into();
        Self {
            run: id.as_str().into(),
            id,
            tool: tool.into(),
            arguments: arguments.into(),
            description: String::new(),
            schema: json!({"type": "object"}),
            annotations: Annotations::default(),
            principal: None,
            case: None,
            reasoning: None,
            request: RemoteRequest::default(),
            rules: Vec::new(),
            at_once: None,
        }
    }

    /// Sets the run it belongs to.
    pub fn run(mut self, run: impl Into<RunId>) -> Self {
        self.run = run.into();
        self
    }

    /// Sets the description of the tool.
    pub fn describe(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Sets the JSON Schema (2020-12) of the arguments, which also limits how people may edit them.
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = schema;
        self
    }

    /// Sets hints about the effects of the tool.
    pub fn annotations(mut self, hints: Annotations) -> Self {
        self.annotations = hints;
        self
    }

    /// Sets the person for whom it runs, who does not count as its approver.
    pub fn on_behalf_of(mut self, principal: impl Into<Principal>) -> Self {
        self.principal = Some(principal.into());
        self
    }

    /// Sets the case it belongs to.
    pub fn case(mut self, case: impl Into<CaseId>) -> Self {
        self.case = Some(case.into());
        self
    }

    /// Sets the reason that the agent claims for the call.
    pub fn reasoning(mut self, text: impl Into<Arc<str>>) -> Self {
        self.reasoning = Some(text.into());
        self
    }

    /// Sets the number of questions of its agent that may wait at once, this one included. Defaults
    /// to any number.
    ///
    /// The transaction that writes the question checks this, so the limit also holds for questions
    /// at the same time.
    pub fn at_once(mut self, count: u64) -> Self {
        self.at_once = Some(count);
        self
    }

    /// Sets the [`RemoteRequest`]: the program's own statements about its question.
    pub fn request(mut self, request: RemoteRequest) -> Self {
        self.request = request;
        self
    }

    /// Adds people to ask, with the rule by which they are asked. May be called repeatedly.
    /// Defaults to any reviewer.
    pub fn ask(mut self, rule: impl Into<String>, requirement: impl Into<Requirement>) -> Self {
        self.rules.push((rule.into(), requirement.into()));
        self
    }

    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// The run it belongs to.
    #[must_use]
    pub fn run_id(&self) -> &RunId {
        &self.run
    }

    /// Returns the first problem of its names or requirements.
    pub(super) fn problem(&self, agent: &AgentName) -> Option<String> {
        let is_name = |text: &str| {
            text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        };
        let optional = |name: Option<&str>| name.map(str::to_owned);
        let names = [
            ("the agent's name", Some(agent.to_string())),
            ("the call's id", Some(self.id.to_string())),
            ("the run's id", Some(self.run.to_string())),
            ("the tool's name", Some(self.tool.to_string())),
            ("the case", optional(self.case.as_ref().map(CaseId::as_str))),
            ("the person it is for", optional(self.principal.as_ref().map(Principal::as_str))),
        ];
        for (what, name) in names {
            match name {
                Some(name) if name.trim().is_empty() => return Some(format!("{what} is empty")),
                Some(name) if name.len() > LONGEST_NAME => {
                    return Some(format!("{what} is longer than {LONGEST_NAME} bytes"));
                }
                _ => {}
            }
        }
        if !is_name(self.tool.as_str()) || !is_name(agent.as_str()) {
            return Some(
                "the name of a tool or an agent has letters, digits, `_`, `-` and `.` only"
                    .to_owned(),
            );
        }
        if self.run.as_str().contains(NESTED) {
            return Some(format!("the run's id has a `{NESTED}`: leave it out"));
        }
        self.rules.iter().find_map(|(_, requirement)| requirement.problem())
    }

    /// Returns the context of the call.
    pub(super) fn run_context(&self, core: &EngineCore, agent: &AgentName) -> RunContext {
        let mut info = RunInfo::new(namespaced(agent, self.run.as_str()), agent.clone());
        info.set_principal(self.principal.clone());
        info.set_case(self.case.clone());
        let family: RunId = namespaced(agent, "").into();
        let history = RunHistory::of(core.memories.of(info.run(), &family));
        RunContext { info: Arc::new(info), reasoning: None, history, family, session: None }
    }

    /// Returns the people to ask, as a policy.
    pub(super) fn policy(&self) -> Arc<PolicyView> {
        let rule = |(name, requirement): &(String, Requirement)| RuleView {
            name: name.clone(),
            effect: Verdict::Ask,
            text: None,
            requirement: Some(requirement.clone()),
            limits: Vec::new(),
        };
        let rules: Vec<RuleView> = self.rules.iter().map(rule).collect();
        let otherwise =
            PolicyFallback { verdict: Verdict::Ask, requirement: Some(anyone().into()) };
        let digest = Digest::of(canonical(&json!([POLICY, rules, otherwise])).unwrap_or_default());
        let about =
            "Its rules are in the program that asks. Here, it only says whom to ask.".to_owned();
        Arc::new(PolicyView {
            name: POLICY.to_owned(),
            about,
            text: String::new(),
            rules,
            otherwise,
            digest,
        })
    }
}

impl fmt::Debug for RemoteCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCall")
            .field("id", &self.id)
            .field("tool", &self.tool)
            .finish_non_exhaustive()
    }
}
