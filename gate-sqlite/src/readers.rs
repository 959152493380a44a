//! Threads that read. One other thread writes.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use gate_core::ports::{BoxFuture, StoreError, StoreErrorKind};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::DatabaseError;
use crate::schema::DatabaseFile;

/// The number of threads that read at once.
const READERS: usize = 2;

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// A pool of threads that read. They end when it is dropped.
pub(crate) struct ReaderPool {
    database: Arc<DatabaseFile>,
    jobs: mpsc::Sender<ReadJob>,
}

impl ReaderPool {
    pub(crate) fn start(database: &Arc<DatabaseFile>) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<ReadJob>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 1..=READERS {
            let connection =
                database.connect().map_err(|database_error| database.error(database_error))?;
            connection
                .pragma_update(None, "query_only", true)
                .map_err(|error| database.error(error))?;
            let queue = Arc::clone(&queue);
            let work = move || {
                // Only the thread that waits for the next job holds the lock, so that the others
                // can run their jobs.
                while let Ok(job) = next(&queue) {
                    job(&connection);
                }
            };
            let thread = std::thread::Builder::new().name(format!("gate-sqlite-read-{number}"));
            thread
                .spawn(work)
                .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        }
        Ok(Self { database: Arc::clone(database), jobs })
    }

    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        // A caller that was dropped no longer needs the answer, and a read changes nothing.
        let sent = self.jobs.send(Box::new(move |connection| drop(answer.send(read(connection)))));
        let database = Arc::clone(&self.database);
        Box::pin(async move {
            let to_unavailable =
                || StoreError::new(StoreErrorKind::Unavailable, "its reader has ended");
            sent.map_err(|_| to_unavailable())?;
            answered
                .await
                .map_err(|_| to_unavailable())?
                .map_err(|database_error| database.error(database_error))
        })
    }
}

fn next(queue: &Mutex<mpsc::Receiver<ReadJob>>) -> Result<ReadJob, mpsc::RecvError> {
    // `mpsc` has one receiver, which the threads share. A panic cannot leave it half changed.
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv()
}
