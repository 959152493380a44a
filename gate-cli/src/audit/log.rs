//! Lists events from the trail.

use gate_runtime::id::CaseId;
use gate_runtime::records::{CallEvent, GateEvent, Record, RecordEvent};
use gate_runtime::review::SettledBy;
use serde_json::json;

use super::{CommandResult, each, open, record};
use crate::args::{AuditArgs, Cli, RecordQuery};
use crate::output::{OutputFormat, plain, print_json, short, summarize_record};

pub(super) fn log(cli: &Cli, args: &AuditArgs, query: &RecordQuery) -> CommandResult {
    let reader = open(args)?;
    let output = OutputFormat::of(cli.json);
    let mut found = Vec::new();
    each(&reader, 0, |index, bytes| {
        if let Some(record) = record(&reader, index, bytes)?
            && admits(query, &record)
        {
            match output {
                OutputFormat::Programs => print_json(&json!(*record))?,
                OutputFormat::People => found.push(record),
            }
        }
        Ok(())
    })?;
    match output {
        OutputFormat::Programs => Ok(()),
        OutputFormat::People => output.list(
            &found,
            &["NO.", "TIME", "CALL", "TOOL", "AGENT", "WHAT", "DETAILS"],
            |record| row(record),
            |record| json!(**record),
            "No records in the trail match.",
        ),
    }
}

fn row(record: &Record) -> Vec<String> {
    let subject = record.subject();
    vec![
        record.seq().to_string(),
        format!("{:.0}", record.at()),
        subject.map(|subject| short(&subject.approval())).unwrap_or_default(),
        subject.map(|subject| plain(subject.tool())).unwrap_or_default(),
        record.info().map(|info| plain(info.agent())).unwrap_or_default(),
        record.kind().to_owned(),
        summarize_record(record),
    ]
}

fn admits(query: &RecordQuery, record: &Record) -> bool {
    let RecordQuery { case, run, call, tool, agent, reviewer, decision, after, before } = query;
    let info = record.info();
    let is = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|text| found == Some(text))
    };
    let is_call = |end: &String| {
        let end = end.trim_start_matches('…').to_ascii_lowercase();
        record.subject().is_some_and(|subject| subject.approval().to_string().ends_with(&end))
    };
    let is_decision = |kind: &String| {
        record.kind() == kind
            || record.status().is_some_and(|status| status.to_string() == *kind)
            || matches!(
                record.event(),
                RecordEvent::Call(CallEvent::Voted { vote }) if vote.decision().kind() == kind
            )
    };
    is(case, info.and_then(|info| info.case()).map(CaseId::as_str))
        && is(run, info.map(|info| info.run().as_str()))
        && is(tool, record.subject().map(|subject| subject.tool().as_str()))
        && is(agent, info.map(|info| info.agent().as_str()))
        && is(reviewer, person(record))
        && call.as_ref().is_none_or(is_call)
        && decision.as_ref().is_none_or(is_decision)
        && after.is_none_or(|time| record.at() >= time)
        && before.is_none_or(|time| record.at() < time)
}

/// Returns the person who took part in a record, if one did.
fn person(record: &Record) -> Option<&str> {
    let who = match record.event() {
        RecordEvent::Call(CallEvent::Voted { vote }) => vote.reviewer(),
        RecordEvent::Call(
            CallEvent::Covered { by, .. }
            | CallEvent::Withdrawn { by }
            | CallEvent::Revoked { by, .. }
            | CallEvent::SecretsErased { by }
            | CallEvent::Settled { by: SettledBy::Person { reviewer: by }, .. },
        )
        | RecordEvent::Gate(
            GateEvent::GrantRevoked { by, .. }
            | GateEvent::FreezeLifted { by, .. }
            | GateEvent::TrailSettled { by, .. },
        ) => by,
        RecordEvent::Gate(GateEvent::GrantGiven { grant }) => grant.by(),
        RecordEvent::Gate(GateEvent::Frozen { freeze }) => freeze.by(),
        _ => return None,
    };
    Some(who.as_str())
}
