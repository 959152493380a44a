//! What a reviewer sees.

use std::fmt::Write as _;

use serde_json::Value;

use crate::engine::decide::Decided;
use crate::engine::interruption::Interruption;
use crate::values::approval::Status;
use crate::values::opinion::RuleResult;
use crate::values::report::RuleReport;

/// The longest value that is shown whole at first.
const LONG: usize = 400;

/// What a reviewer needs to decide.
pub(super) fn of(asked: &Interruption) -> String {
    let approval = asked.approval();
    let subject = approval.subject();
    let mut text = String::new();
    let destructive = asked.descriptor().is_some_and(|descriptor| descriptor.annotations().destructive);
    let mark = if destructive { "  DESTRUCTIVE: it cannot be undone" } else { "" };
    let _ = writeln!(text, "\n┌─ {} wants a decision{mark}", visible(approval.tool().as_str()));
    if let Some(descriptor) = asked.descriptor() {
        let first = descriptor.description().lines().next().unwrap_or_default();
        let _ = writeln!(text, "│  {}", visible(first));
    }
    let whom = subject.info().principal().map(|who| format!(", for {}", visible(who.as_str()))).unwrap_or_default();
    let _ = writeln!(
        text,
        "│  agent      {}{whom}, run {}",
        visible(subject.info().agent().as_str()),
        visible(subject.info().run().as_str())
    );
    if let Some(reasoning) = subject.reasoning() {
        let _ = writeln!(text, "│  it claims  \"{}\"", shortened(&visible(reasoning)));
    }
    write_arguments(&mut text, &approval.arguments().to_json(), false);
    for refusal in approval.earlier() {
        let _ = writeln!(
            text,
            "│  before     {} refused this tool in this run: \"{}\"",
            visible(refusal.by().as_str()),
            visible(refusal.reason())
        );
    }
    if !approval.changes().is_empty() {
        let _ = writeln!(text, "│  again      {} changed since it was approved", approval.changes().words());
    }
    for rule in approval.assessment().rules().filter(|rule| rule.result() != RuleResult::NotMatched) {
        let _ = writeln!(text, "│  because    {}", because(&rule));
    }
    for vote in approval.votes() {
        let _ = writeln!(text, "│  voted      {}: {:?}", visible(vote.reviewer().as_str()), vote.decision());
    }
    let until = approval.expires_at().map(|end| format!(", until {end:.0}")).unwrap_or_default();
    let _ = writeln!(text, "└  decides    {}{until}", visible(&approval.waits_for()));
    text
}

/// A rule that counted, in a line.
fn because(rule: &RuleReport<'_>) -> String {
    let note = match (rule.result(), rule.error()) {
        (RuleResult::Failed, Some(error)) => format!(" (failed: {})", visible(error)),
        (RuleResult::Matched, _) => String::new(),
        (result, _) => format!(" ({result})"),
    };
    match rule.rule() {
        "otherwise" => format!("no rule of {} decides it", rule.source()),
        name => format!("{} \"{}\"{note}, of {}", rule.effect(), visible(name), rule.source()),
    }
}

/// Everything that is known.
pub(super) fn everything(asked: &Interruption) -> String {
    let approval = asked.approval();
    let mut text = String::new();
    write_arguments(&mut text, &approval.arguments().to_json(), true);
    if approval.is_edited() {
        let _ = writeln!(text, "│  proposed   {}", visible(approval.proposed().as_json()));
    }
    let mut source = None;
    for rule in approval.assessment().rules() {
        if source != Some(rule.source()) {
            let _ = writeln!(text, "│  {}", rule.source());
            source = Some(rule.source());
        }
        let _ = writeln!(text, "│    {}", visible(&rule.to_string()));
        for line in rule.text().unwrap_or_default().lines() {
            let _ = writeln!(text, "│        {}", visible(line));
        }
    }
    let _ = writeln!(text, "│  approval   {}", asked.id());
    let _ = writeln!(text, "└  arguments  {}", approval.arguments().digest());
    text
}

fn write_arguments(text: &mut String, arguments: &Value, whole: bool) {
    let Value::Object(fields) = arguments else { return };
    let width = fields.keys().map(|name| visible(name).chars().count()).max().unwrap_or(0);
    let mut label = "arguments";
    for (name, value) in fields {
        let shown = visible(&value.to_string());
        let shown = if whole { shown } else { shortened(&shown) };
        let _ = writeln!(text, "│  {label:<10} {:<width$}  {shown}", visible(name));
        label = "";
    }
    if fields.is_empty() {
        let _ = writeln!(text, "│  {label:<10} none");
    }
}

/// A long text by its ends, with its length.
fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONG {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONG / 2).collect();
    let end: String = text.chars().skip(length - LONG / 2).collect();
    format!("{start} … {length} characters in all, `s` shows them … {end}")
}

/// What came of a decision.
pub(super) fn outcome(decided: &Decided) -> String {
    let approval = decided.approval();
    let mut said = match decided.status() {
        Status::Approved => "  ✓ approved: it may run now".to_owned(),
        Status::Rejected => "  ✗ rejected: the agent is told why".to_owned(),
        Status::Pending => format!("  … your vote counts; it still waits for {}", visible(&approval.waits_for())),
        other => format!("  it is {other} now"),
    };
    if let Some(grant) = decided.grant() {
        let _ = write!(said, "\n  ✓ always: {}", visible(&grant.to_string()));
    }
    said.push('\n');
    said
}

/// A text that does nothing to a terminal and hides nothing: control, formatting and invisible characters as escapes.
pub(super) fn visible(text: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if hides(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
        shown
    })
}
