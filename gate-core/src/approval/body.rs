//! Events of a call's body: it begins, ends, fails, is lost, or its end is found out.

use std::sync::Arc;

use jiff::Timestamp;

use crate::approval::requirement::anyone;
use crate::approval::settlement::{SettledBy, Settlement};
use crate::approval::state::Approval;
use crate::approval::state_machine::Refused;
use crate::approval::status::Status;
use crate::call::outcome::ToolOutcome;
use crate::records::event::CallEvent;

/// The text before the reason, when people are asked to run a call again.
const UNKNOWN: &str = "nobody knows whether it ran: ";

fn unknown(why: &str) -> Arc<str> {
    format!("{UNKNOWN}{why}").into()
}

impl Approval {
    /// Applies an event of the body.
    pub(super) fn advance_body(
        &mut self,
        event: &CallEvent,
        now: Timestamp,
    ) -> Result<(), Refused> {
        match event {
            CallEvent::Dispatched => {
                self.must_be(&[Status::Approved])?;
                // The engine has checked that it is valid; time may have passed since.
                if self.valid_until().is_some_and(|end| end <= now) {
                    return Err(Refused::TooLate);
                }
                self.status = Status::Dispatched;
                self.attempts = self.attempts.saturating_add(1);
                self.note = None;
                // The end of the previous attempt counts until this attempt has begun. That is only
                // certain once this attempt ends.
                if !self.remembers_attempts() {
                    (self.failure, self.asked_again) = (None, false);
                }
            }
            // The process may report the end after the call counted as lost and was approved to run
            // again.
            CallEvent::Finished { outcome } => {
                self.must_have_begun()?;
                self.finish(outcome);
            }
            CallEvent::Faltered { error } => {
                self.must_have_begun()?;
                self.ask_after_failure(error, now);
                if self.remembers_attempts() {
                    self.asked_again = false;
                }
            }
            CallEvent::Lost { why } => {
                self.must_be(&[Status::Dispatched])?;
                self.note = Some(why.clone());
                (self.failure, self.asked_again) = (None, false);
                self.status = Status::Indeterminate;
            }
            CallEvent::Released { .. } => {
                self.must_be(&[Status::Dispatched])?;
                self.status = Status::Approved;
            }
            CallEvent::AskedAgain { reason, .. } => {
                self.must_be(&[Status::Indeterminate])?;
                if reason.trim().is_empty() {
                    return Err(Refused::ReasonRequired);
                }
                let why = self.note.take().unwrap_or_default();
                self.ask_after_failure(&unknown(&why), now);
                (self.asked_again, self.stays_unknown) = (true, false);
            }
            CallEvent::Settled { settlement, by, .. } => {
                self.must_be(&[Status::Indeterminate])?;
                if self.remembers_attempts()
                    && self.stays_unknown
                    && *settlement == Settlement::RunAgain
                {
                    return Err(Refused::NotNow(self.status));
                }
                // Taken before the settlement overwrites the note; without a note, the reason is
                // empty.
                let why = self.note.take().unwrap_or_default();
                self.settle(settlement);
                let is_by_itself =
                    matches!((settlement, by), (Settlement::RunAgain, SettledBy::Idempotence));
                if self.remembers_attempts() && is_by_itself {
                    // The end of the last attempt is still unknown, and stays so if the call does
                    // not run again.
                    (self.failure, self.asked_again) = (Some(unknown(&why)), true);
                }
            }
            _ => self.must_be(&[])?,
        }
        Ok(())
    }

    /// Returns whether the end of an attempt counts until the next attempt has begun. Earlier
    /// editions dropped it before that.
    fn remembers_attempts(&self) -> bool {
        self.edition > 1
    }

    fn must_have_begun(&self) -> Result<(), Refused> {
        match self.status {
            Status::Approved if self.attempts > 0 => Ok(()),
            Status::Pending if self.asked_again => Ok(()),
            _ => self.must_be(&[Status::Dispatched, Status::Indeterminate]),
        }
    }

    fn settle(&mut self, settlement: &Settlement) {
        self.note = None;
        match settlement {
            Settlement::Ran { outcome } => self.finish(outcome),
            Settlement::DidNotRun => {
                self.note = Some("a fault stopped it before it ran".to_owned());
                self.status = Status::Cancelled;
            }
            Settlement::RunAgain => self.status = Status::Approved,
        }
    }

    fn finish(&mut self, outcome: &ToolOutcome) {
        (self.note, self.asked_again) = (None, false);
        if self.remembers_attempts() {
            self.failure = None;
        }
        self.status = match outcome {
            ToolOutcome::Returned { .. } => Status::Succeeded,
            ToolOutcome::Failed { .. } => Status::Failed,
        };
        self.outcome = Some(outcome.clone());
    }

    /// Asks people about a failure: those who were asked about the call, or anyone.
    fn ask_after_failure(&mut self, error: &Arc<str>, now: Timestamp) {
        self.failure = Some(Arc::clone(error));
        self.votes.clear();
        (self.grant, self.granted_by, self.note) = (None, None, None);
        if self.requirements.is_empty() {
            self.requirements.push(anyone().into());
        }
        self.ask_again(now);
    }

    /// Ends a question without an approval. A call that ran and failed before stays failed.
    pub(super) fn end(&mut self, status: Status) {
        if std::mem::take(&mut self.asked_again) {
            // A decision not to run the call again leaves open whether it ran.
            self.note =
                self.failure.take().map(|why| why.strip_prefix(UNKNOWN).unwrap_or(&why).to_owned());
            (self.status, self.stays_unknown) = (Status::Indeterminate, true);
            return;
        }
        match self.failure.take() {
            Some(error) => self.finish(&ToolOutcome::Failed { error }),
            None => self.status = status,
        }
    }

    /// Returns the approval of a running call with a renewed lease. There is no event, because
    /// nothing happened.
    #[doc(hidden)]
    #[must_use]
    pub fn with_renewed_lease(&self, now: Timestamp) -> Self {
        Self { version: self.version + 1, changed_at: now, ..self.clone() }
    }
}
