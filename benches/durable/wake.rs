//! The time from a vote's commit until the caller who waits for it wakes: in the process where it
//! is cast, and in another.

use std::future::Future as _;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant, SystemTime};

use gate_runtime::id::ApprovalId;
use gate_runtime::store::RecordLog;
use gate_runtime::{Gate, Interruption, Run};
use gate_sqlite::SqliteStore;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::observed::ObservedStore;
use crate::refunds::Tools;
use crate::subject::{self, asked};
use crate::{VOTER, percentiles};

const HERE: usize = 400;
const ELSEWHERE: usize = 150;

/// The time that a caller has to fall asleep before somebody votes.
const ASLEEP: Duration = Duration::from_millis(2);

/// When a commit was done: noted on the thread that wrote it, as it tells whoever watches, before
/// it answers.
#[derive(Default)]
struct Stamp(OnceLock<(Instant, SystemTime)>);

impl Wake for Stamp {
    fn wake(self: Arc<Self>) {
        self.0.get_or_init(|| (Instant::now(), SystemTime::now()));
    }
}

/// Rejects, so that nothing has to be committed before the caller has its answer, and says when
/// that was committed.
async fn vote(
    gate: &Gate<Tools>,
    store: &SqliteStore,
    interruption: &Interruption,
) -> (Instant, SystemTime) {
    let dana = gate.reviewer("dana").await.unwrap();
    let stamp = Arc::new(Stamp::default());
    let waker = Waker::from(Arc::clone(&stamp));
    let mut last = store.watch();
    last.mark_seen();
    let mut notified = pin!(last.changed());
    assert!(notified.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    interruption.reject(&dana, "not now").await.unwrap();
    *stamp.0.get().unwrap()
}

pub(crate) fn latencies(folder: &Path, runtime: &Runtime) {
    println!(
        "From a vote's commit until a task goes on that follows the store; until a caller in \
         `Run::wait` is woken and asks the"
    );
    println!(
        "store for its call; until it has the answer. {HERE} and {ELSEWHERE} votes, one at a \
         time.\n"
    );
    println!("{:<44}{:>12}{:>12}{:>12}", "", "p50", "p95", "p99");
    let file = folder.join("wake.db");
    runtime.block_on(async {
        here(&file).await;
        elsewhere(&file).await;
    });
}

async fn here(file: &Path) {
    let store = SqliteStore::open(file).await.unwrap();
    let observed = ObservedStore::new(store.clone());
    let gate = subject::gate(Arc::clone(&observed)).await;
    let (mut notified, mut woken, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..HERE {
        let run = gate.run(format!("here-{number}"));
        let turn = run.submit([asked(0)]).await.unwrap();
        // One or the other, so that neither disturbs what is measured of the other.
        let follows = number % 2 == 0;
        let waiting = if follows { follow(&store) } else { wait(run) };
        tokio::time::sleep(ASLEEP).await;
        let (committed, _) = vote(&gate, &store, &turn.interruptions()[0]).await;
        let (went_on, _) = waiting.await.unwrap();
        let since = |moment: Instant| moment.saturating_duration_since(committed);
        if follows {
            notified.push(since(went_on));
        } else {
            woken.extend(observed.looked_after(committed).map(since));
            answered.push(since(went_on));
        }
    }
    println!("{:<44}{}", "same process: follows the store", percentiles(&mut notified));
    println!("{:<44}{}", "same process: is woken in `Run::wait`", percentiles(&mut woken));
    println!("{:<44}{}", "same process: has the answer", percentiles(&mut answered));
}

/// A task that follows the store, and when it goes on.
fn follow(store: &SqliteStore) -> JoinHandle<(Instant, SystemTime)> {
    let mut last = store.watch();
    last.mark_seen();
    tokio::spawn(async move {
        last.changed().await.unwrap();
        (Instant::now(), SystemTime::now())
    })
}

/// A caller that waits for the decision, and when it has it.
fn wait(run: Run<Tools>) -> JoinHandle<(Instant, SystemTime)> {
    tokio::spawn(async move {
        let turn = run.wait().await.unwrap();
        let moment = (Instant::now(), SystemTime::now());
        assert!(!turn.is_waiting());
        moment
    })
}

async fn elsewhere(file: &Path) {
    let (gate, store) = subject::open(file).await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(VOTER, file).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut requests = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut notified, mut answered) = (Vec::new(), Vec::new());
    for number in 0..ELSEWHERE {
        let run = gate.run(format!("elsewhere-{number}"));
        let turn = run.submit([asked(0)]).await.unwrap();
        let (following, waiting) = (follow(&store), wait(run));
        let id = turn.interruptions()[0].id();
        requests.write_all(format!("{id}\n").as_bytes()).await.unwrap();
        let committed: u64 = answers.next_line().await.unwrap().unwrap().parse().unwrap();
        let committed = SystemTime::UNIX_EPOCH + Duration::from_nanos(committed);
        let since = |woken: SystemTime| woken.duration_since(committed).unwrap_or_default();
        notified.push(since(following.await.unwrap().1));
        answered.push(since(waiting.await.unwrap().1));
    }
    println!("{:<44}{}", "another process: follows the store", percentiles(&mut notified));
    println!("{:<44}{}", "another process: has the answer", percentiles(&mut answered));
}

/// The other process: it votes on each approval whose id it is given, and answers when that was
/// committed.
pub(crate) async fn vote_on_request(file: &Path) {
    let (gate, store) = subject::open(file).await;
    // This thread drives nothing but this: it may block.
    for (number, id) in (1_u64..).zip(std::io::stdin().lines()) {
        let id: ApprovalId = id.unwrap().parse().unwrap();
        let interruption = gate.interruption(id).await.unwrap().unwrap();
        // At no fixed distance from whatever the waiting process does at intervals.
        tokio::time::sleep(ASLEEP + Duration::from_micros(number * 7_919 % 20_000)).await;
        let (_, committed) = vote(&gate, &store, &interruption).await;
        println!("{}", committed.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos());
    }
}
