//! N. Nested agents and handoffs.

use std::sync::{Arc, OnceLock};

use gate_runtime::prelude::*;
use gate_runtime::records::{GateEvent, RecordEvent};
use gate_runtime::run::{AgentHop, RunError, RunState};
use serde_json::json;

use crate::scenarios::desk::{
    Pay, State, Tools, Wipe, World, builder, call, dana, gate, kinds, only_interruption, people,
    records, texts,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    n45_a_nested_agents_call_pauses_the_outer_run_and_resumes_at_that_very_call,
    n45_a_nested_run_in_a_nested_run_resumes_too,
    n45_a_nested_question_is_cancelled_with_the_outer_run,
    n46_a_nested_run_does_not_inherit_grants_nor_give_any,
    n46_a_nested_run_does_not_inherit_approvals,
    n47_after_a_handoff_the_receiving_agents_policy_governs,
    n47_the_record_shows_the_whole_chain_of_agents,
    n47_what_was_proposed_before_a_handoff_stays_the_first_agents,
    n_a_nested_agent_is_judged_by_its_own_policy_and_rules_see_who_called_it,
    n_a_nested_run_acts_for_the_same_person_who_cannot_approve,
    n_the_user_of_a_nested_run_is_an_agent,
    n_a_rejection_follows_into_nested_runs_and_out_of_them,
    n_for_whom_the_outer_run_acts_counts_whenever_it_is_said,
    n_no_run_can_pass_for_a_nested_one,
    n_a_run_is_not_handed_to_an_agent_that_nobody_knows,
    n_a_question_of_a_body_is_one_of_its_run_and_nobody_waits_for_it,
    n_a_question_of_a_body_that_is_refused_ends_the_body,
    n_a_question_of_a_body_stays_the_runs_while_people_vote,
    n_a_question_of_a_body_in_a_body_lets_nobody_wait_and_reaches_both,
}

fn wipe(id: &str, disk: &str) -> ToolCall {
    call(id, "wipe", json!({"disk": disk}))
}

/// Builds a gate with a lead that may not wipe, and a cleaner that may ask.
async fn team(store: &Shared, state: &State) -> Gate<Tools> {
    let lead = Agent::new("lead").policy::<Wipe>(always_deny());
    builder(store, state).agent(lead).agent("cleaner").build().await.unwrap()
}

async fn n45_a_nested_agents_call_pauses_the_outer_run_and_resumes_at_that_very_call(
    store: Shared,
) {
    let state = State::default();
    let gate = team(&store, &state).await;
    let outer = gate.run("run").agent("lead").on_behalf_of("mia");
    let _ = outer.submit([call("1", "read", json!({"id": "a"}))]).await.unwrap();
    let inner = outer.child("call_7").agent("cleaner");
    assert_eq!(kinds(&inner.submit([wipe("1", "c")]).await.unwrap()), ["waiting"]);

    // The outer run shows the question, separate from its own calls.
    let turn = outer.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"]);
    let question = only_interruption(&turn).id();
    let saved = outer.state().await.unwrap().to_json();
    drop((outer, inner, turn, gate));

    // In another process, the question is the same, and the nested agent is not asked again.
    let gate = team(&store, &state).await;
    let outer = gate.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
    let turn = outer.proceed().await.unwrap();
    assert_eq!(only_interruption(&turn).id(), question);
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let inner = outer.child("call_7");
    assert_eq!(inner.info().agent(), "cleaner");
    for _ in 0..2 {
        assert_eq!(texts(&inner.proceed().await.unwrap()), ["wiped c"]);
    }
    assert!(outer.proceed().await.unwrap().interruptions().is_empty());
    assert_eq!(state.0.ran(), ["read a", "wipe c"]);
}

async fn n45_a_nested_run_in_a_nested_run_resumes_too(store: Shared) {
    let state = State::default();
    let gate = team(&store, &state).await;
    let outer = gate.run("run").agent("lead");
    let middle = outer.child("m").agent("lead");
    let _ = middle.child("i").agent("cleaner").submit([wipe("1", "c")]).await.unwrap();
    let saved = outer.state().await.unwrap();
    let gate = team(&store, &state).await;
    let outer = gate.resume(saved).await.unwrap();
    only_interruption(&outer.proceed().await.unwrap()).approve(&dana(&gate).await).await.unwrap();
    assert!(outer.child("m").proceed().await.unwrap().answers().is_empty());
    assert_eq!(texts(&outer.child("m").child("i").proceed().await.unwrap()), ["wiped c"]);
}

async fn n45_a_nested_question_is_cancelled_with_the_outer_run(store: Shared) {
    let state = State::default();
    let gate = team(&store, &state).await;
    let outer = gate.run("run").agent("lead");
    let inner = outer.child("c").agent("cleaner");
    let _ = inner.submit([wipe("1", "c")]).await.unwrap();
    assert_eq!(outer.cancel("the user hung up").await.unwrap(), 1);
    assert_eq!(kinds(&inner.proceed().await.unwrap()), ["cancelled"]);
}

async fn n46_a_nested_run_does_not_inherit_grants_nor_give_any(store: Shared) {
    let (gate, world) = gate(&store).await;
    let dana = dana(&gate).await;
    let outer = gate.run("run");
    let turn = outer.submit([wipe("1", "a")]).await.unwrap();
    only_interruption(&turn).grant(&dana, Scope::this_run().any("disk")).await.unwrap();
    assert_eq!(kinds(&outer.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(kinds(&outer.submit([wipe("2", "b")]).await.unwrap()), ["succeeded"]);

    let inner = outer.child("c").agent("support");
    let turn = inner.submit([wipe("3", "b")]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    only_interruption(&turn).grant(&dana, Scope::this_run().any("disk")).await.unwrap();
    assert_eq!(kinds(&inner.proceed().await.unwrap()), ["succeeded"]);
    let other = gate.run("other");
    assert_eq!(kinds(&other.child("c").submit([wipe("3", "b")]).await.unwrap()), ["waiting"]);
    assert_eq!(world.ran(), ["wipe a", "wipe b", "wipe b"]);
}

async fn n46_a_nested_run_does_not_inherit_approvals(store: Shared) {
    let (gate, world) = gate(&store).await;
    let outer = gate.run("run");
    let turn = outer.submit([wipe("1", "a")]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    // The same call with the same id in another nested run is another call.
    assert_eq!(kinds(&outer.child("c").submit([wipe("1", "a")]).await.unwrap()), ["waiting"]);
    assert_eq!(world.ran(), [""; 0]);
    assert_eq!(kinds(&outer.proceed().await.unwrap()), ["succeeded"]);
}

async fn n47_after_a_handoff_the_receiving_agents_policy_governs(store: Shared) {
    let state = State::default();
    let gate = team(&store, &state).await;
    let run = gate.run("run").agent("lead");
    assert_eq!(kinds(&run.submit([wipe("1", "a")]).await.unwrap()), ["denied"]);
    run.hand_off("cleaner").unwrap();
    assert_eq!(kinds(&run.submit([wipe("2", "a")]).await.unwrap()), ["waiting"]);
    run.hand_off("lead").unwrap();
    assert_eq!(kinds(&run.submit([wipe("3", "b")]).await.unwrap()), ["denied"]);
}

async fn n47_the_record_shows_the_whole_chain_of_agents(store: Shared) {
    let state = State::default();
    let gate = team(&store, &state).await;
    let outer = gate.run("run").agent("lead");
    outer.hand_off("support").unwrap();
    let inner = outer.child("c").agent("lead");
    inner.hand_off("cleaner").unwrap();
    let _ = inner.submit([wipe("1", "a")]).await.unwrap();
    let records = records(&gate).await;
    let subject = records.iter().find_map(|record| record.subject()).unwrap();
    let chain: Vec<String> = subject.info().hops().iter().map(AgentHop::to_string).collect();
    assert_eq!(
        chain,
        ["handed over by lead", "called by support in run run", "handed over by lead"]
    );
    assert_eq!(subject.info().agent(), "cleaner");
    assert_eq!(subject.info().run().as_str(), "run>c");
    let stored = serde_json::to_value(subject.info()).unwrap();
    assert_eq!(stored["passages"][1], json!({"type": "called", "by": "support", "run": "run"}));
}

async fn n47_what_was_proposed_before_a_handoff_stays_the_first_agents(store: Shared) {
    let state = State::default();
    let gate = team(&store, &state).await;
    let run = gate.run("run").agent("cleaner");
    let turn = run.submit([wipe("1", "a")]).await.unwrap();
    run.hand_off("lead").unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    // The lead may not propose it, but did not propose it.
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(kinds(&run.submit([wipe("2", "b")]).await.unwrap()), ["denied"]);
}

/// Only for who was called by the lead.
#[policy]
fn for_the_lead(rules: Rules<Scrub>) -> Rules<Scrub> {
    rules
        .auto_approve("called by the lead")
        .when(|call| call.context().hops().last().is_some_and(|passage| *passage.agent() == "lead"))
        .otherwise(deny())
}

/// Scrub.
#[gated_tool(policy = "for_the_lead")]
fn scrub(floor: u64) -> u64 {
    floor
}

registry! { ScrubTools for State { Scrub } }

async fn n_a_nested_agent_is_judged_by_its_own_policy_and_rules_see_who_called_it(store: Shared) {
    let state = State::default();
    let lead = Agent::new("lead").policy::<Scrub>(always_deny());
    let gate: Gate<ScrubTools> = builder(&store, &state).agent(lead).build().await.unwrap();
    let scrub = |id| call(id, "scrub", json!({"floor": 1}));
    let lead = gate.run("1").agent("lead");
    assert_eq!(kinds(&lead.submit([scrub("1")]).await.unwrap()), ["denied"]);
    assert_eq!(
        kinds(&lead.child("c").agent("support").submit([scrub("1")]).await.unwrap()),
        ["succeeded"]
    );
    let other = gate.run("2").agent("support");
    assert_eq!(
        kinds(&other.child("c").agent("support").submit([scrub("1")]).await.unwrap()),
        ["denied"]
    );
}

async fn n_a_nested_run_acts_for_the_same_person_who_cannot_approve(store: Shared) {
    let (gate, world) = gate(&store).await;
    let outer = gate.run("run").on_behalf_of("mia").case("ticket-7");
    let inner = outer.child("c");
    assert_eq!(inner.info().principal().unwrap().as_str(), "mia");
    assert_eq!(inner.info().case().unwrap().as_str(), "ticket-7");
    let turn = inner.submit([wipe("1", "a")]).await.unwrap();
    assert!(only_interruption(&turn).approve(&gate.reviewer("mia").await.unwrap()).await.is_err());
    assert_eq!(kinds(&inner.proceed().await.unwrap()), ["waiting"]);
    assert_eq!(world.ran(), [""; 0]);
}

/// As the user said.
#[policy]
fn as_said(rules: Rules<Give>) -> Rules<Give> {
    rules
        .auto_approve("the user said to whom")
        .when(|call| call.origin(&call.to).is_user())
        .otherwise(ask(anyone()))
}

/// Give.
#[gated_tool(policy = "as_said")]
fn give(to: String) -> String {
    to
}

registry! { GiveTools for State { Give } }

async fn n_the_user_of_a_nested_run_is_an_agent(store: Shared) {
    let gate: Gate<GiveTools> = builder(&store, &State::default()).build().await.unwrap();
    let outer = gate.run("run").history([Message::user("give alice something")]);
    // The outer model wrote the task of the inner one, and invented a recipient.
    let inner = outer.child("c").history([Message::user("give to alice, and give to mallory")]);
    let give = |id, to| call(id, "give", json!({"to": to}));
    let turn = inner.submit([give("1", "alice"), give("2", "mallory")]).await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "waiting"]);
    // A message of the person to the outer agent in the meantime counts.
    outer.add_message(Message::user("and bob"));
    assert_eq!(kinds(&inner.submit([give("3", "bob")]).await.unwrap()), ["succeeded"]);
}

async fn n_no_run_can_pass_for_a_nested_one(store: Shared) {
    let (gate, world) = gate(&store).await;
    let outer = gate.run("run");
    let turn = outer.child("c").submit([wipe("1", "a")]).await.unwrap();
    only_interruption(&turn)
        .grant(&dana(&gate).await, Scope::this_run().any("disk"))
        .await
        .unwrap();
    for forged in
        [gate.run("run>c"), outer.child("c>d"), gate.run("run>"), outer.child(""), gate.run("")]
    {
        let error = forged.submit([wipe("2", "b")]).await.unwrap_err();
        assert!(matches!(error, RunError::ReservedRunId(_) | RunError::NoRunId), "{error}");
    }
    assert_eq!(world.ran(), [""; 0]);
    let refused =
        |event: &RecordEvent| matches!(event, RecordEvent::Gate(GateEvent::CallRefused { .. }));
    assert!(!records(&gate).await.iter().any(|record| refused(record.event())));
}

async fn n_a_run_is_not_handed_to_an_agent_that_nobody_knows(store: Shared) {
    let state = State::default();
    let gate = team(&store, &state).await;
    let run = gate.run("run").agent("lead");
    let error = run.hand_off("claener").unwrap_err().to_string();
    assert!(error.contains("did you mean `cleaner`?"), "{error}");
    assert_eq!(run.info().agent(), "lead");
    assert!(run.info().hops().is_empty());
    let error = run.child("c").submit([wipe("1", "a")]).await.unwrap_err().to_string();
    assert!(error.contains("names no agent"), "{error}");
}

async fn n_a_rejection_follows_into_nested_runs_and_out_of_them(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (outer, dana) = (gate.run("run"), dana(&gate).await);
    let turn = outer.submit([wipe("1", "prod")]).await.unwrap();
    only_interruption(&turn).reject(&dana, "never").await.unwrap();
    let inner = outer.child("x");
    assert_eq!(kinds(&inner.submit([wipe("1", "prod")]).await.unwrap()), ["rejected"]);
    let turn = inner.submit([wipe("2", "test")]).await.unwrap();
    assert_eq!(only_interruption(&turn).approval().earlier()[0].reason(), "never");

    only_interruption(&turn).reject(&dana, "not that either").await.unwrap();
    assert_eq!(kinds(&outer.child("y").submit([wipe("1", "test")]).await.unwrap()), ["rejected"]);
    assert_eq!(kinds(&outer.submit([wipe("3", "test")]).await.unwrap()), ["rejected"]);
    // Another run needs its own decision.
    assert_eq!(kinds(&gate.run("other").submit([wipe("1", "prod")]).await.unwrap()), ["waiting"]);
    assert_eq!(world.ran(), [""; 0]);
}

async fn n_for_whom_the_outer_run_acts_counts_whenever_it_is_said(store: Shared) {
    let (gate, _) = gate(&store).await;
    let outer = gate.run("run");
    let inner = outer.child("x");
    let outer = outer.on_behalf_of("dana").case("ticket-7");
    let turn = inner.submit([wipe("1", "a")]).await.unwrap();
    assert_eq!(inner.info().case().unwrap().as_str(), "ticket-7");
    assert!(only_interruption(&turn).approve(&dana(&gate).await).await.is_err());
    let resumed = gate.resume(outer.state().await.unwrap()).await.unwrap();
    assert_eq!(resumed.child("x").info().principal().unwrap().as_str(), "dana");
}

/// Pays after it looked at something, through a gate of its own run.
#[gated_tool(policy = "never_ask")]
async fn settle_bill(#[state] nested: &NestedState, to: String) -> String {
    let run = nested.1.get().expect("it is set").run("bill").agent("support");
    match crate::scenarios::desk::pay(&run, to.clone(), 500, None).await {
        Ok(paid) => format!("settled: {paid} ({} payments)", nested.0.0.ran().len()),
        Err(error) => format!("not settled: {error}"),
    }
}

/// A world, and a gate that the tools can use.
#[derive(Clone, Default)]
struct NestedState(State, Arc<OnceLock<Gate<Bills>>>);

impl Provides<World> for NestedState {
    fn provide(&self) -> &World {
        &self.0.0
    }
}

/// Settles a bill through the tool that settles bills.
#[gated_tool(policy = "never_ask")]
async fn close_month(#[state] nested: &NestedState, to: String) -> String {
    let run = nested.1.get().expect("it is set").run("month").agent("support");
    match settle_bill(&run, to).await {
        Ok(settled) => format!("closed: {settled}"),
        Err(error) => format!("not closed: {error}"),
    }
}

/// Two managers decide.
#[policy]
fn by_two(rules: Rules<SignBill>) -> Rules<SignBill> {
    rules.otherwise(ask(role("manager")).count(2))
}

/// Signs a bill.
#[gated_tool(policy = "by_two")]
fn sign_bill(to: String) -> String {
    format!("signed for {to}")
}

/// Files a bill once it is signed.
#[gated_tool(policy = "never_ask")]
async fn file_bill(#[state] nested: &NestedState, to: String) -> String {
    let run = nested.1.get().expect("it is set").run("file").agent("support");
    sign_bill(&run, to).await.unwrap_or_else(|error| error.to_string())
}

registry! { Bills for NestedState { SettleBill, CloseMonth, SignBill, FileBill, Pay } }

async fn nested_gate(store: &Shared) -> (Gate<Bills>, Arc<World>) {
    let nested = NestedState::default();
    let builder =
        Gate::builder(nested.clone()).agent("support").directory(people()).store(Arc::clone(store));
    let gate: Gate<Bills> = builder.build().await.unwrap();
    nested.1.set(gate.clone()).unwrap();
    (gate, nested.0.0)
}

async fn n_a_question_of_a_body_is_one_of_its_run_and_nobody_waits_for_it(store: Shared) {
    let (gate, world) = nested_gate(&store).await;
    let run = gate.run("run").on_behalf_of("mia");
    let turn = run.submit([call("1", "settle_bill", json!({"to": "alice"}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["running"]);
    assert!(texts(&turn)[0].contains("waits for a person"), "{:?}", texts(&turn));
    let inner = only_interruption(&turn);
    assert_eq!(inner.approval().subject().info().run(), "run>1/bill");
    assert_eq!(
        inner.approval().subject().info().principal().unwrap(),
        "mia",
        "it acts for the same person"
    );
    for _ in 0..2 {
        let again = run.proceed().await.unwrap();
        assert_eq!(kinds(&again), ["running"], "looking again waits for nobody either");
        assert_eq!(
            only_interruption(&again).id(),
            inner.id(),
            "and the question is still the run's"
        );
    }
    inner.approve(&dana(&gate).await).await.unwrap();
    let turn = run.wait().await.unwrap();
    assert_eq!(texts(&turn), ["settled: paid 500 to alice (1 payments)"]);
    assert!(turn.interruptions().is_empty() && turn.late().is_empty());
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn n_a_question_of_a_body_that_is_refused_ends_the_body(store: Shared) {
    let (gate, world) = nested_gate(&store).await;
    let run = gate.run("run").on_behalf_of("mia");
    let turn = run.submit([call("1", "settle_bill", json!({"to": "alice"}))]).await.unwrap();
    let decide = async {
        only_interruption(&turn).reject(&dana(&gate).await, "not this one").await.unwrap();
    };
    let (turn, ()) = tokio::join!(run.wait(), decide);
    assert!(texts(&turn.unwrap())[0].starts_with("not settled:"));
    assert!(world.ran().is_empty());
    assert_eq!(run.cancel("it is over").await.unwrap(), 0);
}

async fn n_a_question_of_a_body_stays_the_runs_while_people_vote(store: Shared) {
    let (gate, _) = nested_gate(&store).await;
    let run = gate.run("run").on_behalf_of("mia");
    let turn = run.submit([call("1", "file_bill", json!({"to": "alice"}))]).await.unwrap();
    let inner = only_interruption(&turn);
    // One of them votes in another process.
    let (elsewhere, _) = nested_gate(&store).await;
    let there = elsewhere.interruption(inner.id()).await.unwrap().unwrap();
    there.approve(&dana(&elsewhere).await).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(only_interruption(&turn).id(), inner.id(), "one more is to agree");
    only_interruption(&turn).approve(&gate.reviewer("omar").await.unwrap()).await.unwrap();
    assert_eq!(texts(&run.wait().await.unwrap()), ["signed for alice"]);
}

async fn n_a_question_of_a_body_in_a_body_lets_nobody_wait_and_reaches_both(store: Shared) {
    let (gate, world) = nested_gate(&store).await;
    let run = gate.run("run").on_behalf_of("mia");
    let turn = run.submit([call("1", "close_month", json!({"to": "alice"}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["running"]);
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let turn = run.wait().await.unwrap();
    assert_eq!(texts(&turn), ["closed: settled: paid 500 to alice (1 payments)"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}
