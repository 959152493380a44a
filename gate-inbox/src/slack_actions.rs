//! The inbox's side of Slack's buttons.

use tokio::sync::Mutex;

use crate::notify::Slack;
use crate::notify::slack::signed::ReplayGuard;

/// The state for handling Slack's requests.
#[derive(Debug)]
pub(crate) struct SlackActions {
    pub(crate) slack: Slack,
    pub(crate) replay_guard: ReplayGuard,
    /// Serializes decisions, so that a second click sees the result of the first one.
    pub(crate) decision_lock: Mutex<()>,
}

impl SlackActions {
    pub(crate) fn new(slack: Slack) -> Self {
        Self { slack, replay_guard: ReplayGuard::default(), decision_lock: Mutex::default() }
    }
}
