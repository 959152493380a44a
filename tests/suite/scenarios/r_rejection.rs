//! R. Rejection and the model.

use gate_runtime::prelude::*;
use gate_runtime::review::{Decision, Status, Vote};
use gate_runtime::tool::ToolOutcome;
use serde_json::json;

use crate::scenarios::desk::{
    State, approve_all, builder, call, dana, failing_calls, gate, gate_at_noon, kinds,
    only_interruption, pay_call, run, sign_in_call, story, texts, until,
};
use crate::scenarios::stores::{FaultyStore, Shared, on_every_store};

on_every_store! {
    r20_a_rejection_is_a_result_with_the_reason_and_the_run_goes_on,
    r20_a_rejection_needs_a_reason,
    r21_the_same_call_after_a_rejection_is_refused_at_once,
    r21_other_arguments_are_a_new_question_that_shows_the_rejection,
    r21_in_another_run_it_may_be_asked,
    r21_a_policy_may_let_it_be_asked_again,
    r22_every_reason_is_machine_readable_and_told_apart_from_a_failure,
    r23_a_tools_failure_is_its_own,
    r24_an_answer_in_the_tools_place_is_no_approval,
    r24_an_unknown_decision_or_status_is_not_read,
    r25_the_model_is_told_no_secrets_no_store_errors_no_reviewers,
}

async fn r20_a_rejection_is_a_result_with_the_reason_and_the_run_goes_on(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "not our invoice").await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["rejected"]);
    assert!(
        texts(&turn)[0].contains("\"not our invoice\"") && texts(&turn)[0].contains("final"),
        "{:?}",
        texts(&turn)
    );
    let next = run.submit([call("2", "read", json!({"id": "a"}))]).await.unwrap();
    assert_eq!(kinds(&next), ["succeeded"]);
    assert_eq!(world.ran(), ["read a"]);
}

async fn r20_a_rejection_needs_a_reason(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    let refused = only_interruption(&turn).reject(&dana(&gate).await, "  ").await.unwrap_err();
    assert_eq!(refused.to_string(), "it needs a reason, which is recorded and sent to the agent");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
}

async fn r21_the_same_call_after_a_rejection_is_refused_at_once(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "not our invoice").await.unwrap();
    let again =
        run.submit([call("2", "pay", json!({"amount": 500, "to": "alice"}))]).await.unwrap();
    assert_eq!(kinds(&again), ["rejected"]);
    assert!(again.interruptions().is_empty());
    assert!(
        texts(&again)[0].contains("already decided against this very call"),
        "{:?}",
        texts(&again)
    );
    assert!(texts(&again)[0].contains("not our invoice"));
    assert!(world.ran().is_empty());
}

async fn r21_other_arguments_are_a_new_question_that_shows_the_rejection(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "not our invoice").await.unwrap();
    let other = run.submit([pay_call("2", 499)]).await.unwrap();
    let earlier = only_interruption(&other).approval().earlier();
    assert_eq!(earlier.len(), 1);
    assert_eq!((earlier[0].by().as_str(), earlier[0].reason()), ("dana", "not our invoice"));
    assert_eq!(earlier[0].approval(), only_interruption(&turn).id());
}

async fn r21_in_another_run_it_may_be_asked(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "not today").await.unwrap();
    let other = gate.run("another").submit([pay_call("1", 500)]).await.unwrap();
    assert_eq!(kinds(&other), ["waiting"]);
}

/// May be asked as often as it is proposed.
#[policy]
fn patient(rules: Rules<Deploy>) -> Rules<Deploy> {
    rules.otherwise(ask(role("manager")).may_be_asked_again())
}

/// Deploy.
#[gated_tool(policy = "patient")]
fn deploy(version: String) -> String {
    version
}

registry! { DeployTools for State { Deploy } }

async fn r21_a_policy_may_let_it_be_asked_again(store: Shared) {
    let gate: Gate<DeployTools> = builder(&store, &State::default()).build().await.unwrap();
    let run = run(&gate);
    let turn = run.submit([call("1", "deploy", json!({"version": "1.2"}))]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "not on a Friday").await.unwrap();
    let again = run.submit([call("2", "deploy", json!({"version": "1.2"}))]).await.unwrap();
    assert_eq!(kinds(&again), ["waiting"]);
    assert_eq!(only_interruption(&again).approval().earlier()[0].reason(), "not on a Friday");
    only_interruption(&again).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn r22_every_reason_is_machine_readable_and_told_apart_from_a_failure(store: Shared) {
    let faulty = FaultyStore::failing(store);
    let store: Shared = faulty.clone();
    let (gate, _, clock) = gate_at_noon(&store).await;
    let run = run(&gate);
    let pay = |id: &str| call(id, "pay", json!({"to": id, "amount": 500}));
    let turn = run.submit([
        call("denied", "forbidden", json!({"what": "a"})),
        call("invalid", "pay", json!({"to": "alice"})),
        pay("rejected"),
        pay("cancelled"),
        pay("expired"),
        call("failed", "fail", json!({"what": "a"})),
    ]);
    let turn = turn.await.unwrap();
    let waits = |id: &str| {
        turn.interruptions()
            .iter()
            .find(|interruption| *interruption.approval().subject().call() == id)
            .unwrap()
    };
    waits("rejected").reject(&dana(&gate).await, "no").await.unwrap();
    waits("cancelled").cancel("no longer needed").await.unwrap();
    waits("failed").approve(&dana(&gate).await).await.unwrap();
    let _ = run.proceed().await.unwrap();
    clock.advance(minutes(30));
    gate.run_due().await;
    until(async || kinds(&run.proceed().await.unwrap())[4] == "expired").await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["denied", "invalid", "rejected", "cancelled", "expired", "failed"]);
    faulty.fail_at(1);
    let turn = run.submit([pay("unavailable")]).await.unwrap();
    assert_eq!(kinds(&turn), ["unavailable"]);
    assert!(texts(&turn)[0].contains("tried again later"));
}

async fn r23_a_tools_failure_is_its_own(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit(failing_calls()).await.unwrap();
    approve_all(&turn, &dana(&gate).await).await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["failed", "failed"]);
    let failed =
        |error| format!("<gate-notice>The tool failed with this error:</gate-notice> {error}");
    assert_eq!(texts(&turn)[0], failed("it broke half-way"));
    let panicked = &texts(&turn)[1];
    assert!(
        panicked.starts_with(&failed("it panicked (panic ")) && !panicked.contains("exploded"),
        "{panicked}"
    );
    assert_eq!(turn.answers()[0].approval().unwrap().status(), Status::Failed);
    assert_eq!(world.ran_sorted(), ["explode it", "fail it"]);
}

async fn r24_an_answer_in_the_tools_place_is_no_approval(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).respond(&dana(&gate).await, "approved, I guess").await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["responded"]);
    assert!(
        texts(&turn)[0].starts_with("<gate-notice>Not run: a person answered"),
        "{:?}",
        texts(&turn)
    );
    assert!(texts(&turn)[0].contains("approved, I guess"));
    assert!(world.ran().is_empty());
}

async fn r24_an_unknown_decision_or_status_is_not_read(_: Shared) {
    for text in
        [r#"{"type":"approved"}"#, r#"{"type":"yes"}"#, r#"{"type":""}"#, "true", r#""approve""#]
    {
        assert!(serde_json::from_str::<Decision>(text).is_err(), "{text}");
    }
    for text in [r#""ok""#, r#""APPROVED""#, r#""timeout""#, "null", "1"] {
        assert!(serde_json::from_str::<Status>(text).is_err(), "{text}");
    }
    assert!(
        serde_json::from_str::<Vote>(r#"{"reviewer":"dana","decision":{"type":"approve"}}"#)
            .is_err()
    );
}

async fn r25_the_model_is_told_no_secrets_no_store_errors_no_reviewers(store: Shared) {
    let faulty = FaultyStore::failing(store);
    let store: Shared = faulty.clone();
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run
        .submit([
            sign_in_call("1", "hunter22"),
            sign_in_call("2", "wrong-password"),
            sign_in_call("3", "hunter33"),
        ])
        .await
        .unwrap();
    let dana = dana(&gate).await;
    turn.interruptions()[0].approve(&dana).await.unwrap();
    turn.interruptions()[1].approve(&dana).await.unwrap();
    turn.interruptions()[2].reject(&dana, "not from here").await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "failed", "rejected"]);
    faulty.fail_at(1);
    let trouble = run.submit([sign_in_call("4", "hunter44")]).await.unwrap();
    let model_texts = [texts(&turn), texts(&trouble)].concat().join("\n");
    for word in ["hunter22", "wrong-password", "hunter33", "hunter44", "dana", "disk", "store"] {
        assert!(!model_texts.contains(word), "{word}: {model_texts}");
    }
    assert!(model_texts.contains("hello mia, [secret]"), "{model_texts}");
    assert_eq!(
        turn.answers()[1].approval().unwrap().outcome(),
        Some(&ToolOutcome::failed("the password [secret] is wrong"))
    );
    assert!(!story(&gate).await.is_empty());
}
