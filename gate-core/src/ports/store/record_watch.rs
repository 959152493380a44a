//! The signal that a store has new records.

use tokio::sync::watch;

/// Follows the number of a store's last record, which this process or another one writes.
///
/// Clones are independent: each marks records as seen by itself.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use gate_runtime::store::RecordSignal;
/// let signal = RecordSignal::new(41);
/// let mut watch = signal.watch();
/// assert_eq!(watch.mark_seen(), 41);
/// signal.publish(42);
/// assert_eq!(watch.changed().await, Some(42));
/// drop(signal);
/// assert_eq!(watch.changed().await, None, "the store is gone");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RecordWatch(watch::Receiver<u64>);

impl RecordWatch {
    /// Returns the number of the last record, without marking it as seen; 0 if there is none.
    #[must_use]
    pub fn seq(&self) -> u64 {
        *self.0.borrow()
    }

    /// Returns the number of the last record, and marks it as seen: [`changed`](Self::changed)
    /// waits for a later one.
    pub fn mark_seen(&mut self) -> u64 {
        *self.0.borrow_and_update()
    }

    /// Waits for a record after those that are marked as seen, marks it as seen and returns its
    /// number. `None` if the store is gone.
    ///
    /// # Cancel safety
    /// A dropped future marks nothing as seen.
    pub async fn changed(&mut self) -> Option<u64> {
        self.0.changed().await.ok()?;
        Some(self.mark_seen())
    }

    /// Waits until the last record has this number or a higher one, marks it as seen and returns
    /// its number. `None` if the store is gone.
    ///
    /// # Cancel safety
    /// A dropped future marks nothing as seen.
    pub async fn reach(&mut self, seq: u64) -> Option<u64> {
        self.0.wait_for(|last| *last >= seq).await.ok().map(|last| *last)
    }
}

/// The sending half of a [`RecordWatch`]. A store publishes each record number that it commits, or
/// that another process has committed. Clones publish to the same watches.
#[derive(Clone, Debug)]
pub struct RecordSignal(watch::Sender<u64>);

impl RecordSignal {
    /// Creates the signal of a store whose last record has this number; 0 for none.
    #[must_use]
    pub fn new(seq: u64) -> Self {
        Self(watch::channel(seq).0)
    }

    /// Publishes the number of the last record. A number that is not higher than the previous one
    /// wakes no watch.
    pub fn publish(&self, seq: u64) {
        self.0.send_if_modified(|last| {
            let is_later = seq > *last;
            *last = seq.max(*last);
            is_later
        });
    }

    /// Returns the number that was published last.
    #[must_use]
    pub fn seq(&self) -> u64 {
        *self.0.borrow()
    }

    /// Returns whether there is a watch. While there is none, a store need not poll for new
    /// records.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Returns a watch that has seen all records published so far.
    #[must_use]
    pub fn watch(&self) -> RecordWatch {
        RecordWatch(self.0.subscribe())
    }
}
