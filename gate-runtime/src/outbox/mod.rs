//! Transactional outbox: delivers notifications off the call path.
//!
//! Notifications are derived from records, which are written with the events. One task for each
//! notifier turns records into deliveries and makes them, several at a time, those about one call
//! in order. No call ever waits for a notifier.

pub(crate) mod delivery_sender;
pub(crate) mod relay;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use gate_core::approval::Approval;
use gate_core::id::ApprovalId;
use gate_core::ports::{
    ApprovalFilter, Changeset, Clock, CommitOutcome, Notifier, RecordWatch, Store, StoreError,
};
use gate_core::records::DeliveryState;
use gate_core::text::{HOUR, later};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use self::delivery_sender::DeliverySender;
use self::relay::RecordRelay;

/// The number of deliveries of one notifier that are under way at once.
const CARRIERS: usize = 16;

/// The delay before a retry after an error of the store.
const AGAIN: Duration = Duration::from_secs(1);

/// The longest time between two polls of the deliveries: another process may have put a delivery
/// back, which no record shows.
const LOOK: Duration = Duration::from_mins(1);

/// The number of old deliveries that are deleted at once.
const PAGE: usize = 256;

/// The delivery tasks, one for each notifier. They end when this is dropped: another process makes
/// the remaining deliveries, or the next one.
#[derive(Default)]
pub(crate) struct OutboxTasks {
    /// Each task, with the signal that a delivery was put back.
    tasks: Vec<(JoinHandle<()>, Arc<Notify>)>,
}

impl OutboxTasks {
    pub(crate) fn start(
        notifiers: Vec<Arc<dyn Notifier>>,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let start = |notifier: Arc<dyn Notifier>| {
            let name: Arc<str> = notifier.name().into();
            let (last, queued_again) = (store.watch(), Arc::new(Notify::new()));
            // Read here, and not when the task begins, so that no later record is missed.
            let head = last.seq();
            let sender = Arc::new(DeliverySender {
                notifier,
                name,
                store: Arc::clone(store),
                clock: Arc::clone(clock),
            });
            let worker = OutboxWorker {
                reader: RecordRelay::new(Arc::clone(&sender), head),
                sender,
                last,
                wake: Arc::clone(&queued_again),
                in_flight: JoinSet::new(),
                busy: HashSet::new(),
                next_poll: Timestamp::MIN,
                next_cleanup: Timestamp::MIN,
            };
            (tokio::spawn(worker.work()), queued_again)
        };
        Self { tasks: notifiers.into_iter().map(start).collect() }
    }

    /// Wakes the tasks, so that they poll the deliveries again.
    pub(crate) fn wake(&self) {
        for (_, queued_again) in &self.tasks {
            queued_again.notify_one();
        }
    }
}

impl Drop for OutboxTasks {
    fn drop(&mut self) {
        for (task, _) in &self.tasks {
            task.abort();
        }
    }
}

/// The worker of one notifier.
struct OutboxWorker {
    sender: Arc<DeliverySender>,
    reader: RecordRelay,
    last: RecordWatch,
    wake: Arc<Notify>,
    in_flight: JoinSet<(u64, Result<(), StoreError>)>,
    /// The records of the deliveries that are under way.
    busy: HashSet<u64>,
    /// The time of the next poll of the deliveries.
    next_poll: Timestamp,
    next_cleanup: Timestamp,
}

/// The reason why a wait for work ended.
enum OutboxSignal {
    News,
    Ended(Option<(u64, Result<(), StoreError>)>),
    Wake,
}

impl OutboxWorker {
    async fn work(mut self) {
        let mut rests = None;
        loop {
            let now = self.sender.clock.now();
            let wake = match rests.filter(|end| *end > now) {
                Some(end) => end,
                // The deliveries stay in the store, so an error only delays them.
                None => self.poll_once(now).await.unwrap_or_else(|_| later(now, AGAIN)),
            };
            rests = None;
            match self.signal(wake).await {
                OutboxSignal::News => {}
                OutboxSignal::Wake => self.next_poll = Timestamp::MIN,
                OutboxSignal::Ended(ended) => {
                    self.next_poll = Timestamp::MIN;
                    if let Some((record, written)) = ended {
                        self.busy.remove(&record);
                        // The store failed, not the delivery, so an immediate retry would fail,
                        // too.
                        rests = written.err().map(|_| later(self.sender.clock.now(), AGAIN));
                    }
                }
            }
        }
    }

    /// Waits for a record, the end of a delivery, a delivery that was put back, or the given time.
    async fn signal(&mut self, wake: Timestamp) -> OutboxSignal {
        let Self { sender, last, wake: queued_again, in_flight, .. } = self;
        let changed = async {
            if last.changed().await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        let ended = async {
            match in_flight.join_next().await {
                // A task that panicked has no result; its delivery becomes due again with the end
                // of its lease.
                Some(ended) => ended.ok(),
                None => std::future::pending().await,
            }
        };
        let put_back = pin!(queued_again.notified());
        let looks = select(put_back, sender.clock.sleep_until(wake));
        match select(pin!(ended), select(pin!(changed), looks)).await {
            Either::Left((ended, _)) => OutboxSignal::Ended(ended),
            Either::Right((Either::Left(_), _)) => OutboxSignal::News,
            Either::Right((Either::Right(_), _)) => OutboxSignal::Wake,
        }
    }

    /// Reads new records, starts due deliveries, and returns the time until which there is nothing
    /// else to do.
    async fn poll_once(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.last.mark_seen();
        if self.reader.read(now).await? || self.next_poll <= now {
            self.next_poll =
                self.dispatch_due(now).await?.unwrap_or(Timestamp::MAX).min(later(now, LOOK));
        }
        if self.next_cleanup <= now {
            self.delete_expired(now).await?;
            self.next_cleanup = later(now, HOUR);
        }
        Ok(self.next_poll)
    }

    /// Starts the due deliveries, up to the limit, and returns the time when the next one is due.
    async fn dispatch_due(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let open = self
            .sender
            .own_deliveries()
            .state(DeliveryState::Waiting)
            .state(DeliveryState::Sending)
            .first_of_each_call();
        let most = CARRIERS + self.busy.len() + 1;
        for delivery in self.sender.store.deliveries(&open.soonest_first().limit(most)).await? {
            let record = delivery.record();
            if self.busy.contains(&record) {
                continue;
            }
            if delivery.due_at() > now {
                return Ok(Some(delivery.due_at()));
            }
            if self.busy.len() >= CARRIERS {
                // The end of any running delivery causes the next poll.
                return Ok(None);
            }
            self.busy.insert(record);
            let sender = Arc::clone(&self.sender);
            self.in_flight.spawn(async move { (record, sender.process(&delivery).await) });
        }
        Ok(None)
    }

    /// Deletes old deliveries. The last delivery about an open call is kept while the call is open.
    async fn delete_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        let store = &self.sender.store;
        let old =
            self.sender.own_deliveries().state(DeliveryState::Delivered).due_by(now).limit(PAGE);
        loop {
            let found = store.deliveries(&old).await?;
            if found.is_empty() {
                return Ok(());
            }
            let calls = found
                .iter()
                .filter_map(|delivery| delivery.approval())
                .fold(ApprovalFilter::all(), ApprovalFilter::id);
            let known =
                if calls.ids().is_empty() { Vec::new() } else { store.approvals(&calls).await? };
            let is_open = |call: ApprovalId| {
                known.iter().any(|known: &Arc<Approval>| {
                    known.id() == call && !known.status().is_terminal()
                })
            };
            let mut changeset = Changeset::at(now);
            for delivery in found {
                let stays = match delivery.approval() {
                    Some(call) => is_open(call) || self.has_more(call).await?,
                    None => false,
                };
                if stays {
                    changeset.deliveries.push(Arc::new(delivery.kept(now)));
                } else {
                    changeset.forgotten.push(delivery);
                }
            }
            if store.commit(changeset).await? != CommitOutcome::Done {
                // Another process is doing the same.
                return Ok(());
            }
        }
    }

    /// Returns whether more deliveries about a call are open.
    async fn has_more(&self, call: ApprovalId) -> Result<bool, StoreError> {
        let open = self
            .sender
            .own_deliveries()
            .approval(call)
            .state(DeliveryState::Waiting)
            .state(DeliveryState::Sending);
        Ok(!self.sender.store.deliveries(&open.limit(1)).await?.is_empty())
    }
}
