//! Relay: reads records, and writes deliveries of the records that the notifier wants.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gate_core::approval::Status;
use gate_core::ports::{
    ApprovalFilter, Changeset, CommitOutcome, RecordFilter, StoreError, StoreErrorKind,
};
use gate_core::records::{Delivery, Record};
use jiff::Timestamp;

use super::delivery_sender::DeliverySender;

/// The number of records, or of approvals, that are read at once.
const PAGE: usize = 256;

/// The number of unwanted records after which the cursor is stored all the same.
const STRIDE: u64 = 1_000;

/// Reads the records for one notifier, from its cursor.
pub(super) struct RecordRelay {
    sender: Arc<DeliverySender>,
    /// The last record when this process began.
    head: u64,
    position: Option<RelayProgress>,
}

struct RelayProgress {
    /// The stored cursor. It moves in the transaction that writes deliveries, so that only one of
    /// several processes writes them.
    cursor: Delivery,
    /// The number of the last record that this process has read. The notifier wanted no record
    /// between the cursor and this one.
    read: u64,
}

impl RelayProgress {
    fn at(cursor: Delivery) -> Self {
        Self { read: cursor.is_read_to(), cursor }
    }
}

impl RecordRelay {
    pub(super) fn new(sender: Arc<DeliverySender>, head: u64) -> Self {
        Self { sender, head, position: None }
    }

    /// Reads new records, and returns whether there may be new deliveries.
    pub(super) async fn read(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let mut is_new = self.position.is_none();
        let mut index = match self.position.take() {
            Some(position) => position,
            None => RelayProgress::at(self.begin(now).await?),
        };
        loop {
            let page =
                self.sender.store.records(&RecordFilter::after(index.read).limit(PAGE)).await?;
            let Some(newest) = page.last() else { break };
            let read = newest.seq();
            let deliveries: Vec<Arc<Delivery>> = page
                .iter()
                .filter(|record| self.wants(record))
                .map(|record| self.delivery(record, now))
                .collect();
            if deliveries.is_empty() && read.saturating_sub(index.cursor.is_read_to()) < STRIDE {
                index.read = read;
                continue;
            }
            is_new |= !deliveries.is_empty();
            let cursor = index.cursor.advance_cursor(read, now);
            if self.write(deliveries, &cursor, now).await? {
                index = RelayProgress::at(cursor);
            } else {
                // Another process was faster, and wrote the deliveries up to its cursor.
                is_new = true;
                let found =
                    self.cursor().await?.filter(|found| found.version() != index.cursor.version());
                let message = "it does not take letters, and nobody else has written any";
                index = RelayProgress::at(
                    found.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, message))?,
                );
            }
        }
        self.position = Some(index);
        Ok(is_new)
    }

    /// Returns the cursor, or writes a first one: a new notifier begins with the calls that wait
    /// now, and with later records.
    async fn begin(&self, now: Timestamp) -> Result<Delivery, StoreError> {
        loop {
            if let Some(cursor) = self.cursor().await? {
                return Ok(cursor);
            }
            let deliveries = self.pending(now).await?;
            let tag = Delivery::cursor(&self.sender.name, Some(self.head), now);
            if self.write(deliveries, &tag, now).await? {
                return Ok(tag);
            }
        }
    }

    async fn cursor(&self) -> Result<Option<Delivery>, StoreError> {
        let found = self.sender.store.deliveries(&self.sender.own_deliveries().record(0)).await?;
        Ok(found.first().map(|cursor| Delivery::clone(cursor)))
    }

    /// Returns deliveries about the calls that wait now, each about the first record by which it
    /// waited.
    async fn pending(&self, now: Timestamp) -> Result<Vec<Arc<Delivery>>, StoreError> {
        let (mut waiting, mut deliveries) = (HashSet::new(), Vec::new());
        let mut page = ApprovalFilter::all().status(Status::Pending).limit(PAGE);
        loop {
            let found = self.sender.store.approvals(&page).await?;
            let Some(last) = found.last() else { break };
            page = page.after(last.id());
            waiting.extend(found.iter().map(|approval| approval.id()));
        }
        let mut read = 0;
        while read < self.head && !waiting.is_empty() {
            let records = self.sender.store.records(&RecordFilter::after(read).limit(PAGE)).await?;
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

    /// Returns whether the notifier wants a record. If the notifier panics, it gets the record, so
    /// that people see the failed delivery.
    fn wants(&self, record: &Record) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.sender.notifier.wants(record))).unwrap_or(true)
    }

    fn delivery(&self, record: &Record, now: Timestamp) -> Arc<Delivery> {
        Arc::new(Delivery::about(&self.sender.name, record, now))
    }

    async fn write(
        &self,
        mut deliveries: Vec<Arc<Delivery>>,
        cursor: &Delivery,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        deliveries.push(Arc::new(cursor.clone()));
        let mut changeset = Changeset::at(now);
        changeset.deliveries = deliveries;
        Ok(self.sender.store.commit(changeset).await? == CommitOutcome::Done)
    }
}
