//! What is kept of what happened: to which call, when, and how that stood after it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::approval::status::Status;
use crate::call::context::RunInfo;
use crate::call::subject::Subject;
use crate::id::{CaseId, RunId};
use crate::records::event::{CallEvent, Event, GateEvent};

/// One entry of the record of everything that happens; written in the transaction that makes it so, before its effect.
///
/// ```
/// # fn show(record: &gate_runtime::Record) {
/// println!("{} {} {}", record.seq(), record.at(), record.kind());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<Subject>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    pub(crate) event: Event,
}

impl Record {
    /// A record of what happened to a call, and the state it is in after it.
    #[doc(hidden)]
    #[must_use]
    pub fn of_call(at: Timestamp, subject: Arc<Subject>, status: Status, event: CallEvent) -> Self {
        Self { seq: 0, at, subject: Some(subject), status: Some(status), event: Event::Call(event) }
    }

    /// A record of what happened to the gate.
    #[doc(hidden)]
    #[must_use]
    pub fn of_gate(at: Timestamp, event: GateEvent) -> Self {
        Self { seq: 0, at, subject: None, status: None, event: Event::Gate(event) }
    }

    /// Its place in the store's order, from 1, without gaps. A store sets it when it commits.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The same record at a place: for stores.
    #[must_use]
    pub fn numbered(mut self, seq: u64) -> Self {
        self.seq = seq;
        self
    }

    /// When it happened, by the gate's clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns [`subject`](Self::subject) to be shared.
    #[doc(hidden)]
    #[must_use]
    pub fn shared_subject(&self) -> Option<&Arc<Subject>> {
        self.subject.as_ref()
    }

    /// Which call it is about; `None` where it is about the gate.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_deref()
    }

    /// The state that the call is in after it.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Whether people are asked by it: for the first time, again, or others than before. A vote that does not suffice asks nobody anew.
    #[must_use]
    pub fn asks_people(&self) -> bool {
        let asks = matches!(
            self.event,
            Event::Call(
                CallEvent::Assessed { .. }
                    | CallEvent::Imported
                    | CallEvent::Reassessed { .. }
                    | CallEvent::Uncovered { .. }
                    | CallEvent::Voided { .. }
                    | CallEvent::Lapsed
                    | CallEvent::Revoked { .. }
                    | CallEvent::Faltered { .. }
                    | CallEvent::AskedAgain { .. }
                    | CallEvent::Escalated { .. }
                    | CallEvent::Reminded { .. }
            )
        );
        asks && self.status == Some(Status::Pending)
    }

    /// Who runs, for whom, in which matter, where it belongs to a run.
    #[must_use]
    pub fn info(&self) -> Option<&RunInfo> {
        match (&self.subject, &self.event) {
            (Some(subject), _) => Some(&subject.info),
            (
                None,
                Event::Gate(
                    GateEvent::CallRefused { info, .. }
                    | GateEvent::CallUnjudged { info, .. }
                    | GateEvent::Action { info, .. },
                ),
            ) => Some(info),
            _ => None,
        }
    }

    /// The run it belongs to.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        self.info().map(RunInfo::run)
    }

    /// The case it belongs to.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        self.info()?.case()
    }

    /// What happened, as one word: `assessed`, `voted`, `dispatched`, `finished`, …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.event {
            Event::Call(event) => match event {
                CallEvent::Assessed { .. } => "assessed",
                CallEvent::Voted { .. } => "voted",
                CallEvent::Covered { .. } => "covered",
                CallEvent::Uncovered { .. } => "uncovered",
                CallEvent::Voided { .. } => "voided",
                CallEvent::Lapsed => "lapsed",
                CallEvent::Escalated { .. } => "escalated",
                CallEvent::Reminded { .. } => "reminded",
                CallEvent::Expired => "expired",
                CallEvent::Cancelled { .. } => "cancelled",
                CallEvent::Withdrawn { .. } => "withdrawn",
                CallEvent::Revoked { .. } => "revoked",
                CallEvent::Abandoned => "abandoned",
                CallEvent::Reassessed { .. } => "reassessed",
                CallEvent::Imported => "imported",
                CallEvent::Dispatched => "dispatched",
                CallEvent::Finished { .. } => "finished",
                CallEvent::Faltered { .. } => "faltered",
                CallEvent::Lost { .. } => "lost",
                CallEvent::Released { .. } => "released",
                CallEvent::AskedAgain { .. } => "asked_again",
                CallEvent::SecretsErased { .. } => "secrets_erased",
                CallEvent::Settled { .. } => "settled",
            },
            Event::Gate(event) => match event {
                GateEvent::GateBuilt { .. } => "gate_built",
                GateEvent::DirectoryChanged { .. } => "directory_changed",
                GateEvent::CallRefused { .. } => "call_refused",
                GateEvent::CallUnjudged { .. } => "call_unjudged",
                GateEvent::Action { .. } => "action",
                GateEvent::GrantGiven { .. } => "grant_given",
                GateEvent::GrantRevoked { .. } => "grant_revoked",
                GateEvent::Frozen { .. } => "frozen",
                GateEvent::FreezeLifted { .. } => "freeze_lifted",
                GateEvent::TrailBegun { .. } => "trail_begun",
                GateEvent::TrailSettled { .. } => "trail_settled",
            },
        }
    }
}
