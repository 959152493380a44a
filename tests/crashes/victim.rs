//! The process that is killed: it settles the calls of dead processes, proposes, decides and runs,
//! from the state in which the one before it died.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gate_runtime::audit::{KeyKind, SigningKey};
use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::review::{DecideError, Edit, Settlement, Status};
use gate_runtime::run::InFlight;
use gate_runtime::store::{ApprovalFilter, ApprovalStore};
use gate_runtime::testing::LayeredStore;
use gate_runtime::{Approval, Interruption, Reviewer, Trail, Turn};
use gate_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::steps::{KillSwitch, Step};
use crate::store::{AheadClock, KillingStore};
use crate::tools::{ACKNOWLEDGED, CALLS, SAID, Tools, USES, World, effects, planned};

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VictimRole {
    /// It proposes and runs calls, and others decide.
    Agent,
    /// It decides calls that others propose.
    Reviewer,
    /// It does both, and leaves every other question to another process.
    Both,
    /// It does both, until everything is finished.
    Last,
}

/// The orders of the test to a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VictimArgs {
    pub folder: PathBuf,
    pub round: u64,
    pub part: VictimRole,
    /// The time by which its clock is ahead of the machine's.
    pub ahead: Duration,
    pub step: Option<Step>,
}

const RUN: &str = "run";

/// The number of calls that are proposed at once.
const BATCH: usize = 6;

/// The number of polls for which one process waits for the other.
const LOOKS: usize = 40;

struct Victim {
    orders: VictimArgs,
    gate: Gate<Tools>,
    world: World,
    managers: [Reviewer; 2],
    /// The number of comments so far, so that no two are the same.
    fact_count: std::cell::Cell<u32>,
}

/// Returns the key that signs the trail beside a file.
pub fn signing_key() -> SigningKey {
    SigningKey::from_seed("crashes", KeyKind::Log, [7; 32]).unwrap()
}

pub async fn work(orders: VictimArgs) {
    let file = SqliteStore::open(orders.folder.join("gate.db")).await.unwrap();
    let fuse = Arc::new(KillSwitch::new(orders.step.clone()));
    let world =
        || World { folder: orders.folder.clone(), file: file.clone(), fuse: Arc::clone(&fuse) };
    let people = StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]);
    let gate =
        Gate::builder(world()).directory(people).clock(AheadClock(orders.ahead)).key([7; 32]);
    let trail = Trail::in_folder(orders.folder.join("trail"), signing_key())
        .within(Duration::from_millis(2))
        .every(64);
    // All rounds are one run, in which people refuse more calls than a run may propose by default.
    let gate = gate.trail(trail).denials_per_run(u64::MAX);
    let gate = gate
        .store(LayeredStore(KillingStore { file: file.clone(), fuse: Arc::clone(&fuse) }))
        .build()
        .await
        .unwrap();
    let managers = [gate.reviewer("dana").await.unwrap(), gate.reviewer("omar").await.unwrap()];
    let victim =
        Victim { gate, world: world(), managers, fact_count: std::cell::Cell::new(0), orders };
    match victim.orders.part {
        VictimRole::Agent => victim.propose(&victim.running_calls().await).await,
        VictimRole::Reviewer => victim.review().await,
        // Calls that nobody has settled yet are proposed again, but only idempotent ones run again.
        VictimRole::Both if victim.orders.round % 3 == 1 => {
            victim.propose(&victim.running_calls().await).await;
            victim.take_over().await;
        }
        VictimRole::Both => {
            let busy = victim.take_over().await;
            victim.propose(&busy).await;
        }
        VictimRole::Last => victim.finish().await,
    }
}

impl Victim {
    fn is_last(&self) -> bool {
        self.orders.part == VictimRole::Last
    }

    fn decides(&self) -> bool {
        self.orders.part != VictimRole::Agent
    }

    /// Makes a person's decision. It is written to a file before, and again after the gate confirms
    /// it.
    async fn say<T>(
        &self,
        fact: &str,
        act: impl IntoFuture<Output = Result<T, DecideError>>,
    ) -> Option<T> {
        self.world.tell(SAID, fact);
        match act.await {
            Ok(done) => {
                self.world.tell(ACKNOWLEDGED, fact);
                Some(done)
            }
            Err(DecideError::Store(error)) => panic!("{fact}: {error}"),
            // Another process was faster.
            Err(_) => None,
        }
    }

    /// Returns a unique comment.
    fn next_fact(&self) -> String {
        self.fact_count.set(self.fact_count.get() + 1);
        format!("{}-{}", std::process::id(), self.fact_count.get())
    }

    /// Returns the calls that another process may be running now.
    async fn running_calls(&self) -> BTreeSet<String> {
        let listed = self.gate.recover().await.unwrap();
        listed
            .iter()
            .filter(|in_flight| in_flight.lease_expires_at().is_some())
            .map(|lost| call_of(lost.approval()))
            .collect()
    }

    /// Recovers the state of dead processes: settles lost calls, and lifts freezes. Returns the
    /// calls that may be running.
    async fn take_over(&self) -> BTreeSet<String> {
        for in_flight in self.gate.recover().await.unwrap() {
            self.settle(&in_flight).await;
        }
        self.lift().await;
        self.running_calls().await
    }

    async fn settle(&self, in_flight: &InFlight) {
        let (approval, dana) = (in_flight.approval(), &self.managers[0]);
        if in_flight.lease_expires_at().is_some() {
            let early = in_flight.settle(dana, Settlement::RunAgain, "too early").await;
            assert!(early.is_err(), "{approval:?} may be running, and was settled");
            return;
        }
        assert_eq!(approval.status(), Status::Indeterminate);
        if approval.tool().as_str() == "set" && approval.attempts() < 3 {
            // It runs again without a decision.
            return;
        }
        let (call, number) = (call_of(approval), number_of(approval));
        let ran =
            effects(&self.orders.folder).into_iter().filter(|effect| effect.call == call).count();
        let settlement = match ran {
            0 if number.is_multiple_of(3) || self.is_last() => Settlement::DidNotRun,
            0 => Settlement::RunAgain,
            // A person may let it run again, and then it runs.
            1 if number.is_multiple_of(5) && !self.is_last() => Settlement::RunAgain,
            _ => Settlement::ran(&json!(number)),
        };
        let word = self.next_fact();
        let fact = format!("settled {} {word}", approval.id());
        self.say(&fact, in_flight.settle(dana, settlement, word)).await;
    }

    async fn freeze(&self) {
        for tool in ["pay", "wipe"] {
            let word = self.next_fact();
            let fact = format!("frozen {word}");
            self.say(&fact, self.gate.freeze(FreezeScope::tool(tool), word, &self.managers[0]))
                .await;
        }
    }

    async fn lift(&self) {
        for freeze in self.gate.active_controls().await.unwrap().freezes {
            let fact = format!("lifted {:?}", freeze.scope());
            self.say(&fact, self.gate.lift_freeze(&freeze, &self.managers[1])).await;
        }
    }

    /// Proposes all calls that are not settled, including the new ones, and runs those that people
    /// approve.
    async fn propose(&self, busy: &BTreeSet<String>) {
        let run = self.gate.run(RUN);
        let known = self.known().await;
        let open = |number: &u64| {
            let call = number.to_string();
            !busy.contains(&call)
                && known.get(&call).is_none_or(|known| !known.status().is_terminal())
        };
        let open: Vec<u64> = (0..(self.orders.round + 1) * CALLS).filter(open).collect();
        let freezes = self.decides() && self.orders.round.is_multiple_of(3) && !self.is_last();
        if freezes {
            self.freeze().await;
        }
        // The newest first, so that there is new work even if many old calls are left.
        for (place, batch) in open.rchunks(BATCH).enumerate() {
            let mut turn = self.note(run.submit(batch.iter().copied().map(planned)).await.unwrap());
            if self.decides() {
                for interruption in turn.interruptions() {
                    self.decide(interruption).await;
                }
                drop(self.note(run.proceed().await.unwrap()));
            }
            if freezes && place == 1 {
                self.lift().await;
                drop(self.note(run.proceed().await.unwrap()));
            }
            for _ in 0..LOOKS {
                if self.decides() || !turn.is_waiting() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
                turn = self.note(run.proceed().await.unwrap());
            }
        }
    }

    async fn known(&self) -> HashMap<String, Arc<Approval>> {
        let known = self.world.file.approvals(&ApprovalFilter::all().run(RUN)).await.unwrap();
        known.into_iter().map(|approval| (call_of(&approval), approval)).collect()
    }

    /// Records the calls whose end was reported to the agent.
    fn note(&self, turn: Turn) -> Turn {
        for answer in turn.answers().iter().chain(turn.late()) {
            assert!(!["unavailable", "invalid", "failed"].contains(&answer.kind()), "{answer:?}");
            if let Some(approval) =
                answer.approval().filter(|approval| approval.status().is_terminal())
            {
                self.world.tell(
                    ACKNOWLEDGED,
                    &format!("answered {} {}", approval.id(), approval.status()),
                );
            }
        }
        turn
    }

    /// Decides the pending calls of all processes, until no new one arrives for a while.
    async fn review(&self) {
        self.take_over().await;
        let mut seen = BTreeSet::new();
        let mut looks = 0;
        while looks < LOOKS {
            let pending = self.gate.pending().await.unwrap();
            let new: Vec<_> =
                pending.iter().filter(|interruption| seen.insert(interruption.id())).collect();
            looks = if new.is_empty() { looks + 1 } else { 0 };
            for asked in new {
                self.decide(asked).await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn decide(&self, interruption: &Interruption) {
        let (number, id, round) =
            (number_of(interruption.approval()), interruption.id(), self.orders.round);
        let [dana, omar] = &self.managers;
        match interruption.approval().tool().as_str() {
            "send" => {
                let scope = Scope::this_run().any("number").uses(USES);
                let decided =
                    self.say(&voted(interruption, dana), interruption.grant(dana, scope)).await;
                if let Some(grant) = decided.as_ref().and_then(|decided| decided.grant()) {
                    self.world.tell(ACKNOWLEDGED, &format!("granted {}", grant.id()));
                }
            }
            "launch" => {
                let [mine, other] =
                    if round.is_multiple_of(2) { [dana, omar] } else { [omar, dana] };
                self.say(&voted(interruption, mine), interruption.approve(mine)).await;
                if self.is_last() {
                    self.say(&voted(interruption, other), interruption.approve(other)).await;
                } else {
                    // The other person decides in another process.
                    self.say(&format!("withdrawn {id} {}", mine.id()), interruption.withdraw(mine))
                        .await;
                    self.say(&voted(interruption, mine), interruption.approve(mine)).await;
                }
            }
            _ if !self.is_last() && (number + round) % 2 == 1 => {}
            _ => {
                let (fact, number) = (voted(interruption, dana), number % 11);
                // One person agrees to the edit of the other.
                let is_edited = interruption.approval().arguments().digest()
                    != interruption.approval().proposed().digest();
                drop(match number {
                    2 => self.say(&fact, interruption.reject(dana, "no")).await,
                    4 => self.say(&fact, interruption.respond(dana, 0)).await,
                    6 if !is_edited => {
                        self.say(
                            &fact,
                            interruption.edit(dana, Edit::new().set("number", 1_000_000)),
                        )
                        .await
                    }
                    6 => self.say(&voted(interruption, omar), interruption.approve(omar)).await,
                    _ => self.say(&fact, interruption.approve(dana)).await,
                });
                if number > 7 {
                    let fact = format!("revoked {id} {}", omar.id());
                    self.say(&fact, interruption.revoke(omar, "on second thoughts")).await;
                }
            }
        }
    }

    /// Checks that calls that were running when their process died are listed until they are
    /// settled, unless a reconciler finds out about them; then does everything, and checks that
    /// nothing is left.
    async fn finish(&self) {
        let begun = ApprovalFilter::all().status(Status::Dispatched).status(Status::Indeterminate);
        let left: BTreeSet<_> =
            self.world.file.approvals(&begun).await.unwrap().iter().map(|left| left.id()).collect();
        let listed = self.gate.recover().await.unwrap();
        let of_people: BTreeSet<_> =
            listed.iter().map(|in_flight| in_flight.approval().id()).collect();
        for lost in &listed {
            assert_eq!(
                lost.approval().status(),
                Status::Indeterminate,
                "its process is dead, and its lease over"
            );
        }
        let known = self.known().await;
        for approval in known.values().filter(|known| left.contains(&known.id())) {
            let is_found_out = approval.tool().as_str() == "book";
            assert_ne!(of_people.contains(&approval.id()), is_found_out, "{approval:?}");
        }
        assert_eq!(
            self.gate.recover().await.unwrap().len(),
            listed.len(),
            "listed until it is settled"
        );
        self.take_over().await;
        for lost in self.gate.recover().await.unwrap() {
            let approval = lost.approval();
            assert!(
                approval.tool().as_str() == "set" && approval.attempts() < 3,
                "{approval:?} is left"
            );
        }
        // People who are asked to run a call again may refuse, and then it is settled again,
        // permanently.
        for _ in 0..4 {
            self.propose(&BTreeSet::new()).await;
            self.take_over().await;
        }
        let left: Vec<_> =
            self.gate.recover().await.unwrap().iter().map(|left| left.approval().clone()).collect();
        assert!(left.is_empty(), "something is left: {left:?}");
        let pending = self.gate.pending().await.unwrap();
        let asked: Vec<_> = pending.iter().map(Interruption::approval).collect();
        assert!(asked.is_empty(), "somebody is asked: {asked:?}");
        let known = self.known().await;
        assert_eq!(known.len() as u64, (self.orders.round + 1) * CALLS);
        assert!(known.values().all(|known| known.status().is_terminal()), "{known:?}");
        let status = self.gate.seal().await.unwrap();
        assert_eq!((status.last_error(), status.unsealed()), (None, 0), "everything is sealed");
    }
}

fn voted(asked: &Interruption, who: &Reviewer) -> String {
    format!("voted {} {}", asked.id(), who.id())
}

fn call_of(approval: &Approval) -> String {
    approval.subject().call().to_string()
}

fn number_of(approval: &Approval) -> u64 {
    call_of(approval).parse().unwrap()
}
