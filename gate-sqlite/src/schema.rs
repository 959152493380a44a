//! Opens a database: checks its identity and version, and applies its settings.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gate_core::ports::{StoreError, StoreErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, TransactionBehavior};

use crate::error::DatabaseError;

/// The SQLite application id of a gate's database: "gate" in ASCII.
const APPLICATION: i64 = 0x6761_7465;

/// The time to wait for another process.
const PATIENCE: Duration = Duration::from_secs(10);

/// The statements that migrate the schema from each version to the next. Released statements never
/// change: new versions are appended.
const MIGRATIONS: [&str; 6] = [
    "
    CREATE TABLE approvals (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        run TEXT NOT NULL,
        call TEXT NOT NULL,
        tool TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (run, call)
    ) STRICT;
    CREATE INDEX approvals_by_status ON approvals (status, seq);
    CREATE INDEX approvals_by_run ON approvals (run, status, seq);
    CREATE TABLE grants (
        id TEXT NOT NULL PRIMARY KEY,
        run TEXT NOT NULL,
        tool TEXT NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX grants_by_run ON grants (run, tool);
    CREATE TABLE takes (
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        at INTEGER NOT NULL,
        amount INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX takes_by_key ON takes (name, key, at);
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    ",
    "
    ALTER TABLE approvals ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    UPDATE approvals SET refused = 1 WHERE status = 'rejected';
    CREATE INDEX approvals_refused ON approvals (run, tool, seq) WHERE refused;
    ALTER TABLE records ADD COLUMN matter TEXT;
    CREATE INDEX records_by_matter ON records (matter, seq) WHERE matter IS NOT NULL;
    CREATE TABLE freezes (
        scope TEXT NOT NULL PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE tools (
        digest TEXT NOT NULL PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    ",
    "
    CREATE TABLE letters (
        notifier TEXT NOT NULL,
        record INTEGER NOT NULL,
        approval TEXT,
        state TEXT NOT NULL,
        due_at INTEGER NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (record, notifier)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX letters_by_due ON letters (notifier, state, due_at, record);
    CREATE INDEX letters_by_call ON letters (notifier, approval, record) WHERE approval IS NOT NULL;
    CREATE INDEX letters_by_state ON letters (state, record);
    ",
    // A column that lookups use is set only while a lookup may ask for it, and its index leaves out
    // the rest: a call that a rule approves and that runs at once touches only the indices of
    // changed, owed and not succeeded calls. `likeness` and `proposed` are set while a call waits
    // or once it is refused, `covered_by` while it is approved. Calls that are open at the
    // migration are owed as of the last record, because which record was the last about them is not
    // known.
    "
    DROP INDEX approvals_by_status;
    DROP INDEX approvals_by_run;
    DROP INDEX approvals_refused;
    ALTER TABLE approvals ADD COLUMN family TEXT NOT NULL DEFAULT '';
    ALTER TABLE approvals ADD COLUMN matter TEXT;
    ALTER TABLE approvals ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE approvals ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE approvals ADD COLUMN likeness TEXT;
    ALTER TABLE approvals ADD COLUMN proposed TEXT;
    ALTER TABLE approvals ADD COLUMN covered_by TEXT;
    UPDATE approvals SET matter = body ->> '$.case', family = CASE
        WHEN body -> '$.request' IS NOT NULL THEN (body ->> '$.agent') || '/'
        WHEN instr(run, '>') > 0 \
            THEN CAST(substr(CAST(run AS BLOB), 1, instr(CAST(run AS BLOB), x'3e') - 1) AS TEXT)
        ELSE run END
    WHERE json_valid(body);
    UPDATE approvals SET owed = 1, changed = (SELECT coalesce(max(seq), 1) FROM records)
    WHERE status IN ('pending', 'approved', 'dispatched', 'indeterminate');
    UPDATE approvals SET refused = 1
    WHERE status = 'failed' AND json_valid(body)
        AND EXISTS (SELECT 1 FROM json_each(body, '$.votes') \
            WHERE value ->> '$.decision.type' = 'reject');
    UPDATE approvals SET likeness = body ->> '$.arguments.digest'
    WHERE (status IN ('pending', 'approved', 'indeterminate') OR refused)
        AND json_valid(body) AND body -> '$.arguments.secrets' IS NULL;
    UPDATE approvals SET proposed = body ->> '$.proposed.digest'
    WHERE (status IN ('pending', 'approved', 'indeterminate') OR refused)
        AND json_valid(body) AND body -> '$.proposed.secrets' IS NULL;
    UPDATE approvals SET covered_by = body ->> '$.grant' \
        WHERE status = 'approved' AND json_valid(body);
    CREATE INDEX approvals_by_status ON approvals (status) WHERE status <> 'succeeded';
    CREATE INDEX approvals_waiting ON approvals (run) \
        WHERE status IN ('pending', 'approved', 'indeterminate');
    CREATE INDEX approvals_waiting_in_family ON approvals (family) \
        WHERE status IN ('pending', 'approved', 'indeterminate');
    CREATE INDEX approvals_changed ON approvals (family, changed);
    CREATE INDEX approvals_owed ON approvals (family) WHERE owed;
    CREATE INDEX approvals_refused_in_family ON approvals (family, tool) WHERE refused;
    CREATE INDEX approvals_refused_in_case ON approvals (matter, tool) \
        WHERE refused AND matter IS NOT NULL;
    CREATE INDEX approvals_refused_alike ON approvals (family, tool, likeness) WHERE refused;
    CREATE INDEX approvals_alike ON approvals (tool, likeness) \
        WHERE likeness IS NOT NULL AND NOT refused;
    CREATE INDEX approvals_edited ON approvals (tool, proposed) WHERE proposed IS NOT NULL;
    CREATE INDEX approvals_covered ON approvals (covered_by) WHERE covered_by IS NOT NULL;
    DROP INDEX grants_by_run;
    ALTER TABLE grants ADD COLUMN active INTEGER
        AS (NOT (body ->> '$.revoked') AND coalesce(body ->> '$.uses_left', 1) > 0) VIRTUAL;
    ALTER TABLE grants ADD COLUMN ends TEXT
        AS (substr(coalesce(body ->> '$.until', '9999-12-31T23:59:59'), 1, 19)) VIRTUAL;
    CREATE INDEX grants_active ON grants (run, tool, ends) WHERE active;
    CREATE INDEX grants_by_end ON grants (ends) WHERE active;
    ALTER TABLE takes ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE takes ADD COLUMN taken_for TEXT;
    UPDATE takes SET total = sums.total FROM (
        SELECT rowid AS place,
            (sum(amount >> 32) OVER counter + (sum(amount & 4294967295) OVER counter >> 32)) << 32
            | (sum(amount & 4294967295) OVER counter & 4294967295) AS total
        FROM takes WINDOW counter AS (PARTITION BY name, key ORDER BY at, rowid)
    ) AS sums WHERE takes.rowid = sums.place;
    CREATE INDEX takes_for ON takes (taken_for) WHERE taken_for IS NOT NULL;
    ",
    "
    ALTER TABLE tools ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
    ",
    // A call that was read from the database is compared with its records before it begins.
    "
    ALTER TABLE records ADD COLUMN approval TEXT;
    UPDATE records SET approval = body ->> '$.subject.approval' WHERE json_valid(body);
    CREATE INDEX records_by_call ON records (approval, seq) WHERE approval IS NOT NULL;
    ",
];

/// The path of a database, and the identity of its files when it was opened.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    file: Option<FileIdentity>,
    /// The files beside it, one of which contains the last commits. The identity of each is set
    /// once the file exists. The files stay while a connection is open.
    beside: [(PathBuf, OnceLock<FileIdentity>); 2],
}

type FileIdentity = (u64, u64);

impl DatabaseFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns an error with the file's name.
    pub(crate) fn error(&self, database_error: impl Into<DatabaseError>) -> StoreError {
        self.error_ref(&database_error.into())
    }

    /// Like [`error`](Self::error), by reference, for several callers that get the same error.
    pub(crate) fn error_ref(&self, database_error: &DatabaseError) -> StoreError {
        error_at(&self.path, database_error)
    }

    /// Opens another connection to the same database.
    pub(crate) fn connect(&self) -> Result<Connection, DatabaseError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        settings(&connection)?;
        Ok(connection)
    }

    fn new(path: &Path) -> Self {
        // If the path is a link, SQLite names the files beside it after the target.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let beside = ["-wal", "-shm"].map(|end| {
            let mut name = real.clone().into_os_string();
            name.push(end);
            (PathBuf::from(name), OnceLock::new())
        });
        let database = Self { path: path.to_owned(), file: identity(path), beside };
        database.remember();
        database
    }

    fn remember(&self) {
        for (path, known) in &self.beside {
            if known.get().is_none()
                && let Some(found) = identity(path)
            {
                // Another thread may have set it first, from the same file.
                let _ = known.set(found);
            }
        }
    }

    /// Checks that the files at the path and beside it are still the open ones. A commit to a
    /// deleted file would be lost, and invisible to other processes.
    pub(crate) fn check(&self) -> Result<(), DatabaseError> {
        self.remember();
        let is_other = |path: &Path, known: Option<&FileIdentity>| {
            known.is_some() && known != identity(path).as_ref()
        };
        let mut beside = self.beside.iter();
        if is_other(&self.path, self.file.as_ref())
            || beside.any(|(path, known)| is_other(path, known.get()))
        {
            return Err(DatabaseError::Replaced);
        }
        Ok(())
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// On other systems, an open file cannot be deleted.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<FileIdentity> {
    None
}

fn error_at(path: &Path, database_error: &DatabaseError) -> StoreError {
    StoreError::new(
        database_error.kind(),
        format_args!("{}: {}", path.display(), database_error.message()),
    )
}

/// Opens a database for writing, creates it if it does not exist, and migrates it.
pub(crate) fn open(path: &Path) -> Result<(DatabaseFile, Connection), StoreError> {
    let refused =
        |kind, problem: &str| StoreError::new(kind, format_args!("{}: {problem}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(refused(
            StoreErrorKind::Unavailable,
            "its folder does not exist: create it first",
        ));
    }
    let at = |database_error: DatabaseError| error_at(path, &database_error);
    make_private(path);
    if let Some(problem) = other_names(path) {
        return Err(refused(StoreErrorKind::Unavailable, &problem));
    }
    let mut connection = Connection::open(path).map_err(|error| at(error.into()))?;
    // Without the right to write, SQLite may open the file read-only, depending on the files that
    // another connection left beside it.
    if connection.is_readonly(MAIN_DB).map_err(|error| at(error.into()))? {
        return Err(at(DatabaseError::ReadOnly));
    }
    connection.busy_timeout(PATIENCE).map_err(|error| at(error.into()))?;
    if let Some(problem) = patiently(|| foreign(&connection)).map_err(|error| at(error.into()))? {
        return Err(refused(StoreErrorKind::Corrupt, &problem));
    }
    let journal = || connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
    patiently(journal).map_err(|error| at(error.into()))?;
    settings(&connection).map_err(at)?;
    patiently(|| migrate(&mut connection)).map_err(|error| at(error.into()))?;
    Ok((DatabaseFile::new(path), connection))
}

/// Makes the file of a new database readable by its owner alone; SQLite gives the files beside it
/// the same mode. An existing file keeps its mode, because others may be meant to read it, and the
/// security log reports it.
#[cfg(unix)]
fn make_private(path: &Path) {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    if std::fs::metadata(path).is_ok_and(|file| file.mode() & 0o077 != 0) {
        tracing::warn!(
            target: "gate::security",
            event = "file_open_to_others",
            path = %path.display()
        );
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    // The file may already exist. Any other error also stops SQLite, which reports it.
    drop(made);
}

/// Other systems control read access in other ways.
#[cfg(not(unix))]
fn make_private(_: &Path) {}

/// Describes why a file with several names is refused: each name has its own write-ahead log, and
/// so its own last commits.
#[cfg(unix)]
fn other_names(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let links = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.nlink();
    (links > 1).then(|| {
        format!(
            "it has {links} names (hard links), and each would have its own write-ahead log: \
            remove all but one"
        )
    })
}

/// The number of names is not known on other systems.
#[cfg(not(unix))]
fn other_names(_: &Path) -> Option<String> {
    None
}

/// Retries while another process holds the database, because SQLite does not wait by itself if two
/// processes could wait for each other.
fn patiently<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let began = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && began.elapsed() < PATIENCE => {
                // This only runs while a database is opened, and ends after `PATIENCE`.
                std::thread::sleep(Duration::from_millis(2));
            }
            ended => return ended,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Returns the reason if this program may not open a database.
fn foreign(connection: &Connection) -> rusqlite::Result<Option<String>> {
    // One snapshot for all reads, because another process may be creating the database.
    let moment = connection.unchecked_transaction()?;
    let (application, version) =
        (number(&moment, "application_id")?, number(&moment, "user_version")?);
    let tables: i64 =
        moment.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    // The array has few entries, so the conversion cannot fail.
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    Ok(if application != APPLICATION && (application != 0 || tables > 0) {
        Some("it is the database of another application: name another file".to_owned())
    } else if version > known {
        Some(format!(
            "its schema has version {version}, and this program knows up to version {known}: \
             update it"
        ))
    } else {
        None
    })
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

fn settings(connection: &Connection) -> Result<(), DatabaseError> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Without this, a query plan may depend on the bound values, and a cached statement, whose
    // bindings are cleared, is prepared again each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Returns whether another process has migrated the schema to a version that this program does not
/// know.
pub(crate) fn is_newer(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(usize::try_from(number(connection, "user_version")?)
        .is_ok_and(|version| version > MIGRATIONS.len()))
}

/// Migrates the schema step by step, in one transaction, because another process may try at the
/// same moment.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if usize::try_from(number(connection, "user_version")?) == Ok(MIGRATIONS.len()) {
        return Ok(());
    }
    // Takes the write lock before the version is read, so that two processes do not both migrate.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // `foreign` has refused newer versions; a negative one does not come from this program.
    let version = usize::try_from(number(&transaction, "user_version")?).unwrap_or(0);
    for (step, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(
            None,
            "user_version",
            i64::try_from(step + 1).unwrap_or(i64::MAX),
        )?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gate_runtime::grants::{LimitCharge, LimitKey};
    use gate_runtime::prelude::*;
    use gate_runtime::store::{
        ApprovalStore, CallQuery, Changeset, CommitOutcome, RecordLog, RunQuery,
    };
    use gate_runtime::{Approval, Timestamp};
    use rusqlite::StatementStatus;

    use super::*;
    use crate::SqliteStore;

    #[test]
    fn a_cached_statement_is_prepared_once() {
        let folder = tempfile::tempdir().unwrap();
        let (database, _) = open(&folder.path().join("gate.db")).unwrap();
        let connection = database.connect().unwrap();
        for sql in [
            "SELECT body FROM records WHERE seq > ? ORDER BY seq LIMIT ?",
            "SELECT body FROM approvals WHERE run = ? AND status = 'rejected' AND tool = ? ORDER \
             BY seq",
            "SELECT body FROM approvals WHERE status <> 'succeeded' AND status IN (?, ?)",
        ] {
            for value in 0..3 {
                let mut cached = connection.prepare_cached(sql).unwrap();
                assert!(!cached.exists([value, 50]).unwrap());
                assert_eq!(cached.get_status(StatementStatus::RePrepare), 0, "{sql}");
            }
        }
    }

    /// Send a letter.
    #[gated_tool(policy = "always_ask")]
    fn send(text: String) -> String {
        text
    }

    registry! { Tools for () { Send } }

    /// A database as the program wrote it that had three versions of the schema: with questions
    /// that wait, are refused and are approved.
    async fn of_version_3(folder: &Path) -> PathBuf {
        let (new, file) = (folder.join("new.db"), folder.join("gate.db"));
        let people = StaticDirectory::new().person("dana", ["manager"]);
        let store = SqliteStore::open(&new).await.unwrap();
        let gate: Gate<Tools> =
            Gate::builder(()).directory(people).store(store).build().await.unwrap();
        let dana = gate.reviewer("dana").await.unwrap();
        let calls = ["waits", "refused", "approved", "nested", "remote"];
        let calls =
            calls.map(|text| ToolCall::new(text, "send", format!("{{\"text\":\"{text}\"}}")));
        let turn = gate.run("run").submit(calls).await.unwrap();
        let [_, refused, approved, nested, remote] = turn.interruptions() else {
            panic!("all are asked")
        };
        approved.approve(&dana).await.unwrap();
        for question in [refused, nested, remote] {
            question.reject(&dana, "no").await.unwrap();
        }
        drop((turn, gate));
        let old = Connection::open(&file).unwrap();
        old.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        for migration in MIGRATIONS.iter().take(3) {
            old.execute_batch(migration).unwrap();
        }
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        old.pragma_update(None, "user_version", 3).unwrap();
        old.execute("ATTACH ? AS new", [new.to_str().unwrap()]).unwrap();
        for (table, columns) in [
            ("approvals", "seq, id, run, call, tool, status, version, body, refused"),
            ("records", "seq, matter, body"),
            ("tools", "digest, body"),
        ] {
            let copy = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}");
            assert!(old.execute(&copy, []).unwrap() > 0, "{table}");
        }
        old.execute_batch(
            "UPDATE approvals SET run = 'run' || char(0) || '>inner>1' WHERE call = 'nested';
             UPDATE approvals SET body = json_set(body, '$.request', json('{}')) \
                 WHERE call = 'remote';
             INSERT INTO approvals (id, run, call, tool, status, version, body)
             VALUES ('damaged', 'damaged', 'damaged', 'send', 'succeeded', 3, 'no JSON');",
        )
        .unwrap();
        let mut put = old
            .prepare("INSERT INTO takes (name, key, at, amount) VALUES ('limit', ?, ?, ?)")
            .unwrap();
        for (key, second, amount) in
            [("1", 9, 7), ("1", 3, i64::MAX), ("1", 5, 5), ("2", 4, 40), ("2", 6, 60)]
        {
            put.execute((key, (SECONDS + second) * 1_000_000, amount)).unwrap();
        }
        file
    }

    const SECONDS: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(SECONDS + second).unwrap()
    }

    #[tokio::test]
    async fn a_database_of_version_3_with_data_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = of_version_3(folder.path()).await;
        let store = SqliteStore::open(&file).await.unwrap();
        let calls = |found: &[Arc<Approval>]| -> Vec<String> {
            found.iter().map(|approval| approval.subject().call().to_string()).collect()
        };

        // Calls that had not ended are owed, with the last record number at the migration.
        let changes = store.run_changes(&RunQuery::after("run", 0)).await.unwrap();
        let owed: Vec<_> = changes
            .calls
            .iter()
            .map(|change| (change.seq, change.approval.subject().call().as_str()))
            .collect();
        assert_eq!(owed, [(changes.seq, "waits"), (changes.seq, "approved")]);

        // Refused calls are found by their family, and waiting calls by their likeness.
        let mut about = CallQuery::new("run", "new", "send", at(9));
        assert_eq!(calls(&store.load_history(&about).await.unwrap().rejected), ["refused"]);
        about.family = "run\0".into();
        assert_eq!(calls(&store.load_history(&about).await.unwrap().rejected), ["nested"]);
        about.family = format!("{}/", changes.calls[0].approval.subject().info().agent()).into();
        assert_eq!(calls(&store.load_history(&about).await.unwrap().rejected), ["remote"]);
        about.likeness = Some(changes.calls[0].approval.arguments().likeness());
        assert_eq!(calls(&store.load_history(&about).await.unwrap().alike), ["waits"]);

        // Limits continue from their values before the migration.
        let counter = |key: &str, window| (LimitKey::new("limit", key), window);
        about.counters =
            vec![counter("1", HOUR), counter("2", HOUR), counter("1", Duration::from_secs(5))];
        let most = i64::MAX.cast_unsigned();
        assert_eq!(store.load_history(&about).await.unwrap().used, [most + 12, 100, 12]);
        let mut more = Changeset::at(at(9));
        let take = |max| LimitCharge {
            key: LimitKey::new("limit", "1"),
            amount: 1,
            max,
            window: HOUR,
            taken_for: None,
        };
        more.charges = vec![take(most + 12)];
        assert_eq!(store.commit(more.clone()).await.unwrap(), CommitOutcome::LimitReached(0));
        more.charges = vec![take(most + 13)];
        assert_eq!(store.commit(more).await.unwrap(), CommitOutcome::Done);
        assert_eq!(store.load_history(&about).await.unwrap().used, [most + 13, 100, 13]);

        // Questions continue too.
        let people = StaticDirectory::new().person("dana", ["manager"]);
        let gate: Gate<Tools> =
            Gate::builder(()).directory(people).store(store).build().await.unwrap();
        let pending = gate.pending().await.unwrap();
        assert_eq!(pending.len(), 1);
        pending[0].approve(&gate.reviewer("dana").await.unwrap()).await.unwrap();
        for text in ["waits", "approved"] {
            let call = ToolCall::new(text, "send", format!("{{\"text\":\"{text}\"}}"));
            let turn = gate.run("run").submit([call]).await.unwrap();
            assert_eq!(turn.answers()[0].for_model(), text);
        }
    }

    #[test]
    fn a_database_of_every_earlier_version_is_brought_up_to_date() {
        for version in 0..MIGRATIONS.len() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("gate.db");
            let old = Connection::open(&file).unwrap();
            for migration in MIGRATIONS.iter().take(version) {
                old.execute_batch(migration).unwrap();
            }
            if version > 0 {
                old.execute("INSERT INTO records (seq, body) VALUES (1, '{}')", []).unwrap();
                old.pragma_update(None, "application_id", APPLICATION).unwrap();
                old.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
            }
            drop(old);
            let (_, new) = open(&file).unwrap();
            let kept: usize =
                new.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap();
            assert_eq!(kept, usize::from(version > 0), "from version {version}");
            assert_eq!(
                number(&new, "user_version").unwrap(),
                i64::try_from(MIGRATIONS.len()).unwrap()
            );
        }
    }
}
