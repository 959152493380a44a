//! Deliveries: events to report, and the state of reporting them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::ApprovalId;
use crate::records::record::Record;
use crate::text::time::{DAY, HOUR, WEEK, later};

/// The lease of a process that makes a delivery.
pub const LEASE: Duration = Duration::from_mins(1);

/// The number of attempts of a delivery.
const TRIES: u32 = 12;

/// The longest wait after the first failed attempt. It triples after each further one, up to an
/// hour.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait that the receiver can ask for.
const LONGEST_WAIT: Duration = DAY;

/// The time for which a finished delivery is kept.
const KEPT: Duration = WEEK;

/// The longest stored problem, in characters.
const WORDS: usize = 500;

/// The state of a [`Delivery`].
///
/// ```
/// use gate_runtime::notify::DeliveryState;
/// assert_eq!(DeliveryState::Waiting.to_string(), "waiting");
/// assert!(DeliveryState::Sending.is_open() && !DeliveryState::Dead.is_open());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The delivery waits until it is due.
    Waiting,
    /// A process holds the delivery's lease until it is due. After that, another one may take it.
    Sending,
    /// The delivery succeeded.
    Delivered,
    /// The delivery failed and is not retried.
    Dead,
}

impl DeliveryState {
    /// Returns whether it is still to be delivered.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Sending)
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        })
    }
}

/// One event that a [`Notifier`](crate::ports::Notifier) has to report: its record, and the state
/// of the delivery.
///
/// The record contains the event, and was written with the event's change. A delivery only has the
/// state of reporting it. It changes by pure functions, and a store writes it only over its
/// previous version.
///
/// ```
/// # fn show(delivery: &gate_runtime::notify::Delivery) {
/// println!("{} is {} after {} tries", delivery.id(), delivery.state(), delivery.attempts());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    notifier: Arc<str>,
    record: u64,
    version: u64,
    state: DeliveryState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<ApprovalId>,
    attempts: u32,
    due_at: Timestamp,
    changed_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memo: Option<Arc<str>>,
    /// In a cursor, the last record that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<u64>,
}

impl Delivery {
    /// Creates a delivery of a record for a notifier.
    #[doc(hidden)]
    #[must_use]
    pub fn about(notifier: &Arc<str>, record: &Record, now: Timestamp) -> Self {
        let approval = record.subject().map(|subject| subject.approval);
        Self {
            record: record.seq(),
            approval,
            state: DeliveryState::Waiting,
            ..Self::cursor(notifier, None, now)
        }
    }

    /// Creates the cursor of a notifier in the records. It is stored as a delivery about record 0,
    /// which does not exist.
    #[doc(hidden)]
    #[must_use]
    pub fn cursor(notifier: &Arc<str>, read: Option<u64>, now: Timestamp) -> Self {
        Self {
            notifier: Arc::clone(notifier),
            record: 0,
            version: 1,
            state: DeliveryState::Delivered,
            approval: None,
            attempts: 0,
            due_at: whole(now),
            changed_at: now,
            problem: None,
            memo: None,
            read,
        }
    }

    /// Returns the cursor after more records.
    #[doc(hidden)]
    #[must_use]
    pub fn advance_cursor(&self, record: u64, now: Timestamp) -> Self {
        Self { read: Some(record), ..self.next(DeliveryState::Delivered, now, now) }
    }

    /// Returns the last record that a cursor has read.
    #[doc(hidden)]
    #[must_use]
    pub fn is_read_to(&self) -> u64 {
        // A cursor that has read nothing yet begins before the first record.
        self.read.unwrap_or(0)
    }

    fn next(&self, state: DeliveryState, due_at: Timestamp, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            state,
            due_at: whole(due_at),
            changed_at: now,
            ..self.clone()
        }
    }

    /// Returns the delivery as claimed by a process; `None` if it is not open, or not due.
    #[doc(hidden)]
    #[must_use]
    pub fn claimed(&self, now: Timestamp) -> Option<Self> {
        let is_due = self.state.is_open() && self.due_at <= now;
        let claimed = || self.next(DeliveryState::Sending, later(now, LEASE), now);
        is_due.then(|| Self { attempts: self.attempts.saturating_add(1), ..claimed() })
    }

    /// Returns the delivery with the memo for later ones about the same call, whether or not this
    /// one succeeds.
    #[doc(hidden)]
    #[must_use]
    pub fn remembering(&self, memo: Option<Arc<str>>) -> Self {
        Self { memo, ..self.clone() }
    }

    /// Returns the delivery as delivered, with the memo for later ones about the same call.
    #[doc(hidden)]
    #[must_use]
    pub fn delivered(&self, memo: Option<Arc<str>>, now: Timestamp) -> Self {
        Self { problem: None, memo, ..self.next(DeliveryState::Delivered, later(now, KEPT), now) }
    }

    /// Returns the delivery after a failed attempt. It waits for a random part of a growing time,
    /// and at least for the given time. After the last attempt it is dead.
    #[doc(hidden)]
    #[must_use]
    pub fn rescheduled(
        &self,
        problem: &str,
        at_least: Duration,
        chance: u32,
        now: Timestamp,
    ) -> Self {
        if self.attempts >= TRIES {
            return self.dead_lettered(problem, now);
        }
        let wait = longest_wait(self.attempts).mul_f64(f64::from(chance) / f64::from(u32::MAX));
        let due_at = later(now, wait.max(at_least.min(LONGEST_WAIT)));
        Self { problem: Some(short(problem)), ..self.next(DeliveryState::Waiting, due_at, now) }
    }

    /// Returns the delivery as dead.
    #[doc(hidden)]
    #[must_use]
    pub fn dead_lettered(&self, problem: &str, now: Timestamp) -> Self {
        Self { problem: Some(short(problem)), ..self.next(DeliveryState::Dead, now, now) }
    }

    /// Returns a dead delivery as open again, with as many attempts as a new one; `None` if it is
    /// not dead.
    #[doc(hidden)]
    #[must_use]
    pub fn revived(&self, now: Timestamp) -> Option<Self> {
        let revived = || Self { attempts: 0, ..self.next(DeliveryState::Waiting, now, now) };
        (self.state == DeliveryState::Dead).then(revived)
    }

    /// Returns a finished delivery that is kept for another day.
    #[doc(hidden)]
    #[must_use]
    pub fn kept(&self, now: Timestamp) -> Self {
        self.next(self.state, later(now, DAY), now)
    }

    /// Returns the delivery as one about a call, for tests of stores.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn of(self, approval: Option<ApprovalId>) -> Self {
        Self { approval, ..self }
    }

    /// Returns the delivery in another version, for tests of stores.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    #[must_use]
    pub fn with_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// Returns its id: the same as the [id](crate::ports::DeliveryNotice::id) of its notice.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.notifier, self.record)
    }

    /// Returns the name of its notifier.
    #[must_use]
    pub fn notifier(&self) -> &str {
        &self.notifier
    }

    /// Returns the number of its record; 0 for the cursor of a notifier.
    #[must_use]
    pub fn record(&self) -> u64 {
        self.record
    }

    /// Returns the call that it is about, if it is about one.
    #[must_use]
    pub fn approval(&self) -> Option<ApprovalId> {
        self.approval
    }

    /// Returns its version, from 1. A store writes it only over the previous version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns its state.
    #[must_use]
    pub fn state(&self) -> DeliveryState {
        self.state
    }

    /// Returns the number of attempts, which starts again for a revived delivery.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the time when it is due: for the next attempt if it waits, for an attempt of another
    /// process if it is being sent, or for deletion if it is delivered.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.due_at
    }

    /// Returns the reason why the last attempt failed.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Returns the memo of its notifier, for later ones about the same call.
    #[must_use]
    pub fn memo(&self) -> Option<&str> {
        self.memo.as_deref()
    }

    /// Returns the time of its last change.
    #[must_use]
    pub fn changed_at(&self) -> Timestamp {
        self.changed_at
    }
}

fn longest_wait(attempts: u32) -> Duration {
    let times = 3_u32.saturating_pow(attempts.saturating_sub(1));
    FIRST_WAIT.saturating_mul(times).min(HOUR)
}

/// Rounds to the microsecond, because no store compares times more precisely.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn short(problem: &str) -> Arc<str> {
    problem.chars().take(WORDS).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn delivery() -> Delivery {
        let name: Arc<str> = "chat".into();
        Delivery {
            record: 7,
            state: DeliveryState::Waiting,
            ..Delivery::cursor(&name, None, at(0))
        }
    }

    #[test]
    fn nobody_else_takes_what_is_being_sent_until_its_lease_is_over() {
        let claimed = delivery().claimed(at(0)).unwrap();
        assert_eq!(
            (claimed.state(), claimed.attempts(), claimed.version()),
            (DeliveryState::Sending, 1, 2)
        );
        assert_eq!(claimed.claimed(at(59)), None);
        let reclaimed = claimed.claimed(at(60)).unwrap();
        assert_eq!(
            (reclaimed.attempts(), reclaimed.version(), reclaimed.id()),
            (2, 3, "chat-7".to_owned())
        );
    }

    #[test]
    fn waits_grow_threefold_up_to_an_hour_and_the_twelfth_try_is_the_last() {
        let (mut delivery, mut now, mut waits) = (delivery(), at(0), Vec::new());
        while delivery.state() != DeliveryState::Dead {
            let failed =
                delivery.claimed(now).unwrap().rescheduled("no", Duration::ZERO, u32::MAX, now);
            waits.push(failed.due_at().duration_since(now).as_secs());
            (now, delivery) = (failed.due_at(), failed);
        }
        assert_eq!(waits, [1, 3, 9, 27, 81, 243, 729, 2187, 3600, 3600, 3600, 0]);
        assert_eq!((delivery.attempts(), delivery.problem()), (12, Some("no")));
        assert_eq!(delivery.claimed(now), None);
    }

    #[test]
    fn the_wait_is_a_random_part_of_the_longest_and_what_the_other_side_asked_for_at_least() {
        let sent = delivery().claimed(at(0)).unwrap();
        assert_eq!(sent.rescheduled("no", Duration::ZERO, 0, at(0)).due_at(), at(0));
        let half = sent.rescheduled("no", Duration::ZERO, u32::MAX / 2, at(0)).due_at();
        assert!(half > at(0) && half < at(1));
        assert_eq!(
            sent.rescheduled("no", Duration::from_secs(50), u32::MAX, at(0)).due_at(),
            at(50)
        );
        assert_eq!(sent.rescheduled("no", Duration::MAX, 0, at(0)).due_at(), at(86_400));
    }

    #[test]
    fn only_a_dead_letter_is_put_back_and_it_is_tried_as_often_as_a_new_one() {
        assert_eq!(delivery().revived(at(1)), None);
        let sent = delivery().claimed(at(0)).unwrap();
        assert_eq!(sent.revived(at(1)), None);
        assert_eq!(sent.delivered(None, at(1)).revived(at(1)), None);
        let again = sent.dead_lettered("it is gone", at(1)).revived(at(2)).unwrap();
        assert_eq!(
            (again.state(), again.attempts(), again.due_at()),
            (DeliveryState::Waiting, 0, at(2))
        );
        assert_eq!(
            again.problem(),
            Some("it is gone"),
            "until it is delivered, people see why it was dead"
        );
    }

    #[test]
    fn a_problem_of_any_length_is_kept_short() {
        let sent = delivery().claimed(at(0)).unwrap();
        let dead = sent.dead_lettered(&"ñ".repeat(100_000), at(0));
        assert_eq!(dead.problem().unwrap().chars().count(), WORDS);
    }
}
