//! Records: an event, its call, its time, and the state of the call after it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::approval::state::Approval;
use crate::approval::status::Status;
use crate::call::context::RunInfo;
use crate::call::subject::CallSubject;
use crate::id::{CaseId, RunId};
use crate::records::event::{CallEvent, GateEvent, RecordEvent};

/// The record of an event. It is written together with the change, before the effect.
///
/// ```
/// # fn show(record: &gate_runtime::records::Record) {
/// println!("{} {} {}", record.seq(), record.at(), record.kind());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    /// Its position among the records of its call, from 1. Records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call_seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<CallSubject>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    pub(crate) event: RecordEvent,
}

impl Record {
    /// Creates a record of an event of the gate.
    #[doc(hidden)]
    #[must_use]
    pub fn of_gate(at: Timestamp, event: GateEvent) -> Self {
        Self {
            seq: 0,
            at,
            call_seq: None,
            subject: None,
            status: None,
            event: RecordEvent::Gate(event),
        }
    }

    /// Returns its position in the store's order, from 1, without gaps. A store sets it on commit.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the record with a number, for stores.
    #[must_use]
    pub fn numbered(mut self, seq: u64) -> Self {
        self.seq = seq;
        self
    }

    /// Returns its position among the records of its call: 1, 2, 3, … without gaps, so that readers
    /// of a receipt can detect a missing record. `None` for records that are not about a call, and
    /// for records of earlier versions.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Read one order.
    /// # #[gated_tool(policy = "never_ask", read_only)]
    /// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
    /// # registry! { pub Tools for () { GetOrder } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate: Gate<Tools> = Gate::builder(()).build().await?;
    /// get_order(&gate.run("run-42"), "A-1".into()).await?;
    /// let records = gate.records(0, 100).await?;
    /// let numbers: Vec<_> =
    ///     records.iter().map(|record| (record.kind(), record.call_seq())).collect();
    /// assert_eq!(
    ///     numbers,
    ///     [
    ///         ("gate_built", None),
    ///         ("assessed", Some(1)),
    ///         ("dispatched", Some(2)),
    ///         ("finished", Some(3))
    ///     ]
    /// );
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn call_seq(&self) -> Option<u64> {
        self.call_seq
    }

    /// Returns the time of the event, by the gate's clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns a shared [`subject`](Self::subject).
    #[doc(hidden)]
    #[must_use]
    pub fn shared_subject(&self) -> Option<&Arc<CallSubject>> {
        self.subject.as_ref()
    }

    /// Returns the call it is about; `None` if it is about the gate.
    #[must_use]
    pub fn subject(&self) -> Option<&CallSubject> {
        self.subject.as_deref()
    }

    /// Returns the status of the call after it.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// Returns the event that happened.
    #[must_use]
    pub fn event(&self) -> &RecordEvent {
        &self.event
    }

    /// Returns whether its event asks people: for the first time, again, or other people than
    /// before. A vote that leaves more votes needed does not ask again.
    #[must_use]
    pub fn asks_people(&self) -> bool {
        let asks = matches!(
            self.event,
            RecordEvent::Call(
                CallEvent::Assessed { .. }
                    | CallEvent::Imported { .. }
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

    /// Returns the facts of its run, if it belongs to one.
    #[must_use]
    pub fn info(&self) -> Option<&RunInfo> {
        match (&self.subject, &self.event) {
            (Some(subject), _) => Some(&subject.info),
            (
                None,
                RecordEvent::Gate(
                    GateEvent::CallRefused { info, .. }
                    | GateEvent::CallUnjudged { info, .. }
                    | GateEvent::Action { info, .. },
                ),
            ) => Some(info),
            _ => None,
        }
    }

    /// Returns the run it belongs to.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        self.info().map(RunInfo::run)
    }

    /// Returns the case it belongs to.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        self.info()?.case()
    }

    /// Returns the kind of event: `assessed`, `voted`, `dispatched`, `finished`, …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.event {
            RecordEvent::Call(event) => match event {
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
                CallEvent::Imported { .. } => "imported",
                CallEvent::Dispatched => "dispatched",
                CallEvent::Finished { .. } => "finished",
                CallEvent::Faltered { .. } => "faltered",
                CallEvent::Lost { .. } => "lost",
                CallEvent::Released { .. } => "released",
                CallEvent::AskedAgain { .. } => "asked_again",
                CallEvent::SecretsErased { .. } => "secrets_erased",
                CallEvent::Settled { .. } => "settled",
            },
            RecordEvent::Gate(event) => match event {
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

impl Approval {
    /// Creates the record of the event that was just applied. Only this function numbers the
    /// records of a call.
    #[doc(hidden)]
    #[must_use]
    pub fn record(&mut self, event: CallEvent, at: Timestamp) -> Record {
        self.recorded += 1;
        Record {
            seq: 0,
            at,
            call_seq: Some(self.recorded),
            subject: Some(Arc::clone(&self.subject)),
            status: Some(self.status),
            event: RecordEvent::Call(event),
        }
    }
}
