//! Server-sent events: notifies open pages of changes.
//!
//! One task follows the records, for all pages. It keeps one number, the newest; a page that is
//! behind reads that one and misses nothing it needs. So slow or abandoned pages cost a place each,
//! and the places are limited.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gate_runtime::id::{AgentName, ReviewerId};
use gate_runtime::records::EventStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::record_feed::next_record;

/// The most pages of all people that may listen at once; and the most streams of agents, which are
/// counted separately.
const ALL: usize = 512;

/// The most pages of one person, or streams of one agent.
const EACH: usize = 24;

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
                sender.send_replace(next_record(&mut events).await.seq());
            }
        });
        Self {
            newest,
            task: task.abort_handle(),
            of_people: Arc::default(),
            of_agents: Arc::default(),
        }
    }

    /// Returns the number of the newest record, as it changes.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.clone()
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
