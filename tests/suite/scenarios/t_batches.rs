//! T. Batches.

use gate_runtime::dialect::openai;
use gate_runtime::prelude::*;
use serde_json::json;

use crate::scenarios::desk::{
    State, World, builder, call, dana, gate, kinds, only_interruption, pay_call_to as pay, run,
    texts,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    t26_a_free_a_denied_and_an_asked_call_each_get_their_own,
    t27_one_of_two_is_approved_and_the_other_waits_over_any_number_of_resumes,
    t28_answers_come_in_the_order_of_the_calls,
    t29_approved_and_rejected_are_answered_in_one_reply,
    t30_a_grant_settles_the_matching_ones_of_the_batch_and_only_those,
    t31_malformed_json_is_answered_and_the_others_go_on,
    t_an_empty_batch_is_an_empty_turn,
}

async fn t26_a_free_a_denied_and_an_asked_call_each_get_their_own(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([
        call("1", "read", json!({"id": "a"})),
        call("2", "forbidden", json!({"what": "b"})),
        call("3", "wipe", json!({"disk": "c"})),
    ]);
    let turn = turn.await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "denied", "waiting"]);
    assert_eq!(only_interruption(&turn).approval().tool().as_str(), "wipe");
    assert_eq!(turn.outputs().count(), 2);
    assert_eq!(world.ran(), ["read a"]);
}

async fn t27_one_of_two_is_approved_and_the_other_waits_over_any_number_of_resumes(store: Shared) {
    let (gate, world) = gate(&store).await;
    let mut run = run(&gate);
    let turn = run
        .submit([call("1", "wipe", json!({"disk": "a"})), call("2", "wipe", json!({"disk": "b"}))])
        .await
        .unwrap();
    turn.interruptions()[1].approve(&dana(&gate).await).await.unwrap();
    let pending = turn.interruptions()[0].id();
    for _ in 0..3 {
        let turn = run.proceed().await.unwrap();
        assert_eq!(kinds(&turn), ["waiting", "succeeded"]);
        assert_eq!(only_interruption(&turn).id(), pending);
        run = gate.resume(run.state().await.unwrap()).await.unwrap();
    }
    assert_eq!(world.ran(), ["wipe b"]);
}

/// Ends only after the one behind it, so that the last ends first.
#[gated_tool(policy = "never_ask")]
pub async fn race(#[state] world: &World, place: u64) -> u64 {
    while place < 7 && !world.ran().contains(&(place + 1).to_string()) {
        tokio::task::yield_now().await;
    }
    world.ran.lock().unwrap().push(place.to_string());
    place
}

/// The whole batch waits for it.
#[policy]
fn first(rules: Rules<Migrate>) -> Rules<Migrate> {
    rules.otherwise(ask(role("manager")).hold_batch())
}

/// Migrate the database.
#[gated_tool(policy = "first")]
pub fn migrate(#[state] world: &World, to: u64) -> u64 {
    world.ran.lock().unwrap().push(format!("migrate {to}"));
    to
}

registry! { pub RaceTools for State { Race, Migrate } }

async fn t28_answers_come_in_the_order_of_the_calls(store: Shared) {
    let state = State::default();
    let gate: Gate<RaceTools> = builder(&store, &state).build().await.unwrap();
    let calls = (0..8).map(|place| call(&place.to_string(), "race", json!({"place": place})));
    let turn = run(&gate).submit(calls).await.unwrap();
    assert_eq!(texts(&turn), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(
        state.0.ran(),
        ["7", "6", "5", "4", "3", "2", "1", "0"],
        "they did run at once, and ended in another order"
    );
}

async fn t29_approved_and_rejected_are_answered_in_one_reply(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run
        .submit([call("1", "wipe", json!({"disk": "a"})), call("2", "wipe", json!({"disk": "b"}))])
        .await
        .unwrap();
    let dana = dana(&gate).await;
    turn.interruptions()[0].approve(&dana).await.unwrap();
    turn.interruptions()[1].reject(&dana, "that one is in use").await.unwrap();
    let messages = openai::messages(&run.proceed().await.unwrap());
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], json!({"role": "tool", "tool_call_id": "1", "content": "wiped a"}));
    assert_eq!(messages[1]["tool_call_id"], "2");
    assert!(messages[1]["content"].as_str().unwrap().contains("that one is in use"));
}

async fn t30_a_grant_settles_the_matching_ones_of_the_batch_and_only_those(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([
        pay("1", "alice", 100),
        pay("2", "alice", 200),
        pay("3", "bob", 100),
        pay("4", "alice", 900),
        call("5", "wipe", json!({"disk": "a"})),
    ]);
    let turn = turn.await.unwrap();
    let decided = turn.interruptions()[0]
        .grant(&dana(&gate).await, Scope::this_run().up_to("amount", 500))
        .await
        .unwrap();
    assert!(decided.grant().is_some());
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "succeeded", "waiting", "waiting", "waiting"]);
    assert_eq!(world.ran_sorted(), ["pay 100 to alice", "pay 200 to alice"]);
}

async fn t31_malformed_json_is_answered_and_the_others_go_on(store: Shared) {
    let (gate, world) = gate(&store).await;
    let broken = ["", "{", "null", "[]", "\"a\"", "{\"id\":\"a\"", "{id:1}", "{}", "not json"];
    let calls = broken
        .iter()
        .enumerate()
        .map(|(index, text)| ToolCall::new(format!("b{index}"), "read", *text));
    let turn =
        run(&gate).submit(calls.chain([call("good", "read", json!({"id": "a"}))])).await.unwrap();
    assert_eq!(kinds(&turn), [vec!["invalid"; broken.len()], vec!["succeeded"]].concat());
    assert!(texts(&turn)[1].contains("not JSON: EOF"), "{:?}", texts(&turn));
    assert_eq!(world.ran(), ["read a"], "no body ran with default values");
}

async fn t_an_empty_batch_is_an_empty_turn(store: Shared) {
    let (gate, _) = gate(&store).await;
    let turn = run(&gate).submit([]).await.unwrap();
    assert!(turn.answers().is_empty() && !turn.is_waiting() && turn.interruptions().is_empty());
}

/// Builds a gate whose `migrate` holds its batch while it is asked about.
pub async fn holding(store: &Shared) -> (Gate<RaceTools>, State) {
    let state = State::default();
    (builder(store, &state).build().await.unwrap(), state)
}

mod hold {
    use super::*;

    on_every_store! {
        z93_a_free_sibling_of_a_pending_call_runs_at_once,
        z93_a_policy_may_hold_the_batch_and_the_record_says_so,
        z93_a_held_batch_goes_on_when_the_question_is_rejected,
    }

    /// Returns a call that asks nobody, beside one that holds its batch.
    fn held_batch() -> [ToolCall; 2] {
        [call("1", "race", json!({"place": 7})), call("2", "migrate", json!({"to": 2}))]
    }

    async fn z93_a_free_sibling_of_a_pending_call_runs_at_once(store: Shared) {
        let (gate, world) = gate(&store).await;
        let turn = run(&gate)
            .submit([
                call("1", "wipe", json!({"disk": "a"})),
                call("2", "read", json!({"id": "a"})),
            ])
            .await
            .unwrap();
        assert_eq!(kinds(&turn), ["waiting", "succeeded"]);
        assert!(!turn.answers()[1].approval().unwrap().is_held());
        assert_eq!(world.ran(), ["read a"]);
    }

    async fn z93_a_policy_may_hold_the_batch_and_the_record_says_so(store: Shared) {
        let (gate, state) = holding(&store).await;
        let run = run(&gate);
        let turn = run.submit(held_batch()).await.unwrap();
        assert_eq!(kinds(&turn), ["approved", "waiting"]);
        assert_eq!(turn.interruptions().len(), 1, "nobody is asked about what only waits");
        assert!(turn.answers()[0].approval().unwrap().is_held());
        assert_eq!(kinds(&run.proceed().await.unwrap()), ["approved", "waiting"]);
        assert!(state.0.ran().is_empty());
        let records = crate::scenarios::desk::records(&gate).await;
        let held = records
            .iter()
            .filter(|record| serde_json::to_string(record).unwrap().contains("\"held\":true"));
        assert_eq!(held.count(), 1);
        only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
        // The next step runs the call that was asked about, and then the calls that waited for it.
        assert_eq!(kinds(&run.wait().await.unwrap())[1], "succeeded");
        assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "succeeded"]);
        assert_eq!(state.0.ran().len(), 2);
    }

    async fn z93_a_held_batch_goes_on_when_the_question_is_rejected(store: Shared) {
        let (gate, state) = holding(&store).await;
        let run = run(&gate);
        let turn = run.submit(held_batch()).await.unwrap();
        only_interruption(&turn).reject(&dana(&gate).await, "not now").await.unwrap();
        assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "rejected"]);
        assert_eq!(state.0.ran(), ["7"]);
    }
}
