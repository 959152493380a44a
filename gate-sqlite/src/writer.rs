//! The one thread that writes, many commits at a time.

use std::sync::{Arc, mpsc};

use gate_runtime::{BoxFuture, Committed, StoreError, StoreErrorKind, Transition};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use crate::error::Trouble;
use crate::rows;
use crate::schema::{self, Place};
use crate::watcher::tell;

/// How many commits share one `fsync` at most, so that none waits long for the others.
const GROUP: usize = 256;

struct Wanted {
    transition: Transition,
    answer: oneshot::Sender<Result<Committed, StoreError>>,
}

/// Hands transitions to the thread that writes. It ends with it, once everything is written that was wanted.
pub(crate) struct Writer {
    wanted: mpsc::Sender<Wanted>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        place: &Arc<Place>,
        last: &Arc<watch::Sender<u64>>,
    ) -> Result<Self, StoreError> {
        let (wanted, queue) = mpsc::channel();
        let (place, last) = (Arc::clone(place), Arc::clone(last));
        let thread = std::thread::Builder::new().name("gate-sqlite-write".to_owned());
        let spawned = thread.spawn(move || work(connection, &place, &queue, &last));
        spawned.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        Ok(Self { wanted })
    }

    pub(crate) fn commit(&self, transition: Transition) -> BoxFuture<'static, Result<Committed, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let sent = self.wanted.send(Wanted { transition, answer });
        Box::pin(async move {
            let gone = || StoreError::new(StoreErrorKind::Unavailable, "its writer has ended");
            sent.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        })
    }
}

fn work(mut connection: Connection, place: &Place, queue: &mpsc::Receiver<Wanted>, last: &watch::Sender<u64>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let (transitions, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|Wanted { transition, answer }| (transition, answer)).unzip();
        match commit(&mut connection, place, transitions) {
            Ok((ends, newest)) => {
                tell(last, newest);
                for (answer, end) in answers.into_iter().zip(ends) {
                    let _ = answer.send(Ok(end));
                }
            }
            Err(trouble) => {
                for answer in answers {
                    let _ = answer.send(Err(place.error_like(&trouble)));
                }
            }
        }
    }
}

/// Writes each transition that still fits, all in one transaction: if that fails, none of them is written.
fn commit(
    connection: &mut Connection,
    place: &Place,
    transitions: Vec<Transition>,
) -> Result<(Vec<Committed>, u64), Trouble> {
    place.check()?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if schema::is_newer(&transaction)? {
        return Err(Trouble::Newer);
    }
    let mut newest = rows::last(&transaction)?;
    let mut ends = Vec::with_capacity(transitions.len());
    for transition in transitions {
        let end = rows::check(&transaction, &transition)?;
        if end == Committed::Done {
            newest = rows::write(&transaction, transition, newest)?;
        }
        ends.push(end);
    }
    transaction.commit()?;
    Ok((ends, newest))
}
