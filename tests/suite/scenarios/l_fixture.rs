//! L. A trail of version 1, which every later version must be able to replay, entry by entry.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gate_runtime::Trail;
use gate_runtime::audit::{KeyKind, SigningKey};
use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::records::TrailEntry;
use gate_runtime::trail::Auditor;
use serde_json::json;

use crate::scenarios::desk::{
    State, Tools, builder, call, dana, only_interruption, people, run, sign_in_call,
};
use crate::scenarios::stores::Shared;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/trail_v1.jsonl");

/// Writes many kinds of records, each at least once.
async fn event_kinds(folder: &Path) -> Vec<String> {
    let store: Shared = Arc::new(MemoryStore::new());
    let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32]).unwrap();
    let signs = SigningKey::from_seed("omar", KeyKind::Log, [2; 32]).unwrap();
    let people = people().with_key(signs.verifier().clone());
    let builder =
        builder(&store, &State::default()).directory(people).trail(Trail::in_folder(folder, key));
    let gate: Gate<Tools> = builder.build().await.unwrap();
    let (dana, omar) = (dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let run = run(&gate).case("ticket-7").reasoning("the invoice is due");
    let turn = run
        .submit([
            call("1", "pay", json!({"to": "ann", "amount": 20, "note": null})),
            call("2", "pay", json!({"to": "bob", "amount": 500})),
            call("3", "pay", json!({"to": "cem", "amount": 50_000})),
            sign_in_call("4", "correct horse"),
            call("5", "fail", json!({"what": "it"})),
            call("6", "pay", json!({"to": "dee", "amount": 600})),
            call("7", "pay", json!({"to": "eve", "amount": 700})),
            call("8", "nothing", json!({})),
        ])
        .await
        .unwrap();
    let [pays, signs_in, fails, edited, revoked] = turn.interruptions() else { panic!("{turn:?}") };
    drop(
        pays.grant(&dana, Scope::this_run().up_to("amount", 550).any("to").uses(2)).await.unwrap(),
    );
    signs_in.reject(&dana, "not now").await.unwrap();
    fails.approve(&omar).comment("try it").sign_with(&signs).await.unwrap();
    edited.edit(&dana, Edit::new().set("amount", 100)).await.unwrap();
    revoked.approve(&dana).await.unwrap();
    revoked.revoke(&dana, "on second thoughts").await.unwrap();
    let freeze = gate.freeze(FreezeScope::tool("read"), "an incident", &dana).await.unwrap();
    drop(run.proceed().await.unwrap());
    gate.lift_freeze(&freeze, &omar).await.unwrap();
    let covered =
        run.submit([call("9", "pay", json!({"to": "fay", "amount": 540}))]).await.unwrap();
    drop(covered);
    let grant = gate.active_controls().await.unwrap().grants.remove(0);
    gate.revoke(&grant, &dana).await.unwrap();
    let turn2 = run.submit([call("10", "wipe", json!({"disk": "a"}))]).await.unwrap();
    only_interruption(&turn2).cancel("no longer").await.unwrap();
    let turn3 = run.submit([call("11", "wipe", json!({"disk": "b"}))]).await.unwrap();
    only_interruption(&turn3).respond(&dana, json!({"wiped": "by hand"})).await.unwrap();
    signs_in.erase_secrets(&dana).await.unwrap();
    run.log_action("told the customer", &json!({"by": "mail", "cost": 0.25}), Some(pays.id()))
        .await
        .unwrap();
    assert_eq!(gate.seal().await.unwrap().last_error(), None);
    let records = gate.records(0, 1_000).await.unwrap();
    records.iter().map(|record| TrailEntry::leaf(record).unwrap().text().to_owned()).collect()
}

#[tokio::test]
async fn l_a_trail_of_version_1_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let now = event_kinds(&folder.path().join("trail")).await;
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(FIXTURE, now.join("\n") + "\n").unwrap();
    }
    let fixture = fs::read_to_string(FIXTURE).unwrap();
    let mut auditor = Auditor::new();
    for line in fixture.lines() {
        let entry = TrailEntry::parse(line.as_bytes())
            .unwrap_or_else(|schema_error| panic!("{schema_error}: {line}"));
        auditor.take(&entry).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    let kinds = |lines: &[&str]| {
        let mut kinds: Vec<String> = lines
            .iter()
            .map(|line| match TrailEntry::parse(line.as_bytes()).unwrap() {
                TrailEntry::Record(record) => record.kind().to_owned(),
                other => other.to_string(),
            })
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    let now: Vec<&str> = now.iter().map(String::as_str).collect();
    assert_eq!(kinds(&fixture.lines().collect::<Vec<_>>()), kinds(&now));
    assert!(kinds(&now).len() >= 15, "{:?}", kinds(&now));
}
