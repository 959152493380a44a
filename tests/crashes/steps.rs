//! The steps at which a process ends itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

/// The side of an event on which the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum When {
    Before,
    /// During a commit, while the store writes it.
    During,
    After,
}

/// The records whose commits a process dies around.
pub const COMMITS: [&str; 15] = [
    "gate_built",
    "assessed",
    "voted",
    "withdrawn",
    "revoked",
    "grant_given",
    "covered",
    "reassessed",
    "dispatched",
    "finished",
    "lost",
    "settled",
    "frozen",
    "freeze_lifted",
    "call_refused",
];

/// The users' code in which a process dies: around the effect of a body, and around the check of a
/// reconciler.
pub const BODIES: [&str; 8] = ["pay", "draw", "wipe", "launch", "send", "set", "book", "reconcile"];

/// Returns every step, without the number of its occurrence.
pub fn every() -> Vec<(When, &'static str)> {
    let commits = COMMITS
        .into_iter()
        .flat_map(|kind| [When::Before, When::During, When::After].map(|when| (when, kind)));
    commits
        .chain(
            BODIES
                .into_iter()
                .flat_map(|tool| [When::Before, When::After].map(|when| (when, tool))),
        )
        .collect()
}

/// Returns the number of times that a process almost certainly reaches a point.
pub fn times(point: &str) -> u64 {
    match point {
        "assessed" => 12,
        "dispatched" | "finished" => 6,
        "voted" => 3,
        "covered" | "reassessed" | "pay" | "draw" | "send" => 2,
        _ => 1,
    }
}

/// Returns the point at which a process must have died before, so that another one reaches this
/// point.
pub fn after(point: &str) -> Option<&'static str> {
    match point {
        "lost" | "settled" => Some("pay"),
        "reconcile" => Some("book"),
        _ => None,
    }
}

/// One step of one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    pub when: When,
    /// The kind of a record, or the tool of a body.
    pub place: String,
    /// The number of the occurrence, from 1.
    pub nth: u32,
    /// The time after the beginning of a commit at which the process dies, in microseconds.
    pub micros: u64,
}

/// Ends the process when its step comes.
#[derive(Debug)]
pub struct KillSwitch {
    step: Option<Step>,
    passed: AtomicU32,
}

impl KillSwitch {
    pub fn new(step: Option<Step>) -> Self {
        Self { step, passed: AtomicU32::new(0) }
    }

    /// Returns whether the process dies now: at the commit of these records, or in this body.
    pub fn is_due(&self, when: When, places: &[&str]) -> bool {
        let Some(step) = &self.step else { return false };
        let is_here = step.when == when && places.contains(&step.place.as_str());
        is_here && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == step.nth
    }

    /// Ends the process, if its step is reached.
    pub fn pass(&self, when: When, places: &[&str]) {
        if self.is_due(when, places) {
            die();
        }
    }

    /// Ends the process in a moment, from another thread.
    pub fn light(&self) {
        let wait = Duration::from_micros(self.step.as_ref().map_or(0, |step| step.micros));
        std::thread::spawn(move || {
            std::thread::sleep(wait);
            die();
        });
    }
}

/// Ends the process like `kill -9`: nothing is unwound, nothing is flushed.
fn die() -> ! {
    kill_process(getpid(), Signal::KILL).unwrap();
    loop {
        std::thread::park();
    }
}
