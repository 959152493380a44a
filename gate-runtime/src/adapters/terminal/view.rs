//! The pages that a reviewer sees.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use gate_core::approval::{Approval, Quote, QuoteAuthor, ReviewSnapshot, ShownArgument, Status};
use gate_core::assessment::RuleResult;
use gate_core::call::{Arguments, Speaker};
use gate_core::text::{self, Digest, SanitizedText, TextHazard, english};
use serde_json::Value;

use super::page::{PageBuffer, PageStyle};
use crate::engine::review::error::DecideError;
use crate::engine::review::interruption::Interruption;
use crate::engine::review::vote::{DecisionOutcome, Edit};

/// The longest value, in characters, that the first page shows in full.
const LONG: usize = 400;

/// The number of values on the first page.
const MANY: usize = 60;

/// Writes the page that a reviewer needs to decide.
pub(super) fn of(interruption: &Interruption, style: PageStyle) -> String {
    let mut page = PageBuffer::new(style);
    let (approval, review) = (interruption.approval(), interruption.review());
    page.title(&format!("{}{}", style.strong(review.headline()), mark(&review, style)));
    let purpose =
        review.purpose().map(|quote| format!(": {}", shown(quote.text()))).unwrap_or_default();
    page.line(&format!("{} needs a decision{purpose}", shown(approval.tool().as_str())));
    page.gap();
    write_who(&mut page, approval, &review);
    page.gap();
    write_arguments(&mut page, &review, false);
    page.gap();
    write_question(&mut page, interruption, &review, false);
    page.end();
    page.into_text()
}

/// Returns whether the first page shows all arguments of a call.
pub(super) fn is_whole(approval: &Approval) -> bool {
    let arguments = approval.shown_arguments(None);
    let is_short = |argument: &ShownArgument| argument.text().chars().count() <= LONG;
    arguments.len() <= MANY && arguments.iter().all(is_short)
}

/// Returns the warnings in the title.
fn mark(review: &ReviewSnapshot, style: PageStyle) -> String {
    match (review.is_known(), review.is_destructive()) {
        (false, _) => style.danger("  UNKNOWN HERE: treated as destructive"),
        (true, true) => style.danger("  DESTRUCTIVE: it cannot be undone"),
        (true, false) => String::new(),
    }
}

/// Writes the history of the question, the reasons for it, and who decides until when.
fn write_question(
    page: &mut PageBuffer,
    interruption: &Interruption,
    review: &ReviewSnapshot,
    whole: bool,
) {
    let (approval, style) = (interruption.approval(), page.style);
    let mut label = "before";
    for notice in review.notices() {
        page.row(label, &style.warning(notice.text()));
        if let Some(quote) = notice.quote() {
            let (text, hazards) = quoted(quote.text());
            let (text, left_out) =
                if whole { (text, None) } else { shortened(&text, quote.text()) };
            page.note(0, &text);
            if let Some(note) = left_out {
                page.note(0, &note);
            }
            write_hazards(page, 0, &hazards);
        }
        label = "";
    }
    write_rules(page, approval, whole);
    for vote in approval.votes() {
        page.row(
            "voted",
            &format!("{} {}", shown(vote.reviewer().as_str()), approval.describe_vote(vote)),
        );
    }
    page.row("decides", review.decides());
    if let Some(end) = review.until() {
        let time_left = rough_duration(end.duration_since(interruption.now()).unsigned_abs());
        page.note(0, &format!("until {end:.0}, in {time_left}"));
    }
    if let Some(valid) = review.valid() {
        page.note(0, &format!("an approval is valid {valid}"));
    }
}

/// Writes the page with everything that is known.
pub(super) fn everything(interruption: &Interruption, style: PageStyle) -> String {
    let (approval, review) = (interruption.approval(), interruption.review());
    let mut page = PageBuffer::new(style);
    let (tool, cursor) = (style.strong(shown(approval.tool().as_str())), mark(&review, style));
    page.title(&format!("everything about this call of {tool}{cursor}"));
    if let (Some(_), Some(descriptor)) = (review.purpose(), interruption.descriptor()) {
        descriptor.description().lines().for_each(|line| page.line(&shown(line)));
    }
    page.gap();
    write_who(&mut page, approval, &review);
    page.row("call", &shown(approval.subject().call().as_str()));
    page.row("approval", &approval.id().to_string());
    page.row("asked", &format!("{:.0}", approval.asked_at()));
    write_conversation(&mut page, approval);
    page.gap();
    write_arguments(&mut page, &review, true);
    page.row("digest", &approval.arguments().digest().to_string());
    if approval.is_edited() {
        page.row("proposed", &shown(approval.proposed().as_json()));
    }
    page.gap();
    write_question(&mut page, interruption, &review, true);
    page.end();
    page.into_text()
}

/// Shows the changes of an edit: by the resulting arguments, or as it was typed if it is invalid,
/// because then nothing runs.
pub(super) fn changes(
    arguments: &Arguments,
    edit: &Edit,
    edited: Result<Arguments, DecideError>,
    style: PageStyle,
) -> String {
    let mut page = PageBuffer::new(style);
    page.title("changes to the arguments");
    let before = arguments.to_json();
    match edited.map_or_else(|_| edit.apply(&before), |edited| Ok(edited.to_json())) {
        Ok(edited) => {
            let fields = |of: &Value| of.as_object().cloned().unwrap_or_default();
            let (old, new) = (fields(&before), fields(&edited));
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names.into_iter().filter(|name| old.get(*name) != new.get(*name)) {
                let nothing = || ("nothing".to_owned(), SanitizedText::of(""));
                let written = |value: &Value| written(value, arguments);
                let [(before, _), (after, visible)] =
                    [&old, &new].map(|of| of.get(name).map_or_else(nothing, written));
                page.line(&format!("{}: {before}", shown(name)));
                page.line(&format!("  → {after}"));
                write_hazards(&mut page, 0, &visible);
            }
        }
        Err(error) => page.line(&shown(&error.to_string())),
    }
    page.end();
    page.into_text()
}

/// Describes a duration in the largest unit of which there is at least one, rounded down: `30
/// minutes`, `2 hours`.
fn rough_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let unit = [86_400, 3_600, 60].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    english::duration(Duration::from_secs(seconds / unit * unit))
}

fn write_who(page: &mut PageBuffer, approval: &Approval, review: &ReviewSnapshot) {
    let style = page.style;
    let subject = approval.subject();
    let info = subject.info();
    let principal_text =
        info.principal().map(|who| format!(", for {}", shown(who.as_str()))).unwrap_or_default();
    page.row(
        "agent",
        &format!(
            "{}{principal_text}, run {}",
            shown(info.agent().as_str()),
            shown(info.run().as_str())
        ),
    );
    for hop in info.hops().iter().rev() {
        page.row("", &shown(&hop.to_string()));
    }
    if let Some(case) = info.case() {
        page.row("case", &shown(case.as_str()));
    }
    for claimed in review.claims() {
        let mut label = "it claims";
        if !claimed.text().is_empty() {
            page.row(label, claimed.text());
            label = "";
        }
        if let Some(quote) = claimed.quote() {
            let (claim, hazards) = quoted(quote.text());
            let (claim, left_out) = shortened(&claim, quote.text());
            page.row(label, &claim);
            if let Some(note) = left_out {
                page.note(0, &note);
            }
            write_hazards(page, 0, &hazards);
        }
        page.note(0, &style.faint("the agent's own words, which nobody has checked"));
    }
}

/// Writes the messages before the question, if the gate keeps them.
fn write_conversation(page: &mut PageBuffer, approval: &Approval) {
    let conversation = approval.conversation();
    if conversation.is_empty() {
        return;
    }
    page.gap();
    for message in conversation {
        let (text, hazards) = quoted(message.text());
        page.row("said", &format!("{} {text}", speaker(message.speaker())));
        write_hazards(page, 0, &hazards);
    }
    let disclaimer = "as the application reported it; nobody has checked what the agent and its \
        tools said";
    page.note(0, &page.style.faint(disclaimer));
}

fn speaker(speaker: &Speaker) -> String {
    match speaker {
        Speaker::System => "the instructions:".to_owned(),
        Speaker::User => "the person it is for:".to_owned(),
        Speaker::Agent => "the agent:".to_owned(),
        Speaker::Tool { tool } => format!("a result of {}:", shown(tool.as_str())),
    }
}

/// Writes every argument with its place, its value, the source of the value, its description in the
/// schema, and its hazards.
fn write_arguments(page: &mut PageBuffer, review: &ReviewSnapshot, whole: bool) {
    let style = page.style;
    let arguments = review.arguments();
    let names: Vec<String> = arguments.iter().map(|argument| shown(argument.name())).collect();
    let column = names.iter().map(|name| textwrap::core::display_width(name)).max().unwrap_or(0);
    let column = column.min(style.width / 3);
    if arguments.is_empty() {
        page.row("arguments", "none");
    }
    let most = if whole { usize::MAX } else { MANY };
    let mut label = "arguments";
    for (argument, name) in arguments.iter().zip(&names).take(most) {
        let text = argument.text();
        let (text, left_out) =
            if whole { (text, None) } else { shortened(&text, &argument.whole()) };
        page.value(label, name, column, &text);
        if let Some(note) = left_out {
            page.note(column + 2, &note);
        }
        label = "";
        let source = argument.describe_source().map(|source_text| {
            let (shown_text, _) = shortened(&shown(&source_text), &source_text);
            if argument.is_doubtful() { style.warning(shown_text) } else { shown_text }
        });
        let schema_description =
            argument.schema_description().map(|quote| style.faint(schema_text(quote)));
        let notes: Vec<String> = source.into_iter().chain(schema_description).collect();
        if !notes.is_empty() {
            page.note(column + 2, &notes.join(" · "));
        }
        write_each_hazard(page, column + 2, &argument.hazards());
    }
    if arguments.len() > most {
        page.note(
            0,
            &style.warning(format!("and {} more values: `s` shows them", arguments.len() - most)),
        );
        let rest: BTreeSet<TextHazard> =
            arguments.iter().skip(most).flat_map(ShownArgument::hazards).collect();
        write_each_hazard(page, 0, &Vec::from_iter(rest));
    }
}

/// Writes the description of an argument. The description of the tool's author is a plain note.
fn schema_text(quote: &Quote) -> String {
    match quote.by() {
        QuoteAuthor::Tool => shown(quote.text()),
        by => format!("{by} says: \"{}\"", shown(quote.text())),
    }
}

fn write_hazards(page: &mut PageBuffer, indent: usize, text: &SanitizedText) {
    write_each_hazard(page, indent, text.hazards());
}

fn write_each_hazard(page: &mut PageBuffer, indent: usize, hazards: &[TextHazard]) {
    if !hazards.is_empty() {
        let hazards = english::list(hazards.iter().map(ToString::to_string)).replace('`', "");
        page.note(indent, &page.style.warning(format!("! it has {hazards}, shown as \\u{{…}}")));
    }
}

fn write_rules(page: &mut PageBuffer, approval: &Approval, whole: bool) {
    let style = page.style;
    let mut source = None;
    let mut label = "rules";
    for rule in approval.assessment().rules() {
        if source != Some(rule.source()) {
            page.row(label, &style.faint(shown(&rule.source().to_string())));
            source = Some(rule.source());
            label = "";
        }
        let counts = rule.result() != RuleResult::NotMatched;
        let line = shown(&rule.to_string());
        page.note(2, &if counts { line } else { style.faint(line) });
        let text = rule.text().filter(|_| whole || counts).unwrap_or_default();
        for line in text.lines() {
            page.note(4, &style.faint(shown(line)));
        }
        if rule.result() == RuleResult::Failed {
            page.note(4, &style.warning("the rule failed, which never lets a call through"));
        }
    }
}

/// Returns the displayed form of a value, with the hazards of its text.
fn written(value: &Value, arguments: &Arguments) -> (String, SanitizedText) {
    match value.as_str() {
        Some(_) if arguments.is_secret(value) => {
            ("a secret, which is not shown".to_owned(), SanitizedText::of(""))
        }
        Some(text) => quoted(text),
        None => {
            let text = SanitizedText::of(&value.to_string());
            (text.as_str().to_owned(), text)
        }
    }
}

/// Returns a text in quotes, with its hazards. Line breaks are no hazard.
fn quoted(text: &str) -> (String, SanitizedText) {
    (text::quoted(text), SanitizedText::of(&text.replace(['\n', '\t'], " ")))
}

/// Returns the beginning and the end of a long text, and a note about the part between.
fn shortened(text: &str, whole: &str) -> (String, Option<String>) {
    let length = text.chars().count();
    if length <= LONG {
        return (text.to_owned(), None);
    }
    let start: String = text.chars().take(LONG / 2).collect();
    let end: String = text.chars().skip(length - LONG / 2).collect();
    let left_out = format!(
        "{} characters in all, {}; `s` shows them",
        whole.chars().count(),
        Digest::of(whole)
    );
    (format!("{start} […] {end}"), Some(left_out))
}

/// Describes the outcome of a decision.
pub(super) fn outcome(decided: &DecisionOutcome) -> String {
    let approval = decided.approval();
    let mut text = match decided.status() {
        Status::Approved => "  ✓ approved: it may run now".to_owned(),
        Status::Rejected => "  ✗ rejected: the agent receives the reason".to_owned(),
        Status::Pending => {
            format!("  … your vote counts; it still waits for {}", shown(&approval.still_needs()))
        }
        other => format!("  it is {other} now"),
    };
    if let Some(grant) = decided.grant() {
        let _ = write!(text, "\n  ✓ always: {}", shown(&grant.to_string()));
    }
    text.push('\n');
    text
}

/// Returns a text in a form that cannot control the terminal or hide characters.
pub(super) fn shown(text: &str) -> String {
    SanitizedText::of(text).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_its_largest_unit() {
        assert_eq!(rough_duration(Duration::from_secs(1_799)), "29 minutes");
        assert_eq!(rough_duration(Duration::from_hours(49)), "2 days");
        assert_eq!(rough_duration(Duration::from_secs(59)), "59 seconds");
    }
}
