//! The trail: all records in a tree that anyone can verify, written beside the store and off the
//! call path.

pub(crate) mod compare;
mod cosign;
pub(crate) mod error;
mod key_file;
pub(crate) mod reader;
mod receipt;
pub(crate) mod sealed_calls;
mod sealer;
mod settle;
pub(crate) mod writer_lease;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate_audit::SigningKey;
use gate_core::id::ApprovalId;
use gate_core::ports::{Clock, RecordLog, RecordWatch, Witness};
use gate_core::text::days;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

pub use self::error::{Divergence, TrailError};
pub use self::reader::TrailReader;
pub use self::receipt::{ReceiptEntry, VerifiedReceipt};
use self::sealed_calls::{SealedCall, SealedCalls};
use self::sealer::{PATIENCE, TrailSealer};
use self::writer_lease::WriterLease;
use crate::lock::lock;

/// The configuration of a trail: its folder, its key, and how often it is signed.
///
/// The trail is a folder of static files: a Merkle tree (RFC 6962) over every record, in the layout
/// of C2SP `tlog-tiles`, with a signed checkpoint. Give an auditor the folder and the public key;
/// `gate audit verify`, or any program for these formats, verifies every record.
///
/// ```
/// use gate_runtime::audit::{KeyKind, LogKeys, WitnessPolicy};
/// use gate_runtime::prelude::*;
/// use gate_runtime::Trail;
/// use gate_runtime::trail::{Auditor, TrailReader};
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let place = tempfile::tempdir()?;
/// # let (folder, file) = (place.path().join("trail"), place.path().join("trail.key"));
/// // Once; after that: `Trail::read_key(&file)`.
/// let key = Trail::create_key(&file, "example.com/refunds")?;
/// let auditors_key = key.verifier().clone();
///
/// let gate: Gate<Tools> = Gate::builder(()).trail(Trail::in_folder(&folder, key)).build().await?;
/// get_order(&gate.run("run-42"), "A-1".into()).await?;
/// gate.seal().await?; // it happens by itself within a second
///
/// // The auditor has the folder and the key.
/// let keys = LogKeys::new("example.com/refunds", auditors_key)?;
/// let reader = TrailReader::open(&folder, &keys, &WitnessPolicy::none())?;
/// let mut auditor = Auditor::new();
/// for entry in reader.entries(0) {
///     let (index, bytes) = entry?;
///     auditor.take(&reader.read(index, &bytes)?)?;
/// }
/// assert_eq!(auditor.calls(), 1);
/// # Ok(()) }
/// ```
///
/// # Effects on the gate
///
/// When the gate is built, every record of the store is compared with the trail. If they differ,
/// because an older copy of the database was restored or a record was changed, building fails with
/// an error that contains the record's number. While the trail cannot be written, no body begins.
///
/// Several processes may share one trail: one of them writes it, and another takes over when that
/// one ends. Give it to each process that has tools.
pub struct Trail {
    pub(crate) folder: PathBuf,
    pub(crate) key: SigningKey,
    pub(crate) every: u64,
    pub(crate) within: Duration,
    pub(crate) witnesses: Vec<Arc<dyn Witness>>,
}

impl Trail {
    /// Returns the trail in a folder, signed by a key. The trail has the name of the key. A missing
    /// folder is created.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>, key: SigningKey) -> Self {
        let (every, within) = (10_000, Duration::from_secs(1));
        Self { folder: folder.into(), key, every, within, witnesses: Vec::new() }
    }

    /// Sets the number of records after which a checkpoint is written at the latest. Defaults to
    /// 10,000.
    #[must_use]
    pub fn every(mut self, records: u64) -> Self {
        self.every = records.max(1);
        self
    }

    /// Sets the time after a record within which a checkpoint is written, if the disk is fast
    /// enough. Defaults to a second; at most a year.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        // Longer times could exceed the range of the clock.
        self.within = time.min(days(365));
        self
    }

    /// Asks a witness to cosign every checkpoint.
    #[must_use]
    pub fn witness(mut self, witness: impl Witness) -> Self {
        self.witnesses.push(Arc::new(witness));
        self
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the name of the log, which is the name of its key.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.key.verifier().name()
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail")
            .field("folder", &self.folder)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The state of a trail.
///
/// ```
/// # fn show(status: &gate_runtime::trail::TrailStatus) {
/// println!(
///     "{} sealed, {} not yet; {}",
///     status.sealed(),
///     status.unsealed(),
///     status.last_error().unwrap_or("all is well")
/// );
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailStatus {
    pub(crate) sealed: u64,
    pub(crate) last: u64,
    pub(crate) size: u64,
    pub(crate) sealed_at: Option<Timestamp>,
    pub(crate) is_writing: bool,
    pub(crate) cosignatures: usize,
    pub(crate) trouble: Option<String>,
    pub(crate) witness_trouble: Option<String>,
}

impl TrailStatus {
    /// Returns the number of the last record in the tree.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.sealed
    }

    /// Returns the number of records that are in the store and not in the tree yet.
    #[must_use]
    pub fn unsealed(&self) -> u64 {
        self.last.saturating_sub(self.sealed)
    }

    /// Returns the number of entries that the last checkpoint covers.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns when this process last saw or wrote a new checkpoint.
    #[must_use]
    pub fn sealed_at(&self) -> Option<Timestamp> {
        self.sealed_at
    }

    /// Returns whether this process writes the trail. If not, another process writes it.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Returns the number of witnesses that have cosigned the last checkpoint.
    #[must_use]
    pub fn cosignatures(&self) -> usize {
        self.cosignatures
    }

    /// Returns the reason why the trail cannot be written. No body begins until it can be written.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Returns the reason why a witness did not cosign the last checkpoint. Calls still run.
    #[must_use]
    pub fn witness_error(&self) -> Option<&str> {
        self.witness_trouble.as_deref()
    }
}

impl TrailStatus {
    /// Updates the counts from the writer.
    fn count(&mut self, lease: &WriterLease) {
        (self.sealed, self.size) = (lease.appended(), lease.size());
    }
}

/// A gate's handle of the trail that is being written.
pub(crate) struct TrailHandle {
    status: watch::Receiver<TrailStatus>,
    last: RecordWatch,
    wishes: mpsc::Sender<oneshot::Sender<()>>,
    calls: Arc<Mutex<SealedCalls>>,
    /// The last sealed record when unsealed records were first found, and the time when they were
    /// found.
    waits: Mutex<Option<(u64, Instant)>>,
    patience: Duration,
}

impl TrailHandle {
    /// Compares the store with the trail, and starts the task that seals.
    pub(crate) async fn start(
        trail: Trail,
        store: Arc<dyn RecordLog>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TrailError> {
        let last = store.watch();
        let (status_sender, status) = watch::channel(TrailStatus::default());
        let (seal_requests, requests) = mpsc::channel(16);
        let stall_timeout = PATIENCE.saturating_add(trail.within);
        let calls = Arc::<Mutex<SealedCalls>>::default();
        let mut sealer =
            TrailSealer::new(Arc::new(trail), store, clock, status_sender, Arc::clone(&calls));
        sealer.check().await?;
        sealer.begin().await?;
        tokio::spawn(sealer.work(requests));
        Ok(Self {
            status,
            last,
            wishes: seal_requests,
            calls,
            waits: Mutex::default(),
            patience: stall_timeout,
        })
    }

    /// Returns the sealed records of a call that may still run.
    pub(crate) fn sealed_of(&self, id: ApprovalId) -> SealedCall {
        lock(&self.calls).of(id)
    }

    pub(crate) fn status(&self) -> TrailStatus {
        let (mut status, last) = (self.status.borrow().clone(), self.last.seq());
        status.last = last.max(status.sealed);
        status
    }

    /// Returns the reason why no body may begin now.
    pub(crate) fn last_error(&self) -> Option<String> {
        if self.wishes.is_closed() {
            return Some(TrailError::Ended.to_string());
        }
        let status = self.status();
        status
            .trouble
            .clone()
            .or_else(|| self.is_stuck(&status).then(|| TrailError::Stuck.to_string()))
    }

    /// Returns whether nothing was sealed for too long: the sealing task may hang, and then it
    /// cannot report an error.
    fn is_stuck(&self, status: &TrailStatus) -> bool {
        // Shared by all calls that are about to begin, so that they measure the same wait.
        let mut waiters = lock(&self.waits);
        *waiters = match *waiters {
            _ if status.unsealed() == 0 => None,
            Some((sealed, since)) if sealed == status.sealed => Some((sealed, since)),
            _ => Some((status.sealed, Instant::now())),
        };
        waiters.is_some_and(|(_, since)| since.elapsed() > self.patience)
    }

    /// Seals all current records.
    pub(crate) async fn seal(&self) -> Result<TrailStatus, TrailError> {
        let (done, is_done) = oneshot::channel();
        self.wishes.send(done).await.map_err(|_| TrailError::Ended)?;
        is_done.await.map_err(|_| TrailError::Ended)?;
        Ok(self.status())
    }
}

/// Runs a closure that blocks on a disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TrailError> + Send + 'static,
) -> Result<T, TrailError> {
    // A panic counts as the end of the sealer, which stops all bodies from beginning.
    spawn_blocking(work).await.map_err(|_| TrailError::Ended)?
}

#[cfg(test)]
mod tests {
    use gate_core::ports::RecordSignal;

    use super::*;

    #[test]
    fn nothing_begins_once_nothing_is_sealed_any_more() {
        let (returned, status) = watch::channel(TrailStatus::default());
        let signal = RecordSignal::new(7);
        let last = signal.watch();
        let (seal_requests, _wanted) = mpsc::channel(1);
        let calls = Arc::default();
        let mut sealing = TrailHandle {
            status,
            last,
            wishes: seal_requests,
            calls,
            waits: Mutex::default(),
            patience: Duration::MAX,
        };
        let mut error_within = |stall_timeout| {
            sealing.patience = stall_timeout;
            sealing.last_error().unwrap_or_default()
        };
        assert_eq!(error_within(Duration::MAX), "");
        assert!(error_within(Duration::ZERO).contains("nothing was sealed"));
        returned.send_modify(|status| status.sealed = 6);
        assert_eq!(error_within(Duration::MAX), "");
        assert!(error_within(Duration::ZERO).contains("nothing was sealed"));
        returned.send_modify(|status| status.sealed = 7);
        assert_eq!(error_within(Duration::ZERO), "", "there is nothing to seal");
        signal.publish(8);
        assert_eq!(error_within(Duration::MAX), "");
        assert!(error_within(Duration::ZERO).contains("nothing was sealed"));
    }
}
