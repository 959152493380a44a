//! Filters of deliveries.

use std::sync::Arc;

use jiff::Timestamp;

use crate::id::ApprovalId;
use crate::records::delivery::{Delivery, DeliveryState};

/// The order of deliveries.
///
/// ```
/// use gate_runtime::store::{DeliveryFilter, DeliveryOrder};
/// assert_eq!(DeliveryFilter::all().order(), DeliveryOrder::Oldest);
/// assert_eq!(DeliveryFilter::all().newest_first().order(), DeliveryOrder::Newest);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryOrder {
    /// By the numbers of their records, then by the names of their notifiers.
    #[default]
    Oldest,
    /// The reverse of [`Oldest`](Self::Oldest).
    Newest,
    /// By the times when they are due, then as [`Oldest`](Self::Oldest).
    Soonest,
}

/// A filter of deliveries, with their order.
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
    /// Creates a filter of all deliveries.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Restricts it to this notifier.
    #[must_use]
    pub fn notifier(mut self, name: impl Into<Arc<str>>) -> Self {
        self.notifier = Some(name.into());
        self
    }

    /// Restricts it to this record. Record 0 is the cursor of a notifier, which no other filter
    /// returns.
    #[must_use]
    pub fn record(mut self, number: u64) -> Self {
        self.record = Some(number);
        self
    }

    /// Restricts it to records after this one.
    #[must_use]
    pub fn after(mut self, number: u64) -> Self {
        self.after = number;
        self
    }

    /// Restricts it to this call.
    #[must_use]
    pub fn approval(mut self, id: ApprovalId) -> Self {
        self.approval = Some(id);
        self
    }

    /// Restricts it to this state. May be called repeatedly for any of several states.
    #[must_use]
    pub fn state(mut self, state: DeliveryState) -> Self {
        self.states.push(state);
        self
    }

    /// Restricts it to deliveries that are due by a time.
    #[must_use]
    pub fn due_by(mut self, at: Timestamp) -> Self {
        self.due_by = Some(at);
        self
    }

    /// Restricts it to deliveries without an earlier open delivery of the same notifier about the
    /// same call.
    #[must_use]
    pub fn first_of_each_call(mut self) -> Self {
        self.first_of_each_call = true;
        self
    }

    /// Orders newest first, by the numbers of their records.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.order = DeliveryOrder::Newest;
        self
    }

    /// Orders by the times when they are due.
    #[must_use]
    pub fn soonest_first(mut self) -> Self {
        self.order = DeliveryOrder::Soonest;
        self
    }

    /// Limits the number of deliveries.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    /// Returns the notifier that it names.
    #[must_use]
    pub fn of_notifier(&self) -> Option<&str> {
        self.notifier.as_deref()
    }

    /// Returns the record it names.
    #[must_use]
    pub fn of_record(&self) -> Option<u64> {
        self.record
    }

    /// Returns the number of the record after which they come.
    #[must_use]
    pub fn is_after(&self) -> u64 {
        self.after
    }

    /// Returns the call it names.
    #[must_use]
    pub fn of_approval(&self) -> Option<ApprovalId> {
        self.approval
    }

    /// Returns the states it names; empty for any.
    #[must_use]
    pub fn states(&self) -> &[DeliveryState] {
        &self.states
    }

    /// Returns the time by which they are due.
    #[must_use]
    pub fn is_due_by(&self) -> Option<Timestamp> {
        self.due_by
    }

    /// Returns whether the filter admits only the first delivery of each call.
    #[must_use]
    pub fn wants_first_of_each_call(&self) -> bool {
        self.first_of_each_call
    }

    /// Returns their order.
    #[must_use]
    pub fn order(&self) -> DeliveryOrder {
        self.order
    }

    /// Returns the largest number of deliveries that the filter admits.
    #[must_use]
    pub fn at_most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Returns whether it admits a delivery, regardless of the other ones.
    #[must_use]
    pub fn admits(&self, delivery: &Delivery) -> bool {
        self.record.map_or(delivery.record() > self.after, |number| delivery.record() == number)
            && self.notifier.as_deref().is_none_or(|name| name == delivery.notifier())
            && (self.approval.is_none() || self.approval == delivery.approval())
            && (self.states.is_empty() || self.states.contains(&delivery.state()))
            && self.due_by.is_none_or(|at| delivery.due_at() <= at)
    }
}
