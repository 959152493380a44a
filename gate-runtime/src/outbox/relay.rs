//! Relay: reads records, and writes deliveries of those that the notifier wants.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gate_core::approval::Status;
use gate_core::ports::{
    ApprovalFilter, Changeset, CommitOutcome, RecordFilter, StoreError, StoreErrorKind,
};
use gate_core::records::{Delivery, Record};
use jiff::Timestamp;

use super::delivery::DeliverySender;

/// The number of records, or of approvals, that are read at once.
const PAGE: usize = 256;

/// The number of unwanted records after which the cursor is stored all the same.
const STRIDE: u64 = 1_000;

/// Reads the records for one notifier, from its cursor.
pub(super) struct RecordRelay {
    carrier: Arc<DeliverySender>,
    /// The last record when this process began.
    head: u64,
    place: Option<RelayProgress>,
}

struct RelayProgress {
    /// The stored cursor. It moves in the transaction that writes deliveries, so that only one of
    /// several processes writes them.
    mark: Delivery,
    /// The number of the last record that this process has read. None since the cursor was wanted.
    read: u64,
}

impl RelayProgress {
    fn at(mark: Delivery) -> Self {
        Self { read: mark.is_read_to(), mark }
    }
}

impl RecordRelay {
    pub(super) fn new(carrier: Arc<DeliverySender>, head: u64) -> Self {
        Self { carrier, head, place: None }
    }

    /// Reads new records, and returns whether there may be new deliveries.
    pub(super) async fn read(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let mut is_new = self.place.is_none();
        let mut place = match self.place.take() {
            Some(place) => place,
            None => RelayProgress::at(self.begin(now).await?),
        };
        loop {
            let page =
                self.carrier.store.records(&RecordFilter::after(place.read).limit(PAGE)).await?;
            let Some(newest) = page.last() else { break };
            let read = newest.seq();
            let deliveries: Vec<Arc<Delivery>> = page
                .iter()
                .filter(|record| self.wants(record))
                .map(|record| self.delivery(record, now))
                .collect();
            if deliveries.is_empty() && read.saturating_sub(place.mark.is_read_to()) < STRIDE {
                place.read = read;
                continue;
            }
            is_new |= !deliveries.is_empty();
            let mark = place.mark.read_to(read, now);
            if self.write(deliveries, &mark, now).await? {
                place = RelayProgress::at(mark);
            } else {
                // Another process was faster: it wrote the deliveries up to its cursor.
                is_new = true;
                let found =
                    self.mark().await?.filter(|found| found.version() != place.mark.version());
                let words = "it does not take letters, and nobody else has written any";
                place = RelayProgress::at(
                    found.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, words))?,
                );
            }
        }
        self.place = Some(place);
        Ok(is_new)
    }

    /// Returns the cursor, or writes a first one: a new notifier begins with the calls that wait
    /// now, and with later records.
    async fn begin(&self, now: Timestamp) -> Result<Delivery, StoreError> {
        loop {
            if let Some(mark) = self.mark().await? {
                return Ok(mark);
            }
            let deliveries = self.pending(now).await?;
            let mark = Delivery::mark(&self.carrier.name, Some(self.head), now);
            if self.write(deliveries, &mark, now).await? {
                return Ok(mark);
            }
        }
    }

    async fn mark(&self) -> Result<Option<Delivery>, StoreError> {
        let found = self.carrier.store.deliveries(&self.carrier.mine().record(0)).await?;
        Ok(found.first().map(|mark| Delivery::clone(mark)))
    }

    /// Returns deliveries about the calls that wait now, each about the first record by which it
    /// waited.
    async fn pending(&self, now: Timestamp) -> Result<Vec<Arc<Delivery>>, StoreError> {
        let (mut waiting, mut deliveries) = (HashSet::new(), Vec::new());
        let mut page = ApprovalFilter::all().status(Status::Pending).limit(PAGE);
        loop {
            let found = self.carrier.store.approvals(&page).await?;
            let Some(last) = found.last() else { break };
            page = page.after(last.id());
            waiting.extend(found.iter().map(|approval| approval.id()));
        }
        let mut read = 0;
        while read < self.head && !waiting.is_empty() {
            let records =
                self.carrier.store.records(&RecordFilter::after(read).limit(PAGE)).await?;
            let Some(newest) = records.last() else { break };
            read = newest.seq();
            for record in records.iter().filter(|record| record.seq() <= self.head) {
                let asks = record.status() == Some(Status::Pending);
                let call = record
                    .subject()
                    .map(gate_core::call::CallSubject::approval)
                    .filter(|call| asks && waiting.contains(call));
                if let Some(call) = call
                    && self.wants(record)
                {
                    waiting.remove(&call);
                    deliveries.push(self.delivery(record, now));
                }
            }
        }
        Ok(deliveries)
    }

    /// Returns whether the notifier wants a record. If it panics over that, it gets the record, so
    /// that people see the failed delivery.
    fn wants(&self, record: &Record) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.carrier.notifier.wants(record))).unwrap_or(true)
    }

    fn delivery(&self, record: &Record, now: Timestamp) -> Arc<Delivery> {
        Arc::new(Delivery::about(&self.carrier.name, record, now))
    }

    async fn write(
        &self,
        mut deliveries: Vec<Arc<Delivery>>,
        mark: &Delivery,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        deliveries.push(Arc::new(mark.clone()));
        let mut changeset = Changeset::at(now);
        changeset.deliveries = deliveries;
        Ok(self.carrier.store.commit(changeset).await? == CommitOutcome::Done)
    }
}
