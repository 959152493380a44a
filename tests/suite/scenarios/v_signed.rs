//! V. The content that voters were shown, and the content that they signed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gate_runtime::audit::{KeyKind, Note, SigningKey};
use gate_runtime::grants::ScopeError;
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::records::{CallEvent, RecordEvent};
use gate_runtime::review::{DecideError, DecisionOutcome, Refused, Status, VoteSignatureError};
use gate_runtime::testing::ManualClock;
use gate_runtime::{Approval, Interruption};
use gate_sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::scenarios::desk::{
    KEY, call, dana, kinds, noon, only_interruption, people, records, run, sign_in_call, story,
    until, until_asked,
};
use crate::scenarios::stores::{Shared, on_every_store};
use crate::scenarios::v_people::Changing;

on_every_store! {
    v_what_voters_were_shown_is_what_the_records_say,
    v_a_vote_on_what_has_changed_since_is_refused,
    v_whoever_has_a_key_must_sign_and_nobody_else_can,
    v_a_signed_vote_is_on_the_record_for_others_to_verify,
    v_only_signed_votes_count_where_the_policy_wants_them,
    v_no_standing_permission_answers_for_a_signature,
    v_a_vote_whose_key_was_replaced_counts_no_more,
    v_a_key_of_the_person_a_run_is_for_is_asked_for_too,
    v_signed_votes_on_guarded_work_are_verified_before_it_is_tried_again,
    v_while_the_directory_does_not_know_keys_nobody_decides_and_nothing_runs,
}

/// The world that the tools change.
#[derive(Default)]
pub struct World {
    /// True once the tool that fails the first time has failed.
    failed: AtomicBool,
    ran: Mutex<Vec<String>>,
}

impl World {
    /// Returns the lines in alphabetical order, because concurrent calls may run in any order.
    fn ran(&self) -> Vec<String> {
        let mut ran = self.ran.lock().unwrap().clone();
        ran.sort();
        ran
    }
}

/// Transfers: two managers, or whoever is there after ten minutes.
#[policy]
fn transfers(rules: Rules<Transfer>) -> Rules<Transfer> {
    rules
        .ask("huge", ask(role("intern")))
        .when(|call| call.amount > 5_000)
        .ask(
            "large",
            ask(role("manager"))
                .count(2)
                .within(minutes(10))
                .then(ask(anyone()).within(minutes(10))),
        )
        .when(|call| call.amount > 1_000)
        .otherwise(ask(role("manager")).remind_every(minutes(3)))
}

/// Transfer money.
#[gated_tool(policy = "transfers", on_error = "ask")]
fn transfer(#[state] world: &Arc<World>, to: String, amount: u64) -> Result<String, String> {
    let is_first = amount == 50 && !world.failed.swap(true, Ordering::SeqCst);
    if is_first { Err("the bank is closed".to_owned()) } else { Ok(format!("{amount} to {to}")) }
}

/// Sign in somewhere.
#[gated_tool(policy = "always_ask", secret(password))]
fn sign_in(user: String, password: String) -> usize {
    user.len() + password.len()
}

/// Payouts: a manager who signs.
#[policy]
fn payouts<T: Tool>(rules: Rules<T>) -> Rules<T> {
    rules.otherwise(ask(role("manager")).signed())
}

/// Pay out.
#[gated_tool(policy = "payouts")]
fn pay_out(#[state] world: &Arc<World>, to: String, amount: u64) -> String {
    world.ran.lock().unwrap().push(format!("pay out {amount} to {to}"));
    to
}

/// Empty an account.
#[gated_tool(policy = "payouts")]
fn empty(#[state] world: &Arc<World>, to: String, amount: u64) -> String {
    world.ran.lock().unwrap().push(format!("empty {amount} to {to}"));
    to
}

/// Launch: two managers who sign.
#[policy]
fn by_two(rules: Rules<Launch>) -> Rules<Launch> {
    rules.otherwise(ask(role("manager")).count(2).signed())
}

/// Launch.
#[gated_tool(policy = "by_two")]
fn launch(#[state] world: &Arc<World>, what: String) -> String {
    world.ran.lock().unwrap().push(format!("launch {what}"));
    what
}

/// The customer confirms.
#[policy]
fn confirmed(rules: Rules<Book>) -> Rules<Book> {
    rules.otherwise(ask(principal()))
}

/// Book a flight.
#[gated_tool(policy = "confirmed")]
fn book(#[state] world: &Arc<World>, price: u64) -> u64 {
    world.ran.lock().unwrap().push(format!("book {price}"));
    price
}

registry! { Tools for Arc<World> { Transfer, SignIn, PayOut, Empty, Launch, Book } }

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, KeyKind::Log, [seed; 32]).unwrap()
}

/// Returns the people, of whom dana and omar have keys.
fn signers() -> StaticDirectory {
    people().with_key(key("dana", 1).verifier().clone()).with_key(key("omar", 2).verifier().clone())
}

async fn signers_gate(store: &Shared) -> (Gate<Tools>, Arc<World>, Changing) {
    let (world, directory) = (Arc::default(), Changing(Arc::new(Mutex::new(signers()))));
    let gate =
        Gate::builder(Arc::clone(&world)).agent("support").directory(directory.clone()).key(KEY);
    (gate.store(Arc::clone(store)).build().await.unwrap(), world, directory)
}

fn paying(id: &str, amount: u64) -> ToolCall {
    call(id, "pay_out", json!({"to": "alice", "amount": amount}))
}

/// Returns the reason why the signature of a vote is missing or invalid.
fn unsigned(decided: Result<DecisionOutcome, DecideError>) -> VoteSignatureError {
    match decided {
        Err(DecideError::Signature(bad)) => bad,
        other => panic!("{other:?}"),
    }
}

/// Builds a gate whose clock stands still at noon.
async fn gate(store: &Shared) -> (Gate<Tools>, ManualClock) {
    let clock = ManualClock::at(noon());
    let gate = Gate::builder(Arc::default()).agent("support").directory(people()).key(KEY);
    (gate.store(Arc::clone(store)).clock(clock.clone()).build().await.unwrap(), clock)
}

fn transfers_of(id: &str, amount: u64) -> ToolCall {
    call(id, "transfer", json!({"to": "alice", "amount": amount})).reasoning("the invoice is due")
}

/// Replays every call from its records alone, and counts the votes, each of which must be on the
/// content that was last shown.
async fn replayed(gate: &Gate<Tools>) -> (BTreeMap<ApprovalId, Approval>, usize) {
    let (mut calls, mut votes) = (BTreeMap::<ApprovalId, Approval>::new(), 0);
    for record in records(gate).await {
        let Some(id) = record.subject().map(gate_runtime::run::CallSubject::approval) else {
            continue;
        };
        let before = calls.remove(&id);
        if let RecordEvent::Call(CallEvent::Voted { vote }) = record.event() {
            votes += 1;
            assert_eq!(vote.shown(), Some(before.as_ref().unwrap().shown()), "{record:?}");
        }
        let after =
            Approval::after(before.as_ref(), &record).unwrap_or_else(|error| panic!("{error}"));
        calls.insert(id, after);
    }
    (calls, votes)
}

async fn v_what_voters_were_shown_is_what_the_records_say(store: Shared) {
    let (gate, clock) = gate(&store).await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let history = run.history([Message::user("Pay alice 2000.")]);
    let turn = history
        .submit([
            transfers_of("1", 2_000),
            transfers_of("2", 3_000),
            transfers_of("3", 50),
            sign_in_call("4", "hunter2"),
        ])
        .await
        .unwrap();
    let [steps, edited, again, secret] = turn.interruptions() else { panic!("{turn:?}") };
    // Each interruption stays valid through steps and reminders.
    steps.approve(&dana).await.unwrap();
    clock.advance(minutes(11));
    gate.run_due().await;
    steps.approve(&omar).await.unwrap();
    // An edit is another question for later voters; so is an edit that asks other people.
    edited.edit(&dana, Edit::new().set("amount", 6_000)).await.unwrap();
    let other = gate.interruption(edited.id()).await.unwrap().unwrap();
    other.approve(&omar).await.unwrap();
    other.approve(&gate.reviewer("ines").await.unwrap()).await.unwrap();
    secret.reject(&dana, "not there").await.unwrap();
    again.approve(&dana).await.unwrap();
    let turn = history.proceed().await.unwrap();
    assert_eq!(kinds(&turn).iter().filter(|kind| **kind == "waiting").count(), 1, "{turn:?}");
    // It failed, and running it again is another question.
    only_interruption(&turn).approve(&dana).await.unwrap();
    let _ = history.proceed().await.unwrap();
    let work =
        history.guard("close the books", ask(role("manager")), async || Err::<(), _>("broke"));
    let decide = async {
        until_asked(&gate).await.reject(&dana, "leave it").await.unwrap();
    };
    tokio::join!(work, decide).0.unwrap_err();

    let (calls, votes) = replayed(&gate).await;
    assert_eq!((calls.len(), votes), (5, 9));
    for (id, call) in &calls {
        let stored = gate.approval(*id).await.unwrap().unwrap();
        assert_eq!(
            (call.review_content(), call.status()),
            (stored.review_content(), stored.status())
        );
    }
}

async fn v_a_vote_on_what_has_changed_since_is_refused(store: Shared) {
    let (gate, _) = gate(&store).await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let turn = run.submit([transfers_of("1", 2_000)]).await.unwrap();
    let shown = only_interruption(&turn);
    let before = shown.approval().shown();
    shown.edit(&dana, Edit::new().set("amount", 3_000)).await.unwrap();
    let changed = shown.approve(&omar).await;
    assert!(matches!(changed, Err(DecideError::Refused(Refused::Changed))), "{changed:?}");
    let now = gate.interruption(shown.id()).await.unwrap().unwrap();
    assert_ne!(now.approval().shown(), before);
    assert_eq!(now.approve(&omar).await.unwrap().status(), Status::Approved);
}

async fn v_whoever_has_a_key_must_sign_and_nobody_else_can(store: Shared) {
    let (gate, _, _) = signers_gate(&store).await;
    let (run, dana, max) = (run(&gate), dana(&gate).await, gate.reviewer("ines").await.unwrap());
    let turn = run.submit([sign_in_call("1", "hunter2")]).await.unwrap();
    let interruption = only_interruption(&turn);
    let (hers, other, his) = (key("dana", 1), key("dana", 9), key("omar", 2));
    assert_eq!(unsigned(interruption.approve(&dana).await), VoteSignatureError::Unsigned);
    assert_eq!(
        unsigned(interruption.reject(&dana, "no").await),
        VoteSignatureError::Unsigned,
        "her no is hers, too"
    );
    assert_eq!(
        unsigned(interruption.approve(&dana).sign_with(&other).await),
        VoteSignatureError::OtherKey
    );
    assert_eq!(
        unsigned(interruption.approve(&dana).sign_with(&his).await),
        VoteSignatureError::OtherKey
    );
    assert_eq!(
        unsigned(interruption.approve(&max).sign_with(&hers).await),
        VoteSignatureError::NoKey
    );
    let witness = SigningKey::from_seed("dana", KeyKind::Witness, [1; 32]).unwrap();
    assert_eq!(
        unsigned(interruption.approve(&dana).sign_with(&witness).await),
        VoteSignatureError::WitnessKey
    );
    assert_eq!(story(&gate).await, ["assessed"], "nothing of it is a vote");
    let error_text = VoteSignatureError::Unsigned.to_string();
    assert!(
        error_text.contains("`--signing-key FILE`") && error_text.contains("`.sign_with(&key)`"),
        "{error_text}"
    );
    assert_eq!(
        interruption.approve(&dana).sign_with(&hers).await.unwrap().status(),
        Status::Approved
    );
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    // A person without a key votes as before.
    let turn = run.submit([sign_in_call("2", "hunter3")]).await.unwrap();
    assert_eq!(only_interruption(&turn).approve(&max).await.unwrap().status(), Status::Approved);
}

async fn v_a_signed_vote_is_on_the_record_for_others_to_verify(store: Shared) {
    let (gate, world, _) = signers_gate(&store).await;
    let (run, dana, hers) = (run(&gate), dana(&gate).await, key("dana", 1));
    let turn = run
        .submit([paying("1", 10), paying("2", 20), paying("3", 30), paying("4", 40)])
        .await
        .unwrap();
    let [first, second, third, fourth] = turn.interruptions() else { panic!("{turn:?}") };
    first.approve(&dana).comment("the invoice\nis here").sign_with(&hers).await.unwrap();
    second.edit(&dana, Edit::new().set("amount", 15)).sign_with(&hers).await.unwrap();
    third.reject(&dana, "paid \"last\" week").sign_with(&hers).await.unwrap();
    fourth.respond(&dana, json!({"paid": "by hand"})).sign_with(&hers).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "succeeded", "rejected", "responded"]);
    assert_eq!(world.ran(), ["pay out 10 to alice", "pay out 15 to alice"]);

    let mut nonces = BTreeSet::new();
    for record in records(&gate).await {
        let (Some(subject), RecordEvent::Call(CallEvent::Voted { vote })) =
            (record.subject(), record.event())
        else {
            continue;
        };
        let note = Note::parse(vote.signed().unwrap().as_bytes()).unwrap();
        note.verify(&[hers.verifier().clone()]).unwrap();
        assert!(
            note.text().contains(&format!("\napproval {}\n", subject.approval())),
            "{}",
            note.text()
        );
        nonces.insert(note.text().lines().last().unwrap().to_owned());
        vote.verify_signature(subject, hers.verifier()).unwrap();
        assert!(vote.verify_signature(subject, key("dana", 9).verifier()).is_err());
    }
    assert_eq!(nonces.len(), 4, "each has a nonce of its own");
    let (calls, votes) = replayed(&gate).await;
    assert_eq!((calls.len(), votes), (4, 4));
}

async fn v_only_signed_votes_count_where_the_policy_wants_them(store: Shared) {
    let (gate, world, _) = signers_gate(&store).await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let max = gate.reviewer("mia").await.unwrap();
    let turn =
        gate.run("another").submit([call("1", "launch", json!({"what": "a"}))]).await.unwrap();
    let question = only_interruption(&turn);
    assert_eq!(question.approval().waits_for(), "2 of role manager, with a signed vote");
    // A manager without a key.
    let refused = question.approve(&max).await.unwrap_err();
    assert!(matches!(refused, DecideError::Refused(Refused::SignatureRequired)), "{refused}");
    assert!(refused.to_string().contains("register a key in the directory"), "{refused}");
    assert_eq!(
        unsigned(question.approve(&max).sign_with(&key("mia", 3)).await),
        VoteSignatureError::NoKey
    );
    let once = question.approve(&dana).sign_with(&key("dana", 1)).await.unwrap();
    assert_eq!(once.status(), Status::Pending);
    assert!(question.approve(&omar).await.is_err());
    let twice = question.approve(&omar).sign_with(&key("omar", 2)).await.unwrap();
    assert_eq!(twice.status(), Status::Approved);
    drop(turn);
    // A rejection is no risk, so it counts without a signature.
    let turn = run.submit([paying("1", 10)]).await.unwrap();
    let intern = gate.reviewer("ines").await.unwrap();
    assert!(only_interruption(&turn).reject(&intern, "no").await.is_err(), "she is not asked");
    drop(world);
    let turn = gate.run("third").submit([paying("1", 10)]).await.unwrap();
    assert_eq!(
        only_interruption(&turn).reject(&max, "no").await.unwrap().status(),
        Status::Rejected
    );
}

async fn v_no_standing_permission_answers_for_a_signature(store: Shared) {
    let (gate, _, _) = signers_gate(&store).await;
    let (run, dana, hers) = (run(&gate), dana(&gate).await, key("dana", 1));
    let turn = run.submit([paying("1", 10), transfers_of("2", 20)]).await.unwrap();
    let [signed, plain] = turn.interruptions() else { panic!("{turn:?}") };
    let refused = signed.grant(&dana, Scope::this_run().any("amount")).sign_with(&hers).await;
    assert!(matches!(refused, Err(DecideError::Scope(ScopeError::NotAllowed))), "{refused:?}");
    // At another gate, her permission would need her signature, as every vote of hers does, but
    // only votes are signed.
    let scope = || Scope::this_run().any("amount");
    assert_eq!(unsigned(plain.grant(&dana, scope()).await), VoteSignatureError::Unsigned);
    plain.grant(&dana, scope()).sign_with(&hers).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting", "succeeded"]);
    let ran = gate.interruption(plain.id()).await.unwrap().unwrap();
    let like = ran.grant_like(&dana, Scope::any_run().any("amount")).await;
    assert!(matches!(like, Err(DecideError::Scope(ScopeError::NeedsVote))), "{like:?}");
}

async fn v_a_vote_whose_key_was_replaced_counts_no_more(store: Shared) {
    let (gate, world, directory) = signers_gate(&store).await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let (old, new) = (key("dana", 1), key("dana", 9));
    let turn = run.submit([paying("1", 10)]).await.unwrap();
    only_interruption(&turn).approve(&dana).sign_with(&old).await.unwrap();
    *directory.0.lock().unwrap() = signers().with_key(new.verifier().clone());
    let turn = run.proceed().await.unwrap();
    assert_eq!((kinds(&turn), world.ran().len()), (vec!["waiting"], 0));
    assert!(only_interruption(&turn).approval().votes().is_empty());
    assert!(story(&gate).await.contains(&"voided"));
    assert_eq!(
        unsigned(only_interruption(&turn).approve(&dana).sign_with(&old).await),
        VoteSignatureError::OtherKey
    );
    only_interruption(&turn).approve(&dana).sign_with(&new).await.unwrap();
    // The same holds if her key is removed.
    *directory.0.lock().unwrap() = people();
    assert_eq!((kinds(&run.proceed().await.unwrap()), world.ran().len()), (vec!["waiting"], 0));
    *directory.0.lock().unwrap() = signers();
    let turn = run.proceed().await.unwrap();
    only_interruption(&turn).approve(&omar).sign_with(&key("omar", 2)).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    // A person who gets a key after their vote has not signed it.
    *directory.0.lock().unwrap() = people();
    let turn = run.submit([transfers_of("2", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    *directory.0.lock().unwrap() = signers();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
}

async fn v_a_key_of_the_person_a_run_is_for_is_asked_for_too(store: Shared) {
    let (gate, world, directory) = signers_gate(&store).await;
    let (run, mia, hers) = (run(&gate), gate.principal("mia"), key("mia", 3));
    let turn = run.submit([call("1", "book", json!({"price": 100}))]).await.unwrap();
    only_interruption(&turn).approve(&mia).await.unwrap();
    *directory.0.lock().unwrap() = signers().with_key(hers.verifier().clone());
    let turn = run.proceed().await.unwrap();
    assert_eq!((kinds(&turn), world.ran().len()), (vec!["waiting"], 0), "she has one now");
    assert_eq!(
        unsigned(only_interruption(&turn).approve(&mia).await),
        VoteSignatureError::Unsigned
    );
    only_interruption(&turn).approve(&mia).sign_with(&hers).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["book 100"]);
}

async fn v_signed_votes_on_guarded_work_are_verified_before_it_is_tried_again(store: Shared) {
    let (gate, _, directory) = signers_gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let mut attempts = 0;
    let work = run.guard("close the books", ask(role("manager")).signed(), async || {
        attempts += 1;
        if attempts == 1 { Err("broke") } else { Ok(()) }
    });
    let approve = async |key: &SigningKey| -> Result<DecisionOutcome, DecideError> {
        until_asked(&gate).await.approve(&dana).sign_with(key).await
    };
    // The gate at which she votes has another key of hers.
    let elsewhere =
        Changing(Arc::new(Mutex::new(people().with_key(key("dana", 9).verifier().clone()))));
    let elsewhere = Gate::builder(Arc::default()).agent("support").directory(elsewhere).key(KEY);
    let elsewhere: Gate<Tools> = elsewhere.store(Arc::clone(&store)).build().await.unwrap();
    let decide = async {
        assert_eq!(unsigned(approve(&key("dana", 9)).await), VoteSignatureError::OtherKey);
        elsewhere.pending().await.unwrap()[0]
            .approve(&dana)
            .sign_with(&key("dana", 9))
            .await
            .unwrap();
        until(async || story(&gate).await.contains(&"voided")).await;
        approve(&key("dana", 1)).await.unwrap();
    };
    tokio::join!(work, decide).0.unwrap();
    assert_eq!(attempts, 2);
    drop(directory);
}

/// A directory that fails only for keys.
struct KeylessDirectory(StaticDirectory);

impl gate_runtime::people::Directory for KeylessDirectory {
    fn find<'a>(
        &'a self,
        who: &'a gate_runtime::id::ReviewerId,
        at: gate_runtime::Timestamp,
    ) -> gate_runtime::store::BoxFuture<
        'a,
        Result<Option<Vec<gate_runtime::id::Role>>, gate_runtime::people::DirectoryError>,
    > {
        self.0.find(who, at)
    }

    fn holders<'a>(
        &'a self,
        role: Option<&'a gate_runtime::id::Role>,
        at: gate_runtime::Timestamp,
    ) -> gate_runtime::store::BoxFuture<
        'a,
        Result<Option<Vec<gate_runtime::id::ReviewerId>>, gate_runtime::people::DirectoryError>,
    > {
        self.0.holders(role, at)
    }

    fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> gate_runtime::store::BoxFuture<
        'a,
        Result<Vec<gate_runtime::id::ReviewerId>, gate_runtime::people::DirectoryError>,
    > {
        self.0.named(name)
    }

    fn digest(
        &self,
    ) -> gate_runtime::store::BoxFuture<
        '_,
        Result<gate_runtime::id::Digest, gate_runtime::people::DirectoryError>,
    > {
        self.0.digest()
    }

    fn key<'a>(
        &'a self,
        _: &'a gate_runtime::id::ReviewerId,
        _: gate_runtime::Timestamp,
    ) -> gate_runtime::store::BoxFuture<
        'a,
        Result<Option<gate_runtime::audit::VerifierKey>, gate_runtime::people::DirectoryError>,
    > {
        Box::pin(async { Err(gate_runtime::people::DirectoryError::new("LDAP does not answer")) })
    }
}

async fn v_while_the_directory_does_not_know_keys_nobody_decides_and_nothing_runs(store: Shared) {
    let (gate, world, _) = signers_gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([paying("1", 10), paying("2", 20)]).await.unwrap();
    let [first, second] = turn.interruptions() else { panic!("{turn:?}") };
    first.approve(&dana(&gate).await).sign_with(&key("dana", 1)).await.unwrap();
    let blind = Gate::builder(Arc::clone(&world))
        .agent("support")
        .directory(KeylessDirectory(signers()))
        .key(KEY);
    let blind: Gate<Tools> = blind.store(Arc::clone(&store)).build().await.unwrap();
    let shown = blind.interruption(second.id()).await.unwrap().unwrap();
    for key in [None, Some(key("omar", 2))] {
        let omar = blind.reviewer("omar").await.unwrap();
        let decide = shown.approve(&omar);
        let decided = match &key {
            Some(key) => decide.sign_with(key).await,
            None => decide.await,
        };
        assert!(decided.is_err(), "{decided:?}");
    }
    let resumed = blind.resume(run.state().await.unwrap()).await.unwrap();
    assert_eq!(kinds(&resumed.proceed().await.unwrap()), ["approved", "waiting"]);
    assert_eq!(world.ran().len(), 0);
    // The call is unchanged, and runs at a gate with the keys.
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "waiting"]);
}

/// A change of the row of a call that somebody with access to the database file could make.
type Forgery = fn(row: &mut Value, approved: &Value, other: &Value);

/// Changes the row of a call, as somebody with access to the file can.
fn forge(file: &std::path::Path, call: ApprovalId, change: impl FnOnce(&mut Value)) {
    let connection = rusqlite::Connection::open(file).unwrap();
    let body = "SELECT body FROM approvals WHERE id = ?";
    let body: String = connection.query_row(body, [call.to_string()], |row| row.get(0)).unwrap();
    let mut row: Value = serde_json::from_str(&body).unwrap();
    change(&mut row);
    let (status, tool) = (row["status"].as_str().unwrap(), row["tool"].as_str().unwrap());
    let written = "UPDATE approvals SET body = ?, status = ?, tool = ? WHERE id = ?";
    assert_eq!(
        connection.execute(written, (row.to_string(), status, tool, call.to_string())).unwrap(),
        1
    );
}

#[tokio::test]
async fn v_a_forged_row_does_not_run() {
    let forgeries: [(&str, Forgery); 13] = [
        ("a vote without a signature", |row, approved, _| {
            row["votes"] = approved["votes"].clone();
            row["votes"][0].as_object_mut().unwrap().remove("signed");
        }),
        ("a signed vote on another call", |row, approved, _| {
            row["votes"] = approved["votes"].clone();
        }),
        ("with what that one was shown", |row, approved, _| {
            row["votes"] = approved["votes"].clone();
            row["votes"][0]["arguments"] = row["arguments"]["digest"].clone();
        }),
        ("with its id", |row, approved, _| {
            let id = row["approval"].clone();
            row["votes"] = approved["votes"].clone();
            let note = row["votes"][0]["signed"].as_str().unwrap();
            let note = note.replace(approved["approval"].as_str().unwrap(), id.as_str().unwrap());
            row["votes"][0]["signed"] = json!(note);
        }),
        ("nobody to ask", |row, _, _| row["requirements"] = json!([])),
        ("somebody else to ask", |row, approved, _| {
            row["requirements"] = json!([{"tiers": [{"who": {"type": "anyone"}}]}]);
            row["votes"] = approved["votes"].clone();
            row["votes"][0]["reviewer"] = json!("ines");
            row["votes"][0]["roles"] = json!(["intern"]);
            row["votes"][0].as_object_mut().unwrap().remove("signed");
        }),
        ("a standing permission", |row, _, _| {
            row["grant"] = row["approval"].clone();
            row["granted_by"] = json!("dana");
        }),
        ("other arguments under a good signature", |row, approved, other| {
            *row = approved.clone();
            row["arguments"] = other["arguments"].clone();
            row["votes"][0]["arguments"] = other["arguments"]["digest"].clone();
        }),
        ("another tool under a good signature", |row, approved, other| {
            *row = approved.clone();
            for field in ["tool", "tool_digest", "policy_digest"] {
                row[field] = other[field].clone();
            }
        }),
        ("another person under a good signature", |row, approved, _| {
            *row = approved.clone();
            row["principal"] = json!("noah");
        }),
        ("another voter under a good signature", |row, approved, _| {
            *row = approved.clone();
            row["votes"][0]["reviewer"] = json!("omar");
        }),
        ("another decision under a good signature", |row, approved, other| {
            *row = approved.clone();
            row["arguments"] = other["arguments"].clone();
            row["votes"][0]["decision"] = json!({"type": "edit", "arguments": other["arguments"]});
        }),
        ("another comment under a good signature", |row, approved, _| {
            *row = approved.clone();
            row["votes"][0]["comment"] = json!("as agreed by phone");
        }),
    ];
    for (name, forgery) in forgeries {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gate.db");
        let store: Shared = Arc::new(SqliteStore::open(&file).await.unwrap());
        let (gate, world, _) = signers_gate(&store).await;
        let (run, dana, hers) = (run(&gate), dana(&gate).await, key("dana", 1));
        let emptying = call("3", "empty", json!({"to": "mallory", "amount": 9_000}));
        let turn = run.submit([paying("1", 10), paying("2", 5_000), emptying]).await.unwrap();
        let [small, large, other] = turn.interruptions() else { panic!("{turn:?}") };
        small.approve(&dana).sign_with(&hers).await.unwrap();
        let stored =
            async |asked: &Interruption| json!(*gate.approval(asked.id()).await.unwrap().unwrap());
        let (approved, other) = (stored(small).await, stored(other).await);
        // Applies each forgery to the row of the approved small call, or otherwise to that of the
        // large one.
        let mut tried = stored(large).await;
        forgery(&mut tried, &approved, &other);
        let target =
            if tried["approval"] == approved["approval"] { small.id() } else { large.id() };
        forge(&file, target, |row| {
            let version = row["version"].clone();
            *row = tried;
            (row["status"], row["version"]) = (json!("approved"), version);
        });
        // A process that has only the id reads everything again.
        let turn = crate::scenarios::desk::run(&gate).proceed().await.unwrap();
        let honest = if target == small.id() { vec![] } else { vec!["pay out 10 to alice"] };
        assert_eq!(world.ran(), honest, "{name}");
        assert!(!turn.interruptions().iter().any(|asked| asked.id() == target), "{name}");
        assert!(story(&gate).await.contains(&"call_unjudged"), "{name}");
    }
}

#[tokio::test]
async fn v_one_signature_written_twice_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.db");
    let store: Shared = Arc::new(SqliteStore::open(&file).await.unwrap());
    let (gate, world, _) = signers_gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([call("1", "launch", json!({"what": "a"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana).sign_with(&key("dana", 1)).await.unwrap();
    forge(&file, only_interruption(&turn).id(), |row| {
        let vote = row["votes"][0].clone();
        (row["status"], row["votes"]) = (json!("approved"), json!([vote, vote]));
    });
    drop(run.proceed().await.unwrap());
    assert!(story(&gate).await.contains(&"call_unjudged"));
    assert!(world.ran().is_empty());
}
