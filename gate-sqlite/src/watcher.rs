//! Detects the writes of other processes, without reading tables.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use gate_core::ports::{RecordSignal, RecordWatch, StoreError, StoreErrorKind};
use rusqlite::Connection;

use crate::rows;
use crate::schema::DatabaseFile;

/// The polling interval, while a receiver waits.
const INTERVAL: Duration = Duration::from_millis(20);

/// A thread that polls the database's `data_version` while a receiver waits for changes. It ends
/// when this is dropped.
pub(crate) struct Watcher {
    wake: mpsc::Sender<()>,
    signal: RecordSignal,
    /// Reads the last record for a receiver that begins to watch.
    connection: Mutex<Connection>,
}

impl Watcher {
    pub(crate) fn start(
        database: &Arc<DatabaseFile>,
        signal: &RecordSignal,
    ) -> Result<Self, StoreError> {
        let connect =
            || database.connect().map_err(|database_error| database.error(database_error));
        let (connection, own) = (connect()?, connect()?);
        let (wake, woken) = mpsc::channel();
        let own_signal = signal.clone();
        let thread = std::thread::Builder::new().name("gate-sqlite-watch".to_owned());
        let spawned = thread.spawn(move || work(&own, &woken, &own_signal));
        spawned.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        Ok(Self { wake, signal: signal.clone(), connection: Mutex::new(connection) })
    }

    /// Begins to watch from the last existing record. Takes one small read, which never waits.
    pub(crate) fn watch(&self) -> RecordWatch {
        let watch = self.signal.watch();
        poll(&self.connection.lock().unwrap_or_else(PoisonError::into_inner), &self.signal);
        // Fails only if the thread has panicked; commits of this process still wake the receiver.
        let _ = self.wake.send(());
        watch
    }
}

/// Reads the number of the last record. If it cannot be read now, it is read again later.
fn poll(connection: &Connection, signal: &RecordSignal) -> bool {
    rows::last(connection).map(|newest| signal.publish(newest)).is_ok()
}

fn work(connection: &Connection, woken: &mpsc::Receiver<()>, signal: &RecordSignal) {
    let mut seen = None;
    loop {
        let is_watched = signal.is_watched();
        let waited = if is_watched {
            woken.recv_timeout(INTERVAL)
        } else {
            woken.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
        };
        if waited == Err(mpsc::RecvTimeoutError::Disconnected) {
            return;
        }
        // An unreadable version counts as changed, so that no write is missed.
        let version: Option<i64> =
            connection.pragma_query_value(None, "data_version", |row| row.get(0)).ok();
        if (version.is_none() || version != seen) && poll(connection, signal) {
            seen = version;
        }
    }
}
