//! The caller that waits for a body, and the fate of a call whose body never began because its
//! caller went away.

use gate_core::records::CallEvent;

/// The one that waits for a body to end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerKind {
    /// A run, or an agent in another program, which tells later: it does not wait for a body that
    /// waits for people.
    Run,
    /// A program, which wants the value itself: it waits as long as the body takes. What it gives
    /// up, nobody else would ever run.
    Program,
}

impl CallerKind {
    /// Returns what happens to a call whose body never began, because whoever was to run it went
    /// away.
    pub(crate) fn unbegun(self) -> fn() -> Vec<CallEvent> {
        match self {
            Self::Run => never_began,
            Self::Program => given_up,
        }
    }
}

/// A body that was about to begin when whoever was to run it went away: it is approved as before,
/// and can begin later.
fn never_began() -> Vec<CallEvent> {
    vec![CallEvent::Released { why: "whoever was to run it went away before it began".to_owned() }]
}

/// The same, where nobody else would ever run it.
fn given_up() -> Vec<CallEvent> {
    let mut events = never_began();
    events.push(CallEvent::Cancelled { reason: "its caller went away before it began".to_owned() });
    events
}
