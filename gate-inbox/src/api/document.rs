//! The documents that programs get: a call, for its agent and for its reviewers.

use std::sync::Arc;

use gate_runtime::grants::Grant;
use gate_runtime::policy::RuleResult;
use gate_runtime::remote::AcceptedAnswers;
use gate_runtime::review::{Decision, Status, Vote};
use gate_runtime::tool::{Descriptor, ToolOutcome};
use gate_runtime::{Approval, Interruption, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A call or a question, for the agent that asked it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Call {
    /// The id of the approval.
    id: String,
    /// The id that the agent gave.
    external_id: String,
    /// The run, as the agent named it.
    run: String,
    /// The name of the tool, as the agent gave it.
    tool: String,
    /// The case it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    /// The status. Only an `approved` call may begin.
    status: Status,
    /// The arguments that it may run with, with the edits of people.
    #[schemars(with = "Map<String, Value>")]
    arguments: Value,
    /// True if people changed the arguments.
    edited: bool,
    /// The number of times that it began. More than one only if people let it run again.
    attempts: u32,
    /// The time when people were asked.
    #[schemars(with = "String", extend("format" = "date-time"))]
    asked_at: Timestamp,
    /// The time of the last change.
    #[schemars(with = "String", extend("format" = "date-time"))]
    changed_at: Timestamp,
    /// The time until which people can decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    expires_at: Option<Timestamp>,
    /// A description of the people who must decide, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    /// A person's answer, if one answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
    /// The message for the model, if it did not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The result, if it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<CallOutcome>,
}

/// The result of a call.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Ending")]
pub(super) enum CallOutcome {
    /// The returned value.
    Result(Value),
    /// The message of the error that it failed with.
    Error(String),
}

impl From<&ToolOutcome> for CallOutcome {
    fn from(outcome: &ToolOutcome) -> Self {
        match outcome {
            ToolOutcome::Returned { .. } => Self::Result(outcome.value().unwrap_or_default()),
            ToolOutcome::Failed { error } => Self::Error(error.to_string()),
        }
    }
}

impl From<&Approval> for Call {
    fn from(approval: &Approval) -> Self {
        let subject = approval.subject();
        let is_answer = approval.status() == Status::Responded;
        let outcome = approval.outcome();
        Self {
            id: approval.id().to_string(),
            external_id: subject.call().to_string(),
            run: own(subject.info().run().as_str()),
            tool: own(subject.tool().as_str()),
            case: subject.info().case().map(ToString::to_string),
            status: approval.status(),
            arguments: approval.arguments().to_json(),
            edited: approval.is_edited(),
            attempts: approval.attempts(),
            asked_at: approval.asked_at(),
            changed_at: approval.changed_at(),
            expires_at: approval.expires_at(),
            waits_for: (approval.status() == Status::Pending).then(|| approval.still_needs()),
            answer: outcome.filter(|_| is_answer).and_then(ToolOutcome::value),
            message: approval.not_run().map(|reason| reason.for_model()),
            outcome: outcome.filter(|_| !is_answer).map(CallOutcome::from),
        }
    }
}

/// Returns the name that an agent gave, without the agent's own name in front of it.
fn own(name: &str) -> String {
    name.split_once('/').map_or(name, |(_, own)| own).to_owned()
}

/// A call or a question, for the people who decide it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Review {
    /// The id of the approval.
    id: String,
    /// The digest of the shown content. A decision repeats it, and counts only for this content.
    shown: String,
    /// The status.
    status: Status,
    /// The tool.
    tool: String,
    /// The purpose of the tool. For a tool of another program, it is in `claims`.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// True if the call cannot be undone. An approval then repeats the tool's name.
    destructive: bool,
    /// The arguments that it would run with.
    #[schemars(with = "Map<String, Value>")]
    arguments: Value,
    /// The arguments that the agent proposed, if people changed them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    proposed: Option<Value>,
    /// The JSON Schema of the arguments, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
    /// The agent that would run it.
    agent: String,
    /// The person the agent acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    /// The run.
    run: String,
    /// The case it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    /// The agent's claims, which nobody has checked.
    claims: Claims,
    /// The rules that counted, with their effects.
    rules: Vec<CountedRule>,
    /// A description of the people who must decide.
    waits_for: String,
    /// The choices, if it is a question of kind `choice`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
    /// The votes so far.
    votes: Vec<VoteEntry>,
    /// The time when people were asked.
    #[schemars(with = "String", extend("format" = "date-time"))]
    asked_at: Timestamp,
    /// The time until which people can decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    expires_at: Option<Timestamp>,
    /// The result, if it ran or was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<CallOutcome>,
}

/// The claims of an agent about its call.
#[derive(Debug, Serialize, JsonSchema)]
struct Claims {
    /// The purpose of the tool, if it is the agent's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The subject of the call, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    /// The agent's reason for the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    /// The urgency of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
}

/// A rule that counted.
#[derive(Debug, Serialize, JsonSchema)]
struct CountedRule {
    /// The name of the rule.
    name: String,
    /// The policy or overlay it comes from.
    source: String,
    /// The effect of the rule: `approve`, `ask` or `deny`.
    effect: String,
    /// The error of the rule, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A vote.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Voted")]
struct VoteEntry {
    /// The id of the person.
    reviewer: String,
    /// `approve`, `edit`, `reject` or `respond`.
    decision: &'static str,
    /// The reason, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// True if it is signed.
    signed: bool,
    /// The time of the vote.
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Timestamp,
}

impl From<&Vote> for VoteEntry {
    fn from(vote: &Vote) -> Self {
        let reason = match vote.decision() {
            Decision::Reject { reason } => Some(reason.as_str()),
            _ => None,
        };
        let comment = reason.or(vote.comment()).map(str::to_owned);
        let decision = vote.decision().kind();
        Self {
            reviewer: vote.reviewer().to_string(),
            decision,
            comment,
            signed: vote.is_signed(),
            at: vote.at(),
        }
    }
}

impl From<&Interruption> for Review {
    fn from(interruption: &Interruption) -> Self {
        let approval = interruption.approval();
        let (subject, tool) = (approval.subject(), interruption.descriptor());
        let (info, request) = (subject.info(), subject.request());
        let counts =
            |rule: &gate_runtime::policy::RuleReport<'_>| rule.result() != RuleResult::NotMatched;
        let rule = |rule: gate_runtime::policy::RuleReport<'_>| CountedRule {
            name: rule.rule().to_owned(),
            source: rule.source().to_string(),
            effect: rule.effect().to_string(),
            error: rule.error().map(str::to_owned),
        };
        let is_remote = tool.is_some_and(Descriptor::is_remote);
        let description = tool.map(|tool| tool.description().to_owned());
        let choices = match approval.answers() {
            Some(AcceptedAnswers::OneOf { choices }) => choices.clone(),
            _ => Vec::new(),
        };
        Self {
            id: approval.id().to_string(),
            shown: approval.shown().to_string(),
            status: approval.status(),
            tool: approval.tool().to_string(),
            description: description.clone().filter(|_| !is_remote),
            destructive: interruption.is_destructive(),
            arguments: approval.arguments().to_json(),
            proposed: approval.is_edited().then(|| approval.proposed().to_json()),
            schema: tool.map(|tool| tool.input_schema().clone()),
            agent: info.agent().to_string(),
            on_behalf_of: info.principal().map(ToString::to_string),
            run: info.run().to_string(),
            case: info.case().map(ToString::to_string),
            claims: Claims {
                description: description.filter(|_| is_remote),
                summary: request.and_then(|request| request.about().map(str::to_owned)),
                reasoning: subject.reasoning().map(str::to_owned),
                priority: request.map(|request| request.how_urgent().to_string()),
            },
            rules: approval.assessment().rules().filter(counts).map(rule).collect(),
            waits_for: approval.waits_for(),
            choices,
            votes: approval.votes().iter().map(VoteEntry::from).collect(),
            asked_at: approval.asked_at(),
            expires_at: approval.expires_at(),
            outcome: approval.outcome().map(CallOutcome::from),
        }
    }
}

/// A standing permission.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Permission {
    /// The id of the permission.
    id: String,
    /// The tool it is for.
    tool: String,
    /// The run it is for, if it is for only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The reviewer who granted it.
    by: String,
    /// The time when it was granted.
    #[schemars(with = "String", extend("format" = "date-time"))]
    given_at: Timestamp,
    /// The number of further calls that it covers, if there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_left: Option<u32>,
    /// A description of its whole scope.
    words: String,
}

impl From<&Arc<Grant>> for Permission {
    fn from(grant: &Arc<Grant>) -> Self {
        Self {
            id: grant.id().to_string(),
            tool: grant.tool().to_string(),
            run: grant.run().map(ToString::to_string),
            by: grant.by().to_string(),
            given_at: grant.given_at(),
            uses_left: grant.uses_left(),
            words: grant.to_string(),
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Page<T> {
    /// The items of the page.
    pub(super) items: Vec<T>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}
