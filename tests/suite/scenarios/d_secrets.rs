//! D. Secrets: the database contains none of them, even if a body returns one in another encoding.

#![allow(clippy::string_slice, clippy::format_collect, reason = "a test says what it expects")]

use std::sync::Arc;

use gate_runtime::prelude::*;
use gate_runtime::run::RunState;
use gate_runtime::tool::{CommitmentKeys, SecretOutput};
use gate_runtime::{GateBuilder, GateKey, NoTools};
use gate_sqlite::SqliteStore;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::scenarios::desk::{
    KEY, State, Tools, World, again, builder, call, dana, gate, kinds, only_interruption, people,
    records, run, sign_in_call,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    d_a_pin_is_not_found_by_whoever_has_the_database,
    d_the_same_call_is_known_again_after_a_restart_with_the_same_key_only,
    d_a_key_that_was_replaced_still_opens_what_it_committed_to,
    d_a_process_without_the_key_shows_and_decides,
    d_a_commitment_of_an_earlier_version_is_known_disclosed_and_erased,
    d_a_commitment_that_opens_itself_tells_nothing_of_other_calls,
    d_what_the_agent_thought_and_was_told_holds_no_secret_of_any_call_of_its_turn,
    d_a_secret_result_reaches_its_caller_and_nobody_else,
}

fn with_key(store: &Shared, world: &Arc<World>, key: [u8; 32]) -> GateBuilder<Tools> {
    builder(store, &State(Arc::clone(world))).key(key)
}

async fn d_a_pin_is_not_found_by_whoever_has_the_database(store: Shared) {
    let (gate, _) = gate(&store).await;
    let turn = run(&gate).submit([sign_in_call("1", "4711")]).await.unwrap();
    let stored = serde_json::to_value(only_interruption(&turn).approval()).unwrap();
    let commitment = &stored["arguments"]["secrets"][0];
    // Every stored text, tried as the salt.
    let texts: Vec<&str> =
        commitment.as_object().unwrap().values().filter_map(Value::as_str).collect();
    let bytes = |text: &str| -> Vec<u8> {
        let digits = text.trim_start_matches("sha256:");
        (0..digits.len() / 2)
            .filter_map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok())
            .collect()
    };
    let committed = bytes(commitment["digest"].as_str().unwrap());
    assert_eq!(committed.len(), 32);
    for salt in texts.iter().map(|text| bytes(text)) {
        for pin in 0..10_000 {
            let tried =
                Sha256::new().chain_update(&salt).chain_update(format!("\"{pin:04}\"")).finalize();
            assert_ne!(tried.to_vec(), committed, "{pin:04} is the PIN");
        }
    }
    // Digests contain such digits by chance; no value does.
    let records = serde_json::to_value(records(&gate).await).unwrap();
    for shown in [&stored, &records] {
        assert!(!shown.to_string().contains("\"4711\""), "{shown}");
        assert!(!shown.to_string().contains("\\\"4711"), "{shown}");
    }
}

async fn d_the_same_call_is_known_again_after_a_restart_with_the_same_key_only(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate).submit([sign_in_call("1", "hunter22")]).await.unwrap();
    let id = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap().approval().id();
    // Nothing reports that it is another call.
    let other = with_key(&store, &world, [9; 32]).build().await.unwrap();
    let turn = run(&other).submit([sign_in_call("1", "hunter22")]).await.unwrap();
    let CallResult::NotRun(NotRun::Unavailable { problem }) = turn.answers()[0].result() else {
        panic!("{turn:?}")
    };
    assert!(problem.contains(".earlier_keys("), "{problem}");
    let same = again(&store, &world).await;
    assert_eq!(
        kinds(&run(&same).submit([sign_in_call("1", "hunter33")]).await.unwrap()),
        ["invalid"],
        "another one"
    );
    let turn = run(&same).submit([sign_in_call("1", "hunter22")]).await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"]);
    assert_eq!(turn.answers()[0].approval().unwrap().id(), id);
    assert_eq!(world.ran(), ["sign in mia with hunter22"]);
}

async fn d_a_key_that_was_replaced_still_opens_what_it_committed_to(store: Shared) {
    let (gate, world) = gate(&store).await;
    let first = run(&gate);
    let turn = first.submit([sign_in_call("1", "hunter22")]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let saved = first.state().await.unwrap().to_json();
    let (new, builder) = ([9; 32], with_key(&store, &world, [9; 32]).earlier_keys([KEY]));
    let gate = builder.build().await.unwrap();
    gate.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
    let turn = run(&gate)
        .submit([sign_in_call("1", "hunter22"), sign_in_call("2", "hunter33")])
        .await
        .unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "waiting"]);
    let next = turn.interruptions()[0].approval().arguments().clone();
    next.disclose("password", &json!("hunter33"), &CommitmentKeys::new(&new)).unwrap();
    assert!(next.disclose("password", &json!("hunter33"), &CommitmentKeys::new(&KEY)).is_err());
}

async fn d_a_process_without_the_key_shows_and_decides(store: Shared) {
    let (gate, world) = gate(&store).await;
    let first = run(&gate);
    drop(first.submit([sign_in_call("1", "hunter22")]).await.unwrap());
    let fixture: Gate<NoTools> =
        Gate::builder(()).directory(people()).store(Arc::clone(&store)).build().await.unwrap();
    let waits = fixture.pending().await.unwrap();
    let shown = waits[0].approval().arguments();
    assert!(
        shown.is_secret(&shown.get("password").unwrap()) && shown.get("user").unwrap() == "mia"
    );
    waits[0].approve(&dana(&fixture).await).await.unwrap();
    assert_eq!(kinds(&first.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["sign in mia with hunter22"]);
}

/// Rewrites the row of a call as an earlier version wrote it, with the opening of the commitment
/// beside it.
async fn earlier_row(store: &Shared, id: &str) {
    let elsewhere = gate(&crate::scenarios::stores::fresh()).await.0;
    let turn = run(&elsewhere).submit([sign_in_call(id, "hunter22")]).await.unwrap();
    let approval = only_interruption(&turn).approval();
    let commitment = &approval.arguments().secrets()[0];
    let salt = [3_u8; 16];
    let digest = Sha256::new().chain_update(salt).chain_update("\"hunter22\"").finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = serde_json::to_string(approval).unwrap();
    let mut row: Value = serde_json::from_str(
        &text.replace(&commitment.mark(), &format!("[secret {}]", &hex[..32])),
    )
    .unwrap();
    let secret = json!({"salt": "03".repeat(16), "digest": format!("sha256:{hex}")});
    row["arguments"]["secrets"][0] = secret;
    // The records of that version had no numbers.
    row["recorded"] = json!(0);
    let marked = serde_json_canonicalizer::to_string(&row["arguments"]["json"]).unwrap();
    row["arguments"]["digest"] = json!(gate_runtime::id::Digest::of(marked).to_string());
    let mut row: gate_runtime::Approval = serde_json::from_value(row).unwrap();
    let opening = row.clone().opening(None);
    let record = row.record(opening, row.asked_at());
    let mut changeset = gate_runtime::store::Changeset::at(row.asked_at());
    changeset.records.push(record);
    changeset.approvals.push(Arc::new(row));
    assert_eq!(store.commit(changeset).await.unwrap(), gate_runtime::store::CommitOutcome::Done);
}

async fn d_a_commitment_of_an_earlier_version_is_known_disclosed_and_erased(store: Shared) {
    earlier_row(&store, "1").await;
    let (gate, world) = gate(&store).await;
    let question = gate.pending().await.unwrap().remove(0);
    let arguments = question.approval().arguments().clone();
    assert_eq!(arguments.secrets()[0].salt(), Some(&[3; 16]));
    let disclosure = arguments
        .disclose("password", &json!("hunter22"), &CommitmentKeys::from(GateKey::random()))
        .unwrap();
    question.approve(&dana(&gate).await).await.unwrap();
    assert_eq!(
        kinds(&run(&gate).submit([sign_in_call("1", "hunter33")]).await.unwrap()),
        ["invalid"]
    );
    assert_eq!(
        kinds(&run(&gate).submit([sign_in_call("1", "hunter22")]).await.unwrap()),
        ["succeeded"]
    );
    assert_eq!(world.ran(), ["sign in mia with hunter22"]);
    let erased = gate.interruption(question.id()).await.unwrap();
    let erased = match erased {
        Some(ended) => ended.erase_secrets(&dana(&gate).await).await.unwrap(),
        None => question.erase_secrets(&dana(&gate).await).await.unwrap(),
    };
    assert!(erased.arguments().secrets()[0].salt().is_none());
    erased.arguments().check(&disclosure).unwrap();
}

/// Somebody who can write the database could otherwise guess a secret: by refused calls with a
/// guess each, if the gate reported which of them equals the next call.
async fn d_a_commitment_that_opens_itself_tells_nothing_of_other_calls(store: Shared) {
    earlier_row(&store, "1").await;
    let (gate, _) = gate(&store).await;
    gate.pending().await.unwrap().remove(0).reject(&dana(&gate).await, "no").await.unwrap();
    let turn = run(&gate).submit([sign_in_call("2", "hunter22")]).await.unwrap();
    let next = only_interruption(&turn).approval();
    let equal =
        next.earlier().iter().filter(|refusal| refusal.arguments() == next.arguments().digest());
    assert_eq!((equal.count(), next.alike().len()), (0, 0), "{next:?}");
}

async fn d_what_the_agent_thought_and_was_told_holds_no_secret_of_any_call_of_its_turn(
    store: Shared,
) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate).reasoning("her password is hunter22, so I sign in and pay");
    run.add_message(Message::user("my password is hunter22"));
    let pay = call("2", "pay", json!({"to": "ann", "amount": 500}));
    let turn = run.submit([pay, sign_in_call("1", "hunter22")]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting", "waiting"]);
    for question in turn.interruptions() {
        let row = serde_json::to_string(question.approval()).unwrap();
        assert!(row.contains("[secret]") && !row.contains("hunter22"), "{row}");
    }
    let state = run.state().await.unwrap().to_json();
    assert!(!state.contains("hunter22"), "{state}");
    // Nor if the call with the secret does not fit the schema.
    let run = run.reasoning("hunter44 was refused, so I pay");
    let unfit = call("3", "sign_in", json!({"user": "mia", "password": "hunter44", "more": 1}));
    let pay = call("4", "pay", json!({"to": "bob", "amount": 500}));
    assert_eq!(kinds(&run.submit([pay, unfit]).await.unwrap()), ["waiting", "invalid"]);
    assert!(!serde_json::to_string(&records(&gate).await).unwrap().contains("hunter44"));
    assert!(!serde_json::to_string(&records(&gate).await).unwrap().contains("hunter22"));
}

/// Charges a card.
#[policy]
fn few_for_a_card(rules: Rules<Charge>) -> Rules<Charge> {
    rules
        .auto_approve("a few")
        .at_most(2)
        .per(DAY)
        .by(|call| call.card.clone())
        .otherwise(ask(role("manager")))
}

/// Charge a card.
#[gated_tool(policy = "few_for_a_card", secret(card))]
fn charge(card: String) {
    drop(card);
}

mod cards {
    use super::*;

    registry! { pub Cards for () { Charge } }
}

#[tokio::test]
async fn d_a_limit_for_each_secret_does_not_store_it_and_holds_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for expected in [["succeeded", "succeeded"], ["waiting", "succeeded"]] {
        let store = SqliteStore::open(folder.path().join("gate.db")).await.unwrap();
        let gate: Gate<cards::Cards> =
            Gate::builder(()).store(store).directory(people()).key(KEY).build().await.unwrap();
        let run = gate.run("run");
        let first = format!("1-{}", expected[0]);
        let cards = [(first.as_str(), "4000-1234-5678"), ("2", "5000-9999-0000")];
        let mut ended = Vec::new();
        for (id, card) in cards {
            let id = format!("{id}-{}", expected[0]);
            ended.extend(kinds(
                &run.submit([call(&id, "charge", json!({"card": card}))]).await.unwrap(),
            ));
        }
        assert_eq!(ended, expected);
        if expected[0] == "succeeded" {
            drop(
                run.submit([call("3", "charge", json!({"card": "4000-1234-5678"}))]).await.unwrap(),
            );
        }
    }
    for file in std::fs::read_dir(folder.path()).unwrap() {
        // A sidecar file may be deleted in the meantime.
        let Ok(bytes) = std::fs::read(file.unwrap().path()) else { continue };
        let holds = |card: &str| bytes.windows(card.len()).any(|window| window == card.as_bytes());
        assert!(!holds("4000-1234-5678") && !holds("5000-9999-0000"));
    }
}

/// Make a one-time password.
#[gated_tool(policy = "never_ask")]
fn one_time_password(user: String) -> SecretOutput<String> {
    SecretOutput::new(format!("{user}-493021"))
}

/// Say what was typed, in many ways.
#[gated_tool(policy = "never_ask", secret(pin))]
fn echo(pin: String, how: String) -> Result<Value, String> {
    match how.as_str() {
        "number" => Ok(json!(pin.parse::<u64>().unwrap())),
        "spaced" => Ok(json!(pin.chars().map(|c| format!("{c} ")).collect::<String>())),
        "percent" => Ok(json!(pin.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>())),
        "list" => Ok(json!(pin.chars().map(String::from).collect::<Vec<_>>())),
        _ => Err(format!("{}-{} is wrong", &pin[..4], &pin[4..])),
    }
}

mod whole {
    use super::*;

    registry! { pub Whole for () { OneTimePassword, Echo } }
}

async fn d_a_secret_result_reaches_its_caller_and_nobody_else(store: Shared) {
    let gate: Gate<whole::Whole> =
        Gate::builder(()).store(Arc::clone(&store)).key(KEY).build().await.unwrap();
    let run = gate.run("run");
    assert_eq!(one_time_password(&run, "mia".into()).await.unwrap().into_inner(), "mia-493021");
    let turn = run.submit([call("1", "one_time_password", json!({"user": "mia"}))]).await.unwrap();
    assert_eq!(turn.answers()[0].for_model(), "[secret]");
    for how in ["number", "spaced", "percent", "list", "error"] {
        let turn =
            run.submit([call(how, "echo", json!({"pin": "47110815", "how": how}))]).await.unwrap();
        let model_text = turn.answers()[0].for_model();
        assert!(
            model_text.contains("[secret]")
                && !model_text.contains("0815")
                && !model_text.contains('8'),
            "{how}: {model_text}"
        );
    }
    let recorded = serde_json::to_string(&records(&gate).await).unwrap();
    assert!(
        !recorded.contains("493021")
            && !recorded.contains("47110815")
            && !recorded.contains("4711-0815")
    );
}

#[tokio::test]
async fn d_tools_with_secrets_want_a_key_where_the_store_outlives_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("gate.db")).await.unwrap();
    let keyless = Gate::<whole::Whole>::builder(()).store(store.clone()).build().await.unwrap_err();
    assert!(
        keyless.to_string().contains("`echo`") && keyless.to_string().contains("GateKey::create"),
        "{keyless}"
    );
    assert!(Gate::<whole::Whole>::builder(()).store(store).key(KEY).build().await.is_ok());
    // A store in memory ends with the gate, so its key may be random.
    assert!(Gate::<whole::Whole>::builder(()).build().await.is_ok());
}
