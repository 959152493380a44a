//! Makes one delivery, with protection against a notifier that hangs or panics.

use std::sync::Arc;
use std::time::Duration;

use gate_core::ports::{
    ApprovalFilter, Changeset, Clock, CommitOutcome, DeliveryFilter, DeliveryNotice, Notifier,
    NotifyError, RecordFilter, Store, StoreError,
};
use gate_core::records::{Delivery, DeliveryState, LEASE};
use gate_core::text::later;
use jiff::Timestamp;

use super::AGAIN;
use crate::engine::kernel::clock_limit::ClockLimit;
use crate::logic::time_limit::bounded;
use crate::random;

/// The time that a notifier may take. It is less than the lease, so that the result can still be
/// written under it.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes the deliveries of one notifier.
pub(super) struct DeliverySender {
    pub(super) notifier: Arc<dyn Notifier>,
    pub(super) name: Arc<str>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
}

impl DeliverySender {
    /// Returns a filter for the deliveries of its notifier.
    pub(super) fn own_deliveries(&self) -> DeliveryFilter {
        DeliveryFilter::all().notifier(Arc::clone(&self.name))
    }

    /// Claims a delivery, unless another process was faster, makes it, and writes the result.
    pub(super) async fn process(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let notice = self.notice(delivery).await?;
        let now = self.clock.now();
        let Some(claimed) = delivery.claimed(now) else { return Ok(()) };
        // The claim is a compare-and-set, so that only one process delivers.
        if !self.write(&claimed).await? {
            return Ok(());
        }
        let ended = match notice {
            Some(mut notice) => {
                notice.set_attempt(claimed.attempts());
                let memo = notice.memo().map(str::to_owned);
                self.outcome_of(&claimed, memo, self.deliver(&notice).await)
            }
            None => claimed
                .dead_lettered("the record that it tells of is not in the store", self.clock.now()),
        };
        let until = later(now, LEASE);
        loop {
            match self.write(&ended).await {
                // The notice is sent: without a stored result, it would be delivered twice.
                Err(_) if self.clock.now() < until => {
                    self.clock.sleep_until(later(self.clock.now(), AGAIN)).await;
                }
                // After the lease, another process has the delivery, or it is made again under the
                // same id.
                written => return written.map(|_| ()),
            }
        }
    }

    async fn write(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        let mut changeset = Changeset::at(delivery.changed_at());
        changeset.deliveries.push(Arc::new(delivery.clone()));
        Ok(self.store.commit(changeset).await? == CommitOutcome::Done)
    }

    /// Returns the notice for the notifier, with the current state of the call.
    async fn notice(&self, delivery: &Delivery) -> Result<Option<DeliveryNotice>, StoreError> {
        let filter = RecordFilter::after(delivery.record().saturating_sub(1)).limit(1);
        let record = self
            .store
            .records(&filter)
            .await?
            .pop()
            .filter(|record| record.seq() == delivery.record());
        let Some(record) = record else { return Ok(None) };
        let mut notice = DeliveryNotice::new(&self.name, record);
        let Some(call) = delivery.approval() else { return Ok(Some(notice)) };
        if let Some(approval) = self.store.approvals(&ApprovalFilter::all().id(call)).await?.pop() {
            let tool = self.store.tool(approval.subject().tool_digest()).await?;
            // The salts of secrets never leave the store.
            notice = notice.about(Arc::new(approval.without_salts()), tool);
        }
        // A dead delivery may have reached its receiver, so its memo counts, too.
        let last = self
            .own_deliveries()
            .approval(call)
            .state(DeliveryState::Delivered)
            .state(DeliveryState::Dead);
        let last = last.newest_first().limit(1);
        if let Some(memo) = self.store.deliveries(&last).await?.iter().find_map(|last| last.memo())
        {
            notice = notice.after(memo);
        }
        Ok(Some(notice))
    }

    /// Calls the notifier, which is dropped if it takes too long.
    async fn deliver(&self, notice: &DeliveryNotice) -> Result<Option<String>, NotifyError> {
        let limit = ClockLimit::new(Arc::clone(&self.clock), LIMIT);
        let delivered = bounded(&limit, || self.notifier.deliver(notice)).await;
        // After a timeout or a panic, it is unknown whether the notice arrived, so it is retried.
        delivered.unwrap_or_else(|problem| Err(NotifyError::again(problem)))
    }

    /// Returns the delivery after an attempt. If the notifier returns no memo, the next delivery
    /// gets the memo of this one.
    fn outcome_of(
        &self,
        claimed: &Delivery,
        memo: Option<String>,
        delivered: Result<Option<String>, NotifyError>,
    ) -> Delivery {
        let now: Timestamp = self.clock.now();
        match delivered {
            Ok(given) => claimed.delivered(given.or(memo).map(Into::into), now),
            Err(error) => {
                let claimed =
                    claimed.remembering(error.memo().map(Into::into).or(memo.map(Into::into)));
                let (message, at_least) = (error.to_string(), error.wait().unwrap_or_default());
                if error.is_final() {
                    claimed.dead_lettered(&message, now)
                } else {
                    claimed.rescheduled(&message, at_least, random::number(), now)
                }
            }
        }
    }
}
