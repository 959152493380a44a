//! The ledger of the answers that a run owes its application, under many interleavings of its
//! tasks.
//!
//! The ledger of a run is built here with shuttle's lock instead of the standard one. Shuttle runs
//! threads one at a time, and chooses at each lock which thread continues. It tries thousands of
//! orders, each of which can be replayed from its output.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects"
)]
#![allow(dead_code, unreachable_pub, reason = "the ledger has more than is tried here")]

use std::collections::BTreeMap;
use std::sync::Arc;

use gate_core::Timestamp;
use gate_core::approval::{Approval, NewApproval, Status};
use gate_core::assessment::{
    Assessment, Opinion, PolicyFallback, PolicyOpinion, PolicyView, Verdict,
};
use gate_core::call::{Arguments, CallSubject, RunInfo, ToolOutcome};
use gate_core::id::{ApprovalId, RunId};
use gate_core::ports::{Changeset, CommitOutcome, RecordLog};
use gate_core::records::CallEvent;
use gate_core::text::Digest;
use gate_runtime::MemoryStore;
use ledger::RunLedger;
use serde_json::json;
use shuttle::future::block_on;
use shuttle::thread;

/// The replacement for the runtime's own module of this name.
mod lock {
    pub use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;

    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

#[path = "../gate-runtime/src/engine/session/ledger.rs"]
mod ledger;

/// The number of orders of each scenario.
const ORDERS: usize = 3_000;

const RUN: &str = "run";

/// A run with its store, and the number of times that the application got the result of each call.
struct LedgerModel {
    store: MemoryStore,
    ledger: RunLedger,
    notice_counts: lock::Mutex<BTreeMap<ApprovalId, u32>>,
}

impl LedgerModel {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::new(),
            ledger: RunLedger::new(RUN.into()),
            notice_counts: lock::Mutex::default(),
        })
    }

    /// Writes a call and its event, and updates the ledger, as the engine does.
    fn write(&self, approval: Approval, event: CallEvent) -> Arc<Approval> {
        let before = self.ledger.moment();
        let approval = self.written(approval, event);
        // Other threads may run between the write and the update of the ledger.
        self.ledger.note(&approval, before);
        approval
    }

    fn written(&self, mut approval: Approval, event: CallEvent) -> Arc<Approval> {
        let now = approval.changed_at();
        let mut changeset = Changeset::at(now);
        changeset.records.push(approval.record(event, now));
        let approval = Arc::new(approval);
        changeset.approvals.push(Arc::clone(&approval));
        self.commit(changeset);
        approval
    }

    fn commit(&self, changeset: Changeset) {
        assert_eq!(block_on(self.store.commit(changeset)).unwrap(), CommitOutcome::Done);
    }

    fn opens(&self, run: &str, call: &str, verdict: Verdict) -> Arc<Approval> {
        let mut approval = Approval::open(proposed(run, call, verdict), Timestamp::UNIX_EPOCH);
        let event = approval.opening(None);
        self.write(approval, event)
    }

    fn happens(&self, approval: &Approval, event: CallEvent) -> Arc<Approval> {
        self.write(approval.apply(&event, Timestamp::UNIX_EPOCH).unwrap(), event)
    }

    /// Runs a call from its proposal to its end.
    fn runs(&self, call: &str) -> ApprovalId {
        let approved = self.opens(RUN, call, Verdict::Approve);
        let dispatched = self.happens(&approved, CallEvent::Dispatched);
        self.happens(
            &dispatched,
            CallEvent::Finished { outcome: ToolOutcome::returned(&json!("done")) },
        )
        .id()
    }

    /// Takes one turn with the owed answers. The next turn records that the application has them.
    fn turn(&self) {
        block_on(self.ledger.refresh(&self.store)).unwrap();
        let answers = self.ledger.answers(&RUN.into());
        for answer in answers.iter().filter(|answer| answer.status().is_terminal()) {
            *lock::lock(&self.notice_counts).entry(answer.id()).or_default() += 1;
        }
        self.ledger.take(&answers);
        let mut changeset = Changeset::at(Timestamp::UNIX_EPOCH);
        self.ledger.acknowledge(&mut changeset);
        let ids = changeset.acknowledged.clone();
        self.commit(changeset);
        self.ledger.acknowledged(&ids);
    }

    /// Returns how often each result was reported, once nothing is owed any more.
    fn notice_counts_of(&self) -> BTreeMap<ApprovalId, u32> {
        self.turn();
        self.turn();
        block_on(self.ledger.refresh(&self.store)).unwrap();
        assert!(self.ledger.answers(&RUN.into()).is_empty(), "what was taken is not owed any more");
        assert!(self.ledger.waiting().is_empty(), "nothing waits");
        // The ledger of another process contains no more than the store.
        let other = RunLedger::new(RUN.into());
        block_on(other.refresh(&self.store)).unwrap();
        assert!(
            other.answers(&RUN.into()).is_empty(),
            "what was taken is not owed elsewhere either"
        );
        lock::lock(&self.notice_counts).clone()
    }
}

fn proposed(run: &str, call: &str, verdict: Verdict) -> NewApproval {
    let digest = Digest::of("anything");
    let policy = PolicyView {
        name: "policy".into(),
        about: String::new(),
        text: String::new(),
        rules: Vec::new(),
        otherwise: PolicyFallback { verdict, requirement: None },
        digest,
    };
    let policy = Arc::new(policy);
    let opinion =
        PolicyOpinion { agent: None, policy, results: Vec::new(), errors: Vec::new(), verdict };
    let subject = CallSubject {
        approval: ApprovalId::new(),
        info: Arc::new(RunInfo::new(RunId::from(run), "agent")),
        call: call.into(),
        tool: "pay".into(),
        tool_digest: digest,
        policy_digest: digest,
        reasoning: None,
        request: None,
    };
    let arguments = Arguments::new(&json!({}), Vec::new()).unwrap();
    NewApproval::of(
        Arc::new(subject),
        arguments,
        Arc::new(Assessment::join(vec![Opinion::Policy(opinion)])),
    )
}

#[test]
fn an_end_is_told_once_in_whatever_order_the_tasks_come() {
    shuttle::check_random(
        || {
            let model = LedgerModel::new();
            let (one, two) = (Arc::clone(&model), Arc::clone(&model));
            let engine = thread::spawn(move || [one.runs("1"), one.runs("2")]);
            let other = thread::spawn(move || two.runs("3"));
            let reader = Arc::clone(&model);
            // Another task of the same run only reads.
            let reads =
                thread::spawn(move || block_on(reader.ledger.refresh(&reader.store)).unwrap());
            model.turn();
            model.turn();
            let [first, second] = engine.join().unwrap();
            let third = other.join().unwrap();
            reads.join().unwrap();
            assert_eq!(
                model.notice_counts_of(),
                BTreeMap::from([(first, 1), (second, 1), (third, 1)])
            );
        },
        ORDERS,
    );
}

#[test]
fn an_end_is_told_at_least_once_where_two_tasks_take_turns() {
    shuttle::check_random(
        || {
            let model = LedgerModel::new();
            let (engine, application) = (Arc::clone(&model), Arc::clone(&model));
            let engine = thread::spawn(move || [engine.runs("1"), engine.runs("2")]);
            let application = thread::spawn(move || application.turn());
            model.turn();
            model.turn();
            let calls = engine.join().unwrap();
            application.join().unwrap();
            let notice_counts = model.notice_counts_of();
            assert!(
                calls.iter().all(|call| notice_counts.contains_key(call)),
                "{notice_counts:?} of {calls:?}"
            );
        },
        ORDERS,
    );
}

#[test]
fn what_a_body_asks_is_shown_while_it_waits_and_owed_to_nobody_after() {
    shuttle::check_random(
        || {
            let model = LedgerModel::new();
            let body = Arc::clone(&model);
            let body = thread::spawn(move || {
                let opened_call = body.opens("run>1>1", "1", Verdict::Ask);
                let shown = body.ledger.show(&opened_call);
                assert!(body.ledger.waiting().contains_key(&opened_call.id()), "people can see it");
                let answered = CallEvent::Cancelled { reason: "the body went on".into() };
                body.happens(&opened_call, answered);
                drop(shown);
            });
            let outer = Arc::clone(&model);
            let outer = thread::spawn(move || outer.runs("2"));
            model.turn();
            model.turn();
            body.join().unwrap();
            let outer = outer.join().unwrap();
            assert_eq!(model.notice_counts_of(), BTreeMap::from([(outer, 1)]));
            let nested = RunId::from("run>1>1");
            assert!(
                model.ledger.answers(&nested).is_empty()
                    && model.ledger.unfinished(&nested).is_empty()
            );
        },
        ORDERS,
    );
}

#[test]
fn what_a_dropped_batch_left_is_told() {
    shuttle::check_random(
        || {
            let model = LedgerModel::new();
            let engine = Arc::clone(&model);
            // The batch ends, and its caller is dropped before it gets the result.
            let engine = thread::spawn(move || {
                let before = engine.ledger.moment();
                let mut approved =
                    Approval::open(proposed(RUN, "1", Verdict::Approve), Timestamp::UNIX_EPOCH);
                let event = approved.opening(None);
                let approved = engine.written(approved, event);
                let dispatched =
                    approved.apply(&CallEvent::Dispatched, Timestamp::UNIX_EPOCH).unwrap();
                let dispatched = engine.written(dispatched, CallEvent::Dispatched);
                let ended = CallEvent::Finished { outcome: ToolOutcome::returned(&json!("done")) };
                let ended =
                    engine.written(dispatched.apply(&ended, Timestamp::UNIX_EPOCH).unwrap(), ended);
                engine.ledger.record_of_batch(&ended, before);
                ended.id()
            });
            let reader = Arc::clone(&model);
            let reader =
                thread::spawn(move || block_on(reader.ledger.refresh(&reader.store)).unwrap());
            model.turn();
            reader.join().unwrap();
            let id = engine.join().unwrap();
            assert_eq!(model.notice_counts_of(), BTreeMap::from([(id, 1)]));
        },
        ORDERS,
    );
}

#[test]
fn what_is_read_late_does_not_undo_what_is_known() {
    shuttle::check_random(
        || {
            let model = LedgerModel::new();
            let engine = Arc::clone(&model);
            let engine = thread::spawn(move || {
                let opened_call = engine.opens(RUN, "1", Verdict::Ask);
                engine
                    .happens(&opened_call, CallEvent::Cancelled { reason: "not any more".into() })
                    .id()
            });
            let reader = Arc::clone(&model);
            let reader =
                thread::spawn(move || block_on(reader.ledger.refresh(&reader.store)).unwrap());
            let id = engine.join().unwrap();
            // The call has ended in all later reads.
            assert!(!model.ledger.waiting().contains_key(&id), "it is known to have ended");
            reader.join().unwrap();
            assert!(!model.ledger.waiting().contains_key(&id), "and stays so");
            assert_eq!(
                model.ledger.answers(&RUN.into()).first().map(|known| known.status()),
                Some(Status::Cancelled)
            );
        },
        ORDERS,
    );
}

/// Checks that shuttle detects a mistake: a ledger that treats the last update as the newest one.
#[test]
#[should_panic(expected = "stays the newest")]
fn an_order_that_undoes_what_is_known_is_found() {
    shuttle::check_random(
        || {
            let known = Arc::new(lock::Mutex::new(0_u64));
            let other = Arc::clone(&known);
            let newer = thread::spawn(move || *lock::lock(&other) = 2);
            let read = *lock::lock(&known);
            *lock::lock(&known) = read.max(1);
            newer.join().unwrap();
            assert_eq!(*lock::lock(&known), 2, "stays the newest");
        },
        ORDERS,
    );
}
