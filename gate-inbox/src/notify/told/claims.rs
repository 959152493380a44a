//! What an agent says: of its reasons, and, where it is in another program, of its question and of its own tool. Nobody has checked any of it.

use gate_runtime::{Approval, Descriptor, Priority, Request};

use super::{lines, plain};

/// What the tool does, as whoever has it says; `None` where only the agent that asks says so.
pub(in crate::notify) fn purpose(approval: &Approval, tool: Option<&Descriptor>) -> Option<String> {
    described(tool).filter(|_| approval.subject().request().is_none())
}

/// What the agent says, each for itself, with its own words in these quotes. The longest comes last.
pub(in crate::notify) fn claims(approval: &Approval, tool: Option<&Descriptor>, quotes: [&str; 2]) -> Vec<String> {
    let [open, close] = quotes;
    let subject = approval.subject();
    let mut claims = Vec::new();
    if let Some(request) = subject.request() {
        claims.extend(request.about().map(|words| format!("{open}{}{close}", plain(words.replace('\n', " ")))));
        claims.extend(urgency(request));
        claims.extend(described(tool).map(|words| format!("It says of the tool: {open}{words}{close}")));
    }
    claims.extend(subject.reasoning().map(|words| format!("{open}{}{close}", lines(words))));
    claims
}

/// The first line of a tool's description.
fn described(tool: Option<&Descriptor>) -> Option<String> {
    tool.and_then(|tool| tool.description().lines().next()).map(plain)
}

fn urgency(request: &Request) -> Option<String> {
    let priority = request.how_urgent();
    (priority != Priority::Normal).then(|| format!("It says: {priority}"))
}
