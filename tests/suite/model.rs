//! Compares calls with a reference model: random operations by several processes over one store,
//! after each of which every call has the state and the number of runs of the reference.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::records::TrailEntry;
use gate_runtime::review::{Settlement, Status};
use gate_runtime::store::{ApprovalFilter, ApprovalStore, RecordFilter, RecordLog, Store};
use gate_runtime::testing::ManualClock;
use gate_runtime::trail::Auditor;
use gate_runtime::{Approval, Interruption, MemoryStore};
use gate_sqlite::SqliteStore;
use proptest::prelude::*;
use tokio::sync::Notify;

#[derive(Clone, Default)]
struct World(Arc<BodyState>);

#[derive(Default)]
struct BodyState {
    ran: Mutex<Vec<usize>>,
    /// True if bodies hang.
    hangs: AtomicBool,
    begun: Notify,
}

/// Asks as many as the call says: nobody, one, two, or nobody may.
#[policy]
fn by_number(rules: Rules<Act>) -> Rules<Act> {
    rules
        .auto_approve("free")
        .when(|call| call.number % 4 == 0)
        .ask("one", ask(anyone()).within(minutes(30)))
        .when(|call| call.number % 4 == 1)
        .ask(
            "two",
            ask(anyone())
                .count(2)
                .deny_count(2)
                .within(minutes(20))
                .then(ask(anyone()).within(minutes(20))),
        )
        .when(|call| call.number % 4 == 2)
        .otherwise(deny())
}

/// Act.
#[gated_tool(policy = "by_number")]
async fn act(#[state] world: &World, number: usize) -> usize {
    world.0.ran.lock().unwrap().push(number);
    if world.0.hangs.load(Ordering::SeqCst) {
        world.0.begun.notify_one();
        std::future::pending::<()>().await;
    }
    number
}

registry! { Tools for World { Act } }

const CALLS: usize = 8;
const PEOPLE: [&str; 3] = ["ann", "ben", "cem"];

#[derive(Clone, Debug)]
enum Op {
    Propose {
        process: usize,
        call: usize,
    },
    /// Proposed by a caller who is dropped while it runs, if it runs.
    Leave {
        process: usize,
        call: usize,
    },
    Approve {
        process: usize,
        call: usize,
        who: usize,
    },
    Reject {
        process: usize,
        call: usize,
        who: usize,
    },
    Withdraw {
        process: usize,
        call: usize,
        who: usize,
    },
    Revoke {
        process: usize,
        call: usize,
        who: usize,
    },
    Settle {
        process: usize,
        call: usize,
        who: usize,
        how: usize,
    },
    Freeze {
        process: usize,
    },
    Lift {
        process: usize,
    },
    Cancel {
        process: usize,
        call: usize,
    },
    Proceed {
        process: usize,
    },
    Restart {
        process: usize,
    },
    Wait {
        minutes: u32,
    },
}

fn any_op() -> impl Strategy<Value = Op> {
    let (process, call, who) = (0..2_usize, 0..CALLS, 0..PEOPLE.len());
    prop_oneof![
        4 => (process.clone(), call.clone())
            .prop_map(|(process, call)| Op::Propose { process, call }),
        5 => (process.clone(), call.clone(), who.clone())
            .prop_map(|(process, call, who)| Op::Approve { process, call, who }),
        3 => (process.clone(), call.clone(), who.clone())
            .prop_map(|(process, call, who)| Op::Reject { process, call, who }),
        2 => (process.clone(), call.clone())
            .prop_map(|(process, call)| Op::Leave { process, call }),
        1 => (process.clone(), call.clone(), who.clone())
            .prop_map(|(process, call, who)| Op::Withdraw { process, call, who }),
        1 => (process.clone(), call.clone(), who.clone())
            .prop_map(|(process, call, who)| Op::Revoke { process, call, who }),
        3 => (process.clone(), call.clone(), who, 0..3_usize)
            .prop_map(|(process, call, who, how)| Op::Settle { process, call, who, how }),
        1 => process.clone().prop_map(|process| Op::Freeze { process }),
        2 => process.clone().prop_map(|process| Op::Lift { process }),
        1 => (process.clone(), call).prop_map(|(process, call)| Op::Cancel { process, call }),
        3 => process.clone().prop_map(|process| Op::Proceed { process }),
        1 => process.prop_map(|process| Op::Restart { process }),
        2 => (1..25_u32).prop_map(|minutes| Op::Wait { minutes }),
    ]
}

/// The reference: the state of each call, from its operations.
#[derive(Clone, Default)]
struct Reference {
    now: u32,
    is_frozen: bool,
    calls: [Option<ModelCall>; CALLS],
}

#[derive(Clone)]
struct ModelCall {
    status: Status,
    asked: u32,
    /// The vote of each person.
    votes: [Option<bool>; PEOPLE.len()],
    /// True if people are asked whether it runs again, although it is unknown whether it ran.
    is_again: bool,
    runs: usize,
}

impl Reference {
    fn expire(&mut self) {
        for (number, call) in self.calls.iter_mut().enumerate() {
            let Some(call) = call.as_mut().filter(|call| call.status == Status::Pending) else {
                continue;
            };
            // A question whether a call with an unknown outcome runs again has no deadline.
            let within = [u32::MAX, 30, 40, 40][number % 4];
            if self.now - call.asked >= within {
                call.end(Status::Expired);
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Wait { minutes } => self.now += minutes,
            Op::Propose { call, .. } => {
                let _ = self.proposed(call);
            }
            Op::Leave { call, .. } => {
                let begun = |known: &Self| known.calls[call].as_ref().map_or(0, |call| call.runs);
                let before = begun(self);
                let _ = self.proposed(call);
                if begun(self) > before
                    && let Some(known) = &mut self.calls[call]
                {
                    known.status = Status::Indeterminate;
                }
            }
            Op::Withdraw { call, who, .. } => {
                if let Some(call) =
                    self.calls[call].as_mut().filter(|call| call.status == Status::Pending)
                {
                    call.votes[who] = None;
                }
            }
            Op::Revoke { call, .. } => {
                if let Some(call) =
                    self.calls[call].as_mut().filter(|call| call.status == Status::Approved)
                {
                    call.end(Status::Cancelled);
                }
            }
            Op::Settle { call, how, .. } => {
                if let Some(call) =
                    self.calls[call].as_mut().filter(|call| call.status == Status::Indeterminate)
                {
                    call.status = [Status::Succeeded, Status::Cancelled, Status::Pending][how];
                    (call.is_again, call.asked, call.votes) = (how == 2, self.now, [None; 3]);
                }
            }
            Op::Freeze { .. } => self.is_frozen = true,
            Op::Lift { .. } => self.is_frozen = false,
            Op::Approve { call, who, .. } => self.vote(call, who, true),
            Op::Reject { call, who, .. } => self.vote(call, who, false),
            Op::Cancel { call, .. } => {
                if let Some(call) = &mut self.calls[call]
                    && [Status::Pending, Status::Approved].contains(&call.status)
                {
                    call.end(Status::Cancelled);
                }
            }
            Op::Proceed { .. } => {
                let is_frozen = self.is_frozen;
                for call in self.calls.iter_mut().flatten() {
                    call.run_if_approved(is_frozen);
                }
            }
            Op::Restart { .. } => {}
        }
        self.expire();
    }

    /// Applies the proposal of a call. Returns `None` if a freeze refuses it before it is stored.
    fn proposed(&mut self, call: usize) -> Option<&mut ModelCall> {
        let (now, is_frozen) = (self.now, self.is_frozen);
        let status = [Status::Approved, Status::Pending, Status::Pending, Status::Denied][call % 4];
        let known = &mut self.calls[call];
        if known.is_none() && status == Status::Approved && is_frozen {
            return None;
        }
        let new = ModelCall { status, asked: now, votes: [None; 3], is_again: false, runs: 0 };
        let known = known.get_or_insert(new);
        known.run_if_approved(is_frozen);
        Some(known)
    }

    fn vote(&mut self, call: usize, who: usize, yes: bool) {
        let Some(known) = self.calls[call].as_mut().filter(|call| call.status == Status::Pending)
        else {
            return;
        };
        known.votes[who] = Some(yes);
        let count = |wanted| known.votes.iter().filter(|vote| **vote == Some(wanted)).count();
        // After twenty minutes, one vote of the second step is sufficient, if it is given then.
        let needed = if self.now - known.asked >= 20 { 1 } else { (call % 4).max(1) };
        if count(false) >= needed {
            known.end(Status::Rejected);
        } else if count(true) >= needed {
            known.status = Status::Approved;
        }
    }
}

impl ModelCall {
    fn run_if_approved(&mut self, is_frozen: bool) {
        if self.status == Status::Approved && !is_frozen {
            (self.status, self.is_again) = (Status::Succeeded, false);
            self.runs += 1;
        }
    }

    /// Ends a call that does not run, or not again; in the second case, it is still unknown whether
    /// it ran.
    fn end(&mut self, status: Status) {
        self.status =
            if std::mem::take(&mut self.is_again) { Status::Indeterminate } else { status };
    }
}

/// Two processes over one store.
struct GateSystem {
    store: Arc<dyn Store>,
    clock: ManualClock,
    world: World,
    gates: Vec<Gate<Tools>>,
    runs: Vec<Run<Tools>>,
}

impl GateSystem {
    async fn new(store: Arc<dyn Store>) -> Self {
        let clock = ManualClock::at(gate_runtime::Timestamp::UNIX_EPOCH);
        let mut system =
            Self { store, clock, world: World::default(), gates: vec![], runs: vec![] };
        for process in 0..2 {
            let gate = system.gate().await;
            system.runs.push(gate.run("run"));
            system.gates.insert(process, gate);
        }
        system
    }

    async fn gate(&self) -> Gate<Tools> {
        let people = PEOPLE
            .iter()
            .fold(StaticDirectory::new(), |people, name| people.person(*name, [""; 0]));
        let builder = Gate::builder(self.world.clone())
            .directory(people)
            .key([1; 32])
            .denials_per_run(u64::MAX);
        builder.clock(self.clock.clone()).store(Arc::clone(&self.store)).build().await.unwrap()
    }

    async fn apply(&mut self, op: &Op) {
        match *op {
            Op::Wait { minutes: count } => {
                self.clock.advance(minutes(count));
                self.gates[0].run_due().await;
                self.gates[1].run_due().await;
            }
            Op::Propose { process, call } => {
                let _ = self.runs[process].submit([proposed(call)]).await.unwrap();
            }
            Op::Approve { process, call, who } => {
                if let Some(interruption) = self.pending(process, call).await {
                    let who = self.gates[process].reviewer(PEOPLE[who]).await.unwrap();
                    let _ = interruption.approve(&who).await;
                }
            }
            Op::Reject { process, call, who } => {
                if let Some(asked) = self.pending(process, call).await {
                    let who = self.gates[process].reviewer(PEOPLE[who]).await.unwrap();
                    let _ = asked.reject(&who, "no").await;
                }
            }
            Op::Leave { process, call } => self.leave(process, call).await,
            Op::Withdraw { process, call, who } => {
                if let Some(asked) = self.pending(process, call).await {
                    let _ = asked
                        .withdraw(&self.gates[process].reviewer(PEOPLE[who]).await.unwrap())
                        .await;
                }
            }
            Op::Revoke { process, call, who } => {
                if let Some(asked) = self.asked(process, call).await {
                    let who = self.gates[process].reviewer(PEOPLE[who]).await.unwrap();
                    let _ = asked.revoke(&who, "on second thoughts").await;
                }
            }
            Op::Settle { process, call, who, how } => {
                let listed = self.gates[process].recover().await.unwrap();
                let settlement =
                    [Settlement::ran(&call.into()), Settlement::DidNotRun, Settlement::RunAgain]
                        [how]
                        .clone();
                if let Some(in_flight) =
                    listed.into_iter().find(|lost| is_of(lost.approval(), call))
                {
                    let who = self.gates[process].reviewer(PEOPLE[who]).await.unwrap();
                    in_flight.settle(&who, settlement, "I looked").await.unwrap();
                }
            }
            Op::Freeze { process } => {
                let ann = self.gates[process].reviewer("ann").await.unwrap();
                self.gates[process].freeze(FreezeScope::tool("act"), "stop", &ann).await.unwrap();
            }
            Op::Lift { process } => {
                let ben = self.gates[process].reviewer("ben").await.unwrap();
                for freeze in self.gates[process].active_controls().await.unwrap().freezes {
                    self.gates[process].lift_freeze(&freeze, &ben).await.unwrap();
                }
            }
            Op::Cancel { process, call } => {
                // Also a call that is already approved, by an interruption from before the
                // decision.
                if let Some(asked) = self.asked(process, call).await {
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

    /// Proposes a call, and drops the future once its body has begun.
    async fn leave(&self, process: usize, call: usize) {
        self.world.0.hangs.store(true, Ordering::SeqCst);
        let is_left = tokio::select! {
            biased;
            turn = self.runs[process].submit([proposed(call)]) => turn.is_err(),
            () = self.world.0.begun.notified() => true,
        };
        self.world.0.hangs.store(false, Ordering::SeqCst);
        // The drop is recorded a moment later.
        while is_left && self.known(call).await.unwrap().status() == Status::Dispatched {
            tokio::task::yield_now().await;
        }
    }

    async fn known(&self, call: usize) -> Option<Arc<Approval>> {
        let known = self.store.approvals(&ApprovalFilter::all().run("run")).await.unwrap();
        known.into_iter().find(|known| is_of(known, call))
    }

    /// Returns the question of a call, in any state.
    async fn asked(&self, process: usize, call: usize) -> Option<Interruption> {
        self.gates[process].interruption(self.known(call).await?.id()).await.unwrap()
    }

    async fn pending(&self, process: usize, call: usize) -> Option<Interruption> {
        let pending = self.gates[process].pending().await.unwrap();
        pending.into_iter().find(|interruption| is_of(interruption.approval(), call))
    }

    /// Checks that the records, in the form of a trail, pass an audit.
    async fn audit(&self) {
        let mut auditor = Auditor::new();
        for record in self.store.records(&RecordFilter::after(0)).await.unwrap() {
            let leaf = TrailEntry::leaf(&record).unwrap();
            let TrailEntry::Record(read) = TrailEntry::parse(leaf.text().as_bytes()).unwrap()
            else {
                panic!("a short record")
            };
            assert_eq!(TrailEntry::leaf(&read).unwrap(), leaf);
            auditor.take(&TrailEntry::Record(read)).unwrap();
        }
    }

    async fn check(&self, reference: &Reference) {
        let known = self.store.approvals(&ApprovalFilter::all().run("run")).await.unwrap();
        for (number, call) in reference.calls.iter().enumerate() {
            let found = known.iter().find(|known| is_of(known, number));
            assert_eq!(
                found.map(|found| found.status()),
                call.as_ref().map(|call| call.status),
                "call {number}"
            );
            if let (Some(found), Some(call)) = (found, call)
                && call.status == Status::Pending
            {
                let votes =
                    PEOPLE.map(|who| found.votes().iter().any(|vote| vote.reviewer() == who));
                assert_eq!(votes, call.votes.map(|vote| vote.is_some()), "votes on call {number}");
            }
            let runs =
                self.world.0.ran.lock().unwrap().iter().filter(|ran| **ran == number).count();
            assert_eq!(runs, call.as_ref().map_or(0, |call| call.runs), "runs of call {number}");
        }
    }
}

fn proposed(call: usize) -> ToolCall {
    ToolCall::new(call.to_string(), "act", format!("{{\"number\":{call}}}"))
}

fn is_of(approval: &Approval, call: usize) -> bool {
    approval.subject().call() == &*call.to_string()
}

/// Returns a store, in memory or in a file in the folder.
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
        let mut system = GateSystem::new(store(is_durable, folder.path()).await).await;
        let mut reference = Reference::default();
        for op in ops {
            system.apply(op).await;
            reference.apply(op);
            system.check(&reference).await;
        }
        system.audit().await;
    });
}

/// Returns the configuration of a number of cases, without files for failed ones.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn calls_live_as_the_reference_says(ops in prop::collection::vec(any_op(), 1..60)) {
        play(&ops, false);
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn calls_live_as_the_reference_says_on_sqlite(ops in prop::collection::vec(any_op(), 1..60)) {
        play(&ops, true);
    }
}
