//! Events that the passing of time makes due: steps, reminders, ends.

use jiff::Timestamp;

use crate::approval::requirement::{EscalationTier, Requirement};
use crate::approval::state::Approval;
use crate::approval::state_machine::Refused;
use crate::approval::status::Status;
use crate::records::event::CallEvent;
use crate::text::english;

impl Approval {
    /// Returns the event that is due: the next step of an escalation, the end of a question or of
    /// an approval, the loss of a call whose lease has ended.
    #[must_use]
    pub fn expiry_event(&self, now: Timestamp) -> Option<CallEvent> {
        if self.lease_expires_at().is_some_and(|end| end <= now) {
            return Some(CallEvent::Lost {
                why: "the process that ran it no longer renews its lease".to_owned(),
            });
        }
        if self.valid_until().is_some_and(|end| end <= now) {
            return Some(
                self.grant.map_or(CallEvent::Lapsed, |grant| CallEvent::Uncovered { grant }),
            );
        }
        if self.status != Status::Pending {
            return None;
        }
        match self.reached_at(now) {
            None => Some(CallEvent::Expired),
            Some(reached) if reached != self.reached => Some(CallEvent::Escalated { reached }),
            Some(_) => {
                let count = self.reminders_at(now);
                (count > self.reminded).then_some(CallEvent::Reminded { count })
            }
        }
    }

    /// Returns when the next event is due, if time alone can make one due.
    #[must_use]
    pub fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        if self.status != Status::Pending {
            return self.lease_expires_at().or(self.valid_until());
        }
        let next = |requirement: &Requirement| {
            let (change, reminder) = (
                requirement.next_change(self.asked_at, now),
                requirement.next_reminder(self.asked_at, now),
            );
            change.into_iter().chain(reminder).min()
        };
        self.requirements.iter().filter_map(next).min()
    }

    /// Returns the steps that have begun, of every requirement. The people whom these steps ask can
    /// answer now.
    ///
    /// ```
    /// # fn show(approval: &gate_runtime::Approval) {
    /// let asked: Vec<String> =
    ///     approval.active_tiers().map(|tier| tier.who().to_string()).collect();
    /// println!("asked are {}", asked.join(" and "));
    /// # }
    /// ```
    pub fn active_tiers(&self) -> impl Iterator<Item = &EscalationTier> {
        let steps = self.requirements.iter().zip(&self.reached);
        steps.flat_map(|(requirement, reached)| requirement.tiers().iter().take(*reached))
    }

    /// Returns whether the last step of an escalation has begun, after which nobody is asked. A
    /// question of one step does not escalate.
    ///
    /// ```
    /// # fn show(approval: &gate_runtime::Approval) {
    /// if approval.is_at_last_step() {
    ///     println!("wake somebody up");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_at_last_step(&self) -> bool {
        let mut steps = self.requirements.iter().zip(&self.reached);
        steps.any(|(requirement, reached)| {
            requirement.tiers().len() > 1 && *reached >= requirement.tiers().len()
        })
    }

    pub(super) fn reminders_at(&self, now: Timestamp) -> u64 {
        self.requirements
            .iter()
            .map(|requirement| requirement.reminders(self.asked_at, now))
            .max()
            .unwrap_or(0)
    }

    /// Returns how many steps of each requirement have begun; `None` once the last step of any is
    /// over.
    pub(super) fn reached_at(&self, now: Timestamp) -> Option<Vec<usize>> {
        self.requirements
            .iter()
            .map(|requirement| requirement.reached(self.asked_at, now))
            .collect()
    }

    /// Asks the same people again, with deadlines from now on.
    pub(super) fn ask_again(&mut self, now: Timestamp) {
        self.status = Status::Pending;
        self.ask_from(now);
        // The question was just asked, so no last step can be over.
        self.reached = self.reached_at(now).unwrap_or_default();
    }

    /// Restarts the deadlines of the question.
    pub(super) fn ask_from(&mut self, now: Timestamp) {
        self.asked_at = now;
        self.reminded = 0;
    }

    /// Applies an event of time, if it is due.
    pub(super) fn advance_by_time(
        &mut self,
        event: &CallEvent,
        now: Timestamp,
    ) -> Result<(), Refused> {
        match event {
            CallEvent::Lapsed => {
                self.must_be(&[Status::Approved])?;
                if self.expiry_event(now) != Some(CallEvent::Lapsed) {
                    return Err(Refused::NothingDue);
                }
                self.note = self.validity().map(|time| {
                    format!(
                        "it was approved before, and had not begun {} later",
                        english::duration(time)
                    )
                });
                self.votes.clear();
                self.ask_again(now);
            }
            CallEvent::Escalated { reached } => {
                self.must_be(&[Status::Pending])?;
                if self.reached_at(now).as_ref() != Some(reached) || *reached == self.reached {
                    return Err(Refused::NothingDue);
                }
                self.reached.clone_from(reached);
            }
            CallEvent::Reminded { count } => {
                self.must_be(&[Status::Pending])?;
                if *count <= self.reminded || *count != self.reminders_at(now) {
                    return Err(Refused::NothingDue);
                }
                self.reminded = *count;
            }
            CallEvent::Expired => {
                self.must_be(&[Status::Pending])?;
                if self.reached_at(now).is_some() {
                    return Err(Refused::NothingDue);
                }
                self.end(Status::Expired);
            }
            _ => self.must_be(&[])?,
        }
        Ok(())
    }
}
