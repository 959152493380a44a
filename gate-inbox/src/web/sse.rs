//! Tells open pages that something changed.
//!
//! One task follows the record, for all pages. It keeps one number, the newest; a page that is
//! behind reads that one and misses nothing it needs. So pages that are slow or gone cost a place
//! each, and there are only so many.

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

/// The number of pages of all people that may listen at once; and that of streams of agents, which
/// take no place of a page.
const ALL: usize = 512;

/// The number of those of one person, or of one agent.
const EACH: usize = 24;

/// The least time between two messages to one page.
const PAUSE: Duration = Duration::from_millis(250);

/// The time after which a page without news is told so, and its session looked at.
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
    /// Follows what happens.
    pub(crate) fn follow(mut events: EventStream) -> Self {
        let (tell, newest) = watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                match events.next().await {
                    Ok(record) => drop(tell.send_replace(record.seq())),
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
    pub(crate) fn place(&self, who: &ReviewerId) -> Option<SlotGuard<ReviewerId>> {
        self.of_people.take(who)
    }

    /// A place for a stream of an agent, if there is one.
    pub(crate) fn place_of_agent(&self, who: &AgentName) -> Option<SlotGuard<AgentName>> {
        self.of_agents.take(who)
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
    fn take(self: &Arc<Self>, who: &N) -> Option<SlotGuard<N>> {
        let mut taken = self.lock();
        let mine = taken.get(who).copied().unwrap_or_default();
        if mine >= EACH || taken.values().sum::<usize>() >= ALL {
            return None;
        }
        taken.insert(who.clone(), mine + 1);
        Some(SlotGuard { places: Arc::clone(self), who: who.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<N, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct SlotGuard<N: Clone + Eq + Hash> {
    places: Arc<StreamSlots<N>>,
    who: N,
}

impl<N: Clone + Eq + Hash> Drop for SlotGuard<N> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(mine) = taken.get_mut(&self.who) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                taken.remove(&self.who);
            }
        }
    }
}

/// The news for one page, as long as its session lasts.
pub(crate) fn news(
    office: &Arc<AppState>,
    session: Digest,
    place: SlotGuard<ReviewerId>,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let mut newest = office.live.newest.clone();
    newest.mark_changed();
    let end = Instant::now() + LASTS;
    let begun = (Arc::downgrade(office), newest, place, true);
    unfold(begun, move |(office, mut newest, place, is_first)| async move {
        if !is_first {
            sleep(PAUSE).await;
        }
        let changed = timeout(QUIET, newest.changed()).await;
        let office_now = office.upgrade()?;
        let lasts = Instant::now() < end
            && office_now.session(session, false).await.is_ok_and(|found| found.is_some());
        let event = match changed {
            _ if !lasts => return None,
            Ok(Ok(())) => {
                Event::default().event("change").data(newest.borrow_and_update().to_string())
            }
            Ok(Err(_)) => return None,
            Err(_) => Event::default().comment("quiet"),
        };
        Some((Ok(event), (office, newest, place, false)))
    })
}
