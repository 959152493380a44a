//! K. Faults: the promises of the core if a store does not answer, or if callers are dropped.

use std::sync::Arc;

use gate_runtime::prelude::*;
use gate_runtime::review::Status;

use crate::scenarios::desk::{
    State, Tools, builder, dana, gate, kinds, only_interruption, pay_call, records, run, story,
    until, until_asked,
};
use crate::scenarios::stores::{FaultyStore, Shared, fresh, on_every_store};

on_every_store! {
    k72_what_cannot_be_recorded_does_not_run_and_later_calls_work,
    k72_an_end_that_cannot_be_recorded_is_not_built_upon,
    k72_a_gate_that_cannot_be_recorded_is_not_built,
    k74_two_processes_take_one_approved_call_and_one_dispatches,
    v52_a_caller_that_stops_waiting_leaves_the_question_and_nothing_runs_by_surprise,
    v52_a_policy_may_cancel_what_its_caller_left,
    v52_what_was_kept_is_waited_for_again_under_its_id,
    k_every_commit_in_turn_may_fail_and_nothing_runs_twice_or_unrecorded,
}

async fn k72_what_cannot_be_recorded_does_not_run_and_later_calls_work(store: Shared) {
    let faulty = FaultyStore::failing(store);
    let store: Shared = faulty.clone();
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    faulty.fail_at(1);
    assert_eq!(kinds(&run.submit([pay_call("1", 5)]).await.unwrap()), ["unavailable"]);
    assert!(world.ran().is_empty());
    assert_eq!(kinds(&run.submit([pay_call("1", 5)]).await.unwrap()), ["succeeded"]);
    let turn = run.submit([pay_call("2", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    faulty.fail_at(1);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["approved"], "it will run");
    assert_eq!(world.ran(), ["pay 5 to alice"]);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 5 to alice", "pay 500 to alice"]);
}

async fn k72_an_end_that_cannot_be_recorded_is_not_built_upon(store: Shared) {
    let faulty = FaultyStore::failing(store);
    let store: Shared = faulty.clone();
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    faulty.fail_at(2);
    assert_eq!(kinds(&run.submit([pay_call("1", 5)]).await.unwrap()), ["indeterminate"]);
    assert_eq!(world.ran(), ["pay 5 to alice"], "it ran, and the record does not say how it ended");
    // It runs as soon as the store accepts the write.
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 5 to alice"]);
    let typed = {
        faulty.fail_at(2);
        crate::scenarios::desk::pay(&run, "bob".into(), 5, None).await
    };
    assert!(matches!(typed, Err(CallError::Indeterminate(_))), "{typed:?}");
}

async fn k72_a_gate_that_cannot_be_recorded_is_not_built(store: Shared) {
    let faulty = FaultyStore::failing(store);
    faulty.fail_at(1);
    let store: Shared = faulty;
    let refused = builder::<Tools>(&store, &State::default()).build().await.unwrap_err();
    assert!(refused.to_string().contains("the disk is full"), "{refused}");
}

async fn k74_two_processes_take_one_approved_call_and_one_dispatches(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    for round in 0..20 {
        let turn = run.submit([pay_call(&round.to_string(), 500 + round)]).await.unwrap();
        only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
        let saved = run.state().await.unwrap();
        let others = (0..4).map(|_| {
            let (store, world, saved) = (Arc::clone(&store), Arc::clone(&world), saved.clone());
            tokio::spawn(async move {
                let gate = crate::scenarios::desk::again(&store, &world).await;
                kinds(&gate.resume(saved).await.unwrap().proceed().await.unwrap())[0]
            })
        });
        for other in others.collect::<Vec<_>>() {
            assert_eq!(other.await.unwrap(), "succeeded");
        }
        assert_eq!(world.ran().len() as u64, round + 1);
    }
}

/// Kept, when its caller leaves.
#[policy]
fn kept(rules: Rules<Keep>) -> Rules<Keep> {
    rules.otherwise(ask(role("manager")))
}

/// Cancelled, when its caller leaves.
#[policy]
fn left(rules: Rules<Leave>) -> Rules<Leave> {
    rules.otherwise(ask(role("manager")).cancel_when_abandoned())
}

/// Keep.
#[gated_tool(policy = "kept")]
fn keep(#[state] world: &crate::scenarios::desk::World, what: String) -> String {
    world.ran.lock().unwrap().push(format!("keep {what}"));
    what
}

/// Leave.
#[gated_tool(policy = "left")]
fn leave(#[state] world: &crate::scenarios::desk::World, what: String) -> String {
    world.ran.lock().unwrap().push(format!("leave {what}"));
    what
}

registry! { LeaveTools for State { Keep, Leave } }

/// Returns a gate, a run, and a call in it whose caller was dropped.
async fn abandoned<T: Tool<Output = String>>(
    store: &Shared,
    call: T,
) -> (
    Gate<LeaveTools>,
    Arc<Run<LeaveTools>>,
    Arc<crate::scenarios::desk::World>,
    gate_runtime::Interruption,
)
where
    LeaveTools: gate_runtime::tool::Offers<T>,
{
    let state = State::default();
    let gate: Gate<LeaveTools> = builder(store, &state).build().await.unwrap();
    let run = Arc::new(run(&gate));
    let task = tokio::spawn({
        let run = Arc::clone(&run);
        async move { run.call_as("mine", call).await }
    });
    let interruption = until_asked(&gate).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    until(async || story(&gate).await.contains(&"abandoned")).await;
    (gate, run, state.0, interruption)
}

async fn v52_a_caller_that_stops_waiting_leaves_the_question_and_nothing_runs_by_surprise(
    store: Shared,
) {
    let (gate, run, world, interruption) = abandoned(&store, Keep { what: "it".into() }).await;
    // A late click counts, but nothing runs because of it alone.
    let decided = interruption.approve(&dana(&gate).await).await.unwrap();
    assert_eq!(decided.status(), Status::Approved);
    for _ in 0..3 {
        let turn = run.proceed().await.unwrap();
        assert!(turn.answers().is_empty() && turn.late().is_empty());
    }
    assert!(world.ran().is_empty());
}

async fn v52_a_policy_may_cancel_what_its_caller_left(store: Shared) {
    let (gate, _, world, interruption) = abandoned(&store, Leave { what: "it".into() }).await;
    let late = interruption.approve(&dana(&gate).await).await.unwrap_err();
    assert!(late.to_string().starts_with("it is already cancelled"), "{late}");
    assert!(world.ran().is_empty());
}

async fn v52_what_was_kept_is_waited_for_again_under_its_id(store: Shared) {
    let (gate, run, world, interruption) = abandoned(&store, Keep { what: "it".into() }).await;
    interruption.approve(&dana(&gate).await).await.unwrap();
    assert_eq!(run.call_as("mine", Keep { what: "it".into() }).await.unwrap(), "it");
    let again = run.call_as("mine", Keep { what: "it".into() }).await.unwrap_err();
    assert!(matches!(again, CallError::RanElsewhere(_)), "{again:?}");
    assert_eq!(world.ran(), ["keep it"]);
}

/// Every commit of a call fails once, each in a call of its own. No body runs without a recorded
/// dispatch, and no body runs twice.
async fn k_every_commit_in_turn_may_fail_and_nothing_runs_twice_or_unrecorded(_: Shared) {
    for commit in 1..10 {
        let faulty = FaultyStore::failing(fresh());
        let store: Shared = faulty.clone();
        let (gate, world) = gate(&store).await;
        let (run, dana) = (run(&gate), dana(&gate).await);
        faulty.fail_at(commit);
        for _ in 0..6 {
            let Ok(turn) = run.submit([pay_call("1", 500), pay_call("2", 5)]).await else {
                continue;
            };
            for interruption in turn.interruptions() {
                let _ = interruption.approve(&dana).await;
            }
            let _ = run.proceed().await;
        }
        let mut ran = world.ran();
        ran.sort();
        assert_eq!(ran, ["pay 5 to alice", "pay 500 to alice"], "commit {commit}");
        let dispatched =
            records(&gate).await.iter().filter(|record| record.kind() == "dispatched").count();
        assert_eq!(dispatched, 2, "commit {commit}");
    }
}
