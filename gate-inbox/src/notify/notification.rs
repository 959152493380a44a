//! The words of notifications about a call: plain text, without markup and without hidden
//! characters.

mod arguments;
mod expected_answer;

pub(super) use arguments::{ArgumentText, arguments};
pub(crate) use arguments::{is_whole, one_line};
pub(super) use expected_answer::{ExpectedAnswer, question};
use gate_runtime::id::Digest;
use gate_runtime::policy::Requirement;
use gate_runtime::review::{Decision, ReviewNotice, ReviewSnapshot, SanitizedText, Status, Vote};
use gate_runtime::{Approval, quoted};

use crate::render::untrusted_text::listed;

/// The longest value that is shown whole, in characters.
const LONG: usize = 400;

/// Returns a text on one line, with everything in it visible.
pub(crate) fn plain(text: impl AsRef<str>) -> String {
    SanitizedText::of(text.as_ref()).as_str().to_owned()
}

/// Returns a text of several lines, with everything in them visible.
pub(super) fn lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// Returns a text of at most so many UTF-16 units, which is what other services count.
pub(super) fn cut(text: &str, most: usize) -> String {
    let length = |text: &str| text.chars().map(char::len_utf16).sum::<usize>();
    if length(text) <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(1);
    let fits = |c: &char| {
        let rest = left.checked_sub(c.len_utf16());
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

/// Returns whether people are asked about it now.
pub(super) fn is_asked(approval: &Approval) -> bool {
    approval.status() == Status::Pending
        && !approval.is_held()
        && !approval.requirements().is_empty()
}

/// Names what people are asked for: an answer or a decision.
pub(super) fn expected_response(approval: &Approval) -> &'static str {
    if approval.answers().is_some() { "an answer" } else { "a decision" }
}

/// Returns whether a text is short enough to be shown whole.
fn is_short(shown: &str) -> bool {
    shown.chars().count() <= LONG
}

/// Returns the start and the end of a long text, with its length and digest.
fn short(shown: &str, whole: &str) -> String {
    if is_short(shown) {
        return shown.to_owned();
    }
    let count = shown.chars().count();
    let (start, end): (String, String) =
        (shown.chars().take(LONG / 2).collect(), shown.chars().skip(count - LONG / 2).collect());
    format!(
        "{start} […] {end} ({} characters in all, {})",
        whole.chars().count(),
        Digest::of(whole)
    )
}

/// The reason why a call cannot be approved from a message or mail that leaves something out.
pub(super) fn too_long(approval: &Approval, what: &str) -> String {
    let next = if wants_signature(approval) || approval.answers().is_some() {
        "read all of it"
    } else {
        "approve"
    };
    format!("It is too long for this {what}: open it to {next}.")
}

/// Returns whether only signed votes approve it.
pub(super) fn wants_signature(approval: &Approval) -> bool {
    approval.requirements().iter().any(Requirement::wants_signature)
}

/// Describes what is wrong with the texts that others wrote; `None` if nothing is. Each text is
/// checked whole, including the parts that are not shown.
pub(super) fn warning(review: &ReviewSnapshot) -> Option<String> {
    let found = review.hazards();
    (!found.is_empty()).then(|| format!("It has {}, shown as \\u{{…}}.", listed(found)))
}

/// Returns the agent.
pub(super) fn agent(approval: &Approval) -> String {
    let info = approval.subject().info();
    let name = info.agent().as_str();
    if name.is_empty() { "without a name".to_owned() } else { plain(name) }
}

/// The most earlier events that are shown.
const NOTICES: usize = 8;

/// Lists the earlier events that speak against approving the call as it is.
pub(super) fn before(review: &ReviewSnapshot) -> Vec<String> {
    let line = |notice: &ReviewNotice| match notice.quote() {
        Some(quote) => {
            format!("{} \"{}\"", notice.text(), short(&plain(quote.text()), quote.text()))
        }
        None => notice.text().to_owned(),
    };
    let all = review.notices();
    let more = all.len().saturating_sub(NOTICES);
    let rest = (more > 0).then(|| format!("And {more} more, which are in the inbox."));
    all.iter().take(NOTICES).map(line).chain(rest).collect()
}

/// Lists the claims of the agent, with its own words between these quotes. None of them is
/// verified. The longest comes last.
pub(super) fn claims(review: &ReviewSnapshot, quotes: [&str; 2]) -> Vec<String> {
    let [open, close] = quotes;
    let line = |claim: &ReviewNotice| match (claim.text(), claim.quote()) {
        (message, None) => message.to_owned(),
        ("", Some(quote)) => format!("{open}{}{close}", lines(quote.text())),
        (text, Some(quote)) => format!("{text} {open}{}{close}", lines(quote.text())),
    };
    review.claims().iter().map(line).collect()
}

/// The state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusTone {
    /// The call waits for people.
    Open,
    /// The call may run, or ran.
    Good,
    /// The call does not run.
    Stopped,
    /// Somebody should look at it.
    Bad,
}

/// Returns the state of a call, and words for its outcome and who decided it.
pub(crate) fn state(approval: &Approval) -> (StatusTone, String) {
    let (by, is_question) = (|| approvers(approval), approval.answers().is_some());
    match approval.status() {
        Status::Pending => (StatusTone::Open, votes(approval)),
        Status::Approved => {
            (StatusTone::Good, format!("Approved{}: it runs when its run continues.", by()))
        }
        Status::Dispatched => (
            StatusTone::Good,
            format!("Approved{}: it is running, or was when its process ended.", by()),
        ),
        Status::Succeeded => (StatusTone::Good, format!("Approved{}: it ran.", by())),
        Status::Failed if approval.is_refused() => {
            (StatusTone::Stopped, format!("It failed, and is not run again{}.", refuser(approval)))
        }
        Status::Failed => (StatusTone::Bad, format!("Approved{}: it ran, and failed.", by())),
        Status::Indeterminate => {
            (StatusTone::Bad, "It started, and its outcome is unknown.".to_owned())
        }
        Status::Expired if is_question => {
            (StatusTone::Stopped, "Nobody answered in time.".to_owned())
        }
        Status::Expired => {
            (StatusTone::Stopped, "Nobody decided in time: it does not run.".to_owned())
        }
        Status::Responded => {
            let who = approval
                .votes()
                .iter()
                .rev()
                .find(|vote| matches!(vote.decision(), Decision::Respond { .. }));
            let who = who.map_or_else(|| "Somebody".to_owned(), |vote| plain(vote.reviewer()));
            let message = match approval.answers() {
                Some(_) => format!("{who} answered, and the agent is told."),
                None => format!("{who} replied instead of running it."),
            };
            (StatusTone::Stopped, message)
        }
        Status::Denied | Status::Rejected | Status::Cancelled => {
            let not_run_text =
                approval.not_run().map(|reason| reason.for_reviewer()).unwrap_or_default();
            let shown = plain(&not_run_text);
            let mut first = shown.chars();
            let upper: String =
                first.next().into_iter().flat_map(char::to_uppercase).chain(first).collect();
            let end = if is_question { "" } else { " It does not run." };
            (StatusTone::Stopped, format!("{}.{end}", short(&upper, &not_run_text)))
        }
    }
}

/// Returns the votes so far, while the call waits.
fn votes(approval: &Approval) -> String {
    let line = approval
        .votes()
        .iter()
        .map(|vote| format!("{} {}", plain(vote.reviewer()), approval.describe_vote(vote)));
    line.collect::<Vec<_>>().join("; ")
}

fn approvers(approval: &Approval) -> String {
    let approves = |vote: &&Vote| {
        matches!(vote.decision(), Decision::Approve | Decision::Edit { .. })
            && approval.concerns(vote)
    };
    let names: Vec<String> =
        approval.votes().iter().filter(approves).map(|vote| plain(vote.reviewer())).collect();
    match (names.is_empty(), approval.grant()) {
        (false, _) => format!(" by {}", listed(&names)),
        (true, Some(_)) => " by a standing permission".to_owned(),
        (true, None) => String::new(),
    }
}

fn refuser(approval: &Approval) -> String {
    let rejects = |vote: &&Vote| matches!(vote.decision(), Decision::Reject { .. });
    approval
        .votes()
        .iter()
        .rev()
        .find(rejects)
        .map(|vote| format!(": {} rejected it", plain(vote.reviewer())))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_has_as_many_units_as_there_is_room_for() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("🙂🙂🙂", 5), "🙂🙂…");
        assert_eq!(cut("🙂🙂🙂", 4), "🙂…");
        assert_eq!(cut("ab", 0), "…");
    }

    #[test]
    fn a_long_text_is_told_by_its_ends_with_what_it_is() {
        let whole = format!("begin{}end", "x".repeat(1_000));
        let shown = short(&whole, &whole);
        assert!(
            shown.starts_with("begin") && shown.contains("end (1008 characters in all, sha256:"),
            "{shown}"
        );
        assert!(shown.chars().count() < 560);
    }
}
