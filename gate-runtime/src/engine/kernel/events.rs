//! A stream of records.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use gate_core::ports::{RecordFilter, RecordLog, RecordWatch, StoreError};
use gate_core::records::Record;

/// The number of records that are read at once.
const PAGE: usize = 256;

/// A stream of all records, without gaps, for example for a front end or a log.
///
/// It reads the store, so it includes the records of other processes. A slow reader misses no
/// record and does not slow down the gate.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask")] fn get_order(order_id: String) -> String { order_id }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let mut events = gate.events();
/// get_order(&gate.run("run-42"), "A-1".into()).await?;
/// let mut kinds = vec![];
/// while kinds.last() != Some(&"finished") {
///     kinds.push(events.next().await?.kind());
/// }
/// assert_eq!(kinds, ["assessed", "dispatched", "finished"]);
/// # Ok(()) }
/// ```
pub struct EventStream {
    store: Arc<dyn RecordLog>,
    last: RecordWatch,
    seen: u64,
    read: VecDeque<Arc<Record>>,
}

impl EventStream {
    pub(crate) fn after(store: Arc<dyn RecordLog>, seen: Option<u64>) -> Self {
        let mut last = store.watch();
        let now = last.mark_seen();
        Self { store, last, seen: seen.unwrap_or(now), read: VecDeque::new() }
    }

    /// Returns the number of the last returned record; before the first record, the number after
    /// which it began. Keep it to [continue](crate::AnyGate::events_after) from there later.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::NoTools;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate: Gate<NoTools> = Gate::builder(()).build().await?;
    /// let mut events = gate.events();
    /// gate.run("run-42").log_action("looked it up", &serde_json::json!({}), None).await?;
    /// let record = events.next().await?;
    /// assert_eq!(events.seen(), record.seq());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Waits for the next record, and returns it.
    ///
    /// # Errors
    /// Returns an error if the store does not answer. The next call continues from the same place.
    ///
    /// # Cancel safety
    /// No record is missed if it is dropped while it waits.
    pub async fn next(&mut self) -> Result<Arc<Record>, StoreError> {
        loop {
            if let Some(record) = self.read.pop_front() {
                self.seen = record.seq();
                return Ok(record);
            }
            self.last.mark_seen();
            self.read
                .extend(self.store.records(&RecordFilter::after(self.seen).limit(PAGE)).await?);
            if self.read.is_empty() && self.last.changed().await.is_none() {
                // The store no longer reports changes, so there will be no other record.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventStream(after {})", self.seen)
    }
}
