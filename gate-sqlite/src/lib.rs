//! Stores a gate's approvals, grants, limits, records and deliveries in an SQLite database.
//!
//! ```
//! use gate_runtime::prelude::*;
//! use gate_sqlite::SqliteStore;
//!
//! /// Delete an account.
//! #[gated_tool(policy = "always_ask", destructive)]
//! fn delete_account(user_id: String) -> String {
//!     format!("deleted {user_id}")
//! }
//!
//! registry! { pub Tools for () { DeleteAccount } }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("gate.db");
//! let people = || StaticDirectory::new().person("dana", ["manager"]);
//! let gate: Gate<Tools> = Gate::builder(())
//!     .directory(people())
//!     .store(SqliteStore::open(&file).await?)
//!     .key([7; 32])
//!     .build()
//!     .await?;
//! let run = gate.run("run-42");
//! run.submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
//! let saved = run.state().await?;
//! drop((run, gate));
//!
//! // Tomorrow, another process: the question is still there.
//! let gate: Gate<Tools> = Gate::builder(())
//!     .directory(people())
//!     .store(SqliteStore::open(&file).await?)
//!     .key([7; 32])
//!     .build()
//!     .await?;
//! gate.pending().await?[0].approve(&gate.reviewer("dana").await?).await?;
//! let run = gate.resume(saved).await?;
//! assert_eq!(run.proceed().await?.answers()[0].for_model(), "deleted mia");
//! # Ok(()) }
//! ```
//!
//! # Durability
//!
//! A commit that has returned is on the disk: the database has a write-ahead log and
//! `synchronous=FULL`. Commits that arrive together share one `fsync`. If the process or the
//! machine dies during a commit, either all of the commit is there afterwards, or none of it.
//!
//! # Several processes
//!
//! Any number of processes may open one file, on one machine: SQLite takes their commits one after
//! the other. Tasks that wait for changes are woken at once in the process that wrote them, and
//! within some 20 ms in the others. Do not put the file on a network file system: its locks are not
//! reliable.

mod charges;
mod deliveries;
mod error;
mod json_body;
mod queries;
mod readers;
mod rows;
mod schema;
mod watcher;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use gate_core::Timestamp;
use gate_core::approval::Approval;
use gate_core::call::Descriptor;
use gate_core::grants::Grant;
use gate_core::id::GrantId;
use gate_core::ports::{
    ActiveControls, ApprovalFilter, ApprovalStore, BoxFuture, CallHistory, CallQuery, Changeset,
    CommitOutcome, DeliveryFilter, OutboxStore, RecordFilter, RecordLog, RecordSignal, RecordWatch,
    RunChanges, RunQuery, StoreError, StoreErrorKind,
};
use gate_core::records::{Delivery, Record};
use gate_core::text::Digest;
use rusqlite::Connection;

use readers::ReaderPool;
use schema::DatabaseFile;
use watcher::Watcher;
use writer::Writer;

/// A [`Store`](gate_core::ports::Store) in an SQLite database. Clones share it.
///
/// See the [crate's page](crate) for an example.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<StoreInner>,
}

struct StoreInner {
    database: Arc<DatabaseFile>,
    writer: Writer,
    readers: ReaderPool,
    watcher: Watcher,
}

impl SqliteStore {
    /// Opens a database, and creates it if it does not exist. Its folder must exist.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if the file cannot be opened, read or written;
    /// [`StoreErrorKind::Corrupt`] if it is not a gate's database, is damaged, or was written by a
    /// newer version of this crate. The file is not changed in these cases.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use gate_sqlite::SqliteStore;
    /// let error = SqliteStore::open("/no/such/folder/gate.db").await.unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the store: /no/such/folder/gate.db: its folder does not exist: create it first"
    /// );
    /// # }
    /// ```
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let opening = tokio::task::spawn_blocking(move || Self::open_now(&path));
        opening.await.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?
    }

    fn open_now(path: &Path) -> Result<Self, StoreError> {
        let (database, connection) = schema::open(path)?;
        Self::start(database, connection)
    }

    /// Starts the threads of an open database. The writer takes `connection`.
    fn start(database: DatabaseFile, connection: Connection) -> Result<Self, StoreError> {
        let database_file = Arc::new(database);
        let last = rows::last(&connection).map_err(|error| database_file.error(error))?;
        let signal = RecordSignal::new(last);
        let readers = ReaderPool::start(&database_file)?;
        let watcher = Watcher::start(&database_file, &signal)?;
        let writer = Writer::start(connection, &database_file, &signal)?;
        Ok(Self {
            shared: Arc::new(StoreInner { database: database_file, writer, readers, watcher }),
        })
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.shared.database.path()
    }
}

impl RecordLog for SqliteStore {
    fn commit(&self, changeset: Changeset) -> BoxFuture<'_, Result<CommitOutcome, StoreError>> {
        self.shared.writer.commit(changeset)
    }

    fn records<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Record>>, StoreError>> {
        let filter = filter.clone();
        self.shared.readers.read(move |connection| rows::records(connection, &filter))
    }

    fn record_texts<'a>(
        &'a self,
        filter: &'a RecordFilter,
    ) -> BoxFuture<'a, Result<Vec<(u64, String)>, StoreError>> {
        let filter = filter.clone();
        self.shared.readers.read(move |connection| rows::record_texts(connection, &filter))
    }

    fn watch(&self) -> RecordWatch {
        self.shared.watcher.watch()
    }
}

impl ApprovalStore for SqliteStore {
    fn load_history<'a>(
        &'a self,
        about: &'a CallQuery,
    ) -> BoxFuture<'a, Result<CallHistory, StoreError>> {
        let about = about.clone();
        self.shared.readers.read(move |connection| rows::load_history(connection, &about))
    }

    fn approvals<'a>(
        &'a self,
        filter: &'a ApprovalFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Approval>>, StoreError>> {
        let filter = filter.clone();
        self.shared.readers.read(move |connection| rows::approvals(connection, &filter))
    }

    fn run_changes<'a>(
        &'a self,
        query: &'a RunQuery,
    ) -> BoxFuture<'a, Result<RunChanges, StoreError>> {
        let query = query.clone();
        self.shared.readers.read(move |connection| rows::run_changes(connection, &query))
    }

    fn grant(&self, id: GrantId) -> BoxFuture<'_, Result<Option<Arc<Grant>>, StoreError>> {
        self.shared.readers.read(move |connection| rows::grant(connection, id))
    }

    fn active_controls(&self, now: Timestamp) -> BoxFuture<'_, Result<ActiveControls, StoreError>> {
        self.shared.readers.read(move |connection| rows::active_controls(connection, now))
    }

    fn tool(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Arc<Descriptor>>, StoreError>> {
        self.shared.readers.read(move |connection| rows::tool(connection, digest))
    }
}

impl OutboxStore for SqliteStore {
    fn deliveries<'a>(
        &'a self,
        filter: &'a DeliveryFilter,
    ) -> BoxFuture<'a, Result<Vec<Arc<Delivery>>, StoreError>> {
        let filter = filter.clone();
        self.shared.readers.read(move |connection| deliveries::find(connection, &filter))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteStore({})", self.path().display())
    }
}
