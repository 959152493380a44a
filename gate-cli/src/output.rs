//! Output for people and for programs.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use gate_runtime::records::{CallEvent, GateEvent, Record, RecordEvent};
use gate_runtime::review::{Decision, SanitizedText};
use gate_runtime::tool::Descriptor;
use gate_runtime::{Approval, Timestamp};
use serde_json::{Value, json};

use crate::error::CommandError;

/// The form of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OutputFormat {
    /// Tables and sentences.
    People,
    /// A JSON object, or an array of them.
    Programs,
}

impl OutputFormat {
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Programs } else { Self::People }
    }

    pub(crate) fn is_for_people(self) -> bool {
        matches!(self, Self::People)
    }

    /// Prints a list: a table, or an array.
    pub(crate) fn list<T>(
        self,
        items: &[T],
        column_names: &[&str],
        row: impl Fn(&T) -> Vec<String>,
        object: impl Fn(&T) -> Value,
        none: &str,
    ) -> Result<(), CommandError> {
        match self {
            Self::Programs => print_json(&Value::Array(items.iter().map(object).collect())),
            Self::People if items.is_empty() => print_text(none),
            Self::People => {
                let mut table = Table::new();
                table.load_style(presets::NOTHING).set_header(column_names.to_vec());
                table.set_content_arrangement(ContentArrangement::Dynamic);
                // Output to a pipe is not limited to the width of a terminal.
                let columns =
                    console::Term::stdout().size_checked().map_or(200, |(_, columns)| columns);
                table.set_width(columns.max(60));
                for item in items {
                    table.add_row(row(item));
                }
                print_text(&table.trim_fmt())
            }
        }
    }

    /// Prints the result of a command: a sentence, or an object.
    pub(crate) fn done(self, message: &str, object: &Value) -> Result<(), CommandError> {
        match self {
            Self::People => print_text(message),
            Self::Programs => print_json(object),
        }
    }
}

pub(crate) fn print_text(text: &str) -> Result<(), CommandError> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Prints JSON for programs. At a terminal, characters that are not plain text are escaped as in
/// JSON, so that the terminal does not interpret them.
pub(crate) fn print_json(value: &Value) -> Result<(), CommandError> {
    let text = value.to_string();
    if !io::stdout().is_terminal() {
        return print_text(&text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    print_text(&escaped)
}

/// Returns untrusted text in a form that is safe to print at a terminal.
pub(crate) fn plain(text: impl AsRef<str>) -> String {
    SanitizedText::of(text.as_ref()).as_str().to_owned()
}

/// Returns a count with its noun: `1 call`, `2 calls`, `3 entries`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {noun}s"),
    }
}

/// Returns the end of an id, which suffices among open calls.
pub(crate) fn short(id: &impl ToString) -> String {
    let id = id.to_string();
    id.chars().skip(id.chars().count().saturating_sub(8)).collect()
}

/// Returns a one-line summary of a call: that of its tool, or its arguments. A long line is cut in
/// the middle.
pub(crate) fn summary(approval: &Approval, tool: Option<&Descriptor>) -> String {
    if tool.is_some_and(|tool| tool.summary().is_some()) {
        return approval.headline(tool).to_string();
    }
    let shown = approval.shown_arguments(tool);
    let pairs: Vec<String> = shown
        .iter()
        .map(|argument| format!("{}: {}", plain(argument.name()), argument.text()))
        .collect();
    let line = pairs.join(", ");
    let count = line.chars().count();
    if count <= 100 {
        return line;
    }
    let (head, tail): (String, String) =
        (line.chars().take(70).collect(), line.chars().skip(count - 25).collect());
    format!("{head} … {tail}")
}

/// Returns the time between two times, in the largest unit of which there are at least two.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).unsigned_abs().as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds >= 2 * size).unwrap_or((1, "s"));
    format!("{} {unit}", (seconds + size / 2) / size)
}

/// Returns a call as JSON for programs.
pub(crate) fn object(approval: &Approval) -> Value {
    let mut object = approval.json_summary();
    let further = [
        ("expires_at", json!(approval.expires_at())),
        ("waits_for", json!(approval.waits_for())),
        ("valid", json!(approval.describe_validity())),
        ("votes", json!(approval.votes())),
        ("failure", json!(approval.failure())),
        ("attempts", json!(approval.attempts())),
        ("vouched_until", json!(approval.lease_expires_at())),
    ];
    object.extend(further.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(object)
}

/// Describes a record briefly.
pub(crate) fn summarize_record(record: &Record) -> String {
    let text = match record.event() {
        RecordEvent::Call(event) => match event {
            CallEvent::Assessed { assessment, .. } => {
                let reasons: Vec<_> =
                    assessment.reasons().map(|rule| rule.rule().to_owned()).collect();
                format!("{}: {}", assessment.verdict(), reasons.join(", "))
            }
            CallEvent::Voted { vote } => {
                let why = match (vote.decision(), vote.comment()) {
                    (Decision::Reject { reason }, _) => format!(": {reason}"),
                    (_, Some(comment)) => format!(": {comment}"),
                    (_, None) => String::new(),
                };
                let does = match vote.decision() {
                    Decision::Approve => "approves",
                    Decision::Edit { .. } => "approves with changes",
                    Decision::Reject { .. } => "rejects",
                    Decision::Respond { .. } => "answers in the tool's place",
                };
                let signed = if vote.is_signed() { ", signed" } else { "" };
                format!("{} {does}{signed}{why}", vote.reviewer())
            }
            CallEvent::Covered { grant, by, .. } => {
                format!("by the standing permission …{} of {by}", short(grant))
            }
            CallEvent::Uncovered { grant } => {
                format!("the standing permission …{} no longer applies", short(grant))
            }
            CallEvent::Voided { voters } => {
                let voters: Vec<&str> =
                    voters.iter().map(gate_runtime::id::ReviewerId::as_str).collect();
                format!("no longer counted: {}", voters.join(", "))
            }
            CallEvent::Lapsed => {
                "the approval was not used in time, so people are asked again".to_owned()
            }
            CallEvent::Cancelled { reason } => reason.clone(),
            CallEvent::Revoked { by, reason } | CallEvent::AskedAgain { by, reason } => {
                format!("by {by}: {reason}")
            }
            CallEvent::Withdrawn { by } | CallEvent::SecretsErased { by } => format!("by {by}"),
            CallEvent::Finished { outcome } => outcome.for_reviewer(),
            CallEvent::Faltered { error } => error.to_string(),
            CallEvent::Lost { why } | CallEvent::Released { why } => why.clone(),
            CallEvent::Settled { settlement, by, reason } => {
                format!(
                    "{settlement}, according to {by}{}",
                    reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
                )
            }
            CallEvent::Reassessed { assessment, changes } if changes.is_empty() => {
                assessment.verdict().to_string()
            }
            CallEvent::Reassessed { assessment, changes } => {
                format!("{}, because {} changed", assessment.verdict(), changes.describe())
            }
            _ => String::new(),
        },
        RecordEvent::Gate(event) => match event {
            GateEvent::CallRefused { tool, problem, .. } => format!("{tool}: {problem}"),
            GateEvent::CallUnjudged { tool, problem, .. } => format!("{tool}: {problem}"),
            GateEvent::Action { action, details, .. } => format!("{action} {details}"),
            GateEvent::GrantGiven { grant } => format!("by {}: {grant}", grant.by()),
            GateEvent::GrantRevoked { grant, by } => format!("…{} by {by}", short(grant)),
            GateEvent::Frozen { freeze } => {
                format!("{} by {}: {}", freeze.scope(), freeze.by(), freeze.reason())
            }
            GateEvent::FreezeLifted { scope, by } => format!("{scope} by {by}"),
            GateEvent::TrailBegun { origin, key } => format!("{origin}, signed by {key}"),
            GateEvent::TrailSettled { by, next, reason, .. } => {
                format!("from record {next} on, by {by}: {reason}")
            }
            _ => String::new(),
        },
    };
    // The record of an unjudged call also contains instructions, so it is not shortened.
    let is_long = text.chars().count() > 160 && record.kind() != "call_unjudged";
    let text: String = if is_long { text.chars().take(160).chain(['…']).collect() } else { text };
    plain(text)
}
