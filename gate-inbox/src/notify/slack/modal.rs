//! Modal windows in Slack, in which people type a comment.

use gate_runtime::Approval;
use gate_runtime::tool::Descriptor;
use serde_json::{Value, json};

use super::blocks::{escaped, input, modal, plain, section, with};
use super::payload::{DecisionAction, EXPLAIN, REJECT, ShownApproval, WORDS};
use crate::notify::notification;

/// Returns the window in which somebody types a comment for approving or rejecting a call.
pub(crate) fn asking(
    action: &DecisionAction,
    approval: &Approval,
    tool: Option<&Descriptor>,
    shown_approval: ShownApproval,
) -> Value {
    let (callback, title, label) = match action {
        DecisionAction::Refuse => (REJECT, "Reject", "Reason (the agent sees it)"),
        DecisionAction::Approve | DecisionAction::Explain => {
            (EXPLAIN, "Approve", "Reason (for the record)")
        }
    };
    let view = modal(title, &[section(&about(approval, tool)), input(WORDS, label)]);
    let view =
        with(with(view, "callback_id", callback), "private_metadata", shown_approval.to_string());
    with(view, "submit", plain(title, 24))
}

/// Describes a call for a window.
pub(super) fn about(approval: &Approval, tool: Option<&Descriptor>) -> String {
    format!("{}: {}", notification::plain(approval.tool()), notification::one_line(approval, tool))
}

/// Returns the answer that makes the window say what happened.
pub(crate) fn close_with(message: &str) -> Value {
    json!({ "response_action": "update", "view": modal("Gate", &[section(message)]) })
}

/// Returns the answer that makes the window say what is wrong with the typed words.
pub(crate) fn wrong(message: &str) -> Value {
    json!({ "response_action": "errors", "errors": { WORDS: escaped(message, 150) } })
}
