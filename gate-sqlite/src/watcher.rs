//! Learning of what other processes write, without reading any table for it.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use gate_core::ports::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::rows;
use crate::schema::DatabaseFile;

/// The time between two looks, while somebody waits.
const INTERVAL: Duration = Duration::from_millis(20);

/// A thread that looks at the database's `data_version` while somebody waits for news. It ends with
/// it.
pub(crate) struct Watcher {
    wake: mpsc::Sender<()>,
    last: Arc<watch::Sender<u64>>,
    /// For who begins to watch, and must know where things stand.
    connection: Mutex<Connection>,
}

impl Watcher {
    pub(crate) fn start(
        place: &Arc<DatabaseFile>,
        last: &Arc<watch::Sender<u64>>,
    ) -> Result<Self, StoreError> {
        let connect = || place.connect().map_err(|trouble| place.error(trouble));
        let (connection, own) = (connect()?, connect()?);
        let (wake, woken) = mpsc::channel();
        let (last, known) = (Arc::clone(last), Arc::clone(last));
        let thread = std::thread::Builder::new().name("gate-sqlite-watch".to_owned());
        let spawned = thread.spawn(move || work(&own, &woken, &last));
        spawned.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        Ok(Self { wake, last: known, connection: Mutex::new(connection) })
    }

    /// Begins to watch: from the last record that there is now. One small read, that waits for
    /// nobody.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        let receiver = self.last.subscribe();
        look(&self.connection.lock().unwrap_or_else(PoisonError::into_inner), &self.last);
        let _ = self.wake.send(());
        receiver
    }
}

/// Reads the number of the last record. Where it cannot be read now, it is looked at again.
fn look(connection: &Connection, last: &watch::Sender<u64>) -> bool {
    rows::last(connection).map(|newest| tell(last, newest)).is_ok()
}

/// Tells whoever watches of a last record. Whoever tells it late does not take it back.
pub(crate) fn tell(last: &watch::Sender<u64>, newest: u64) {
    last.send_if_modified(|known| {
        let is_new = newest > *known;
        *known = newest.max(*known);
        is_new
    });
}

fn work(connection: &Connection, woken: &mpsc::Receiver<()>, last: &watch::Sender<u64>) {
    let mut seen = None;
    loop {
        let is_watched = last.receiver_count() > 0;
        let waited = if is_watched {
            woken.recv_timeout(INTERVAL)
        } else {
            woken.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
        };
        if waited == Err(mpsc::RecvTimeoutError::Disconnected) {
            return;
        }
        let version: Option<i64> =
            connection.pragma_query_value(None, "data_version", |row| row.get(0)).ok();
        if (version.is_none() || version != seen) && look(connection, last) {
            seen = version;
        }
    }
}
