//! What the passing of time makes due: steps, reminders, ends.

use jiff::Timestamp;

use super::approval::{Approval, Status};
use super::event::CallEvent;
use super::requirement::Requirement;

impl Approval {
    /// What the passing of time makes due: the next step of an escalation, the end of a question, the loss of a call that nobody
    /// vouches for any more.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<CallEvent> {
        if self.vouched_until().is_some_and(|end| end <= now) {
            return Some(CallEvent::Lost { why: "whoever ran it does not vouch for it any more".to_owned() });
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

    /// When something becomes due next, if time alone can make it so.
    #[must_use]
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.status != Status::Pending {
            return self.vouched_until();
        }
        let next = |requirement: &Requirement| {
            let (change, reminder) =
                (requirement.next_change(self.asked_at, now), requirement.next_reminder(self.asked_at, now));
            change.into_iter().chain(reminder).min()
        };
        self.requirements.iter().filter_map(next).min()
    }

    pub(super) fn reminders_at(&self, now: Timestamp) -> u64 {
        self.requirements.iter().map(|requirement| requirement.reminders(self.asked_at, now)).max().unwrap_or(0)
    }

    /// For each requirement, how many of its steps have begun; `None` once the last step of any is over.
    pub(super) fn reached_at(&self, now: Timestamp) -> Option<Vec<usize>> {
        self.requirements.iter().map(|requirement| requirement.reached(self.asked_at, now)).collect()
    }

    /// Asks those who were asked, from now on.
    pub(super) fn ask_again(&mut self, now: Timestamp) {
        self.status = Status::Pending;
        self.ask_from(now);
        self.reached = self.reached_at(now).unwrap_or_default();
    }

    /// From now on the times of the question count.
    pub(super) fn ask_from(&mut self, now: Timestamp) {
        self.asked_at = now;
        self.reminded = 0;
    }
}
