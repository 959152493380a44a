//! Which deliveries.

use std::sync::Arc;

use jiff::Timestamp;

use crate::id::ApprovalId;
use crate::records::delivery::{Delivery, DeliveryState};

/// In which order deliveries come.
///
/// ```
/// use gate_runtime::store::{DeliveryFilter, DeliveryOrder};
/// assert_eq!(DeliveryFilter::all().order(), DeliveryOrder::Oldest);
/// assert_eq!(DeliveryFilter::all().newest_first().order(), DeliveryOrder::Newest);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryOrder {
    /// By the numbers of their records, and the names of their notifiers where those are the same.
    #[default]
    Oldest,
    /// The other way round.
    Newest,
    /// By when they are due, and where that is the same as [`Oldest`](Self::Oldest).
    Soonest,
}

/// Which deliveries.
///
/// ```
/// use gate_runtime::notify::DeliveryState;
/// use gate_runtime::store::DeliveryFilter;
/// let dead =
///     DeliveryFilter::all().notifier("chat").state(DeliveryState::Dead).newest_first().limit(50);
/// # let _ = dead;
/// ```
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    notifier: Option<Arc<str>>,
    record: Option<u64>,
    after: u64,
    approval: Option<ApprovalId>,
    states: Vec<DeliveryState>,
    due_by: Option<Timestamp>,
    first_of_each_call: bool,
    order: DeliveryOrder,
    limit: Option<usize>,
}

impl DeliveryFilter {
    /// Every delivery.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Of this notifier.
    #[must_use]
    pub fn notifier(mut self, name: impl Into<Arc<str>>) -> Self {
        self.notifier = Some(name.into());
        self
    }

    /// About this record. About record 0: the mark of how far a notifier has read, which nothing
    /// else gives.
    #[must_use]
    pub fn record(mut self, number: u64) -> Self {
        self.record = Some(number);
        self
    }

    /// About records after this one.
    #[must_use]
    pub fn after(mut self, number: u64) -> Self {
        self.after = number;
        self
    }

    /// About this call.
    #[must_use]
    pub fn approval(mut self, id: ApprovalId) -> Self {
        self.approval = Some(id);
        self
    }

    /// In this state; said again: in any of these.
    #[must_use]
    pub fn state(mut self, state: DeliveryState) -> Self {
        self.states.push(state);
        self
    }

    /// Due then, or before.
    #[must_use]
    pub fn due_by(mut self, at: Timestamp) -> Self {
        self.due_by = Some(at);
        self
    }

    /// Only those before which no other of their notifier about the same call is still to be
    /// delivered.
    #[must_use]
    pub fn first_of_each_call(mut self) -> Self {
        self.first_of_each_call = true;
        self
    }

    /// The newest first, by the numbers of their records.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.order = DeliveryOrder::Newest;
        self
    }

    /// Those first that are due first.
    #[must_use]
    pub fn soonest_first(mut self) -> Self {
        self.order = DeliveryOrder::Soonest;
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    /// The notifier it names.
    #[must_use]
    pub fn of_notifier(&self) -> Option<&str> {
        self.notifier.as_deref()
    }

    /// The record it names.
    #[must_use]
    pub fn of_record(&self) -> Option<u64> {
        self.record
    }

    /// The number of the record after which they come.
    #[must_use]
    pub fn is_after(&self) -> u64 {
        self.after
    }

    /// The call it names.
    #[must_use]
    pub fn of_approval(&self) -> Option<ApprovalId> {
        self.approval
    }

    /// The states it names; empty: any.
    #[must_use]
    pub fn states(&self) -> &[DeliveryState] {
        &self.states
    }

    /// The time by which they are due.
    #[must_use]
    pub fn is_due_by(&self) -> Option<Timestamp> {
        self.due_by
    }

    /// Returns whether it wants only the first delivery of each call.
    #[must_use]
    pub fn wants_first_of_each_call(&self) -> bool {
        self.first_of_each_call
    }

    /// In which order they come.
    #[must_use]
    pub fn order(&self) -> DeliveryOrder {
        self.order
    }

    /// Returns the largest number of deliveries that it wants.
    #[must_use]
    pub fn at_most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Returns whether it admits a delivery, wherever that stands among the others.
    #[must_use]
    pub fn admits(&self, delivery: &Delivery) -> bool {
        self.record.map_or(delivery.record() > self.after, |number| delivery.record() == number)
            && self.notifier.as_deref().is_none_or(|name| name == delivery.notifier())
            && (self.approval.is_none() || self.approval == delivery.approval())
            && (self.states.is_empty() || self.states.contains(&delivery.state()))
            && self.due_by.is_none_or(|at| delivery.due_at() <= at)
    }
}
