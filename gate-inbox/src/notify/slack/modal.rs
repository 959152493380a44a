//! Modal windows in Slack, in which people type a comment.

use gate_runtime::Approval;
use gate_runtime::tool::Descriptor;
use serde_json::{Value, json};

use super::blocks::{escaped, input, modal, plain, section, with};
use super::payload::{DecisionAction, EXPLAIN, REJECT, ShownApproval, WORDS};
use crate::notify::told;

/// Returns the window in which somebody types a comment for approving or rejecting a call.
pub(crate) fn asking(
    wish: &DecisionAction,
    approval: &Approval,
    tool: Option<&Descriptor>,
    shown: ShownApproval,
) -> Value {
    let (callback, title, label) = match wish {
        DecisionAction::Refuse => (REJECT, "Reject", "Reason (the agent sees it)"),
        DecisionAction::Approve | DecisionAction::Explain => {
            (EXPLAIN, "Approve", "Reason (for the record)")
        }
    };
    let view = modal(title, &[section(&about(approval, tool)), input(WORDS, label)]);
    let view = with(with(view, "callback_id", callback), "private_metadata", shown.to_string());
    with(view, "submit", plain(title, 24))
}

/// Describes a call for a window.
pub(super) fn about(approval: &Approval, tool: Option<&Descriptor>) -> String {
    format!("{}: {}", told::plain(approval.tool()), told::one_line(approval, tool))
}

/// Returns the answer that makes the window say what happened.
pub(crate) fn said(words: &str) -> Value {
    json!({ "response_action": "update", "view": modal("Gate", &[section(words)]) })
}

/// Returns the answer that makes the window say what is wrong with the typed words.
pub(crate) fn wrong(words: &str) -> Value {
    json!({ "response_action": "errors", "errors": { WORDS: escaped(words, 150) } })
}
