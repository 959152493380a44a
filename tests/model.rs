//! The life of calls against a reference: random operations by several processes over one store, and after each of them every call
//! stands as the reference says, and has run as often.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use gate_runtime::prelude::*;
use gate_runtime::testing::ManualClock;
use gate_runtime::{ApprovalFilter, MemoryStore, Status, Store};
use gate_sqlite::SqliteStore;
use proptest::prelude::*;

#[derive(Clone, Default)]
struct World(Arc<Mutex<Vec<usize>>>);

/// What one needs depends on the call: nobody, one, two, or nobody may.
#[policy]
fn by_number(rules: Rules<Act>) -> Rules<Act> {
    rules
        .auto_approve("free")
        .when(|call| call.number % 4 == 0)
        .ask("one", ask(anyone()).within(minutes(30)))
        .when(|call| call.number % 4 == 1)
        .ask("two", ask(anyone()).count(2).deny_count(2).within(minutes(20)).then(ask(anyone()).within(minutes(20))))
        .when(|call| call.number % 4 == 2)
        .otherwise(deny())
}

/// Act.
#[gated_tool(policy = "by_number")]
fn act(#[state] world: &World, number: usize) -> usize {
    world.0.lock().unwrap().push(number);
    number
}

registry! { Tools for World { Act } }

const CALLS: usize = 8;
const PEOPLE: [&str; 3] = ["ann", "ben", "cem"];

#[derive(Clone, Debug)]
enum Op {
    Propose { process: usize, call: usize },
    Approve { process: usize, call: usize, who: usize },
    Reject { process: usize, call: usize, who: usize },
    Cancel { process: usize, call: usize },
    Proceed { process: usize },
    Restart { process: usize },
    Wait { minutes: u32 },
}

fn any_op() -> impl Strategy<Value = Op> {
    let (process, call, who) = (0..2_usize, 0..CALLS, 0..PEOPLE.len());
    prop_oneof![
        4 => (process.clone(), call.clone()).prop_map(|(process, call)| Op::Propose { process, call }),
        5 => (process.clone(), call.clone(), who.clone()).prop_map(|(process, call, who)| Op::Approve { process, call, who }),
        3 => (process.clone(), call.clone(), who).prop_map(|(process, call, who)| Op::Reject { process, call, who }),
        1 => (process.clone(), call).prop_map(|(process, call)| Op::Cancel { process, call }),
        3 => process.clone().prop_map(|process| Op::Proceed { process }),
        1 => process.prop_map(|process| Op::Restart { process }),
        2 => (1..25_u32).prop_map(|minutes| Op::Wait { minutes }),
    ]
}

/// The reference: what a call is, from what happened to it.
#[derive(Clone, Default)]
struct Reference {
    now: u32,
    calls: [Option<Known>; CALLS],
}

#[derive(Clone)]
struct Known {
    status: Status,
    asked: u32,
    /// For each person, whether they agree.
    votes: [Option<bool>; PEOPLE.len()],
    /// The processes whose last batch it is in.
    held_by: [bool; 2],
    runs: usize,
}

impl Reference {
    fn expire(&mut self) {
        for (number, call) in self.calls.iter_mut().enumerate() {
            let Some(call) = call.as_mut().filter(|call| call.status == Status::Pending) else { continue };
            if self.now - call.asked >= if number % 4 == 1 { 30 } else { 40 } {
                call.status = Status::Expired;
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Wait { minutes } => self.now += minutes,
            Op::Propose { process, call } => {
                for other in self.calls.iter_mut().flatten() {
                    other.held_by[process] &= other.status == Status::Pending || other.status == Status::Approved;
                }
                let (status, runs) =
                    [(Status::Succeeded, 1), (Status::Pending, 0), (Status::Pending, 0), (Status::Denied, 0)][call % 4];
                let new = Known { status, asked: self.now, votes: [None; 3], held_by: [false; 2], runs };
                let known = self.calls[call].get_or_insert(new);
                known.held_by[process] = true;
                known.run_if_approved();
            }
            Op::Approve { call, who, .. } => self.vote(call, who, true),
            Op::Reject { call, who, .. } => self.vote(call, who, false),
            Op::Cancel { call, .. } => {
                if let Some(call) = &mut self.calls[call]
                    && [Status::Pending, Status::Approved].contains(&call.status)
                {
                    call.status = Status::Cancelled;
                }
            }
            Op::Proceed { process } => {
                for call in self.calls.iter_mut().flatten().filter(|call| call.held_by[process]) {
                    call.run_if_approved();
                }
            }
            Op::Restart { .. } => {}
        }
        self.expire();
    }

    fn vote(&mut self, call: usize, who: usize, yes: bool) {
        let Some(known) = self.calls[call].as_mut().filter(|call| call.status == Status::Pending) else { return };
        known.votes[who] = Some(yes);
        let count = |wanted| known.votes.iter().filter(|vote| **vote == Some(wanted)).count();
        // After twenty minutes one of the second step is enough: of those who say so then.
        let needed = if self.now - known.asked >= 20 { 1 } else { call % 4 };
        if count(false) >= needed {
            known.status = Status::Rejected;
        } else if count(true) >= needed {
            known.status = Status::Approved;
        }
    }
}

impl Known {
    fn run_if_approved(&mut self) {
        if self.status == Status::Approved {
            self.status = Status::Succeeded;
            self.runs += 1;
        }
    }
}

/// Two processes over one store.
struct System {
    store: Arc<dyn Store>,
    clock: ManualClock,
    world: World,
    gates: Vec<Gate<Tools>>,
    runs: Vec<Run<Tools>>,
}

impl System {
    async fn new(store: Arc<dyn Store>) -> Self {
        let clock = ManualClock::at(gate_runtime::Timestamp::UNIX_EPOCH);
        let mut system = Self { store, clock, world: World::default(), gates: vec![], runs: vec![] };
        for process in 0..2 {
            let gate = system.gate().await;
            system.runs.push(gate.run("run"));
            system.gates.insert(process, gate);
        }
        system
    }

    async fn gate(&self) -> Gate<Tools> {
        let people = PEOPLE.iter().fold(StaticDirectory::new(), |people, name| people.person(*name, [""; 0]));
        let builder = Gate::builder(self.world.clone()).directory(people).key([1; 32]).denials_per_run(u64::MAX);
        builder.clock(self.clock.clone()).store(Arc::clone(&self.store)).build().await.unwrap()
    }

    async fn apply(&mut self, op: &Op) {
        match *op {
            Op::Wait { minutes: count } => {
                self.clock.advance(minutes(count));
                self.gates[0].do_what_is_due().await;
                self.gates[1].do_what_is_due().await;
            }
            Op::Propose { process, call } => {
                let proposed = ToolCall::new(call.to_string(), "act", format!("{{\"number\":{call}}}"));
                let _ = self.runs[process].submit([proposed]).await.unwrap();
            }
            Op::Approve { process, call, who } => {
                if let Some(asked) = self.pending(process, call).await {
                    let who = self.gates[process].reviewer(PEOPLE[who]).await.unwrap();
                    let _ = asked.approve(&who).await;
                }
            }
            Op::Reject { process, call, who } => {
                if let Some(asked) = self.pending(process, call).await {
                    let who = self.gates[process].reviewer(PEOPLE[who]).await.unwrap();
                    let _ = asked.reject(&who, "no").await;
                }
            }
            Op::Cancel { process, call } => {
                let known = self.store.approvals(&ApprovalFilter::all().run("run")).await.unwrap();
                // Also what is approved already: an interruption of before the decision.
                if let Some(approval) = known.iter().find(|known| known.subject().call() == &*call.to_string())
                    && let Some(asked) = self.gates[process].interruption(approval.id()).await.unwrap()
                {
                    let _ = asked.cancel("no longer").await;
                }
            }
            Op::Proceed { process } => drop(self.runs[process].proceed().await.unwrap()),
            Op::Restart { process } => {
                let saved = self.runs[process].state().await.unwrap();
                self.gates[process] = self.gate().await;
                self.runs[process] = self.gates[process].resume(saved).await.unwrap();
            }
        }
    }

    async fn pending(&self, process: usize, call: usize) -> Option<gate_runtime::Interruption> {
        let pending = self.gates[process].pending().await.unwrap();
        pending.into_iter().find(|asked| asked.approval().subject().call() == &*call.to_string())
    }

    async fn check(&self, reference: &Reference) {
        let known = self.store.approvals(&ApprovalFilter::all().run("run")).await.unwrap();
        for (number, call) in reference.calls.iter().enumerate() {
            let found = known.iter().find(|known| known.subject().call() == &*number.to_string());
            assert_eq!(found.map(|found| found.status()), call.as_ref().map(|call| call.status), "call {number}");
            let runs = self.world.0.lock().unwrap().iter().filter(|ran| **ran == number).count();
            assert_eq!(runs, call.as_ref().map_or(0, |call| call.runs), "runs of call {number}");
        }
    }
}

/// A store, on a file in the folder or not.
async fn store(is_durable: bool, folder: &Path) -> Arc<dyn Store> {
    if is_durable {
        Arc::new(SqliteStore::open(folder.join("gate.db")).await.unwrap())
    } else {
        Arc::new(MemoryStore::new())
    }
}

fn play(ops: &[Op], is_durable: bool) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut system = System::new(store(is_durable, folder.path()).await).await;
        let mut reference = Reference::default();
        for op in ops {
            system.apply(op).await;
            reference.apply(op);
            system.check(&reference).await;
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_live_as_the_reference_says(ops in prop::collection::vec(any_op(), 1..60)) {
        play(&ops, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_live_as_the_reference_says_on_sqlite(ops in prop::collection::vec(any_op(), 1..60)) {
        play(&ops, true);
    }
}
