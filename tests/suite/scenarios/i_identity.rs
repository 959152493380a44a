//! I. Identity of a call.

use serde_json::json;

use crate::scenarios::desk::{
    approve_all, call, dana, gate, kinds, only_interruption, pay_call, run, story, texts,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    i1_the_same_call_again_gives_the_stored_result,
    i1_the_same_pending_call_again_is_the_same_question,
    i2_the_same_id_with_other_arguments_is_refused_before_any_rule,
    i3_the_same_id_for_another_tool_is_refused,
    i3_the_same_id_in_another_run_is_another_call,
    i4_equal_twins_in_a_batch_run_once_and_both_are_answered,
    i4_different_twins_in_a_batch_are_both_refused_and_siblings_go_on,
    i5_an_empty_id_is_refused_and_nothing_is_stored,
    i6_equal_arguments_under_different_ids_are_two_calls,
    i7_values_that_print_alike_are_two_calls,
    i8_absent_and_null_are_one_call_where_the_tool_reads_them_alike,
    i9_a_case_is_no_key,
}

async fn i1_the_same_call_again_gives_the_stored_result(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let first = run.submit([pay_call("1", 5)]).await.unwrap();
    let again = run.submit([call("1", "pay", json!({"amount": 5, "to": "alice"}))]).await.unwrap();
    assert_eq!(texts(&first), ["paid 5 to alice"]);
    assert_eq!(texts(&again), texts(&first));
    assert_eq!(world.ran(), ["pay 5 to alice"]);
}

async fn i1_the_same_pending_call_again_is_the_same_question(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let first = run.submit([pay_call("1", 500)]).await.unwrap();
    let again = run.submit([pay_call("1", 500)]).await.unwrap();
    assert_eq!(only_interruption(&first).id(), only_interruption(&again).id());
    only_interruption(&first).approve(&dana(&gate).await).await.unwrap();
    // Proposed once more, it runs: once.
    for _ in 0..2 {
        let turn = run.submit([pay_call("1", 500)]).await.unwrap();
        assert_eq!(texts(&turn), ["paid 500 to alice"]);
    }
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn i2_the_same_id_with_other_arguments_is_refused_before_any_rule(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let first = run.submit([pay_call("1", 500)]).await.unwrap();
    // Small enough to run without a person, if it had been evaluated.
    let other = run.submit([pay_call("1", 5)]).await.unwrap();
    assert_eq!(kinds(&other), ["invalid"]);
    assert!(texts(&other)[0].contains("used before in this run"), "{:?}", texts(&other));
    assert_eq!(story(&gate).await, ["assessed", "call_refused"]);
    only_interruption(&first).approve(&dana(&gate).await).await.unwrap();
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn i3_the_same_id_for_another_tool_is_refused(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let _ = run.submit([call("1", "read", json!({"id": "a"}))]).await.unwrap();
    let other = run.submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    assert_eq!(kinds(&other), ["invalid"]);
    assert_eq!(world.ran(), ["read a"]);
}

async fn i3_the_same_id_in_another_run_is_another_call(store: Shared) {
    let (gate, world) = gate(&store).await;
    for id in ["one", "two"] {
        let turn = gate.run(id).submit([pay_call("1", 5)]).await.unwrap();
        assert_eq!(kinds(&turn), ["succeeded"]);
    }
    assert_eq!(world.ran(), ["pay 5 to alice", "pay 5 to alice"]);
}

async fn i4_equal_twins_in_a_batch_run_once_and_both_are_answered(store: Shared) {
    let (gate, world) = gate(&store).await;
    let same_call = || pay_call("1", 5);
    let turn = run(&gate).submit([same_call(), same_call()]).await.unwrap();
    assert_eq!(texts(&turn), ["paid 5 to alice", "paid 5 to alice"]);
    assert_eq!(world.ran(), ["pay 5 to alice"]);
}

async fn i4_different_twins_in_a_batch_are_both_refused_and_siblings_go_on(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn =
        run.submit([pay_call("1", 5), call("2", "read", json!({"id": "a"})), pay_call("1", 6)]);
    let turn = turn.await.unwrap();
    assert_eq!(kinds(&turn), ["invalid", "succeeded", "invalid"]);
    assert!(texts(&turn)[0].contains("Two different calls of one batch"));
    assert_eq!(world.ran(), ["read a"]);
}

async fn i5_an_empty_id_is_refused_and_nothing_is_stored(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate)
        .submit([call("", "read", json!({"id": "a"})), call("", "read", json!({"id": "b"}))])
        .await
        .unwrap();
    assert_eq!(kinds(&turn), ["invalid", "invalid"]);
    assert!(texts(&turn)[0].contains("no call id"));
    assert!(story(&gate).await.is_empty());
    assert!(world.ran().is_empty());
}

async fn i6_equal_arguments_under_different_ids_are_two_calls(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let pay = |id| call(id, "pay", json!({"to": "alice", "amount": 500}));
    let turn = run.submit([pay("1"), pay("2")]).await.unwrap();
    assert_eq!(turn.interruptions().len(), 2);
    approve_all(&turn, &dana(&gate).await).await;
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "succeeded"]);
    assert_eq!(world.ran(), ["pay 500 to alice", "pay 500 to alice"]);
}

async fn i7_values_that_print_alike_are_two_calls(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let names = ["alice", "alice\u{200b}", "alicе", "alice ", "\u{202e}alice", "ALICE"];
    let mut digests = std::collections::BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let turn = run
            .submit([call(&index.to_string(), "pay", json!({"to": name, "amount": 5}))])
            .await
            .unwrap();
        digests.insert(turn.answers()[0].approval().unwrap().arguments().digest());
    }
    assert_eq!(digests.len(), names.len());
}

async fn i8_absent_and_null_are_one_call_where_the_tool_reads_them_alike(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let absent = run.submit([pay_call("1", 5)]).await.unwrap();
    let null = run
        .submit([call("2", "pay", json!({"to": "alice", "amount": 5, "note": null}))])
        .await
        .unwrap();
    let digest =
        |turn: &gate_runtime::Turn| turn.answers()[0].approval().unwrap().arguments().digest();
    assert_eq!(digest(&absent), digest(&null));
    assert_eq!(world.ran().len(), 2);
    let again = run
        .submit([call("1", "pay", json!({"to": "alice", "amount": 5, "note": null}))])
        .await
        .unwrap();
    assert_eq!(kinds(&again), ["succeeded"]);
    assert_eq!(world.ran().len(), 2, "it is the call that ran");
}

async fn i9_a_case_is_no_key(store: Shared) {
    let (gate, _) = gate(&store).await;
    let in_case = |run: &str| gate.run(run).case("ticket-7");
    let one = in_case("one").submit([pay_call("1", 500)]).await.unwrap();
    let two = in_case("two").submit([pay_call("1", 500)]).await.unwrap();
    assert_ne!(only_interruption(&one).id(), only_interruption(&two).id());
    assert_eq!(
        only_interruption(&two).approval().subject().info().case().unwrap().as_str(),
        "ticket-7"
    );
}
