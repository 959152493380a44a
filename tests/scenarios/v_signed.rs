//! V. What voters were shown, and what they signed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gate_runtime::prelude::*;
use gate_runtime::testing::ManualClock;
use gate_runtime::{Approval, ApprovalId, CallEvent, DecideError, Event, Refused, Status};
use serde_json::json;

use crate::desk::{KEY, asked, call, dana, kinds, noon, people, records, run, until};
use crate::stores::{Shared, on_every_store};

on_every_store! {
    v_what_voters_were_shown_is_what_the_records_say,
    v_a_vote_on_what_has_changed_since_is_refused,
}

/// What the tools do to the world.
#[derive(Default)]
pub struct World {
    /// Whether the one that failed the first time has.
    failed: AtomicBool,
}

#[derive(Clone, Default)]
pub struct State(Arc<World>);

impl Provides<World> for State {
    fn provide(&self) -> &World {
        &self.0
    }
}

/// Transfers: two managers, or whoever is there after ten minutes.
#[policy]
fn transfers(rules: Rules<Transfer>) -> Rules<Transfer> {
    rules
        .ask("huge", ask(role("intern")))
        .when(|call| call.amount > 5_000)
        .ask("large", ask(role("manager")).count(2).within(minutes(10)).then(ask(anyone()).within(minutes(10))))
        .when(|call| call.amount > 1_000)
        .otherwise(ask(role("manager")).remind_every(minutes(3)))
}

/// Transfer money.
#[gated_tool(policy = "transfers", on_error = "ask")]
fn transfer(#[state] world: &World, to: String, amount: u64) -> Result<String, String> {
    let is_first = amount == 50 && !world.failed.swap(true, Ordering::SeqCst);
    if is_first { Err("the bank is closed".to_owned()) } else { Ok(format!("{amount} to {to}")) }
}

/// Sign in somewhere.
#[gated_tool(policy = "always_ask", secret(password))]
fn sign_in(user: String, password: String) -> usize {
    user.len() + password.len()
}

registry! { Tools for State { Transfer, SignIn } }

/// A gate whose clock stands still at noon.
async fn gate(store: &Shared) -> (Gate<Tools>, ManualClock) {
    let (state, clock) = (State::default(), ManualClock::at(noon()));
    let gate = Gate::builder(state).agent("support").directory(people()).key(KEY);
    (gate.store(Arc::clone(store)).clock(clock.clone()).build().await.unwrap(), clock)
}

fn transfers_of(id: &str, amount: u64) -> ToolCall {
    call(id, "transfer", json!({"to": "alice", "amount": amount})).reasoning("the invoice is due")
}

/// Every call as its records alone say it, and how many votes there were, each on what had just been shown.
async fn replayed(gate: &Gate<Tools>) -> (BTreeMap<ApprovalId, Approval>, usize) {
    let (mut calls, mut votes) = (BTreeMap::<ApprovalId, Approval>::new(), 0);
    for record in records(gate).await {
        let Some(id) = record.subject().map(gate_runtime::Subject::approval) else { continue };
        let before = calls.remove(&id);
        if let Event::Call(CallEvent::Voted { vote }) = record.event() {
            votes += 1;
            assert_eq!(vote.shown(), Some(before.as_ref().unwrap().shown()), "{record:?}");
        }
        let after = Approval::after(before.as_ref(), &record).unwrap_or_else(|| panic!("{record:?} on {before:?}"));
        calls.insert(id, after);
    }
    (calls, votes)
}

async fn v_what_voters_were_shown_is_what_the_records_say(store: Shared) {
    let (gate, clock) = gate(&store).await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let history = run.history([Message::user("Pay alice 2000.")]);
    let turn = history
        .submit([
            transfers_of("1", 2_000),
            transfers_of("2", 3_000),
            transfers_of("3", 50),
            call("4", "sign_in", json!({"user": "mia", "password": "hunter2"})),
        ])
        .await
        .unwrap();
    let [steps, edited, again, secret] = turn.interruptions() else { panic!("{turn:?}") };
    // Steps and reminders come and go, and each interruption stays good.
    steps.approve(&dana).await.unwrap();
    clock.advance(minutes(11));
    gate.do_what_is_due().await;
    steps.approve(&omar).await.unwrap();
    // An edit is another question for whoever comes after it; so is one that asks others.
    edited.edit(&dana, Edit::new().set("amount", 6_000)).await.unwrap();
    let other = gate.interruption(edited.id()).await.unwrap().unwrap();
    other.approve(&omar).await.unwrap();
    other.approve(&gate.reviewer("ines").await.unwrap()).await.unwrap();
    secret.reject(&dana, "not there").await.unwrap();
    again.approve(&dana).await.unwrap();
    let turn = history.proceed().await.unwrap();
    assert_eq!(kinds(&turn).iter().filter(|kind| **kind == "waiting").count(), 1, "{turn:?}");
    // It failed, and to run it again is another question.
    asked(&turn).approve(&dana).await.unwrap();
    let _ = history.proceed().await.unwrap();
    let work = history.guard("close the books", ask(role("manager")), async || Err::<(), _>("broke"));
    let decide = async {
        until(async || !gate.pending().await.unwrap().is_empty()).await;
        gate.pending().await.unwrap()[0].reject(&dana, "leave it").await.unwrap();
    };
    tokio::join!(work, decide).0.unwrap_err();

    let (calls, votes) = replayed(&gate).await;
    assert_eq!((calls.len(), votes), (5, 9));
    for (id, call) in &calls {
        let stored = gate.approval(*id).await.unwrap().unwrap();
        assert_eq!((call.presented(), call.status()), (stored.presented(), stored.status()));
    }
}

async fn v_a_vote_on_what_has_changed_since_is_refused(store: Shared) {
    let (gate, _) = gate(&store).await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let turn = run.submit([transfers_of("1", 2_000)]).await.unwrap();
    let shown = asked(&turn);
    let before = shown.approval().shown();
    shown.edit(&dana, Edit::new().set("amount", 3_000)).await.unwrap();
    let changed = shown.approve(&omar).await;
    assert!(matches!(changed, Err(DecideError::Refused(Refused::Changed))), "{changed:?}");
    let now = gate.interruption(shown.id()).await.unwrap().unwrap();
    assert_ne!(now.approval().shown(), before);
    assert_eq!(now.approve(&omar).await.unwrap().status(), Status::Approved);
}
