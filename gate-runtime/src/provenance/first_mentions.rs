//! The speaker of a message, and the message that said something first.

use gate_core::call::Speaker;

/// The speaker of a message, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SpeakerKind {
    Trusted,
    Tool,
    Agent,
}

impl SpeakerKind {
    pub(super) fn of(speaker: &Speaker, is_nested: bool) -> Self {
        match speaker {
            // The messages for a nested agent, including its instructions, may have been made up by
            // the agent that called it.
            Speaker::System | Speaker::User if !is_nested => Self::Trusted,
            Speaker::Tool { .. } => Self::Tool,
            Speaker::System | Speaker::User | Speaker::Agent => Self::Agent,
        }
    }
}

/// The first messages that said a value. After one of somebody whom we trust, or of a tool, no
/// other matters.
#[derive(Clone, Copy, Default)]
pub(super) struct FirstMentions {
    pub(super) trusted: Option<usize>,
    pub(super) tool: Option<usize>,
    pub(super) agent: Option<usize>,
}
