//! The single thread that writes, with several commits in one transaction.

use std::sync::{Arc, mpsc};

use gate_core::ports::{
    BoxFuture, Changeset, CommitOutcome, RecordSignal, StoreError, StoreErrorKind,
};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use crate::error::DatabaseError;
use crate::rows;
use crate::schema::{self, DatabaseFile};

/// The maximum number of commits that share one `fsync`, so that none waits long for the others.
const GROUP: usize = 256;

struct CommitRequest {
    changeset: Changeset,
    answer: oneshot::Sender<Result<CommitOutcome, StoreError>>,
}

/// Passes changesets to the thread that writes. When this is dropped, the thread writes the
/// remaining changesets, and ends.
pub(crate) struct Writer {
    requests: mpsc::Sender<CommitRequest>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        database: &Arc<DatabaseFile>,
        signal: &RecordSignal,
    ) -> Result<Self, StoreError> {
        let (requests, queue) = mpsc::channel();
        let (writer_database, signal) = (Arc::clone(database), signal.clone());
        let thread = std::thread::Builder::new().name("gate-sqlite-write".to_owned());
        let spawned = thread.spawn(move || work(connection, &writer_database, &queue, &signal));
        spawned.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        Ok(Self { requests })
    }

    pub(crate) fn commit(
        &self,
        changeset: Changeset,
    ) -> BoxFuture<'static, Result<CommitOutcome, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let sent = self.requests.send(CommitRequest { changeset, answer });
        Box::pin(async move {
            let to_unavailable =
                || StoreError::new(StoreErrorKind::Unavailable, "its writer has ended");
            sent.map_err(|_| to_unavailable())?;
            answered.await.map_err(|_| to_unavailable())?
        })
    }
}

fn work(
    mut connection: Connection,
    database: &DatabaseFile,
    queue: &mpsc::Receiver<CommitRequest>,
    signal: &RecordSignal,
) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let (transitions, answers): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|CommitRequest { changeset, answer }| (changeset, answer))
            .unzip();
        match commit(&mut connection, database, transitions) {
            Ok((outcomes, newest)) => {
                signal.publish(newest);
                for (answer, end) in answers.into_iter().zip(outcomes) {
                    // The caller may have been dropped. Its changeset is written, and the store is
                    // the authority.
                    let _ = answer.send(Ok(end));
                }
            }
            Err(error) => {
                for answer in answers {
                    // A caller that was dropped needs no error, because nothing of its changeset
                    // was written.
                    let _ = answer.send(Err(database.error_ref(&error)));
                }
            }
        }
    }
}

/// Writes each changeset that still fits, all in one transaction: if that fails, none of them is
/// written.
fn commit(
    connection: &mut Connection,
    database: &DatabaseFile,
    transitions: Vec<Changeset>,
) -> Result<(Vec<CommitOutcome>, u64), DatabaseError> {
    database.check()?;
    // Takes the write lock before the first read, so that the checks still hold at the commit.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // A newer version may have changed the meaning of columns while this process was running.
    if schema::is_newer(&transaction)? {
        return Err(DatabaseError::Newer);
    }
    let mut newest = rows::last(&transaction)?;
    let mut outcomes = Vec::with_capacity(transitions.len());
    for changeset in transitions {
        let (end, last) = rows::commit(&transaction, changeset, newest)?;
        newest = last;
        outcomes.push(end);
    }
    transaction.commit()?;
    Ok((outcomes, newest))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use gate_runtime::prelude::*;

    use crate::{SqliteStore, schema};

    #[derive(Clone, Default)]
    struct RunCounter(Arc<AtomicUsize>);

    /// Count.
    #[gated_tool(policy = "never_ask")]
    fn count(#[state] ran: &RunCounter, number: usize) -> usize {
        ran.0.fetch_add(1, Ordering::SeqCst) + number
    }

    registry! { Tools for RunCounter { Count } }

    /// Checks the store with a file that SQLite may not enlarge. SQLite then reports the same error
    /// as for a full disk, on every machine.
    #[tokio::test]
    async fn where_there_is_no_room_nothing_runs_and_once_there_is_everything_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gate.db");
        let (database, connection) = schema::open(&file).unwrap();
        connection.execute_batch("CREATE TABLE ballast (body BLOB)").unwrap();
        connection.execute("INSERT INTO ballast VALUES (zeroblob(1000000))", []).unwrap();
        let pages: i64 =
            connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages + 12, |_| Ok(())).unwrap();
        let store = SqliteStore::start(database, connection).unwrap();
        let ran = RunCounter::default();
        let gate: Gate<Tools> = Gate::builder(ran.clone()).store(store).build().await.unwrap();
        let run = gate.run("run");
        let call = |number: usize| {
            ToolCall::new(number.to_string(), "count", format!("{{\"number\":{number}}}"))
        };
        let mut number = 0;
        let refused = loop {
            number += 1;
            let turn = run.submit([call(number)]).await.unwrap();
            if turn.answers()[0].kind() != "succeeded" {
                break turn;
            }
        };
        // The last call did not begin, or it began and there was no room for its end.
        let ran_before = ran.0.load(Ordering::SeqCst);
        match refused.answers()[0].kind() {
            "unavailable" => {
                let error_text = format!("{:?}", refused.answers()[0].result());
                assert!(
                    error_text.contains("the disk is full: make room, and try again"),
                    "{error_text}"
                );
                assert_eq!(ran_before, number - 1, "nothing runs that is not on the record");
            }
            kind => assert_eq!((kind, ran_before), ("indeterminate", number)),
        }
        for more in 1..=20 {
            let turn = run.submit([call(number + more)]).await.unwrap();
            assert_eq!(turn.answers()[0].kind(), "unavailable");
        }
        assert_eq!(ran.0.load(Ordering::SeqCst), ran_before);

        rusqlite::Connection::open(&file).unwrap().execute_batch("DROP TABLE ballast").unwrap();
        for number in 1..=number + 20 {
            let mut turn = run.submit([call(number)]).await.unwrap();
            while turn.answers()[0].kind() == "indeterminate" {
                // Its end is written as soon as there is room.
                turn = run.proceed().await.unwrap();
            }
            assert_eq!(turn.answers()[0].kind(), "succeeded");
        }
        assert_eq!(ran.0.load(Ordering::SeqCst), number + 20, "each of them once");
        let records = gate.records(0, usize::MAX).await.unwrap();
        assert!(records.iter().zip(1..).all(|(record, seq)| record.seq() == seq));
        assert_eq!(
            records.iter().filter(|record| record.kind() == "dispatched").count(),
            number + 20
        );
    }
}
