//! U. Resume and serialised state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gate_runtime::prelude::*;
use gate_runtime::records::{CallEvent, RecordEvent};
use gate_runtime::review::Status;
use gate_runtime::run::{RunError, RunState, StateError};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::scenarios::desk::{
    KEY, State, Tools, again, approve_all, builder, call, dana, failing_calls, gate, kinds,
    only_interruption, pay_call, people, records, run, sign_in_call, story, texts, until,
};
use crate::scenarios::stores::{Shared, fresh, on_every_store};

on_every_store! {
    u37_paused_stored_and_decided_in_another_process_it_runs_once_with_the_approved_arguments,
    u37_without_a_shared_store_a_pending_call_goes_on_in_another_process,
    u38_resumed_twice_one_after_the_other_it_runs_once_and_both_get_the_result,
    u38_resumed_twice_at_once_it_runs_once_and_both_get_the_result,
    u39_resumed_before_any_decision_it_is_the_same_question,
    u40_a_decision_while_the_rules_are_still_looking_is_kept,
    u41_a_newer_state_is_refused_naming_both_versions,
    u41_a_changed_state_is_refused_and_nothing_is_taken_in,
    u41_a_state_of_another_key_is_refused,
    u41_a_state_is_json_in_any_layout,
    u41_a_state_holds_no_secrets,
    u42_a_call_whose_tool_is_gone_stays_approved_and_its_siblings_go_on,
    u43_a_tool_that_failed_after_its_effect_does_not_run_again,
    u44_a_cancelled_body_is_indeterminate_and_not_retried,
    u44_a_body_beyond_its_time_is_indeterminate,
    u_an_approval_of_another_store_is_asked_again,
    u_a_secret_is_given_again_by_the_same_call,
}

async fn u37_paused_stored_and_decided_in_another_process_it_runs_once_with_the_approved_arguments(
    store: Shared,
) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let _ = run.submit([pay_call("1", 500)]).await.unwrap();
    let saved = run.state().await.unwrap().to_json();
    drop((run, gate));
    let gate = again(&store, &world).await;
    let run = gate.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
    let turn = run.proceed().await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    for _ in 0..2 {
        assert_eq!(texts(&run.proceed().await.unwrap()), ["paid 500 to alice"]);
    }
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn u37_without_a_shared_store_a_pending_call_goes_on_in_another_process(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let _ = run.submit([pay_call("1", 500), pay_call("2", 5)]).await.unwrap();
    let saved = run.state().await.unwrap().to_json();
    let elsewhere = again(&fresh(), &world).await;
    let run = elsewhere.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(
        texts(&turn)[1],
        "paid 5 to alice",
        "what ran there is known here, and does not run again"
    );
    only_interruption(&turn).approve(&dana(&elsewhere).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "succeeded"]);
    assert_eq!(world.ran(), ["pay 5 to alice", "pay 500 to alice"]);
}

async fn approved(gate: &Gate<Tools>) -> RunState {
    let run = run(gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana(gate).await).await.unwrap();
    run.state().await.unwrap()
}

async fn u38_resumed_twice_one_after_the_other_it_runs_once_and_both_get_the_result(store: Shared) {
    let (gate, world) = gate(&store).await;
    let saved = approved(&gate).await;
    for _ in 0..2 {
        let run = gate.resume(saved.clone()).await.unwrap();
        assert_eq!(texts(&run.proceed().await.unwrap()), ["paid 500 to alice"]);
    }
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn u38_resumed_twice_at_once_it_runs_once_and_both_get_the_result(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "slow", json!({"what": "it"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let saved = run.state().await.unwrap();
    let gates = [gate.clone(), again(&store, &world).await, again(&store, &world).await];
    let runs = gates.map(|gate| {
        let saved = saved.clone();
        tokio::spawn(
            async move { texts(&gate.resume(saved).await.unwrap().proceed().await.unwrap()) },
        )
    });
    world.begun.notified().await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.go.notify_one();
    for run in runs {
        assert_eq!(run.await.unwrap(), ["it is done"]);
    }
    assert_eq!(world.ran(), ["begin it", "end it"]);
}

async fn u39_resumed_before_any_decision_it_is_the_same_question(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    let resumed = gate.resume(run.state().await.unwrap()).await.unwrap();
    assert_eq!(
        only_interruption(&resumed.proceed().await.unwrap()).id(),
        only_interruption(&turn).id()
    );
    assert_eq!(story(&gate).await, ["assessed"], "nothing was asked again");
}

static LOOKING: Notify = Notify::const_new();
static LOOKED: Notify = Notify::const_new();
static WAITS: AtomicBool = AtomicBool::new(false);

/// Looks for as long as the test wants.
#[policy]
fn thoughtful(rules: Rules<Think>) -> Rules<Think> {
    rules
        .deny("never")
        .when_async(|_| async {
            if WAITS.load(Ordering::SeqCst) {
                LOOKING.notify_one();
                LOOKED.notified().await;
            }
            false
        })
        .otherwise(ask(role("manager")))
}

/// Think.
#[gated_tool(policy = "thoughtful")]
fn think(what: String) -> String {
    what
}

registry! { ThinkTools for State { Think } }

async fn u40_a_decision_while_the_rules_are_still_looking_is_kept(store: Shared) {
    let gate: Gate<ThinkTools> = builder(&store, &State::default()).build().await.unwrap();
    let run = Arc::new(run(&gate));
    let turn = run.submit([call("1", "think", json!({"what": "a"}))]).await.unwrap();
    let dana = dana(&gate).await;
    only_interruption(&turn).approve(&dana).await.unwrap();
    // The rules evaluate it again before it runs, and meanwhile another decision arrives.
    WAITS.store(true, Ordering::SeqCst);
    let proceeding = tokio::spawn({
        let run = Arc::clone(&run);
        async move { kinds(&run.proceed().await.unwrap())[0] }
    });
    LOOKING.notified().await;
    only_interruption(&turn).cancel("after all not").await.unwrap();
    WAITS.store(false, Ordering::SeqCst);
    LOOKED.notify_one();
    assert_eq!(proceeding.await.unwrap(), "cancelled", "it was kept, and nothing ran over it");
}

async fn saved(gate: &Gate<Tools>) -> Value {
    let run = run(gate);
    let _ = run.submit([pay_call("1", 500)]).await.unwrap();
    serde_json::from_str(&run.state().await.unwrap().to_json()).unwrap()
}

async fn u41_a_newer_state_is_refused_naming_both_versions(store: Shared) {
    let (gate, _) = gate(&store).await;
    let mut state = saved(&gate).await;
    state["version"] = json!(9);
    state["something_new"] = json!({});
    let refused = RunState::from_json(&state.to_string()).unwrap_err();
    assert_eq!(refused, StateError::TooNew { found: 9, known: 2 });
    assert!(
        refused.to_string().contains("version 9")
            && refused.to_string().contains("up to version 2")
    );
}

async fn u41_a_changed_state_is_refused_and_nothing_is_taken_in(store: Shared) {
    let (gate, world) = gate(&store).await;
    let state = saved(&gate).await;
    let elsewhere = again(&fresh(), &world).await;
    let changes: [(&str, Value); 8] = [
        ("/run/approvals/0/arguments/json/amount", json!(5_000)),
        (
            "/run/approvals/0/arguments/digest",
            json!("sha256:0000000000000000000000000000000000000000000000000000000000000000"),
        ),
        ("/run/approvals/0/status", json!("approved")),
        ("/run/approvals/0/requirements", json!([])),
        ("/run/info/principal", json!("noah")),
        ("/run/info/agent", json!("billing")),
        ("/run/current", json!([])),
        ("/mac", json!("00")),
    ];
    for (place, value) in changes {
        let mut changed = state.clone();
        *changed.pointer_mut(place).unwrap_or_else(|| panic!("{place} in {state}")) = value;
        let read = RunState::from_json(&changed.to_string()).unwrap();
        let refused = elsewhere.resume(read).await.unwrap_err();
        assert!(matches!(refused, RunError::State(StateError::NotAuthentic)), "{place}: {refused}");
    }
    assert!(story(&elsewhere).await.is_empty());
    for text in
        ["", "{}", "[]", "{\"version\":1}", "{\"version\":\"1\",\"run\":{},\"mac\":\"\"}", "null"]
    {
        assert!(matches!(RunState::from_json(text), Err(StateError::Malformed { .. })), "{text}");
    }
}

async fn u41_a_state_of_another_key_is_refused(store: Shared) {
    let (gate, _) = gate(&store).await;
    let state = RunState::from_json(&saved(&gate).await.to_string()).unwrap();
    let other: Gate<Tools> = builder(&store, &State::default()).key([8; 32]).build().await.unwrap();
    let refused = other.resume(state.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("the same `.key(…)`"), "{refused}");
    let keyless: Gate<Tools> =
        Gate::builder(State::default()).agent("support").directory(people()).build().await.unwrap();
    assert!(keyless.resume(state).await.is_err());
    assert_eq!(KEY.len(), 32);
}

async fn u41_a_state_is_json_in_any_layout(store: Shared) {
    let (gate, world) = gate(&store).await;
    let state = saved(&gate).await;
    // Like the output of a database that sorts keys and adds spaces.
    let pretty = serde_json::to_string_pretty(&state).unwrap();
    let elsewhere = again(&fresh(), &world).await;
    assert!(elsewhere.resume(RunState::from_json(&pretty).unwrap()).await.is_ok());
    let by_serde: RunState = serde_json::from_value(state).unwrap();
    assert!(elsewhere.resume(by_serde).await.is_ok());
}

async fn u41_a_state_holds_no_secrets(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate).reasoning("the password is hunter22");
    let turn = run.submit([sign_in_call("1", "hunter22")]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    let text = run.state().await.unwrap().to_json();
    assert!(text.contains("[secret ") && !text.contains("\"password\":\"hunter22\""), "{text}");
    assert!(!text.contains("salt"), "a short secret could be guessed with its salt");
    assert!(
        !serde_json::to_string(&turn.interruptions()[0].approval()).unwrap().contains("hunter22")
    );
    let recorded = serde_json::to_string(&records(&gate).await).unwrap();
    assert!(!recorded.contains("salt") && recorded.contains("[secret "), "{recorded}");
}

/// A later release without `wipe`.
mod later {
    use super::*;

    registry! { pub Fewer for State { Pay, Read } }
    use crate::scenarios::desk::{Pay, Read};
}

async fn u42_a_call_whose_tool_is_gone_stays_approved_and_its_siblings_go_on(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn =
        run.submit([call("1", "wipe", json!({"disk": "a"})), pay_call("2", 500)]).await.unwrap();
    approve_all(&turn, &dana(&gate).await).await;
    let fewer: Gate<later::Fewer> =
        builder(&store, &State(Arc::clone(&world))).build().await.unwrap();
    let turn = fewer.resume(run.state().await.unwrap()).await.unwrap().proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["approved", "succeeded"]);
    assert!(
        texts(&turn)[0].contains("There is no tool `wipe`. The tools are `pay` and `read`"),
        "{:?}",
        texts(&turn)
    );
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn u43_a_tool_that_failed_after_its_effect_does_not_run_again(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit(failing_calls()).await.unwrap();
    approve_all(&turn, &dana(&gate).await).await;
    let saved = run.state().await.unwrap();
    for _ in 0..3 {
        let turn = gate.resume(saved.clone()).await.unwrap().proceed().await.unwrap();
        assert_eq!(kinds(&turn), ["failed", "failed"]);
        assert!(texts(&turn)[0].ends_with("</gate-notice> it broke half-way"));
    }
    assert_eq!(world.ran_sorted(), ["explode it", "fail it"]);
}

async fn u44_a_cancelled_body_is_indeterminate_and_not_retried(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = Arc::new(run(&gate));
    let turn = run.submit([call("1", "slow", json!({"what": "it"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let task = tokio::spawn({
        let run = Arc::clone(&run);
        async move { run.proceed().await.map(drop) }
    });
    world.begun.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let id = only_interruption(&turn).id();
    until(async || gate.approval(id).await.unwrap().unwrap().status() == Status::Indeterminate)
        .await;
    for _ in 0..3 {
        let turn = run.proceed().await.unwrap();
        assert_eq!(kinds(&turn), ["indeterminate"]);
        assert!(texts(&turn)[0].contains("not known whether it took effect"));
        let again = gate.resume(run.state().await.unwrap()).await.unwrap();
        assert_eq!(
            kinds(&again.submit([call("1", "slow", json!({"what": "it"}))]).await.unwrap()),
            ["indeterminate"]
        );
    }
    assert_eq!(world.ran(), ["begin it"]);
}

async fn u44_a_body_beyond_its_time_is_indeterminate(store: Shared) {
    let (gate, world, clock) = crate::scenarios::desk::gate_at_noon(&store).await;
    let run = Arc::new(run(&gate));
    let turn = run.submit([call("1", "slow", json!({"what": "it"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let task = tokio::spawn({
        let run = Arc::clone(&run);
        async move { kinds(&run.proceed().await.unwrap())[0] }
    });
    world.begun.notified().await;
    clock.advance(hours(1));
    assert_eq!(task.await.unwrap(), "indeterminate");
    let records = records(&gate).await;
    let lost = records.iter().find_map(|record| match record.event() {
        RecordEvent::Call(CallEvent::Lost { why }) => Some(why.clone()),
        _ => None,
    });
    assert_eq!(lost.as_deref(), Some("it was stopped after 1 hour, its time limit"));
    assert_eq!(world.ran(), ["begin it"]);
}

async fn u_an_approval_of_another_store_is_asked_again(store: Shared) {
    let (gate, world) = gate(&store).await;
    let saved = approved(&gate).await;
    let elsewhere = again(&fresh(), &world).await;
    let here = gate.resume(saved.clone()).await.unwrap();
    let there = elsewhere.resume(saved).await.unwrap();
    assert_eq!(kinds(&here.proceed().await.unwrap()), ["succeeded"]);
    let turn = there.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"], "this store cannot know whether it ran");
    assert!(only_interruption(&turn).approval().votes().is_empty());
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn u_a_secret_is_given_again_by_the_same_call(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([sign_in_call("1", "hunter22")]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let saved = run.state().await.unwrap();
    drop((run, turn, gate));
    // Another process never read the secret.
    let gate = again(&store, &world).await;
    let run = gate.resume(saved).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["approved"]);
    assert!(world.ran().is_empty());
    // The application has it in its history, and proposes the same call again. A call with another
    // secret is another call.
    assert_eq!(kinds(&run.submit([sign_in_call("1", "hunter23")]).await.unwrap()), ["invalid"]);
    assert_eq!(kinds(&run.submit([sign_in_call("1", "hunter22")]).await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["sign in mia with hunter22"]);
}
