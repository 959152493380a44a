//! The speaker of a message, and the message that contains a value first.

use gate_core::call::Speaker;

/// The kind of speaker of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SpeakerKind {
    Trusted,
    Tool,
    Agent,
}

impl SpeakerKind {
    pub(super) fn of(speaker: &Speaker, is_nested: bool) -> Self {
        match speaker {
            // The agent that called a nested agent may have invented its messages, including its
            // instructions.
            Speaker::System | Speaker::User if !is_nested => Self::Trusted,
            Speaker::Tool { .. } => Self::Tool,
            Speaker::System | Speaker::User | Speaker::Agent => Self::Agent,
        }
    }
}

/// The first messages that contain a value. After a message of a trusted speaker or of a tool,
/// later ones do not matter.
#[derive(Clone, Copy, Default)]
pub(super) struct FirstMentions {
    pub(super) trusted: Option<usize>,
    pub(super) tool: Option<usize>,
    pub(super) agent: Option<usize>,
}
