//! L. The trail, and S75: a store that differs from the sealed one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate_runtime::audit::{KeyKind, LogKeys, Receipt, SigningKey, WitnessPolicy};
use gate_runtime::prelude::*;
use gate_runtime::records::TrailEntry;
use gate_runtime::store::{Changeset, RecordFilter, RecordLog};
use gate_runtime::tool::CommitmentKeys;
use gate_runtime::trail::{Auditor, TrailError, TrailReader};
use gate_runtime::{BuildError, NoTools, Trail};
use serde_json::json;

use crate::scenarios::desk::{
    KEY, State, Tools, approve_all, builder, call, dana, kinds, only_interruption, people, run,
    sign_in_call,
};
use crate::scenarios::stores::{Shared, fresh, on_every_store};

on_every_store! {
    l_every_record_is_sealed_and_could_have_happened,
    l79_a_receipt_of_one_decision_verifies_without_the_store,
    l_one_process_writes_and_another_takes_over,
    l_what_is_not_sealed_yet_is_counted_and_sealed_at_the_next_start,
    l_a_record_too_long_for_an_entry_lies_beside_the_tree,
    l_a_trail_that_cannot_be_written_lets_nothing_begin,
    l_a_trail_that_was_taken_away_is_missed,
    l_another_key_does_not_go_on_with_a_trail,
    l_an_erased_secret_cannot_be_shown_and_the_trail_stays,
}

const ORIGIN: &str = "example.com/trail";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, KeyKind::Log, [seed; 32]).unwrap()
}

pub struct TrailFixture {
    dir: tempfile::TempDir,
}

impl TrailFixture {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("trail")
    }

    fn trail(&self) -> Trail {
        Trail::in_folder(self.folder(), key(1))
    }

    fn reader(&self) -> TrailReader {
        reader(&self.folder())
    }
}

fn reader(folder: &Path) -> TrailReader {
    let keys = LogKeys::new(ORIGIN, key(1).verifier().clone()).unwrap();
    TrailReader::open(folder, &keys, &WitnessPolicy::none()).unwrap()
}

async fn sealed(store: &Shared, trail_fixture: &TrailFixture) -> Gate<Tools> {
    builder(store, &State::default()).trail(trail_fixture.trail()).build().await.unwrap()
}

/// Submits a call that asks nobody.
async fn submit_read(gate: &Gate<Tools>, id: &str) -> Turn {
    gate.run("run").submit([call(id, "read", json!({"id": "a"}))]).await.unwrap()
}

async fn submit_reads(gate: &Gate<Tools>, count: u32) {
    for number in 0..count {
        drop(submit_read(gate, &number.to_string()).await);
    }
}

/// Waits until a dropped gate has sealed the remaining records and released its trail.
async fn until_free(place: &TrailFixture) {
    crate::scenarios::desk::until(async || {
        !matches!(Trail::rotate_key(place.folder(), "/no/such/key"), Err(TrailError::Busy { .. }))
            && free(place)
    })
    .await;
}

fn free(place: &TrailFixture) -> bool {
    let lock = std::fs::File::options().write(true).open(place.folder().join("lock")).unwrap();
    lock.try_lock().is_ok()
}

/// Returns a description of every entry.
fn event_kinds(reader: &TrailReader) -> Vec<String> {
    let mut auditor = Auditor::new();
    let read = reader.entries(0).map(|entry| {
        let (index, bytes) = entry.unwrap();
        let entry = reader.read(index, &bytes).unwrap();
        auditor.take(&entry).unwrap_or_else(|replay_error| panic!("entry {index}: {replay_error}"));
        match entry {
            TrailEntry::Record(record) => record.kind().to_owned(),
            other => other.to_string(),
        }
    });
    read.collect()
}

async fn l_every_record_is_sealed_and_could_have_happened(store: Shared) {
    let trail_fixture = TrailFixture::new();
    let gate = sealed(&store, &trail_fixture).await;
    let run = run(&gate);
    let turn = run
        .submit([
            call("1", "pay", json!({"to": "ann", "amount": 20})),
            call("2", "pay", json!({"to": "ann", "amount": 500})),
            call("3", "pay", json!({"to": "ann", "amount": 50_000})),
            call("4", "fail", json!({"what": "it"})),
            call("5", "nothing", json!({})),
        ])
        .await
        .unwrap();
    approve_all(&turn, &dana(&gate).await).await;
    drop(run.proceed().await.unwrap());
    run.log_action("told the customer", &json!({"by": "mail", "cost": 0.25}), None).await.unwrap();
    let status = gate.seal().await.unwrap();
    assert_eq!((status.last_error(), status.unsealed(), status.is_writing()), (None, 0, true));

    let reader = trail_fixture.reader();
    let records = gate.records(0, 10_000).await.unwrap();
    assert_eq!(reader.size(), records.len() as u64);
    assert_eq!(
        event_kinds(&reader),
        records.iter().map(|record| record.kind()).collect::<Vec<_>>()
    );
    for (entry, record) in reader.entries(0).zip(&records) {
        assert_eq!(entry.unwrap().1, TrailEntry::leaf(record).unwrap().text().as_bytes());
    }
}

async fn l79_a_receipt_of_one_decision_verifies_without_the_store(store: Shared) {
    let place = TrailFixture::new();
    let gate = sealed(&store, &place).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    let id = only_interruption(&turn).id();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    drop(run.proceed().await.unwrap());
    gate.seal().await.unwrap();

    let reader = place.reader();
    let about = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&id.to_string());
    let indexes = reader
        .entries(0)
        .map(Result::unwrap)
        .filter(|(_, bytes)| about(bytes))
        .map(|(index, _)| index);
    let evidence: Vec<_> = indexes.map(|index| reader.evidence(index).unwrap()).collect();
    let receipt = Receipt::new(evidence, reader.note().clone()).unwrap().to_string();
    let receipt_head = reader.checkpoint().head();
    drop((gate, reader, store, place));

    let receipt = Receipt::parse(receipt.as_bytes()).unwrap();
    let keys = LogKeys::new(ORIGIN, key(1).verifier().clone()).unwrap();
    assert_eq!(receipt.verify(&keys, &WitnessPolicy::none()).unwrap().head(), receipt_head);
    let mut auditor = Auditor::of_picked();
    let mut kinds = Vec::new();
    for evidence in receipt.evidence() {
        let entry = TrailEntry::parse(evidence.entry().as_bytes()).unwrap();
        auditor.take(&entry).unwrap();
        let TrailEntry::Record(record) = entry else { panic!("{entry}") };
        kinds.push(record.kind());
    }
    assert_eq!(kinds, ["assessed", "voted", "reassessed", "dispatched", "finished"]);
}

async fn l_one_process_writes_and_another_takes_over(store: Shared) {
    let place = TrailFixture::new();
    let first = sealed(&store, &place).await;
    let second = sealed(&store, &place).await;
    assert!(first.trail().unwrap().is_writing() && !second.trail().unwrap().is_writing());
    // The first gate seals the records of the second.
    drop(submit_read(&second, "1").await);
    let status = second.seal().await.unwrap();
    assert_eq!((status.last_error(), status.unsealed()), (None, 0));
    drop(first);
    drop(second.run("run").submit([call("2", "read", json!({"id": "b"}))]).await.unwrap());
    let status = second.seal().await.unwrap();
    assert_eq!((status.last_error(), status.unsealed()), (None, 0));
    crate::scenarios::desk::until(async || second.trail().unwrap().is_writing()).await;
    drop(second.run("run").submit([call("3", "read", json!({"id": "c"}))]).await.unwrap());
    second.seal().await.unwrap();
    let reader = place.reader();
    assert_eq!(event_kinds(&reader).iter().filter(|kind| *kind == "dispatched").count(), 3);
    assert_eq!(reader.size(), second.records(0, 1_000).await.unwrap().len() as u64);
}

async fn l_what_is_not_sealed_yet_is_counted_and_sealed_at_the_next_start(store: Shared) {
    let place = TrailFixture::new();
    let lazy = place.trail().within(std::time::Duration::from_hours(1));
    let gate: Gate<Tools> = builder(&store, &State::default()).trail(lazy).build().await.unwrap();
    let before = gate.seal().await.unwrap();
    drop(submit_read(&gate, "1").await);
    let status = gate.trail().unwrap();
    assert_eq!((status.sealed(), status.unsealed()), (before.sealed(), 3));
    drop(gate);
    until_free(&place).await;
    let again = sealed(&store, &place).await;
    again.seal().await.unwrap();
    assert_eq!(place.reader().size(), again.records(0, 1_000).await.unwrap().len() as u64);
}

async fn l_a_record_too_long_for_an_entry_lies_beside_the_tree(store: Shared) {
    let place = TrailFixture::new();
    let gate = sealed(&store, &place).await;
    let long = "x".repeat(100_000);
    let turn = gate.run("run").submit([call("1", "read", json!({"id": long}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"]);
    gate.seal().await.unwrap();
    let reader = place.reader();
    assert_eq!(event_kinds(&reader).len() as u64, reader.size());
    let beside: Vec<_> =
        std::fs::read_dir(place.folder().join("large")).unwrap().map(Result::unwrap).collect();
    assert_eq!(beside.len(), 2, "what was proposed, and what it returned");
    // A changed or missing file is detected.
    let path = beside[0].path();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen('x', "y", 1)).unwrap();
    let problem = |reader: &TrailReader| {
        let read = reader
            .entries(0)
            .map(Result::unwrap)
            .find_map(|(index, bytes)| reader.read(index, &bytes).err());
        read.unwrap().to_string()
    };
    assert!(
        problem(&reader).contains("it is not the record that was logged"),
        "{}",
        problem(&reader)
    );
    std::fs::remove_file(&path).unwrap();
    assert!(problem(&reader).contains("large/"), "{}", problem(&reader));
}

async fn l_a_trail_that_cannot_be_written_lets_nothing_begin(store: Shared) {
    let place = TrailFixture::new();
    let gate = sealed(&store, &place).await;
    gate.seal().await.unwrap();
    // A file replaces its folder.
    let away = place.dir.path().join("away");
    std::fs::rename(place.folder(), &away).unwrap();
    std::fs::write(place.folder(), "").unwrap();
    let turn =
        gate.run("run").submit([call("1", "forbidden", json!({"what": "x"}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["denied"], "what does not run is on the record still");
    let status = gate.seal().await.unwrap();
    assert!(status.last_error().is_some() && status.unsealed() > 0, "{status:?}");
    let turn = submit_read(&gate, "2").await;
    assert_eq!(kinds(&turn), ["unavailable"]);
    // Once it can be written, everything is sealed, and calls run.
    std::fs::remove_file(place.folder()).unwrap();
    std::fs::rename(away, place.folder()).unwrap();
    crate::scenarios::desk::until(async || gate.seal().await.unwrap().last_error().is_none()).await;
    let turn = submit_read(&gate, "3").await;
    assert_eq!(kinds(&turn), ["succeeded"]);
    gate.seal().await.unwrap();
    assert_eq!(event_kinds(&place.reader()).len(), gate.records(0, 1_000).await.unwrap().len());
}

async fn l_a_trail_that_was_taken_away_is_missed(store: Shared) {
    let place = TrailFixture::new();
    drop(sealed(&store, &place).await);
    until_free(&place).await;
    std::fs::remove_dir_all(place.folder()).unwrap();
    let refused =
        builder::<Tools>(&store, &State::default()).trail(place.trail()).build().await.unwrap_err();
    assert!(
        refused.to_string().contains("the database had the trail `example.com/trail`"),
        "{refused}"
    );
}

async fn l_another_key_does_not_go_on_with_a_trail(store: Shared) {
    let place = TrailFixture::new();
    drop(sealed(&store, &place).await);
    until_free(&place).await;
    let other = Trail::in_folder(place.folder(), key(2));
    let refused =
        builder::<Tools>(&store, &State::default()).trail(other).build().await.unwrap_err();
    assert!(
        refused.to_string().contains("its last checkpoint is not by `example.com/trail`"),
        "{refused}"
    );
}

async fn l_an_erased_secret_cannot_be_shown_and_the_trail_stays(store: Shared) {
    let place = TrailFixture::new();
    let gate = sealed(&store, &place).await;
    let dana = dana(&gate).await;
    let run = run(&gate);
    let turn = run.submit([sign_in_call("1", "hunter2-hunter2")]).await.unwrap();
    let question = only_interruption(&turn);
    assert!(
        question.erase_secrets(&dana).await.unwrap_err().to_string().contains("it is still open")
    );
    question.reject(&dana, "no").await.unwrap();
    gate.seal().await.unwrap();
    let id = question.id();
    let approval = gate.approval(id).await.unwrap().unwrap();
    let disclosure = approval
        .arguments()
        .disclose("/password", &json!("hunter2-hunter2"), &CommitmentKeys::new(&KEY))
        .unwrap();

    question.erase_secrets(&dana).await.unwrap();
    let erased = gate.approval(id).await.unwrap().unwrap();
    assert!(
        erased
            .arguments()
            .disclose("/password", &json!("hunter2-hunter2"), &CommitmentKeys::new(&KEY))
            .is_err()
    );
    // A holder of the disclosure can still prove that it is the recorded value.
    erased.arguments().check(&disclosure).unwrap();
    assert!(
        question
            .erase_secrets(&dana)
            .await
            .unwrap_err()
            .to_string()
            .contains("no secrets with stored salts")
    );
    gate.seal().await.unwrap();
    let reader = place.reader();
    assert_eq!(event_kinds(&reader).last().map(String::as_str), Some("secrets_erased"));
    let all: Vec<u8> = reader.entries(0).flat_map(|entry| entry.unwrap().1).collect();
    assert!(!String::from_utf8_lossy(&all).contains("hunter2"));
}

/// Returns a store with the first records of another, like a restored backup.
async fn older_copy(store: &Shared, records: usize) -> Shared {
    let copy: Shared = Arc::new(MemoryStore::new());
    let all = store.records(&RecordFilter::after(0).limit(records)).await.unwrap();
    for record in all {
        let mut changeset = Changeset::at(record.at());
        changeset.records.push((*record).clone());
        assert_eq!(copy.commit(changeset).await.unwrap(), gate_runtime::store::CommitOutcome::Done);
    }
    copy
}

fn problem(built: Result<Gate<Tools>, BuildError>) -> String {
    built.map(drop).unwrap_err().to_string()
}

#[tokio::test]
async fn l75_an_older_copy_is_told_and_nothing_runs_until_a_person_settles_it() {
    let (store, trail_fixture) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &trail_fixture).await;
    submit_reads(&gate, 5).await;
    gate.seal().await.unwrap();
    drop(gate);
    until_free(&trail_fixture).await;
    let all = store.records(&RecordFilter::after(0)).await.unwrap().len();

    let restored = older_copy(&store, 8).await;
    let problem_text =
        problem(builder(&restored, &State::default()).trail(trail_fixture.trail()).build().await);
    assert!(
        problem_text
            .contains(&format!("the database ends with record 8, and the trail with record {all}")),
        "{problem_text}"
    );
    assert!(problem_text.contains("Nothing runs until that is settled"), "{problem_text}");

    // A person settles it, at a gate without tools.
    let fixture: Gate<NoTools> =
        Gate::builder(()).directory(people()).store(Arc::clone(&restored)).build().await.unwrap();
    let dana = fixture.reviewer("dana").await.unwrap();
    let trail = Arc::new(trail_fixture.trail());
    let divergence =
        fixture.compare_with(&Arc::new(trail_fixture.reader())).await.unwrap().unwrap();
    assert!(divergence.is_older() && divergence.seq() == 9, "{divergence}");
    assert!(
        fixture
            .settle_trail(&trail, &dana, " ")
            .await
            .unwrap_err()
            .to_string()
            .contains("needs a reason")
    );
    let orphaned = fixture.settle_trail(&trail, &dana, "restored Monday's backup").await.unwrap();
    assert_eq!(orphaned.len(), 3, "those that began after the backup");
    assert!(orphaned.iter().all(|call| !call.was_open() && call.subject().tool() == "read"));
    assert!(matches!(
        fixture.settle_trail(&trail, &dana, "again").await,
        Err(TrailError::NotDiverged)
    ));

    // Then the trail continues, and contains both histories.
    let gate: Gate<Tools> =
        builder(&restored, &State::default()).trail(trail_fixture.trail()).build().await.unwrap();
    drop(submit_read(&gate, "later").await);
    gate.seal().await.unwrap();
    let kinds = event_kinds(&trail_fixture.reader());
    assert!(kinds.contains(&"break before record 9".to_owned()), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "trail_settled").count(), 1);
    drop(gate);
    until_free(&trail_fixture).await;
    drop(sealed(&restored, &trail_fixture).await);
}

#[tokio::test]
async fn l75_a_call_that_ran_after_the_backup_does_not_run_again() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    let turn = run(&gate).submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    let pending = gate.approval(only_interruption(&turn).id()).await.unwrap().unwrap();
    let before = store.records(&RecordFilter::after(0)).await.unwrap().len();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    drop(run(&gate).submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap());
    gate.seal().await.unwrap();
    drop((turn, gate));
    until_free(&place).await;

    // In the backup, the call is still a question.
    let restored = older_copy(&store, before).await;
    let mut question = Changeset::at(pending.changed_at());
    question.approvals.push(pending);
    assert_eq!(restored.commit(question).await.unwrap(), gate_runtime::store::CommitOutcome::Done);
    let fixture: Gate<NoTools> =
        Gate::builder(()).directory(people()).store(Arc::clone(&restored)).build().await.unwrap();
    let dana = fixture.reviewer("dana").await.unwrap();
    let orphaned = fixture.settle_trail(&Arc::new(place.trail()), &dana, "restored").await.unwrap();
    assert_eq!(
        orphaned.iter().map(gate_runtime::trail::OrphanedCall::was_open).collect::<Vec<_>>(),
        [true]
    );
    let state = State::default();
    let gate: Gate<Tools> = builder(&restored, &state).trail(place.trail()).build().await.unwrap();
    let turn = run(&gate).submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["cancelled"]);
    assert!(state.0.ran().is_empty());
}

#[tokio::test]
async fn l75_a_changed_record_is_named_with_the_place() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    drop(submit_read(&gate, "1").await);
    gate.seal().await.unwrap();
    drop(gate);
    until_free(&place).await;
    let changed: Shared = Arc::new(MemoryStore::new());
    for record in store.records(&RecordFilter::after(0)).await.unwrap() {
        let text = serde_json::to_string(&*record).unwrap().replace("content of a", "content of b");
        let mut changeset = Changeset::at(record.at());
        changeset.records.push(serde_json::from_str(&text).unwrap());
        assert_eq!(
            changed.commit(changeset).await.unwrap(),
            gate_runtime::store::CommitOutcome::Done
        );
    }
    let problem_text =
        problem(builder(&changed, &State::default()).trail(place.trail()).build().await);
    assert!(
        problem_text.contains(
            "(finished) of the database is not the one that was sealed: it differs at \
            `/event/outcome/json`"
        ),
        "{problem_text}"
    );
}

/// Returns the entries of a trail with one decision.
async fn decided(place: &TrailFixture) -> Vec<String> {
    let store = fresh();
    let gate = sealed(&store, place).await;
    let turn =
        run(&gate).submit([call("1", "pay", json!({"to": "ann", "amount": 500}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).comment("as agreed").await.unwrap();
    drop(run(&gate).submit([call("1", "pay", json!({"to": "ann", "amount": 500}))]).await.unwrap());
    gate.seal().await.unwrap();
    drop((turn, gate));
    until_free(place).await;
    entries(place)
}

fn entries(place: &TrailFixture) -> Vec<String> {
    place.reader().entries(0).map(|entry| String::from_utf8(entry.unwrap().1).unwrap()).collect()
}

/// Returns the problem that an auditor finds in entries; empty if they could have happened.
fn audited(entries: &[String]) -> String {
    let mut auditor = Auditor::new();
    let taken = entries
        .iter()
        .try_for_each(|entry| auditor.take(&TrailEntry::parse(entry.as_bytes()).unwrap()));
    taken.err().map(|fault| fault.to_string()).unwrap_or_default()
}

/// Returns the error of an auditor for a trail whose sealed entries were overwritten by others.
fn told_of(place: &TrailFixture, entries: &[String]) -> String {
    let mut bundle = Vec::new();
    for entry in entries {
        gate_runtime::audit::write_entry(&mut bundle, entry.as_bytes()).unwrap();
    }
    let file = place.folder().join(format!("tile/entries/000.p/{}", place.reader().size()));
    let before = std::fs::read(&file).unwrap();
    std::fs::write(&file, bundle).unwrap();
    let problem_text =
        place.reader().entries(0).find_map(Result::err).map(|error| error.to_string());
    std::fs::write(&file, before).unwrap();
    problem_text.unwrap_or_default()
}

#[tokio::test]
async fn l76_whatever_is_done_to_a_record_is_found_and_named() {
    let place = TrailFixture::new();
    let entries = decided(&place).await;
    assert_eq!(told_of(&place, &entries), "");
    let vote = entries.iter().position(|entry| entry.contains("\"voted\"")).unwrap();
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed = entries.clone();
        change(&mut changed);
        told_of(&place, &changed)
    };
    let named = format!("entry {vote}");
    let changed = with(&|all| all[vote] = all[vote].replace("as agreed", "as aGreed"));
    assert!(changed.contains(&named), "{changed}");
    let attributed = with(&|all| {
        all[vote] = all[vote].replace("\"reviewer\":\"dana\"", "\"reviewer\":\"omar\"");
    });
    assert!(attributed.contains(&named), "{attributed}");
    let reordered = with(&|all| all.swap(vote, vote + 1));
    assert!(reordered.contains(&named), "{reordered}");
    let replaced = with(&|all| all[vote] = all[vote + 1].clone());
    assert!(replaced.contains(&named), "{replaced}");
    for other in [
        with(&|all| drop(all.remove(vote))),
        with(&|all| all.insert(vote, all[vote].clone())),
        with(&|all| drop(all.pop())),
    ] {
        assert!(other.contains("tile/entries/000"), "{other}");
    }
}

/// Somebody who has the key can sign another history, but an impossible one is still detected.
#[tokio::test]
async fn l76_a_story_that_could_not_have_happened_is_found_also_where_it_is_signed() {
    let place = TrailFixture::new();
    let entries = decided(&place).await;
    assert_eq!(audited(&entries), "");
    let vote = entries.iter().position(|entry| entry.contains("\"voted\"")).unwrap();
    let renumbered = |mut entries: Vec<String>| {
        for (index, entry) in entries.iter_mut().enumerate() {
            let mut value: serde_json::Value = serde_json::from_str(entry).unwrap();
            value["seq"] = json!(index + 1);
            *entry = value.to_string();
        }
        entries
    };
    // Renumbers the records of the trail, and those of each call.
    let all_renumbered = |entries: Vec<String>| {
        let (mut entries, mut last) =
            (renumbered(entries), std::collections::HashMap::<String, u64>::new());
        for entry in &mut entries {
            let mut value: serde_json::Value = serde_json::from_str(entry).unwrap();
            if let Some(call) =
                value.pointer("/subject/approval").and_then(serde_json::Value::as_str)
            {
                let number = last.entry(call.to_owned()).or_default();
                *number += 1;
                value["call_seq"] = json!(*number);
            }
            *entry = value.to_string();
        }
        entries
    };
    let mut dropped = entries.clone();
    dropped.remove(vote);
    assert!(
        audited(&dropped).contains(&format!("record {} should come here", vote + 1)),
        "{}",
        audited(&dropped)
    );
    let without = audited(&renumbered(dropped.clone()));
    assert!(
        without.contains("it is number 3 among the records of its call, and number 2 is due"),
        "{without}"
    );
    // Without the vote, or with a rejection instead, nothing could have run.
    let without = audited(&all_renumbered(dropped));
    assert!(
        without.contains(
            "(reassessed): it says that the call is approved after it, and it is pending"
        ),
        "{without}"
    );
    let rejected = entries.iter().map(|entry| {
        entry.replace("{\"type\":\"approve\"}", "{\"reason\":\"no\",\"type\":\"reject\"}")
    });
    let rejected = audited(&rejected.collect::<Vec<_>>());
    assert!(
        rejected
            .contains("(voted): it says that the call is approved after it, and it is rejected"),
        "{rejected}"
    );
    let by_the_principal =
        entries.iter().map(|entry| entry.replace("\"reviewer\":\"dana\"", "\"reviewer\":\"mia\""));
    let by_the_principal = audited(&by_the_principal.collect::<Vec<_>>());
    assert!(by_the_principal.contains("(voted): mia cannot decide this"), "{by_the_principal}");
    let other_verdict = entries
        .iter()
        .map(|entry| entry.replace("}],\"verdict\":\"ask\"", "}],\"verdict\":\"approve\""));
    let other_verdict = audited(&other_verdict.collect::<Vec<_>>());
    assert!(other_verdict.contains("its verdict is not that of its rules"), "{other_verdict}");
    let other_amount =
        entries.iter().map(|entry| entry.replace("\"amount\":500", "\"amount\":501"));
    let other_amount = audited(&other_amount.collect::<Vec<_>>());
    assert!(other_amount.contains("its arguments are not those of their digest"), "{other_amount}");
}

/// Returns the pointers to all plain values in a JSON value.
fn places(value: &serde_json::Value, at: &str) -> Vec<String> {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            map.iter().flat_map(|(key, value)| places(value, &format!("{at}/{key}"))).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| places(value, &format!("{at}/{index}")))
            .collect(),
        _ => vec![at.to_owned()],
    }
}

#[tokio::test]
async fn l77_every_field_that_matters_is_under_the_hash() {
    let place = TrailFixture::new();
    let entries = decided(&place).await;
    let of = |kind: &str| -> serde_json::Value {
        let entry =
            entries.iter().find(|entry| entry.contains(&format!("\"type\":\"{kind}\""))).unwrap();
        serde_json::from_str(entry).unwrap()
    };
    let (assessed, voted) = (of("assessed"), of("voted"));
    for (record, fields) in [
        (
            &assessed,
            &[
                "/at",
                "/seq",
                "/status",
                "/subject/agent",
                "/subject/principal",
                "/subject/run",
                "/subject/call",
            ][..],
        ),
        (
            &assessed,
            &[
                "/subject/tool",
                "/subject/tool_digest",
                "/subject/policy_digest",
                "/event/arguments/json/amount",
            ],
        ),
        (
            &assessed,
            &[
                "/event/assessment/verdict",
                "/event/assessment/opinions/0/policy",
                "/event/assessment/opinions/0/rules/0/result",
            ],
        ),
        (
            &voted,
            &[
                "/event/vote/reviewer",
                "/event/vote/roles/0",
                "/event/vote/decision/type",
                "/event/vote/comment",
            ],
        ),
        (&voted, &["/event/vote/arguments", "/event/vote/at"]),
    ] {
        for field in fields {
            assert!(record.pointer(field).is_some(), "{field} of {record}");
        }
    }
    // A change of any value gives another leaf. Every other value is tested.
    for (index, entry) in entries.iter().enumerate() {
        let value: serde_json::Value = serde_json::from_str(entry).unwrap();
        for field in places(&value, "") {
            let mut changed = value.clone();
            let Some(inner) = changed.pointer_mut(&field) else { continue };
            *inner = json!(format!("{inner}!"));
            let mut all = entries.clone();
            all[index] = changed.to_string();
            let trail_text = told_of(&place, &all);
            assert!(trail_text.contains(&format!("entry {index}")), "{field}: {trail_text}");
        }
    }
}

/// Checks that a value without an exact form in JSON is not sealed.
#[tokio::test]
async fn l_what_cannot_be_sealed_is_refused_before_it_is_on_the_record() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    let run = run(&gate);
    let deep = (0..100).fold(json!(0), |inner, _| json!([inner]));
    for details in [json!(u64::MAX), json!({"a": [1e300]}), deep] {
        let refused = run.log_action("counted", &details, None).await.unwrap_err();
        assert!(refused.to_string().starts_with("the details of an action, "), "{refused}");
    }
    let turn = run.submit([call("1", "pay", json!({"to": "ann", "amount": 500}))]).await.unwrap();
    let dana = dana(&gate).await;
    let refused =
        only_interruption(&turn).respond(&dana, json!({"paid": u64::MAX})).await.unwrap_err();
    assert!(
        refused.to_string().contains("the answer, at `/paid`: a number beyond ±2^53"),
        "{refused}"
    );
    let scope = Scope::this_run().up_to("amount", u64::MAX).budget("amount", u64::MAX).any("to");
    drop(only_interruption(&turn).grant(&dana, scope).await.unwrap());
    drop(run.proceed().await.unwrap());
    let status = gate.seal().await.unwrap();
    assert_eq!((status.last_error(), status.unsealed()), (None, 0));
    assert!(event_kinds(&place.reader()).contains(&"grant_given".to_owned()));
}

/// A rotation that ended between the introduction of the new key and its first checkpoint.
#[tokio::test]
async fn l_the_old_key_does_not_go_on_once_the_new_one_is_introduced() {
    use gate_runtime::audit::{KeySuccession, TrailWriter, read_keys};
    let (store, place) = (fresh(), TrailFixture::new());
    let file = place.dir.path().join("trail.key");
    let old = Trail::create_key(&file, ORIGIN).unwrap();
    let public = old.verifier().clone();
    let trail = || Trail::in_folder(place.folder(), Trail::read_key(&file).unwrap());
    let gate: Gate<Tools> =
        builder(&store, &State::default()).trail(trail()).build().await.unwrap();
    gate.seal().await.unwrap();
    drop(gate);
    until_free(&place).await;
    let new = Trail::create_key(place.dir.path().join("trail.key.next"), ORIGIN).unwrap();
    let keys = LogKeys::new(ORIGIN, public.clone()).unwrap();
    let head = TrailReader::open(place.folder(), &keys, &WitnessPolicy::none())
        .unwrap()
        .checkpoint()
        .head();
    let mut writer = TrailWriter::resume(place.folder(), head).unwrap();
    writer.seal().unwrap();
    let succession = KeySuccession::new(ORIGIN, head.size(), new.verifier().clone()).unwrap();
    writer.rotate_key(&succession.sign(&old).unwrap()).unwrap();
    drop(writer);

    let built = builder::<Tools>(&store, &State::default()).trail(trail()).build().await;
    let problem_text = problem(built);
    assert!(problem_text.contains("finish what `gate audit key rotate` began"), "{problem_text}");
    Trail::rotate_key(place.folder(), &file).unwrap();
    let gate: Gate<Tools> =
        builder(&store, &State::default()).trail(trail()).build().await.unwrap();
    drop(submit_read(&gate, "1").await);
    gate.seal().await.unwrap();
    let keys = read_keys(place.folder(), ORIGIN, public).unwrap();
    TrailReader::open(place.folder(), &keys, &WitnessPolicy::none()).unwrap();
}

#[tokio::test]
async fn l_a_rotation_that_ended_before_the_new_key_was_written_begins_again() {
    let (store, place) = (fresh(), TrailFixture::new());
    let file = place.dir.path().join("trail.key");
    let trail = || Trail::in_folder(place.folder(), Trail::read_key(&file).unwrap());
    Trail::create_key(&file, ORIGIN).unwrap();
    drop(builder::<Tools>(&store, &State::default()).trail(trail()).build().await.unwrap());
    until_free(&place).await;
    let next = place.dir.path().join("trail.key.next");
    Trail::create_key(&next, ORIGIN).unwrap();
    std::fs::write(&next, "").unwrap();
    Trail::rotate_key(place.folder(), &file).unwrap();
    assert!(!next.exists());
    drop(builder::<Tools>(&store, &State::default()).trail(trail()).build().await.unwrap());
}

#[tokio::test]
async fn l_a_trail_that_is_taken_away_while_it_is_written_lets_nothing_begin() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    submit_reads(&gate, 300).await;
    gate.seal().await.unwrap();
    std::fs::rename(place.folder(), place.dir.path().join("away")).unwrap();
    drop(gate.run("run").submit([call("a", "forbidden", json!({"what": "x"}))]).await.unwrap());
    let status = gate.seal().await.unwrap();
    assert!(status.last_error().is_some(), "{status:?}");
    let turn = submit_read(&gate, "b").await;
    assert_eq!(kinds(&turn), ["unavailable"]);
    drop(std::fs::remove_dir_all(place.folder()));
    std::fs::rename(place.dir.path().join("away"), place.folder()).unwrap();
    crate::scenarios::desk::until(async || gate.seal().await.unwrap().last_error().is_none()).await;
    let turn = submit_read(&gate, "c").await;
    assert_eq!(kinds(&turn), ["succeeded"]);
}

/// Otherwise somebody who has the key could write anything about an imported call.
#[tokio::test]
async fn l_an_import_of_a_call_that_is_there_could_not_have_happened() {
    let place = TrailFixture::new();
    let entries = decided(&place).await;
    let dispatched = entries
        .iter()
        .position(|entry| entry.contains("{\"type\":\"dispatched\"}"))
        .unwrap_or_else(|| panic!("{entries:#?}"));
    let voted = entries.iter().position(|entry| entry.contains("\"voted\"")).unwrap();
    // Replaces the vote.
    let mut forged = entries.clone();
    let mut imported: serde_json::Value = serde_json::from_str(&entries[dispatched]).unwrap();
    imported["event"] =
        serde_json::from_str(&entries[dispatched].replace("\"dispatched\"", "\"imported\""))
            .map(|v: serde_json::Value| v["event"].clone())
            .unwrap();
    imported["status"] = json!("approved");
    imported["seq"] = json!(voted + 1);
    forged[voted] = imported.to_string();
    let problem_text = audited(&forged);
    assert!(problem_text.contains("(imported)"), "{problem_text}");
}

/// Numbers beyond 2^53 would be sealed as other numbers, and could not be read again.
#[tokio::test]
async fn l_a_time_without_end_can_be_sealed() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    let turn = run(&gate).submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    let scope = Scope::this_run().any("disk").uses(3).per(std::time::Duration::MAX);
    only_interruption(&turn).grant(&dana(&gate).await, scope).await.unwrap();
    let patient = ask(role("manager"))
        .within(std::time::Duration::MAX)
        .remind_every(std::time::Duration::MAX);
    gate.run("run").guard("work", patient, async || Ok::<_, String>(())).await.unwrap();
    gate.seal().await.unwrap();
    event_kinds(&place.reader());
    drop((turn, gate));
    until_free(&place).await;
    drop(sealed(&store, &place).await);
}

/// Holds for any output of a tool. Otherwise a long output would make the rest of the trail
/// unreadable.
#[tokio::test]
async fn l_a_record_of_any_length_is_read_again() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    let long = "x".repeat(65 << 20);
    let run = gate.run("run");
    let done = run.guard("work", ask(role("manager")), async || Err::<(), _>(long.clone()));
    let decide = async {
        loop {
            if let Some(interruption) = gate.pending().await.unwrap().first() {
                break drop(interruption.reject(&dana(&gate).await, "no").await.unwrap());
            }
            tokio::task::yield_now().await;
        }
    };
    drop(tokio::join!(done, decide));
    let status = gate.seal().await.unwrap();
    assert_eq!(status.last_error(), None);
    assert_eq!(event_kinds(&place.reader()).len() as u64, place.reader().size());
}

/// A trail that lets records wait for longer than a minute is configured so in every process.
#[tokio::test(start_paused = true)]
async fn l_a_process_that_waits_for_another_is_as_patient_as_the_trail() {
    let (store, place) = (fresh(), TrailFixture::new());
    let lazy = async || -> Gate<Tools> {
        let trail = place.trail().within(std::time::Duration::MAX);
        builder(&store, &State::default()).trail(trail).build().await.unwrap()
    };
    let first = lazy().await;
    first.seal().await.unwrap();
    let second = lazy().await;
    drop(submit_read(&first, "1").await);
    for _ in 0..30 {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        assert_eq!(second.trail().unwrap().last_error(), None);
    }
    assert!(second.trail().unwrap().unsealed() > 0);
    let turn = submit_read(&second, "2").await;
    assert_eq!(kinds(&turn), ["succeeded"]);
    let status = first.seal().await.unwrap();
    assert_eq!((status.last_error(), status.unsealed()), (None, 0));
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(file.file_name());
        if file.path().is_dir() {
            copy_folder(&file.path(), &to);
        } else {
            std::fs::copy(file.path(), to).unwrap();
        }
    }
}

/// Otherwise it would be signed again from there, without the reset entry: two trees of one size.
#[tokio::test]
async fn l_a_trail_that_is_older_than_what_was_settled_does_not_go_on() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    gate.seal().await.unwrap();
    let older = place.dir.path().join("older");
    copy_folder(&place.folder(), &older);
    submit_reads(&gate, 5).await;
    gate.seal().await.unwrap();
    drop(gate);
    until_free(&place).await;
    let restored = older_copy(&store, 8).await;
    let fixture: Gate<NoTools> =
        Gate::builder(()).directory(people()).store(Arc::clone(&restored)).build().await.unwrap();
    let dana = fixture.reviewer("dana").await.unwrap();
    fixture.settle_trail(&Arc::new(place.trail()), &dana, "restored").await.unwrap();
    drop(sealed(&restored, &place).await);
    until_free(&place).await;

    let newer = place.dir.path().join("newer");
    std::fs::rename(place.folder(), &newer).unwrap();
    std::fs::rename(&older, place.folder()).unwrap();
    let problem_text =
        problem(builder(&restored, &State::default()).trail(place.trail()).build().await);
    assert!(problem_text.contains("it is older than the database"), "{problem_text}");
    std::fs::remove_dir_all(place.folder()).unwrap();
    std::fs::rename(&newer, place.folder()).unwrap();
    drop(sealed(&restored, &place).await);
}

/// Holds even if somebody wrote the permission into the database, and the gate accepted it.
#[tokio::test]
async fn l_a_standing_permission_that_nobody_gave_could_not_have_covered_a_call() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    let dana = dana(&gate).await;
    let pays = |id: &str, amount: u64| call(id, "pay", json!({"to": "ann", "amount": amount}));
    // The permission covers two pending calls, besides the one that it is given on, and one later
    // call.
    let turn = run(&gate).submit([pays("1", 500), pays("2", 400), pays("3", 300)]).await.unwrap();
    turn.interruptions()[0]
        .grant(&dana, Scope::this_run().any("to").up_to("amount", 600).uses(3))
        .await
        .unwrap();
    drop(run(&gate).proceed().await.unwrap());
    let later = run(&gate).submit([pays("4", 450)]).await.unwrap();
    assert_eq!(kinds(&later), ["succeeded"]);
    gate.seal().await.unwrap();
    let entries = entries(&place);
    assert_eq!(audited(&entries), "");
    let given = entries.iter().position(|entry| entry.contains("\"grant_given\"")).unwrap();
    let with = |change: &dyn Fn(&str) -> String| {
        let mut changed = entries.clone();
        changed[given] = change(&changed[given]);
        assert_ne!(changed, entries);
        audited(&changed)
    };
    let other: serde_json::Value = serde_json::from_str(&entries[given]).unwrap();
    let id = other["event"]["grant"]["id"].as_str().unwrap().to_owned();
    let never = with(&|entry| entry.replace(&id, "01936c2e-7f2b-7000-8000-000000000001"));
    assert!(never.contains("(covered): nobody gave this standing permission"), "{never}");
    let narrow = with(&|entry| entry.replace("\"max\":\"600\"", "\"max\":\"420\""));
    assert!(narrow.contains("(covered): this standing permission is for other calls"), "{narrow}");
    let few = with(&|entry| entry.replace("\"uses\":3", "\"uses\":2"));
    assert!(few.contains("(covered): this standing permission was used up"), "{few}");
    let omar = with(&|entry| entry.replace("\"by\":\"dana\"", "\"by\":\"omar\""));
    assert!(omar.contains("(covered): somebody else gave this standing permission"), "{omar}");
}

/// Otherwise the second of two processes that are started together could not build its gate.
#[tokio::test]
async fn l_two_processes_may_begin_a_trail_at_the_same_time() {
    let (store, place) = (fresh(), TrailFixture::new());
    std::fs::create_dir(place.folder()).unwrap();
    let other = std::fs::File::create(place.folder().join("lock")).unwrap();
    other.lock().unwrap();
    let gone = async {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        drop(other);
    };
    let (gate, ()) = tokio::join!(sealed(&store, &place), gone);
    assert_eq!(gate.seal().await.unwrap().last_error(), None);
}

/// Otherwise somebody who can write the database could have reset entries, digest entries of
/// nothing, or unreadable entries signed.
#[tokio::test]
async fn l_what_is_no_record_is_not_sealed() {
    let place = TrailFixture::new();
    let file = place.dir.path().join("gate.db");
    let store: Shared = Arc::new(gate_sqlite::SqliteStore::open(&file).await.unwrap());
    let lazy = place.trail().within(std::time::Duration::from_hours(1));
    let gate: Gate<Tools> = builder(&store, &State::default()).trail(lazy).build().await.unwrap();
    let before = gate.seal().await.unwrap();
    gate.run("run").log_action("noted", &json!({}), None).await.unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    let seq = before.sealed() + 1;
    let read = "SELECT body FROM records WHERE seq = ?";
    let good: String = database.query_row(read, [seq], |row| row.get(0)).unwrap();
    let write = |text: &str| {
        database.execute("UPDATE records SET body = ? WHERE seq = ?", (text, seq)).unwrap()
    };
    for forged in [
        r#"{"at":"2026-11-21T12:00:00Z","by":"dana","next":1,"reason":"restored","settled":1}"#
            .to_owned(),
        format!(
            concat!(
                r#"{{"at":"2026-11-21T12:00:00Z","bytes":9,"digest":"sha256:{}","#,
                r#""kind":"action","seq":{}}}"#
            ),
            "0".repeat(64),
            seq
        ),
        good.replace(&format!("\"seq\":{seq}"), "\"seq\":1"),
        good.replace("\"type\":\"action\"", "\"type\":\"notion\""),
        "{}".to_owned(),
        "0".to_owned(),
    ] {
        write(&forged);
        let status = gate.seal().await.unwrap();
        assert!(
            status.last_error().is_some() && status.sealed() == before.sealed(),
            "{forged}: {status:?}"
        );
    }
    write(&good);
    crate::scenarios::desk::until(async || gate.seal().await.unwrap().last_error().is_none()).await;
    assert_eq!(event_kinds(&place.reader()).last().map(String::as_str), Some("action"));
}

/// Only the trail contains the call, and not the database.
#[tokio::test]
async fn l75_a_call_that_the_backup_does_not_know_does_not_run_again() {
    let (store, place) = (fresh(), TrailFixture::new());
    let gate = sealed(&store, &place).await;
    gate.seal().await.unwrap();
    let before = store.records(&RecordFilter::after(0)).await.unwrap().len();
    let calls = || {
        [
            call("1", "pay", json!({"to": "ann", "amount": 20})),
            call("2", "read", json!({"id": "b"})),
        ]
    };
    let texts_of = |turn: &Turn| -> Vec<String> {
        turn.answers()
            .iter()
            .map(|answer| answer.for_model().clone())
            .chain([format!("{:?}", kinds(turn))])
            .collect()
    };
    let first = texts_of(&run(&gate).submit(calls()).await.unwrap());
    gate.seal().await.unwrap();
    drop(gate);
    until_free(&place).await;

    let restored = older_copy(&store, before).await;
    let fixture: Gate<NoTools> =
        Gate::builder(()).directory(people()).store(Arc::clone(&restored)).build().await.unwrap();
    let dana = fixture.reviewer("dana").await.unwrap();
    let lost = fixture.settle_trail(&Arc::new(place.trail()), &dana, "restored").await.unwrap();
    assert_eq!(
        lost.iter().map(gate_runtime::trail::OrphanedCall::was_open).collect::<Vec<_>>(),
        [false, false]
    );
    let state = State::default();
    let gate: Gate<Tools> = builder(&restored, &state).trail(place.trail()).build().await.unwrap();
    let again = run(&gate).submit(calls()).await.unwrap();
    assert_eq!(texts_of(&again), first);
    assert!(state.0.ran().is_empty(), "{:?}", state.0.ran());
    gate.seal().await.unwrap();
    event_kinds(&place.reader());
}

/// A witness that is unavailable at first.
struct LateWitness {
    keys: Vec<gate_runtime::audit::VerifierKey>,
    witness: gate_runtime::audit::Witness,
    was_asked: std::sync::atomic::AtomicBool,
}

impl gate_runtime::trail::Witness for LateWitness {
    fn keys(&self) -> &[gate_runtime::audit::VerifierKey] {
        &self.keys
    }

    fn add<'a>(
        &'a self,
        request: &'a gate_runtime::audit::AddCheckpoint,
    ) -> std::pin::Pin<
        Box<dyn Future<Output = Result<String, gate_runtime::trail::WitnessError>> + Send + 'a>,
    > {
        Box::pin(async move {
            if !self.was_asked.swap(true, std::sync::atomic::Ordering::Relaxed) {
                return Err(gate_runtime::trail::WitnessError::Unreachable(
                    "it is away".to_owned(),
                ));
            }
            let keys = LogKeys::new(ORIGIN, key(1).verifier().clone()).unwrap();
            let refused = |why: gate_runtime::audit::AddCheckpointError| {
                gate_runtime::trail::WitnessError::Refused(why.to_string())
            };
            Ok(self
                .witness
                .decide(&keys, None, request, 1_000)
                .map_err(refused)?
                .response()
                .to_owned())
        })
    }
}

/// Otherwise the last checkpoint before a quiet night would have no cosignature until the morning.
#[tokio::test(start_paused = true)]
async fn l_a_witness_that_was_away_is_asked_again_though_nothing_happens() {
    let (store, place) = (fresh(), TrailFixture::new());
    let witness = SigningKey::from_seed("w", KeyKind::Witness, [2; 32]).unwrap();
    let keys = vec![witness.verifier().clone()];
    let witness = gate_runtime::audit::Witness::new(witness).unwrap();
    let trail = place.trail().witness(LateWitness { keys, witness, was_asked: false.into() });
    let gate: Gate<Tools> = builder(&store, &State::default()).trail(trail).build().await.unwrap();
    let status = gate.seal().await.unwrap();
    assert!(status.cosignatures() == 0 && status.witness_error().is_some(), "{status:?}");
    for _ in 0..4 {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        for _ in 0..20 {
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        }
    }
    let status = gate.trail().unwrap();
    assert_eq!((status.cosignatures(), status.witness_error()), (1, None));
}
