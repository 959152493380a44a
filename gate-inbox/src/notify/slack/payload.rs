//! Reads Slack's requests after their signature was checked.

use std::fmt;
use std::str::FromStr;

use gate_runtime::Approval;
use gate_runtime::id::{ApprovalId, Digest};
use serde_json::Value;

/// The names of the buttons, and of the windows that they open.
pub(super) const APPROVE: &str = "gate_approve";
/// To approve, with a comment.
pub(super) const EXPLAIN: &str = "gate_explain";
pub(super) const REJECT: &str = "gate_reject";
pub(super) const OPEN: &str = "gate_open";

/// The field of a window in which people type.
pub(super) const WORDS: &str = "words";

/// The call that a button or a window is about, and what it showed of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShownApproval {
    pub(crate) approval: ApprovalId,
    pub(crate) digest: Digest,
}

impl ShownApproval {
    pub(super) fn of(approval: &Approval) -> Self {
        Self { approval: approval.id(), digest: approval.shown() }
    }
}

impl fmt::Display for ShownApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.approval, self.digest)
    }
}

impl FromStr for ShownApproval {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (approval, digest) = text.split_once(' ').ok_or(())?;
        Ok(Self {
            approval: approval.parse().map_err(|_| ())?,
            digest: digest.parse().map_err(|_| ())?,
        })
    }
}

/// The answer that somebody gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DecisionAction {
    /// Approve the call.
    Approve,
    /// Open the window for a comment, then approve.
    Explain,
    /// Open the window for a comment, then reject.
    Refuse,
}

/// A request from Slack.
#[derive(Debug)]
pub(crate) enum SlackInteraction {
    /// Somebody clicked.
    Click {
        who: SlackUser,
        action: DecisionAction,
        shown: ShownApproval,
        trigger: String,
        answer_to: String,
    },
    /// Somebody sent a window with what they typed.
    Sent { who: SlackUser, action: DecisionAction, shown: ShownApproval, message: String },
    /// Something that needs no answer, like a click on a link.
    Other,
}

/// The person who clicked or typed, as Slack identifies them.
#[derive(Clone, Debug)]
pub(crate) struct SlackUser {
    pub(crate) id: String,
    pub(crate) workspace: String,
}

impl SlackInteraction {
    /// Reads a payload. `None` if it is not one of ours.
    pub(crate) fn read(payload: &str) -> Option<Self> {
        let payload: Value = serde_json::from_str(payload).ok()?;
        let text = |pointer: &str| payload.pointer(pointer)?.as_str();
        let who = || {
            let workspace =
                text("/user/team_id").or_else(|| text("/team/id")).unwrap_or_default().to_owned();
            Some(SlackUser { id: text("/user/id")?.to_owned(), workspace })
        };
        match text("/type")? {
            "block_actions" => {
                let [_] = payload.get("actions")?.as_array()?.as_slice() else { return None };
                let action = match text("/actions/0/action_id")? {
                    APPROVE => DecisionAction::Approve,
                    EXPLAIN => DecisionAction::Explain,
                    REJECT => DecisionAction::Refuse,
                    _ => return Some(Self::Other),
                };
                let shown = text("/actions/0/value")?.parse().ok()?;
                let (trigger, answer_to) =
                    (text("/trigger_id")?.to_owned(), text("/response_url")?.to_owned());
                Some(Self::Click { who: who()?, action, shown, trigger, answer_to })
            }
            "view_submission" => {
                let dialog_action = match text("/view/callback_id")? {
                    EXPLAIN => DecisionAction::Explain,
                    REJECT => DecisionAction::Refuse,
                    _ => return Some(Self::Other),
                };
                let shown = text("/view/private_metadata")?.parse().ok()?;
                let message = text(&format!("/view/state/values/{WORDS}/{WORDS}/value"))
                    .unwrap_or_default()
                    .to_owned();
                Some(Self::Sent { who: who()?, action: dialog_action, shown, message })
            }
            _ => Some(Self::Other),
        }
    }
}
