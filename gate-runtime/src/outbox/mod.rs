//! Transactional outbox: delivers notifications off the call path.
//!
//! Notifications are derived from records, which are written with the events. One task for each
//! notifier turns records into deliveries and makes them, several at a time, those about one call
//! in order. No call ever waits for a notifier.

pub(crate) mod delivery;
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

use self::delivery::DeliverySender;
use self::relay::RecordRelay;

/// The number of deliveries of one notifier that are under way at once.
const CARRIERS: usize = 16;

/// The delay before a retry after an error of the store.
const AGAIN: Duration = Duration::from_secs(1);

/// The longest time between two looks at the deliveries: another process may have put one back,
/// which no record shows.
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
            let (last, put_back) = (store.watch(), Arc::new(Notify::new()));
            // From now on, and not from when the task begins.
            let head = last.seq();
            let carrier = Arc::new(DeliverySender {
                notifier,
                name,
                store: Arc::clone(store),
                clock: Arc::clone(clock),
            });
            let postman = OutboxWorker {
                reader: RecordRelay::new(Arc::clone(&carrier), head),
                carrier,
                last,
                put_back: Arc::clone(&put_back),
                under_way: JoinSet::new(),
                busy: HashSet::new(),
                looks_at: Timestamp::MIN,
                forgets_at: Timestamp::MIN,
            };
            (tokio::spawn(postman.work()), put_back)
        };
        Self { tasks: notifiers.into_iter().map(start).collect() }
    }

    /// Wakes the tasks, so that they look at the deliveries again.
    pub(crate) fn look(&self) {
        for (_, put_back) in &self.tasks {
            put_back.notify_one();
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
    carrier: Arc<DeliverySender>,
    reader: RecordRelay,
    last: RecordWatch,
    put_back: Arc<Notify>,
    under_way: JoinSet<(u64, Result<(), StoreError>)>,
    /// The records of the deliveries that are under way.
    busy: HashSet<u64>,
    /// The time of the next look at the deliveries.
    looks_at: Timestamp,
    forgets_at: Timestamp,
}

/// Why the wait for work is over.
enum OutboxSignal {
    News,
    Ended(Option<(u64, Result<(), StoreError>)>),
    Wake,
}

impl OutboxWorker {
    async fn work(mut self) {
        let mut rests = None;
        loop {
            let now = self.carrier.clock.now();
            let wake = match rests.filter(|end| *end > now) {
                Some(end) => end,
                // The deliveries stay in the store, so an error only delays them.
                None => self.round(now).await.unwrap_or_else(|_| later(now, AGAIN)),
            };
            rests = None;
            match self.signal(wake).await {
                OutboxSignal::News => {}
                OutboxSignal::Wake => self.looks_at = Timestamp::MIN,
                OutboxSignal::Ended(ended) => {
                    self.looks_at = Timestamp::MIN;
                    if let Some((record, written)) = ended {
                        self.busy.remove(&record);
                        // The store failed, and not the delivery: a retry at once would fail at
                        // once, too.
                        rests = written.err().map(|_| later(self.carrier.clock.now(), AGAIN));
                    }
                }
            }
        }
    }

    /// Waits for a record, the end of a delivery, a delivery that was put back, or the time.
    async fn signal(&mut self, wake: Timestamp) -> OutboxSignal {
        let Self { carrier, last, put_back, under_way, .. } = self;
        let news = async {
            if last.changed().await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        let ended = async {
            match under_way.join_next().await {
                // A task that panicked has no result; its delivery becomes due again with the end
                // of its lease.
                Some(ended) => ended.ok(),
                None => std::future::pending().await,
            }
        };
        let put_back = pin!(put_back.notified());
        let looks = select(put_back, carrier.clock.sleep_until(wake));
        match select(pin!(ended), select(pin!(news), looks)).await {
            Either::Left((ended, _)) => OutboxSignal::Ended(ended),
            Either::Right((Either::Left(_), _)) => OutboxSignal::News,
            Either::Right((Either::Right(_), _)) => OutboxSignal::Wake,
        }
    }

    /// Reads new records, starts due deliveries, and returns the time until which there is nothing
    /// else to do.
    async fn round(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.last.mark_seen();
        if self.reader.read(now).await? || self.looks_at <= now {
            self.looks_at =
                self.hand_out(now).await?.unwrap_or(Timestamp::MAX).min(later(now, LOOK));
        }
        if self.forgets_at <= now {
            self.forget(now).await?;
            self.forgets_at = later(now, HOUR);
        }
        Ok(self.looks_at)
    }

    /// Starts the due deliveries, as far as there are free places, and returns the time when the
    /// next one is due.
    async fn hand_out(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let open = self
            .carrier
            .mine()
            .state(DeliveryState::Waiting)
            .state(DeliveryState::Sending)
            .first_of_each_call();
        let most = CARRIERS + self.busy.len() + 1;
        for delivery in self.carrier.store.deliveries(&open.soonest_first().limit(most)).await? {
            let record = delivery.record();
            if self.busy.contains(&record) {
                continue;
            }
            if delivery.due_at() > now {
                return Ok(Some(delivery.due_at()));
            }
            if self.busy.len() >= CARRIERS {
                // The end of any running delivery causes the next look.
                return Ok(None);
            }
            self.busy.insert(record);
            let carrier = Arc::clone(&self.carrier);
            self.under_way.spawn(async move { (record, carrier.carry(&delivery).await) });
        }
        Ok(None)
    }

    /// Deletes old deliveries. The last delivery about an open call is kept while the call is open.
    async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        let store = &self.carrier.store;
        let old = self.carrier.mine().state(DeliveryState::Delivered).due_by(now).limit(PAGE);
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
            .carrier
            .mine()
            .approval(call)
            .state(DeliveryState::Waiting)
            .state(DeliveryState::Sending);
        Ok(!self.carrier.store.deliveries(&open.limit(1)).await?.is_empty())
    }
}
