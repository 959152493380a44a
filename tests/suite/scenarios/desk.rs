//! The tools, the people and the helper functions that all scenarios use.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use gate_runtime::prelude::*;
use gate_runtime::records::Record;
use gate_runtime::review::Status;
use gate_runtime::run::Answer;
use gate_runtime::testing::ManualClock;
use gate_runtime::{GateBuilder, Interruption, Reviewer, Run};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::scenarios::stores::Shared;

/// The world that the tools change. Every execution adds a line.
#[derive(Default)]
pub struct World {
    pub ran: Mutex<Vec<String>>,
    /// Lets a slow body continue.
    pub go: Notify,
    /// Notifies that a slow body has begun.
    pub begun: Notify,
}

impl World {
    fn note(&self, line: String) {
        self.ran.lock().unwrap().push(line);
    }

    pub fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }

    /// Returns the lines in alphabetical order, because concurrent calls may run in any order.
    pub fn ran_sorted(&self) -> Vec<String> {
        let mut ran = self.ran();
        ran.sort();
        ran
    }
}

/// The state of the gates, of which tools take a part.
#[derive(Clone, Default)]
pub struct State(pub Arc<World>);

impl Provides<World> for State {
    fn provide(&self) -> &World {
        &self.0
    }
}

/// Payments: small ones run, large ones never, a manager decides the rest.
#[policy]
pub fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    rules
        .deny("above the limit")
        .when(|call| call.amount > 10_000)
        .auto_approve("small")
        .when(|call| call.amount < 50)
        .otherwise(ask(role("manager")).within(minutes(30)))
}

/// Pay someone.
#[gated_tool(policy = "payments")]
pub fn pay(#[state] world: &World, to: String, amount: u64, note: Option<String>) -> String {
    world.note(format!(
        "pay {amount} to {to}{}",
        note.map(|note| format!(" ({note})")).unwrap_or_default()
    ));
    format!("paid {amount} to {to}")
}

/// Read something.
#[gated_tool(policy = "never_ask", read_only)]
pub fn read(#[state] world: &World, id: String) -> String {
    world.note(format!("read {id}"));
    format!("content of {id}")
}

/// Wipe a disk.
#[gated_tool(policy = "always_ask", destructive)]
pub fn wipe(#[state] world: &World, disk: String) -> String {
    world.note(format!("wipe {disk}"));
    format!("wiped {disk}")
}

/// Never allowed.
#[gated_tool(policy = "always_deny")]
pub fn forbidden(#[state] world: &World, what: String) {
    world.note(format!("forbidden {what}"));
}

/// Sign in somewhere.
#[gated_tool(policy = "always_ask", secret(password))]
pub fn sign_in(#[state] world: &World, user: String, password: String) -> Result<String, String> {
    world.note(format!("sign in {user} with {password}"));
    if password == "wrong-password" {
        Err(format!("the password {password} is wrong"))
    } else {
        Ok(format!("hello {user}, {password}"))
    }
}

/// Does something, then fails.
#[gated_tool(policy = "always_ask")]
pub fn fail(#[state] world: &World, what: String) -> Result<String, String> {
    world.note(format!("fail {what}"));
    Err(format!("{what} broke half-way"))
}

/// Does something, then panics.
#[gated_tool(policy = "always_ask")]
pub fn explode(#[state] world: &World, what: String) {
    world.note(format!("explode {what}"));
    panic!("{what} exploded");
}

/// Takes its time.
#[gated_tool(policy = "always_ask", timeout = "1h")]
pub async fn slow(#[state] world: &World, what: String) -> String {
    slow_body(world, &what).await;
    format!("{what} is done")
}

/// Begins, says so, and ends once it may.
pub async fn slow_body(world: &World, what: &str) {
    world.note(format!("begin {what}"));
    world.begun.notify_one();
    world.go.notified().await;
    world.note(format!("end {what}"));
}

registry! {
    /// Everything there is.
    pub Tools for State { Pay, Read, Wipe, Forbidden, SignIn, Fail, Explode, Slow }
}

pub const KEY: [u8; 32] = [7; 32];

/// Returns the people: two managers, an intern, and the person for whom the runs act.
pub fn people() -> StaticDirectory {
    StaticDirectory::new()
        .person("dana", ["manager"])
        .person("omar", ["manager"])
        .person("ines", ["intern"])
        .person("mia", ["manager"])
}

pub fn noon() -> gate_runtime::Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// Returns a gate builder over a store.
pub fn builder<R: Registry<State = State>>(store: &Shared, state: &State) -> GateBuilder<R> {
    Gate::builder(state.clone())
        .agent("support")
        .directory(people())
        .key(KEY)
        .store(Arc::clone(store))
}

/// Builds a gate over a store, with its own world.
pub async fn gate(store: &Shared) -> (Gate<Tools>, Arc<World>) {
    let state = State::default();
    (builder(store, &state).build().await.unwrap(), state.0)
}

/// Builds a gate whose clock stands still at noon.
pub async fn gate_at_noon(store: &Shared) -> (Gate<Tools>, Arc<World>, ManualClock) {
    let (state, clock) = (State::default(), ManualClock::at(noon()));
    (builder(store, &state).clock(clock.clone()).build().await.unwrap(), state.0, clock)
}

/// Builds another gate over the same store and the same world, like another process.
pub async fn again(store: &Shared, world: &Arc<World>) -> Gate<Tools> {
    builder(store, &State(Arc::clone(world))).build().await.unwrap()
}

pub async fn dana<R: Registry>(gate: &Gate<R>) -> Reviewer {
    gate.reviewer("dana").await.unwrap()
}

pub fn run<R: Registry>(gate: &Gate<R>) -> Run<R> {
    gate.run("run").on_behalf_of("mia")
}

#[expect(clippy::needless_pass_by_value, reason = "it is called with values that are made for it")]
pub fn call(id: &str, tool: &str, arguments: Value) -> ToolCall {
    ToolCall::new(id, tool, arguments.to_string())
}

/// Proposes to pay somebody.
pub fn pay_call_to(id: &str, to: &str, amount: u64) -> ToolCall {
    call(id, "pay", json!({"to": to, "amount": amount}))
}

/// Proposes to pay alice.
pub fn pay_call(id: &str, amount: u64) -> ToolCall {
    pay_call_to(id, "alice", amount)
}

/// Proposes to sign mia in.
pub fn sign_in_call(id: &str, password: &str) -> ToolCall {
    call(id, "sign_in", json!({"user": "mia", "password": password}))
}

/// Proposes a call that fails and one that panics, both after their effect.
pub fn failing_calls() -> [ToolCall; 2] {
    [("1", "fail"), ("2", "explode")].map(|(id, tool)| call(id, tool, json!({"what": "it"})))
}

/// Approves everything that a turn asks.
pub async fn approve_all(turn: &Turn, reviewer: &Reviewer) {
    for asked in turn.interruptions() {
        asked.approve(reviewer).await.unwrap();
    }
}

/// Returns the state of each call of a turn.
pub fn kinds(turn: &Turn) -> Vec<&'static str> {
    turn.answers().iter().map(Answer::kind).collect()
}

/// Returns the texts for the model, call by call.
pub fn texts(turn: &Turn) -> Vec<String> {
    turn.answers().iter().map(Answer::for_model).collect()
}

pub fn only_interruption(turn: &Turn) -> &Interruption {
    assert_eq!(turn.interruptions().len(), 1, "{turn:?}");
    &turn.interruptions()[0]
}

/// Returns all records.
pub async fn records<R: Registry>(gate: &Gate<R>) -> Vec<Arc<Record>> {
    gate.records(0, 10_000).await.unwrap()
}

/// Returns the kinds of the records, without those about built gates and directories.
pub async fn story<R: Registry>(gate: &Gate<R>) -> Vec<&'static str> {
    records(gate)
        .await
        .iter()
        .map(|record| record.kind())
        .filter(|kind| !["gate_built", "directory_changed"].contains(kind))
        .collect()
}

/// Waits until a condition holds that background work brings about.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let patience = std::time::Instant::now();
    while !holds().await {
        assert!(patience.elapsed().as_secs() < 60, "it never came about");
        tokio::task::yield_now().await;
    }
}

/// Waits until a question is pending.
pub async fn until_asked<R: Registry>(gate: &Gate<R>) -> Interruption {
    until(async || !gate.pending().await.unwrap().is_empty()).await;
    gate.pending().await.unwrap().remove(0)
}

/// Waits until the first unfinished call is recorded as indeterminate.
pub async fn until_indeterminate<R: Registry>(gate: &Gate<R>) {
    until(async || gate.recover().await.unwrap()[0].approval().status() == Status::Indeterminate)
        .await;
}

/// Polls a future until a body that it runs has begun, and returns it, still running.
pub async fn poll_until_begun<F>(work: F, begun: &Notify) -> Pin<Box<F>>
where
    F: Future<Output: Debug>,
{
    let mut running = Box::pin(work);
    tokio::select! {
        biased;
        ended = &mut running => panic!("{ended:?}"),
        () = begun.notified() => running,
    }
}
