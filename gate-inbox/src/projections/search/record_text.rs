//! Extracts the searchable parts of a record.

use gate_runtime::policy::Verdict;
use gate_runtime::records::{CallEvent, GateEvent, Record, RecordEvent};
use gate_runtime::review::{Decision, SettledBy};
use gate_runtime::run::RunInfo;
use gate_runtime::tool::ToolOutcome;

/// Returns the tool that the record is about.
pub(super) fn tool(record: &Record) -> Option<&str> {
    match (record.subject(), record.event()) {
        (Some(subject), _) => Some(subject.tool().as_str()),
        (
            None,
            RecordEvent::Gate(
                GateEvent::CallRefused { tool, .. } | GateEvent::CallUnjudged { tool, .. },
            ),
        ) => Some(tool.as_str()),
        (None, RecordEvent::Gate(GateEvent::GrantGiven { grant })) => Some(grant.tool().as_str()),
        _ => None,
    }
}

/// Returns the people in the record: the principal of the run, and the people who acted.
pub(super) fn people(record: &Record) -> Vec<&str> {
    let mut all: Vec<&str> =
        record.info().and_then(RunInfo::principal).map(AsRef::as_ref).into_iter().collect();
    match record.event() {
        RecordEvent::Call(event) => match event {
            CallEvent::Voted { vote } => all.push(vote.reviewer().as_str()),
            CallEvent::Covered { by, .. }
            | CallEvent::Withdrawn { by }
            | CallEvent::Revoked { by, .. }
            | CallEvent::SecretsErased { by }
            | CallEvent::Settled { by: SettledBy::Person { reviewer: by }, .. } => {
                all.push(by.as_str());
            }
            CallEvent::Voided { voters } => all.extend(voters.iter().map(AsRef::<str>::as_ref)),
            _ => {}
        },
        RecordEvent::Gate(event) => match event {
            GateEvent::GrantGiven { grant } => all.push(grant.by().as_str()),
            GateEvent::Frozen { freeze } => all.push(freeze.by().as_str()),
            GateEvent::GrantRevoked { by, .. }
            | GateEvent::FreezeLifted { by, .. }
            | GateEvent::TrailSettled { by, .. } => {
                all.push(by.as_str());
            }
            _ => {}
        },
    }
    all
}

/// Returns the other texts in the record, such as reasons, comments and arguments.
pub(super) fn texts(record: &Record) -> Vec<String> {
    match record.event() {
        RecordEvent::Call(event) => match event {
            CallEvent::Assessed { assessment, arguments, .. } => {
                let rules = assessment.reasons().map(|rule| rule.rule().to_owned());
                rules.chain([arguments.as_json().to_owned()]).collect()
            }
            CallEvent::Voted { vote } => {
                let decision = match vote.decision() {
                    Decision::Approve => String::new(),
                    Decision::Edit { arguments } => arguments.as_json().to_owned(),
                    Decision::Reject { reason } => reason.clone(),
                    Decision::Respond { value } => value.to_string(),
                };
                vec![decision, vote.comment().unwrap_or_default().to_owned()]
            }
            CallEvent::Finished { outcome } => vec![outcome.for_reviewer()],
            CallEvent::Faltered { error } => vec![error.to_string()],
            CallEvent::Settled { reason, .. } => reason.iter().map(ToString::to_string).collect(),
            CallEvent::Cancelled { reason }
            | CallEvent::Revoked { reason, .. }
            | CallEvent::Lost { why: reason }
            | CallEvent::Released { why: reason }
            | CallEvent::AskedAgain { reason, .. } => {
                vec![reason.clone()]
            }
            _ => Vec::new(),
        },
        RecordEvent::Gate(event) => match event {
            GateEvent::CallRefused { problem, .. } => vec![problem.clone()],
            GateEvent::CallUnjudged { problem, .. } => vec![problem.to_string()],
            GateEvent::Action { action, details, .. } => vec![action.clone(), details.to_string()],
            GateEvent::GrantGiven { grant } => vec![grant.to_string()],
            GateEvent::Frozen { freeze } => {
                vec![freeze.scope().to_string(), freeze.reason().to_owned()]
            }
            GateEvent::TrailSettled { reason, .. } => vec![reason.clone()],
            _ => Vec::new(),
        },
    }
}

/// Returns which of the [`KINDS`](super::KINDS) the record is.
pub(super) fn kind(record: &Record) -> &'static str {
    match record.event() {
        RecordEvent::Call(event) => match event {
            CallEvent::Assessed { assessment, .. } => match assessment.verdict() {
                Verdict::Approve => "let_through",
                Verdict::Ask => "asked",
                Verdict::Deny => "denied",
            },
            CallEvent::Voted { vote } => match vote.decision() {
                Decision::Approve => "approved",
                Decision::Edit { .. } => "edited",
                Decision::Reject { .. } => "rejected",
                Decision::Respond { .. } => "answered",
            },
            CallEvent::Covered { .. } => "covered",
            CallEvent::AskedAgain { .. } => "asked",
            CallEvent::Expired => "expired",
            CallEvent::Cancelled { .. }
            | CallEvent::Revoked { .. }
            | CallEvent::Withdrawn { .. } => "taken_back",
            CallEvent::Finished { outcome: ToolOutcome::Returned { .. } } => "ran",
            CallEvent::Finished { outcome: ToolOutcome::Failed { .. } }
            | CallEvent::Faltered { .. }
            | CallEvent::Lost { .. } => "failed",
            _ => "other",
        },
        RecordEvent::Gate(event) => match event {
            GateEvent::CallRefused { .. } => "refused",
            GateEvent::CallUnjudged { .. } => "failed",
            GateEvent::Action { .. } => "action",
            GateEvent::GrantGiven { .. }
            | GateEvent::GrantRevoked { .. }
            | GateEvent::Frozen { .. }
            | GateEvent::FreezeLifted { .. } => "standing",
            _ => "other",
        },
    }
}
