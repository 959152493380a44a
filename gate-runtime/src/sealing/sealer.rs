//! Seals committed records, in order, off the call path.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{Either, select};
use gate_core::ports::{
    Changeset, Clock, CommitOutcome, RecordFilter, RecordLog, RecordWatch, StoreError,
    StoreErrorKind, Witness,
};
use gate_core::records::{GateEvent, Record, TrailEntry};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::compare::{PAGE, begins, each_record, survey};
use super::error::{Divergence, DivergenceKind, TrailError};
use super::reader::TrailReader;
use super::sealed_calls::{SealedCalls, SealedRecord, leaf_of};
use super::settle::check_resets;
use super::writer_lease::{WriterLease, create, has_checkpoint, next_of, open};
use super::{Trail, TrailStatus, blocking};
use crate::lock::lock;

/// A witness, and its last known state.
pub(crate) struct WitnessState {
    pub(crate) witness: Arc<dyn Witness>,
    /// The size of the tree that it cosigned last, as far as is known.
    pub(crate) size: u64,
    pub(crate) not_before: Option<Instant>,
}

impl WitnessState {
    pub(crate) fn none(trail: &Trail) -> Vec<Self> {
        let witness_state = |witness: &Arc<dyn Witness>| Self {
            witness: Arc::clone(witness),
            size: 0,
            not_before: None,
        };
        trail.witnesses.iter().map(witness_state).collect()
    }
}

// Delays use the clock of the machine, not the gate's clock.

/// The delay before a retry: to write, or to take over from another process.
const AGAIN: Duration = Duration::from_secs(1);

/// The delay while a caller waits for another process to seal.
const SOON: Duration = Duration::from_millis(50);

/// The time beyond the configured one after which unsealed records keep all bodies from beginning.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct TrailSealer {
    pub(super) trail: Arc<Trail>,
    pub(super) clock: Arc<dyn Clock>,
    store: Arc<dyn RecordLog>,
    /// The number of the last record in the store.
    last: RecordWatch,
    status: watch::Sender<TrailStatus>,
    calls: Arc<Mutex<SealedCalls>>,
    lease: Option<WriterLease>,
    pub(super) witness_states: Vec<WitnessState>,
    /// The time when the tree last grew, as far as this process knows.
    grew_at: Instant,
}

/// The reason why a wait for work ended.
enum SealerSignal {
    SealRequested(oneshot::Sender<()>),
    StoreChanged,
    Time,
    Closed,
}

impl TrailSealer {
    pub(super) fn new(
        trail: Arc<Trail>,
        store: Arc<dyn RecordLog>,
        clock: Arc<dyn Clock>,
        status_sender: watch::Sender<TrailStatus>,
        calls: Arc<Mutex<SealedCalls>>,
    ) -> Self {
        let (witness_states, grew_at, last) =
            (WitnessState::none(&trail), Instant::now(), store.watch());
        Self {
            trail,
            clock,
            store,
            last,
            status: status_sender,
            calls,
            lease: None,
            witness_states,
            grew_at,
        }
    }

    /// Checks that the store and the trail agree.
    pub(super) async fn check(&self) -> Result<(), TrailError> {
        if !has_checkpoint(&self.trail)? {
            match self.check_new().await {
                // Another process has created the trail in the meantime.
                Err(TrailError::Missing { .. }) if has_checkpoint(&self.trail)? => {}
                checked => return checked,
            }
        }
        let trail = Arc::clone(&self.trail);
        let reader = Arc::new(blocking(move || open(&trail)).await?);
        self.survey(&reader).await?;
        check_resets(&*self.store, &self.trail, &reader).await
    }

    /// Compares the whole trail with the store, and keeps the sealed records of open calls.
    async fn survey(&self, reader: &Arc<TrailReader>) -> Result<(), TrailError> {
        // Replaced as a whole, so that a call that is about to begin sees a consistent state.
        *lock(&self.calls) = survey(&*self.store, reader).await??;
        Ok(())
    }

    /// Reads the entries that another process has sealed since.
    async fn catch_up(&self, reader: TrailReader) -> Result<(), TrailError> {
        let (reader, from) = (Arc::new(reader), lock(&self.calls).entries);
        if reader.size() <= from {
            return Ok(());
        }
        let trail = Arc::clone(&reader);
        let read = move || {
            let read = |(index, bytes): (u64, Vec<u8>)| Ok((trail.read(index, &bytes)?, bytes));
            trail
                .entries(from)
                .map(|entry| entry.and_then(read))
                .collect::<Result<Vec<_>, TrailError>>()
        };
        let entries = blocking(read).await?;
        if entries.iter().any(|(entry, _)| !matches!(entry, TrailEntry::Record(_))) {
            // Trail and store had diverged, so some earlier entries may no longer count.
            return self.survey(&reader).await;
        }
        let mut calls = lock(&self.calls);
        for (entry, bytes) in entries {
            if let TrailEntry::Record(record) = entry {
                calls.take(&SealedRecord::of_leaf(&record, &bytes));
            }
        }
        calls.entries = reader.size();
        Ok(())
    }

    /// Checks that a store without a trail has never had one of this name.
    async fn check_new(&self) -> Result<(), TrailError> {
        let mut has_begun = false;
        each_record(&*self.store, 0, |record| has_begun |= begins(record, self.trail.origin()))
            .await?;
        if !has_begun {
            return Ok(());
        }
        let (origin, folder) = (self.trail.origin().to_owned(), self.trail.folder.clone());
        Err(TrailError::Missing { origin, folder })
    }

    /// Takes the writer lease if it is free, and records the beginning of a new trail.
    pub(super) async fn begin(&mut self) -> Result<(), TrailError> {
        // Another process may be about to publish the first checkpoint, or may have died just
        // before.
        while !has_checkpoint(&self.trail)? {
            let trail = Arc::clone(&self.trail);
            match blocking(move || create(&trail)).await {
                Err(TrailError::Audit(
                    gate_audit::Error::Busy { .. } | gate_audit::Error::Occupied { .. },
                )) if self.grew_at.elapsed() < PATIENCE => {
                    sleep(SOON).await;
                }
                created => created?,
            }
        }
        self.lease = self.acquire().await?;
        if self.lease.as_ref().is_some_and(|lease| lease.size() == 0) {
            let mut noted_begin = Changeset::at(self.clock.now());
            let (origin, key) =
                (self.trail.origin().to_owned(), self.trail.key.verifier().to_string());
            noted_begin
                .records
                .push(Record::of_gate(noted_begin.at, GateEvent::TrailBegun { origin, key }));
            if self.store.commit(noted_begin).await? != CommitOutcome::Done {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "it did not take a record",
                )
                .into());
            }
        }
        self.report(Ok(()));
        Ok(())
    }

    /// Seals new records until the gate is dropped, and then the remaining ones.
    pub(super) async fn work(mut self, mut wanted: mpsc::Receiver<oneshot::Sender<()>>) {
        let mut changed = self.last.clone();
        let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
        let mut is_over = false;
        loop {
            let target = changed.mark_seen();
            let done = self.round().await;
            let is_well = done.is_ok();
            self.report(done);
            if !is_well || self.sealed() >= target {
                for request in waiting.drain(..) {
                    // The result is ignored, because the caller may have been dropped.
                    let _ = request.send(());
                }
            }
            if is_over {
                return;
            }
            let writes = is_well && self.lease.is_some();
            let mut end = match (writes, waiting.is_empty()) {
                (true, _) => None,
                (false, true) => Some(Instant::now() + AGAIN),
                (false, false) => Some(Instant::now() + SOON),
            };
            let ask_again = self.lease.as_ref().and_then(|lease| self.asks_again_at(lease));
            loop {
                let wake = end.into_iter().chain(ask_again).min();
                match self.signal(&mut wanted, &mut changed, wake).await {
                    SealerSignal::SealRequested(seal_reply) => waiting.push(seal_reply),
                    SealerSignal::Closed => is_over = true,
                    // More records may follow soon, and then share a checkpoint.
                    SealerSignal::StoreChanged if end.is_none() && !self.is_due(changed.seq()) => {
                        end = Some(Instant::now() + self.trail.within);
                        continue;
                    }
                    SealerSignal::StoreChanged if !writes || !self.is_due(changed.seq()) => {
                        continue;
                    }
                    SealerSignal::StoreChanged | SealerSignal::Time => {}
                }
                break;
            }
        }
    }

    async fn signal(
        &self,
        seal_requests: &mut mpsc::Receiver<oneshot::Sender<()>>,
        watch: &mut RecordWatch,
        end: Option<Instant>,
    ) -> SealerSignal {
        let time = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let changed = async {
            if watch.changed().await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        match select(pin!(seal_requests.recv()), select(pin!(changed), pin!(time))).await {
            Either::Left((Some(request), _)) => SealerSignal::SealRequested(request),
            Either::Left((None, _)) => SealerSignal::Closed,
            Either::Right((Either::Left(_), _)) => SealerSignal::StoreChanged,
            Either::Right((Either::Right(_), _)) => SealerSignal::Time,
        }
    }

    /// Returns whether enough records wait for a checkpoint before its time.
    fn is_due(&self, last: u64) -> bool {
        last.saturating_sub(self.sealed()) >= self.trail.every
    }

    fn sealed(&self) -> u64 {
        self.status.borrow().sealed
    }

    fn report(&self, done: Result<(), TrailError>) {
        self.status.send_modify(|status| {
            status.is_writing = self.lease.is_some();
            status.trouble = done.err().map(|error| error.to_string());
            if let Some(lease) = &self.lease {
                status.count(lease);
            }
        });
    }

    /// Seals everything in the store if this process has the writer lease or gets it; otherwise
    /// reads the progress of the other process.
    async fn round(&mut self) -> Result<(), TrailError> {
        // An error drops the lease: unpublished entries are appended again, after the last
        // checkpoint.
        let lease = match self.lease.take() {
            Some(held_lease) => Some(held_lease),
            None => self.acquire().await?,
        };
        let Some(mut current_lease) = lease else { return self.follow().await };
        let mut appended = 0;
        loop {
            let filter = RecordFilter::after(current_lease.appended()).limit(PAGE);
            let page = self.store.record_texts(&filter).await?;
            let is_last = page.len() < PAGE;
            self.check_page(&page, current_lease.next())?;
            appended += page.len() as u64;
            let trail = Arc::clone(&self.trail);
            current_lease = blocking(move || {
                current_lease.append(&trail, &page)?;
                Ok(current_lease)
            })
            .await?;
            let asks =
                || self.asks_again_at(&current_lease).is_some_and(|time| time <= Instant::now());
            if appended >= self.trail.every || (is_last && (appended > 0 || asks())) {
                current_lease = self.publish(current_lease).await?;
                appended = 0;
            }
            if is_last {
                self.lease = Some(current_lease);
                return Ok(());
            }
        }
    }

    /// Checks that the records are the next ones, and that the store has lost none that were
    /// sealed.
    fn check_page(&self, page: &[(u64, String)], next: u64) -> Result<(), TrailError> {
        let sealed = next.saturating_sub(1);
        let orphaned = Divergence { seq: next, sealed, how: DivergenceKind::Shorter };
        match page.first() {
            Some(_) if (next..).zip(page).any(|(seq, (found, _))| *found != seq) => {
                Err(orphaned.into())
            }
            None if self.last.seq() < sealed => {
                Err(Divergence { seq: self.last.seq().saturating_add(1), ..orphaned }.into())
            }
            _ => Ok(()),
        }
    }

    /// Makes the appended entries durable, and publishes their signed checkpoint.
    async fn publish(&mut self, mut current_lease: WriterLease) -> Result<WriterLease, TrailError> {
        let trail = Arc::clone(&self.trail);
        let (mut lease, note) = blocking(move || {
            let note = current_lease.publish(&trail)?;
            Ok((current_lease, note))
        })
        .await?;
        self.grew_at = Instant::now();
        let now = self.clock.now();
        let published = lease.take_published();
        {
            let mut calls = lock(&self.calls);
            for record in &published {
                calls.take(record);
            }
            calls.entries = lease.size();
        }
        self.status.send_modify(|status| {
            status.count(&lease);
            (status.sealed_at, status.trouble) = (Some(now), None);
        });
        self.cosign(lease, note).await
    }

    /// Publishes the result of asking the witnesses.
    pub(super) fn publish_witness_states(&self, cosignatures: usize, last_error: Option<String>) {
        self.status.send_modify(|status| {
            (status.cosignatures, status.witness_trouble) = (cosignatures, last_error);
        });
    }

    /// Takes the writer lease, if no other process has it.
    async fn acquire(&self) -> Result<Option<WriterLease>, TrailError> {
        let trail = Arc::clone(&self.trail);
        let acquired = blocking(move || match WriterLease::take(&trail)? {
            Some(lease) => Ok(Some((open(&trail)?, lease))),
            None => Ok(None),
        });
        let Some((reader, acquired_lease)) = acquired.await? else { return Ok(None) };
        self.catch_up(reader).await?;
        // The store must continue where the trail ends, even if it changed since it was compared.
        if let Some(last) = acquired_lease.last() {
            let sealed = acquired_lease.appended();
            let found = self
                .store
                .record_texts(&RecordFilter::after(sealed.saturating_sub(1)).limit(1))
                .await?;
            match found.first().filter(|(seq, _)| *seq == sealed) {
                Some((_, text)) if leaf_of(sealed, text)?.text().as_bytes() == last => {}
                Some((_, text)) => {
                    return Err(Divergence::changed(sealed, sealed, text, String::new()).into());
                }
                None => {
                    return Err(
                        Divergence { seq: sealed, sealed, how: DivergenceKind::Shorter }.into()
                    );
                }
            }
        }
        Ok(Some(acquired_lease))
    }

    /// Reads the progress of the process that writes.
    async fn follow(&mut self) -> Result<(), TrailError> {
        let trail = Arc::clone(&self.trail);
        let (reader, sealed) = blocking(move || {
            let reader = open(&trail)?;
            let (next, _) = next_of(&reader)?;
            Ok((reader, next.saturating_sub(1)))
        })
        .await?;
        let size = reader.size();
        self.catch_up(reader).await?;
        let now = self.clock.now();
        let (last, has_grown) = (self.last.seq(), size != self.status.borrow().size);
        if has_grown || sealed >= last {
            self.grew_at = Instant::now();
        }
        self.status.send_modify(|status| {
            (status.sealed, status.size) = (sealed, size);
            if has_grown {
                status.sealed_at = Some(now);
            }
        });
        // Another process that hangs with the lease must stop bodies from beginning here, too.
        if self.grew_at.elapsed() > PATIENCE.saturating_add(self.trail.within) {
            let problem = "another process writes the trail, and has sealed nothing for too long: \
                check on it, or stop it";
            return Err(TrailError::file(&self.trail.folder, problem));
        }
        Ok(())
    }
}
