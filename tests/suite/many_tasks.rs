//! One run, used by many concurrent tasks that may be dropped at any moment, over restarts: every
//! answer to the model is true, every call runs at most once, and no answer that the application
//! did not take is lost.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gate_runtime::prelude::*;
use gate_runtime::review::{Settlement, Status};
use gate_runtime::run::{Answer, RunState};
use gate_runtime::store::{ApprovalFilter, ApprovalStore, Store};
use gate_runtime::{MemoryStore, Run};
use gate_sqlite::SqliteStore;

/// The number of times that each body ran.
#[derive(Clone, Default)]
struct World(Arc<Mutex<BTreeMap<u64, usize>>>);

/// Nobody is needed for a third of them, one for the others.
#[policy]
fn thirds(rules: Rules<Act>) -> Rules<Act> {
    rules.auto_approve("free").when(|call| call.number % 3 == 0).otherwise(ask(role("manager")))
}

/// Act, and give others a turn in the middle of it.
#[gated_tool(policy = "thirds")]
async fn act(#[state] world: &World, number: u64) -> u64 {
    tokio::task::yield_now().await;
    *world.0.lock().unwrap().entry(number).or_default() += 1;
    tokio::task::yield_now().await;
    number
}

registry! { Tools for World { Act } }

/// A run that tasks share, until one of them restarts it.
struct Shared {
    store: Arc<dyn Store>,
    world: World,
    now: Mutex<(Gate<Tools>, Arc<Run<Tools>>)>,
    /// The answers about each call that the application got, in order.
    notices: Mutex<BTreeMap<String, Vec<&'static str>>>,
    next: AtomicU64,
}

async fn gate(store: &Arc<dyn Store>, world: &World) -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let builder =
        Gate::builder(world.clone()).directory(people).key([1; 32]).denials_per_run(u64::MAX);
    builder.store(Arc::clone(store)).build().await.unwrap()
}

impl Shared {
    async fn new(store: Arc<dyn Store>) -> Self {
        let world = World::default();
        let gate = gate(&store, &world).await;
        let run = Arc::new(gate.run("run"));
        Self {
            store,
            world,
            now: Mutex::new((gate, run)),
            notices: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    fn now(&self) -> (Gate<Tools>, Arc<Run<Tools>>) {
        self.now.lock().unwrap().clone()
    }

    /// Gives the answers of a turn to the model.
    fn take(&self, turn: &Turn) {
        let mut notices = self.notices.lock().unwrap();
        for answer in turn.answers().iter().chain(turn.late()) {
            notices.entry(answer.call().to_string()).or_default().push(Answer::kind(answer));
        }
    }

    async fn step(&self, random: &mut Random) {
        let (gate, run) = self.now();
        let dana = gate.reviewer("dana").await.unwrap();
        match random.below(12) {
            0..4 => {
                let count = 1 + random.below(3);
                let first = self.next.fetch_add(count, Ordering::SeqCst);
                let calls: Vec<ToolCall> = (first..first + count).map(proposal).collect();
                let turn = run.submit(calls).await.unwrap();
                self.take(&turn);
            }
            4 => {
                // The same call again, like an application that lost its last turn.
                let known = random.below(self.next.load(Ordering::SeqCst).max(1));
                let turn = run.submit([proposal(known)]).await.unwrap();
                self.take(&turn);
            }
            5..7 => {
                let turn = run.proceed().await.unwrap();
                self.take(&turn);
                run.acknowledge(&turn).await.unwrap();
            }
            7 => {
                // The application gets the turn, and does not acknowledge it.
                let turn = run.proceed().await.unwrap();
                self.take(&turn);
            }
            8..10 => {
                let waiting = gate.pending().await.unwrap();
                let places = u64::try_from(waiting.len().max(1)).unwrap();
                if let Some(interruption) =
                    waiting.get(usize::try_from(random.below(places)).unwrap())
                {
                    // The result is ignored, because another task may have been faster.
                    let _ = interruption.approve(&dana).await;
                }
            }
            10 => {
                let waiting = gate.pending().await.unwrap();
                if let Some(asked) = waiting.first() {
                    let _ = asked.reject(&dana, "no").await;
                }
            }
            _ => {
                let saved = run.state().await.unwrap().to_json();
                let gate = self::gate(&self.store, &self.world).await;
                let run = gate.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
                *self.now.lock().unwrap() = (gate, Arc::new(run));
            }
        }
    }

    /// Decides and settles everything, and takes all remaining answers.
    async fn settle(&self) {
        let (gate, run) = self.now();
        let dana = gate.reviewer("dana").await.unwrap();
        for _ in 0..200 {
            for in_flight in gate.recover().await.unwrap() {
                let number = in_flight.approval().subject().call().as_str().parse().unwrap();
                let ran = self.world.0.lock().unwrap().contains_key(&number);
                let what =
                    if ran { Settlement::ran(&number.into()) } else { Settlement::DidNotRun };
                // The result is ignored, because a call that still runs cannot be settled.
                let _ = in_flight.settle(&dana, what, "I looked").await;
            }
            for interruption in gate.pending().await.unwrap() {
                let _ = interruption.approve(&dana).await;
            }
            let turn = run.proceed().await.unwrap();
            self.take(&turn);
            run.acknowledge(&turn).await.unwrap();
            let all = self.store.approvals(&ApprovalFilter::all().run("run")).await.unwrap();
            if all.iter().all(|approval| approval.status().is_terminal()) {
                break;
            }
            tokio::task::yield_now().await;
        }
        let turn = run.proceed().await.unwrap();
        self.take(&turn);
    }

    /// `in_order` is true if the answers of one task are known to be before those of another.
    async fn check(&self, in_order: bool) {
        let all = self.store.approvals(&ApprovalFilter::all().run("run")).await.unwrap();
        let (notices, ran) = (self.notices.lock().unwrap(), self.world.0.lock().unwrap());
        for approval in &all {
            let call = approval.subject().call().as_str();
            let number: u64 = call.parse().unwrap();
            let runs = ran.get(&number).copied().unwrap_or(0);
            assert!(approval.status().is_terminal(), "{call} is {}", approval.status());
            assert!(runs <= 1, "{call} ran {runs} times");
            let kinds = notices.get(call).unwrap_or_else(|| {
                panic!("nobody was told of {call}, which is {}", approval.status())
            });
            let ended = ["succeeded", "failed", "denied", "rejected", "expired", "cancelled"];
            let ends: Vec<&&str> = kinds.iter().filter(|kind| ended.contains(*kind)).collect();
            let end = approval.status().to_string();
            assert!(
                !ends.is_empty() && ends.iter().all(|kind| **kind == end),
                "{call} is {end}: told {kinds:?}"
            );
            let first = kinds.iter().position(|kind| *kind == end).unwrap();
            assert!(
                !in_order || kinds[first..].iter().all(|kind| *kind == end),
                "{call} is {end}: told {kinds:?}"
            );
            let end = approval.status();
            assert_eq!(
                runs == 1,
                end == Status::Succeeded,
                "{call} ran {runs} times, and is {end}"
            );
        }
        assert_eq!(
            ran.len(),
            all.iter().filter(|approval| approval.status() == Status::Succeeded).count()
        );
    }
}

fn proposal(number: u64) -> ToolCall {
    ToolCall::new(number.to_string(), "act", format!("{{\"number\":{number}}}"))
}

/// Random numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Awaits a future, or drops it after a number of polls.
async fn at_most<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |context: &mut Context<'_>| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

async fn play(store: Arc<dyn Store>, seed: u64, steps: u64, in_order: bool) {
    let shared = Arc::new(Shared::new(store).await);
    let task = |task: u64| {
        let shared = Arc::clone(&shared);
        async move {
            let mut random = Random(seed * 1_000 + task);
            for _ in 0..steps {
                if random.below(3) == 0 {
                    let polls = random.below(12);
                    let mut inner = Random(random.0);
                    at_most(shared.step(&mut inner), polls).await;
                } else {
                    shared.step(&mut random).await;
                }
            }
        }
    };
    let running: Vec<_> = (0..4).map(|number| tokio::spawn(task(number))).collect();
    for done in running {
        done.await.unwrap();
    }
    shared.settle().await;
    shared.check(in_order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_over_one_run_are_told_the_truth() {
    for seed in 0..60 {
        play(Arc::new(MemoryStore::new()), seed, 25, false).await;
    }
}

#[tokio::test]
async fn many_tasks_over_one_run_on_one_thread_are_told_the_truth_in_order() {
    for seed in 0..100 {
        play(Arc::new(MemoryStore::new()), seed, 25, true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_over_one_run_are_told_the_truth_on_sqlite() {
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("gate.db")).await.unwrap();
        play(Arc::new(store), seed, 20, false).await;
    }
}
