//! The kinds of callers that wait for a body, and the events of a call whose caller went away
//! before the body began.

use gate_core::records::CallEvent;

/// The kind of caller that waits for a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerKind {
    /// A run or a remote agent, which report later: they do not wait for a body that waits for
    /// people.
    Run,
    /// A program, which needs the value itself: it waits as long as the body takes. A call that it
    /// gives up would never be run by anyone else.
    Program,
}

impl CallerKind {
    /// Returns the events of a call whose body never began, because its caller went away.
    pub(crate) fn unbegun(self) -> fn() -> Vec<CallEvent> {
        match self {
            Self::Run => never_began,
            Self::Program => given_up,
        }
    }
}

/// The events of a call of a run: it is approved as before, and can begin later.
fn never_began() -> Vec<CallEvent> {
    vec![CallEvent::Released { why: "whoever was to run it went away before it began".to_owned() }]
}

/// The events of a call that nobody else would ever run: it is cancelled.
fn given_up() -> Vec<CallEvent> {
    let mut events = never_began();
    events.push(CallEvent::Cancelled { reason: "its caller went away before it began".to_owned() });
    events
}
