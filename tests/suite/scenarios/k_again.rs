//! K. Events that must not make a body run again, or let it run on a decision about another call.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::review::{DecideError, Refused, Settlement, Status};
use serde_json::json;

use crate::scenarios::desk::{
    call, dana, kinds, only_interruption, people, poll_until_begun, run, story, texts, until,
    until_asked, until_indeterminate,
};
use crate::scenarios::stores::{Shared, fresh, on_every_store};
use crate::scenarios::unreliable::{self, World};

on_every_store! {
    k_a_freeze_takes_nothing_from_what_runs_already,
    k_the_same_click_delivered_twice_is_no_word_about_a_failure,
    k_a_grant_is_no_word_about_a_failure,
    k_what_was_found_out_about_one_attempt_does_not_settle_the_next,
    s_a_grant_does_not_answer_who_is_asked_only_now,
    s_who_is_asked_only_later_does_not_grant_now,
    s_a_grant_that_was_revoked_runs_nothing_that_it_covered,
    r_a_refused_retry_is_refused_when_it_is_proposed_again,
    k_an_end_that_is_known_counts_even_after_another_attempt_was_allowed,
    r_an_answer_to_a_failure_is_not_told_as_not_run,
    u_a_vote_counts_in_the_store_where_it_was_given,
    t_what_a_grant_covers_waits_for_its_batch_too,
    v_votes_from_elsewhere_count_as_the_directory_of_the_gate_says,
    v_votes_on_guarded_work_count_as_the_directory_of_the_gate_says,
}

/// Book; the other side has it only once the body is at its end.
#[gated_tool(policy = "always_ask", reconcile = "was_booked")]
async fn book(#[state] world: &Arc<World>, what: String) -> String {
    world.act(format!("book {what}")).await;
    what
}

async fn was_booked(_: Call<Book>) -> ReconcileOutcome<String> {
    tokio::task::yield_now().await;
    ReconcileOutcome::No
}

/// Blocks its thread, as a client that does not wait for others.
#[gated_tool(policy = "always_ask", reconcile = "was_blocked")]
fn block(#[state] world: &Arc<World>, what: String) -> String {
    world.note(format!("block {what}"));
    while !world.release.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(5));
    }
    what
}

async fn was_blocked(_: Call<Block>) -> ReconcileOutcome<String> {
    tokio::task::yield_now().await;
    ReconcileOutcome::No
}

/// A manager decides.
#[policy]
fn managers(rules: Rules<Attempt>) -> Rules<Attempt> {
    rules.otherwise(ask(role("manager")))
}

/// Try, once a manager agrees.
#[gated_tool(policy = "managers", on_error = "ask")]
async fn attempt(#[state] world: &Arc<World>, what: String) -> Result<String, String> {
    world.attempt(&what).await.map(|()| what)
}

/// Try.
#[gated_tool(policy = "never_ask", on_error = "ask")]
async fn auto(#[state] world: &Arc<World>, what: String) -> Result<String, String> {
    world.attempt(&what).await.map(|()| what)
}

/// A director too, while there is an alert.
#[policy]
fn alerting(rules: Rules<Shift>) -> Rules<Shift> {
    rules
        .ask("alert", ask(role("director")))
        .when(|call| call.state().alert.load(Ordering::SeqCst))
        .otherwise(ask(role("manager")))
}

/// Shift.
#[gated_tool(policy = "alerting")]
async fn shift(#[state] world: &Arc<World>, what: String) -> String {
    world.act(format!("shift {what}")).await;
    what
}

/// A manager, and after half an hour the intern.
#[policy]
fn steps(rules: Rules<Step>) -> Rules<Step> {
    rules.otherwise(
        ask(role("manager")).within(minutes(30)).then(ask(role("intern")).within(minutes(30))),
    )
}

/// Step.
#[gated_tool(policy = "steps")]
async fn step(#[state] world: &Arc<World>, what: String) -> String {
    world.act(format!("step {what}")).await;
    what
}

/// Two decide.
#[policy]
fn two(rules: Rules<Launch>) -> Rules<Launch> {
    rules.otherwise(ask(role("manager")).count(2))
}

/// Launch.
#[gated_tool(policy = "two")]
async fn launch(#[state] world: &Arc<World>, what: String) -> String {
    world.act(format!("launch {what}")).await;
    what
}

/// Holds its batch.
#[policy]
fn holds(rules: Rules<Hold>) -> Rules<Hold> {
    rules.otherwise(ask(role("manager")).hold_batch())
}

/// Hold.
#[gated_tool(policy = "holds")]
async fn hold(#[state] world: &Arc<World>, what: String) -> String {
    world.act(format!("hold {what}")).await;
    what
}

registry! { Tools for Arc<World> { Book, Block, Attempt, Auto, Shift, Step, Launch, Hold } }

type RetryFixture = unreliable::Fixture<Tools>;

/// Advances the clock in steps, so that every task sees each of them.
async fn pass(fixture: &RetryFixture, seconds: u64) {
    for _ in 0..seconds {
        fixture.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn of(what: &str, id: &str, tool: &str) -> ToolCall {
    call(id, tool, json!({"what": what}))
}

async fn k_a_freeze_takes_nothing_from_what_runs_already(store: Shared) {
    let fixture = RetryFixture::new(store);
    fixture.world.hangs.store(true, Ordering::SeqCst);
    let (gate, other) = (fixture.gate().await, fixture.gate().await);
    let dana = dana(&gate).await;
    let mine = run(&gate);
    let turn = mine.submit([of("a", "1", "book")]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let running = tokio::spawn(async move { mine.proceed().await.unwrap() });
    fixture.world.begun.notified().await;
    let freeze = gate.freeze(FreezeScope::tool("book"), "look into it", &dana).await.unwrap();
    pass(&fixture, 45).await;
    gate.lift_freeze(&freeze, &dana).await.unwrap();
    assert_eq!(other.recover().await.unwrap()[0].approval().status(), Status::Dispatched);
    fixture.world.go.notify_one();
    assert_eq!(kinds(&running.await.unwrap()), ["succeeded"]);
    assert_eq!(fixture.world.ran().len(), 1);
}

/// Another thread renews the lease of a body that blocks its thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn k_a_body_that_blocks_its_thread_is_vouched_for() {
    let fixture = RetryFixture::new(fresh());
    let (gate, other) = (fixture.gate().await, fixture.gate().await);
    let mine = run(&gate);
    let turn = mine.submit([of("a", "1", "block")]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let running = tokio::spawn(async move { mine.proceed().await.unwrap() });
    fixture.world.begun.notified().await;
    pass(&fixture, 45).await;
    let theirs = run(&other);
    let second =
        tokio::spawn(async move { theirs.submit([of("a", "1", "block")]).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let ran = fixture.world.ran();
    fixture.world.release.store(true, Ordering::SeqCst);
    assert_eq!(kinds(&running.await.unwrap()), ["succeeded"]);
    second.await.unwrap().unwrap();
    assert_eq!(ran.len(), 1, "two bodies at once: {ran:?}");
}

async fn k_the_same_click_delivered_twice_is_no_word_about_a_failure(store: Shared) {
    let fixture = RetryFixture::new(store);
    fixture.world.fails.store(1, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "attempt")]).await.unwrap();
    let shown = only_interruption(&turn).clone();
    shown.approve(&dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    let again = shown.approve(&dana).await;
    assert!(matches!(again, Err(DecideError::Refused(Refused::Changed))), "{again:?}");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    assert_eq!(fixture.world.ran(), ["try a"]);
}

async fn k_a_grant_is_no_word_about_a_failure(store: Shared) {
    let fixture = RetryFixture::new(store);
    fixture.world.fails.store(1, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "attempt")]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let _ = run.proceed().await.unwrap();
    let turn = run.submit([of("b", "2", "attempt")]).await.unwrap();
    let second = turn
        .interruptions()
        .iter()
        .find(|interruption| interruption.approval().failure().is_none())
        .unwrap();
    second.grant(&dana, Scope::this_run().any("what")).await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(fixture.world.ran(), ["try a", "try b"]);
}

async fn k_what_was_found_out_about_one_attempt_does_not_settle_the_next(store: Shared) {
    let fixture = RetryFixture::new(store);
    fixture.world.hangs.store(true, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let (dana, omar) = (dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let turn = run(&gate).submit([of("a", "1", "attempt")]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let dies = async || {
        let again = run(&gate);
        let attempt = again.submit([of("a", "1", "attempt")]);
        drop(poll_until_begun(attempt, &fixture.world.begun).await);
        until_indeterminate(&gate).await;
    };
    dies().await;
    let seen_by_dana = gate.recover().await.unwrap().remove(0);
    gate.recover().await.unwrap()[0]
        .settle(&omar, Settlement::RunAgain, "it did not arrive")
        .await
        .unwrap();
    gate.pending().await.unwrap()[0].approve(&omar).await.unwrap();
    dies().await;
    let late =
        seen_by_dana.settle(&dana, Settlement::RunAgain, "the first one did not arrive").await;
    assert!(matches!(late, Err(DecideError::Refused(Refused::Changed))), "{late:?}");
    assert_eq!(fixture.world.ran().len(), 2);
}

async fn s_a_grant_does_not_answer_who_is_asked_only_now(store: Shared) {
    let fixture = RetryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "shift"), of("b", "2", "shift")]).await.unwrap();
    turn.interruptions()[0].grant(&dana, Scope::this_run().any("what")).await.unwrap();
    fixture.world.alert.store(true, Ordering::SeqCst);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting", "waiting"]);
    assert_eq!(fixture.world.ran().len(), 0);
}

async fn s_who_is_asked_only_later_does_not_grant_now(store: Shared) {
    let fixture = RetryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana, ines) = (run(&gate), dana(&gate).await, gate.reviewer("ines").await.unwrap());
    let turn = run.submit([of("a", "1", "step")]).await.unwrap();
    assert!(only_interruption(&turn).approve(&ines).await.is_err(), "it is not her turn");
    only_interruption(&turn).reject(&dana, "no").await.unwrap();
    assert!(
        only_interruption(&turn).grant_like(&ines, Scope::any_run().any("what")).await.is_err()
    );
    assert_eq!(kinds(&run.submit([of("b", "2", "step")]).await.unwrap()), ["waiting"]);
}

async fn s_a_grant_that_was_revoked_runs_nothing_that_it_covered(store: Shared) {
    let fixture = RetryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "step"), of("b", "2", "step")]).await.unwrap();
    let given = turn.interruptions()[0].grant(&dana, Scope::this_run().any("what")).await.unwrap();
    gate.revoke(given.grant().unwrap(), &dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "waiting"]);
    assert_eq!(fixture.world.ran(), ["step a"]);
}

async fn r_a_refused_retry_is_refused_when_it_is_proposed_again(store: Shared) {
    let fixture = RetryFixture::new(store);
    fixture.world.fails.store(1, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "auto")]).await.unwrap();
    only_interruption(&turn).reject(&dana, "do not try again").await.unwrap();
    let turn = run.submit([of("a", "2", "auto"), of("b", "3", "auto")]).await.unwrap();
    assert_eq!(kinds(&turn), ["rejected", "succeeded"]);
    assert!(texts(&turn)[0].contains("do not try again"));
    assert_eq!(fixture.world.ran(), ["try a", "try b"]);
}

async fn k_an_end_that_is_known_counts_even_after_another_attempt_was_allowed(store: Shared) {
    let fixture = RetryFixture::new(store);
    fixture.world.hangs.store(true, Ordering::SeqCst);
    let (gate, other) = (fixture.gate().await, fixture.gate().await);
    let dana = dana(&gate).await;
    let mine = run(&gate);
    let turn = mine.submit([of("a", "1", "attempt")]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let running = tokio::spawn(async move { mine.proceed().await.map(drop) });
    fixture.world.begun.notified().await;
    // Another process considers it lost, as after a jump of the clock, and a person settles it
    // wrongly.
    fixture.clock.advance(hours(1));
    let in_flight = other.recover().await.unwrap().remove(0);
    if in_flight.approval().status() == Status::Indeterminate {
        in_flight.settle(&dana, Settlement::RunAgain, "it did not arrive").await.unwrap();
    }
    fixture.world.hangs.store(false, Ordering::SeqCst);
    fixture.world.go.notify_one();
    running.await.unwrap().unwrap();
    let turn = run(&other).submit([of("a", "1", "attempt")]).await.unwrap();
    assert_eq!((fixture.world.ran().len(), kinds(&turn)), (1, vec!["succeeded"]));
}

async fn r_an_answer_to_a_failure_is_not_told_as_not_run(store: Shared) {
    let fixture = RetryFixture::new(store);
    fixture.world.fails.store(1, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "auto")]).await.unwrap();
    only_interruption(&turn).respond(&dana, json!("done by hand")).await.unwrap();
    let text = texts(&run.proceed().await.unwrap())[0].clone();
    assert_eq!(
        text,
        "<gate-notice>It ran and failed, and a person answered in the tool's place. The \
         answer:</gate-notice> done by hand"
    );
}

async fn u_a_vote_counts_in_the_store_where_it_was_given(store: Shared) {
    let fixture = RetryFixture::new(store);
    let gate = fixture.gate().await;
    let (first, dana) = (run(&gate), dana(&gate).await);
    let turn = first.submit([of("a", "1", "launch")]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let state = first.state().await.unwrap();
    only_interruption(&turn).withdraw(&dana).await.unwrap();
    let elsewhere = RetryFixture::new(fresh());
    let gate = elsewhere.gate().await;
    let _second = gate.resume(state).await.unwrap();
    let omar = gate.reviewer("omar").await.unwrap();
    let decided = gate.pending().await.unwrap()[0].approve(&omar).await.unwrap();
    assert_eq!((decided.status(), decided.approval().votes().len()), (Status::Pending, 1));
}

async fn t_what_a_grant_covers_waits_for_its_batch_too(store: Shared) {
    let fixture = RetryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "step")]).await.unwrap();
    only_interruption(&turn).grant(&dana, Scope::this_run().any("what")).await.unwrap();
    let _ = run.proceed().await.unwrap();
    let turn = run.submit([of("b", "2", "hold"), of("c", "3", "step")]).await.unwrap();
    assert_eq!(fixture.world.ran(), ["step a"]);
    only_interruption(&turn).approve(&dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "succeeded"]);
}

async fn v_votes_from_elsewhere_count_as_the_directory_of_the_gate_says(store: Shared) {
    let fixture = RetryFixture::new(store);
    // Somebody who can write the store may use a directory of their own.
    let stranger = fixture
        .gate_with(people().person("mallory", ["manager"]).person("ines", ["manager"]))
        .await;
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([of("a", "1", "launch")]).await.unwrap();
    for who in ["mallory", "ines"] {
        let who = stranger.reviewer(who).await.unwrap();
        stranger.pending().await.unwrap()[0].approve(&who).await.unwrap();
    }
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    let left = only_interruption(&turn).approve(&dana).await.unwrap();
    assert_eq!(
        (left.status(), left.approval().votes().len()),
        (Status::Pending, 1),
        "theirs are void"
    );
    assert_eq!(story(&gate).await.iter().filter(|kind| **kind == "voided").count(), 1);
    assert_eq!(fixture.world.ran().len(), 0);
}

async fn v_votes_on_guarded_work_count_as_the_directory_of_the_gate_says(store: Shared) {
    let fixture = RetryFixture::new(store);
    let stranger = fixture.gate_with(people().person("mallory", ["manager"])).await;
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let mut attempts = 0;
    let work = run.guard("close the books", ask(role("manager")), async || {
        attempts += 1;
        if attempts == 1 { Err("broke") } else { Ok(()) }
    });
    let decide = async {
        until_asked(&gate).await;
        let mallory = stranger.reviewer("mallory").await.unwrap();
        stranger.pending().await.unwrap()[0].approve(&mallory).await.unwrap();
        until(async || story(&gate).await.contains(&"voided")).await;
        gate.pending().await.unwrap()[0].approve(&dana).await.unwrap();
    };
    tokio::join!(work, decide).0.unwrap();
    let dispatched = story(&gate).await.into_iter().filter(|kind| *kind == "dispatched").count();
    assert_eq!((attempts, dispatched), (2, 2));
}
