//! Server-sent events: notifies open pages of changes.
//!
//! One task follows the records, for all pages. It keeps one number, the newest; a page that is
//! behind reads that one and misses nothing it needs. So slow or abandoned pages cost a place each,
//! and the places are limited.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use gate_runtime::id::{AgentName, Digest, ReviewerId};
use gate_runtime::records::EventStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::state::{AppState, RETRY};

/// The most pages of all people that may listen at once; and the most streams of agents, which are
/// counted separately.
const ALL: usize = 512;

/// The most pages of one person, or streams of one agent.
const EACH: usize = 24;

/// The least time between two messages to one page.
const PAUSE: Duration = Duration::from_millis(250);

/// The interval of keep-alive messages, at which the session is checked, too.
const QUIET: Duration = Duration::from_secs(15);

/// The time for which one stream lasts. The page opens another one.
const LASTS: Duration = Duration::from_mins(10);

/// The number of the newest record, for all who listen, and their places.
#[derive(Debug)]
pub(crate) struct SseHub {
    newest: watch::Receiver<u64>,
    task: AbortHandle,
    of_people: Arc<StreamSlots<ReviewerId>>,
    of_agents: Arc<StreamSlots<AgentName>>,
}

impl SseHub {
    /// Starts the task that follows the records.
    pub(crate) fn follow(mut events: EventStream) -> Self {
        let (sender, newest) = watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                match events.next().await {
                    Ok(record) => drop(sender.send_replace(record.seq())),
                    // The stream goes on where it was, so pages still learn of changes in between.
                    Err(_) => sleep(RETRY).await,
                }
            }
        });
        Self {
            newest,
            task: task.abort_handle(),
            of_people: Arc::default(),
            of_agents: Arc::default(),
        }
    }

    /// A place for a page of a person, if there is one.
    pub(crate) fn reserve(&self, reviewer: &ReviewerId) -> Option<SlotGuard<ReviewerId>> {
        self.of_people.acquire(reviewer)
    }

    /// A place for a stream of an agent, if there is one.
    pub(crate) fn reserve_for_agent(&self, agent: &AgentName) -> Option<SlotGuard<AgentName>> {
        self.of_agents.acquire(agent)
    }
}

impl Drop for SseHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The number of places that each has taken.
#[derive(Debug)]
struct StreamSlots<N>(Mutex<HashMap<N, usize>>);

impl<N> Default for StreamSlots<N> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<N: Clone + Eq + Hash> StreamSlots<N> {
    fn acquire(self: &Arc<Self>, holder: &N) -> Option<SlotGuard<N>> {
        // Counted and taken under one lock: parallel requests stay within both limits.
        let mut taken = self.lock();
        let own_count = taken.get(holder).copied().unwrap_or_default();
        if own_count >= EACH || taken.values().sum::<usize>() >= ALL {
            return None;
        }
        taken.insert(holder.clone(), own_count + 1);
        Some(SlotGuard { slots: Arc::clone(self), holder: holder.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<N, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct SlotGuard<N: Clone + Eq + Hash> {
    slots: Arc<StreamSlots<N>>,
    holder: N,
}

impl<N: Clone + Eq + Hash> Drop for SlotGuard<N> {
    fn drop(&mut self) {
        let mut slots = self.slots.lock();
        if let Some(own_count) = slots.get_mut(&self.holder) {
            *own_count = own_count.saturating_sub(1);
            if *own_count == 0 {
                slots.remove(&self.holder);
            }
        }
    }
}

/// Returns the events for one page, as long as its session lasts.
pub(crate) fn change_events(
    app: &Arc<AppState>,
    session: Digest,
    slot: SlotGuard<ReviewerId>,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let mut newest = app.sse.newest.clone();
    newest.mark_changed();
    let end = Instant::now() + LASTS;
    let first_state = (Arc::downgrade(app), newest, slot, true);
    unfold(first_state, move |(app_ref, mut newest, guard, is_first)| async move {
        if !is_first {
            sleep(PAUSE).await;
        }
        let changed = timeout(QUIET, newest.changed()).await;
        let office_now = app_ref.upgrade()?;
        let lasts = Instant::now() < end
            // Fails closed: a session that cannot be checked ends the stream.
            && office_now.session(session, false).await.is_ok_and(|found| found.is_some());
        let event = match changed {
            _ if !lasts => return None,
            Ok(Ok(())) => {
                Event::default().event("change").data(newest.borrow_and_update().to_string())
            }
            Ok(Err(_)) => return None,
            Err(_) => Event::default().comment("quiet"),
        };
        Some((Ok(event), (app_ref, newest, guard, false)))
    })
}
