//! The kinds of callers that wait for a body, and the events of a call whose caller was dropped
//! before the body began.

use gate_core::records::CallEvent;

/// The kind of caller that waits for a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerKind {
    /// A run or a remote agent, which can report the end later and does not wait for a body that
    /// waits for people.
    Run,
    /// A program, which needs the value itself and waits as long as the body takes. If it gives up
    /// a call, nobody else would ever run it.
    Program,
}

impl CallerKind {
    /// Returns the events of a call whose body never began, because its caller was dropped.
    pub(crate) fn unbegun(self) -> fn() -> Vec<CallEvent> {
        match self {
            Self::Run => never_began,
            Self::Program => given_up,
        }
    }
}

/// Returns the events for a call of a run, which is approved as before and can begin later.
fn never_began() -> Vec<CallEvent> {
    vec![CallEvent::Released { why: "whoever was to run it went away before it began".to_owned() }]
}

/// Returns the events for a call that nobody else would ever run, which is cancelled.
fn given_up() -> Vec<CallEvent> {
    let mut events = never_began();
    events.push(CallEvent::Cancelled { reason: "its caller went away before it began".to_owned() });
    events
}
