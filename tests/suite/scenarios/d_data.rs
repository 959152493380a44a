//! D. Data.

use gate_runtime::prelude::*;
use serde_json::{Value, json};

use crate::scenarios::desk::{
    State, Tools, approve_all, builder, call, dana, gate, kinds, only_interruption, records, run,
    sign_in_call, story, texts,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    d68_what_is_not_exactly_an_argument_is_refused_with_its_place_and_not_kept,
    d68_the_size_limit_is_the_gates,
    d68_numbers_that_are_whole_are_whole,
    d69_equal_arguments_have_one_digest_in_any_key_order,
    d70_secrets_reach_no_store_no_log_no_error_no_debug,
    d70_secrets_in_lists_and_nested_types_are_found,
    d_typed_calls_pass_the_same_checks,
    z90_arguments_that_do_not_fit_never_reach_a_person,
}

async fn d68_what_is_not_exactly_an_argument_is_refused_with_its_place_and_not_kept(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let deep = format!("{{\"to\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("{{\"to\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    for (index, (text, place)) in [
        (r#"{"to":"a","to":"b","amount":1}"#, "`/to`: given twice"),
        (r#"{"to":"a","amount":1,"extra":1}"#, "`/extra`: unknown field"),
        (r#"{"to":"a","amount":"1"}"#, "`/amount`: expected an integer"),
        (r#"{"to":"a","amount":1.5}"#, "`/amount`: expected an integer"),
        (r#"{"to":"a","amount":-1}"#, "`/amount`: it is less than the minimum of 0"),
        (r#"{"to":"a"}"#, "`/amount`: missing"),
        (r#"{"to":null,"amount":1}"#, "`/to`: expected a string"),
        (r#"{"to":"a","amount":NaN}"#, "`/amount`: not JSON"),
        (r#"{"to":"a","amount":Infinity}"#, "`/amount`: not JSON"),
        (r#"{"to":"a","amount":1e999}"#, "`/amount`: not JSON: number out of range"),
        (r#"{"to":"a","amount":9007199254740993}"#, "`/amount`: a number beyond ±2^53"),
        (r#"{"to":"\ud800","amount":1}"#, "`/to`: not JSON"),
        (deep.as_str(), "nested more than 64 deep"),
        (large.as_str(), "more than the 262144 allowed"),
    ]
    .into_iter()
    .enumerate()
    {
        let turn = run.submit([ToolCall::new(index.to_string(), "pay", text)]).await.unwrap();
        assert_eq!(kinds(&turn), ["invalid"], "{place}");
        assert!(texts(&turn)[0].contains(place), "{place}: {:?}", texts(&turn));
        assert_eq!(records(&gate).await.last().unwrap().kind(), "call_refused");
    }
    assert!(world.ran().is_empty());
    let kept = serde_json::to_string(&records(&gate).await).unwrap();
    assert!(kept.len() < 20_000, "only the refusals are kept");
    assert!(gate.pending().await.unwrap().is_empty());
}

async fn d68_the_size_limit_is_the_gates(store: Shared) {
    let gate: Gate<Tools> =
        builder(&store, &State::default()).max_argument_bytes(40).build().await.unwrap();
    let run = run(&gate);
    assert_eq!(
        kinds(&run.submit([call("1", "read", json!({"id": "a"}))]).await.unwrap()),
        ["succeeded"]
    );
    assert_eq!(
        kinds(&run.submit([call("2", "read", json!({"id": "a".repeat(40)}))]).await.unwrap()),
        ["invalid"]
    );
}

async fn d68_numbers_that_are_whole_are_whole(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([
        ToolCall::new("1", "pay", r#"{"to":"a","amount":5.0}"#),
        ToolCall::new("2", "pay", r#"{"to":"a","amount":5e0}"#),
    ]);
    let turn = turn.await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "succeeded"]);
    assert_eq!(world.ran(), ["pay 5 to a", "pay 5 to a"]);
    let digest = |index: usize| turn.answers()[index].approval().unwrap().arguments().digest();
    assert_eq!(digest(0), digest(1));
}

async fn d69_equal_arguments_have_one_digest_in_any_key_order(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let texts = [
        r#"{"to":"é","amount":5,"note":"a"}"#,
        r#"{"note":"a","amount":5,"to":"é"}"#,
        "{ \"amount\" : 5.0 ,\n\t\"note\":\"\\u0061\", \"to\":\"\\u00e9\" }",
    ];
    let mut digests = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let turn = run.submit([ToolCall::new(index.to_string(), "pay", *text)]).await.unwrap();
        digests.push(turn.answers()[0].approval().unwrap().arguments().digest());
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    // The decomposed form prints alike, but is another text.
    let turn = run
        .submit([ToolCall::new(
            "other",
            "pay",
            "{\"to\":\"e\u{301}\",\"amount\":5,\"note\":\"a\"}",
        )])
        .await
        .unwrap();
    assert_ne!(turn.answers()[0].approval().unwrap().arguments().digest(), digests[0]);
}

async fn d70_secrets_reach_no_store_no_log_no_error_no_debug(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let secrets = ["hunter22", "wrong-password", "hunter44"];
    let turn = run.submit([
        sign_in_call("1", "hunter22").reasoning("she said hunter22 is it"),
        sign_in_call("2", "wrong-password"),
        ToolCall::new("3", "sign_in", r#"{"user": 1, "password": "hunter44"}"#),
        ToolCall::new("4", "sign_in", r#"{"user": "mia", "password": {"nested": "hunter44"}}"#),
        ToolCall::new("5", "sign_in", r#"{"user": "mia", "password": "hunter44""#),
    ]);
    let turn = turn.await.unwrap();
    approve_all(&turn, &dana(&gate).await).await;
    let done = run.proceed().await.unwrap();
    assert_eq!(kinds(&done), ["succeeded", "failed", "invalid", "invalid", "invalid"]);
    // They run at once, in any order.
    assert_eq!(
        world.ran_sorted(),
        ["sign in mia with hunter22", "sign in mia with wrong-password"],
        "the body gets the secret itself"
    );
    let stored = store.approvals(&gate_runtime::store::ApprovalFilter::all()).await.unwrap();
    let everything = [
        serde_json::to_string(&stored).unwrap(),
        serde_json::to_string(&records(&gate).await).unwrap(),
        format!(
            "{stored:?} {:?} {turn:?} {done:?} {:?}",
            records(&gate).await,
            turn.interruptions()
        ),
        texts(&done).join("\n"),
        format!(
            "{:?} {:?}",
            turn.interruptions()[0].approval().assessment(),
            call("1", "sign_in", json!({"password": "hunter22"}))
        ),
        run.state().await.unwrap().to_json(),
    ];
    for (index, text) in everything.iter().enumerate() {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {index}: {text}");
        }
    }
}

/// A card.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Card {
    holder: String,
    #[schemars(extend("x-gate-secret" = true))]
    number: String,
}

/// Charge cards.
#[gated_tool(policy = "always_ask")]
fn charge(
    #[state] world: &crate::scenarios::desk::World,
    cards: Vec<Card>,
    spare: Option<Card>,
) -> usize {
    let all = cards.iter().chain(&spare).map(|card| format!("{}:{}", card.holder, card.number));
    world.ran.lock().unwrap().extend(all);
    cards.len()
}

registry! { CardTools for State { Charge } }

async fn d70_secrets_in_lists_and_nested_types_are_found(store: Shared) {
    let state = State::default();
    let gate: Gate<CardTools> = builder(&store, &state).build().await.unwrap();
    let run = run(&gate);
    let card = |holder: &str, number: &str| json!({"holder": holder, "number": number});
    let cards =
        json!({"cards": [card("a", "4111-1"), card("b", "4111-2")], "spare": card("c", "4111-3")});
    let turn = run.submit([call("1", "charge", cards)]).await.unwrap();
    let shown = only_interruption(&turn).approval().arguments().as_json().to_owned();
    assert!(!shown.contains("4111") && shown.matches("[secret ").count() == 3, "{shown}");
    // A field of the second card is edited; all three numbers stay.
    only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("/cards/1/holder", "B"))
        .await
        .unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(state.0.ran_sorted(), ["B:4111-2", "a:4111-1", "c:4111-3"]);
}

async fn d_typed_calls_pass_the_same_checks(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let refused =
        crate::scenarios::desk::pay(&run, "alice".into(), u64::MAX, None).await.unwrap_err();
    let CallError::NotRun(NotRun::Invalid { problem }) = refused else { panic!("{refused}") };
    assert!(problem.contains("`/amount`: a number beyond ±2^53"), "{problem}");
    let refused = crate::scenarios::desk::forbidden(&run, "it".into()).await.unwrap_err();
    assert!(matches!(refused, CallError::NotRun(NotRun::Denied { .. })));
    assert_eq!(
        crate::scenarios::desk::pay(&run, "alice".into(), 5, Some("hi".into())).await.unwrap(),
        "paid 5 to alice"
    );
    assert_eq!(world.ran(), ["pay 5 to alice (hi)"]);
}

async fn z90_arguments_that_do_not_fit_never_reach_a_person(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let wrong: [Value; 4] =
        [json!({}), json!({"disk": 7}), json!({"disk": "a", "force": true}), json!({"disk": null})];
    for (index, arguments) in wrong.into_iter().enumerate() {
        assert_eq!(
            kinds(&run.submit([call(&index.to_string(), "wipe", arguments)]).await.unwrap()),
            ["invalid"]
        );
    }
    assert!(gate.pending().await.unwrap().is_empty());
    assert!(story(&gate).await.iter().all(|kind| *kind == "call_refused"));
}
