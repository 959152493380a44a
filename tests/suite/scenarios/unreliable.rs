//! The fixture of scenarios in which bodies hang or fail while the clock advances.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gate_runtime::prelude::*;
use gate_runtime::testing::ManualClock;
use tokio::sync::Notify;

use crate::scenarios::desk::{KEY, noon, people};
use crate::scenarios::stores::Shared;

/// The world that the tools change.
#[derive(Default)]
pub struct World {
    ran: Mutex<Vec<String>>,
    pub hangs: AtomicBool,
    pub fails: AtomicUsize,
    pub begun: Notify,
    pub go: Notify,
    pub release: AtomicBool,
    pub alert: AtomicBool,
}

impl World {
    pub fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }

    pub fn note(&self, what: String) {
        self.ran.lock().unwrap().push(what);
        self.begun.notify_one();
    }

    pub async fn act(&self, what: String) {
        // Read before the notification, after which a test may change it.
        let hangs = self.hangs.load(Ordering::SeqCst);
        self.note(what);
        if hangs {
            self.go.notified().await;
        }
    }

    /// Runs an attempt, which fails while failures are left.
    pub async fn attempt(&self, what: &str) -> Result<(), String> {
        self.act(format!("try {what}")).await;
        let fails =
            self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok() { Err(format!("{what} broke")) } else { Ok(()) }
    }
}

/// A store, a world and a clock that gates share.
pub struct Fixture<R> {
    pub store: Shared,
    pub world: Arc<World>,
    pub clock: ManualClock,
    pub tools: PhantomData<fn() -> R>,
}

impl<R: Registry<State = Arc<World>>> Fixture<R> {
    pub fn new(store: Shared) -> Self {
        Self { store, world: Arc::default(), clock: ManualClock::at(noon()), tools: PhantomData }
    }

    pub async fn gate(&self) -> Gate<R> {
        self.gate_with(people()).await
    }

    /// Builds a gate with these people, and a director.
    pub async fn gate_with(&self, people: StaticDirectory) -> Gate<R> {
        Gate::builder(Arc::clone(&self.world))
            .agent("support")
            .key(KEY)
            .clock(self.clock.clone())
            .directory(people.person("zoe", ["director"]))
            .store(Arc::clone(&self.store))
            .build()
            .await
            .unwrap()
    }
}
