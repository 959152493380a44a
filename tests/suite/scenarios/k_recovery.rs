//! K. Calls that were running when their process ended, and failures that ask people.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use gate_runtime::CallError;
use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::review::{DecideError, Refused, Settlement, Status};
use gate_runtime::run::InFlight;
use gate_runtime::testing::ManualClock;
use gate_runtime::tool::ToolOutcome;
use serde_json::json;

use crate::scenarios::desk::{
    call, dana, kinds, noon, only_interruption, poll_until_begun, run, story, texts, until,
    until_asked, until_indeterminate,
};
use crate::scenarios::stores::{Shared, on_every_store};
use crate::scenarios::unreliable::{self, World};

on_every_store! {
    k71_what_a_process_left_behind_is_listed_and_settled_by_a_person,
    k71_what_is_vouched_for_is_not_settled_by_others,
    k71_a_long_body_is_vouched_for_until_it_ends,
    k71_a_reconciler_settles_what_it_can,
    k71_a_reconciler_that_panics_settles_nothing,
    k71_an_idempotent_call_runs_again_under_the_same_key_three_times_at_most,
    k71_what_ends_after_it_was_given_up_counts_as_it_ended,
    k71_nothing_begins_beside_an_attempt_that_others_gave_up,
    k71_what_is_to_run_again_and_does_not_stays_unknown,
    k_a_program_is_not_told_that_a_call_did_not_run_which_ran_and_failed,
    k71_the_end_of_one_attempt_is_not_that_of_the_next,
    k_a_failure_may_ask_and_a_retry_is_an_attempt_of_its_own,
    k_a_failure_that_nobody_takes_up_stays_a_failure,
    k_a_failure_may_be_retried_with_other_arguments,
    k_guarded_work_is_done_again_only_on_a_persons_word,
    k_guarded_work_is_frozen_and_taken_back,
    b15_a_person_revokes_an_approval_before_it_runs_and_is_too_late_after,
    v_a_vote_may_be_changed_and_taken_back_until_it_is_decided,
}

/// Send something.
#[gated_tool(policy = "always_ask")]
async fn send(#[state] world: &Arc<World>, what: String) -> String {
    world.act(format!("send {what}")).await;
    format!("sent {what}")
}

/// Book something, under a key that the other side keeps.
#[gated_tool(policy = "always_ask", reconcile = "was_booked")]
async fn book(
    #[state] world: &Arc<World>,
    #[context] context: &CallContext,
    what: String,
) -> String {
    let _ = context;
    world.act(format!("book {what}")).await;
    format!("booked {what}")
}

async fn was_booked(call: Call<Book>) -> ReconcileOutcome<String> {
    tokio::task::yield_now().await;
    match call.what.as_str() {
        "happened" => ReconcileOutcome::Yes("booked, as we found".to_owned()),
        "did not happen" => ReconcileOutcome::No,
        "panic" => panic!("the other side does not answer"),
        _ => ReconcileOutcome::Unknown,
    }
}

/// Set something.
#[gated_tool(policy = "always_ask", idempotent)]
async fn set(
    #[state] world: &Arc<World>,
    #[context] context: &CallContext,
    what: String,
) -> String {
    world.act(format!("set {what} {}", context.idempotency_key())).await;
    format!("set {what}")
}

/// Try something.
#[gated_tool(policy = "never_ask", on_error = "ask")]
async fn attempt(#[state] world: &Arc<World>, what: String) -> Result<String, String> {
    world.attempt(&what).await.map(|()| format!("{what} is done"))
}

/// Two managers decide.
#[policy]
fn by_two(rules: Rules<Launch>) -> Rules<Launch> {
    rules.otherwise(ask(role("manager")).count(2))
}

/// Launch.
#[gated_tool(policy = "by_two")]
fn launch(what: String) -> String {
    what
}

registry! { Tools for Arc<World> { Send, Book, Set, Attempt, Launch } }

type RecoveryFixture = unreliable::Fixture<Tools>;

impl RecoveryFixture {
    /// Runs a process that approves a call, and dies while it runs.
    async fn dies_while_it_runs(&self, call: ToolCall) {
        self.world.hangs.store(true, Ordering::SeqCst);
        // Discards the notification of a body that began before.
        let _ = self.world.begun.notified().now_or_never();
        let (store, world, clock) =
            (Arc::clone(&self.store), Arc::clone(&self.world), self.clock.clone());
        let process = std::thread::spawn(move || {
            // Uses its own runtime, so that its tasks end with it, and nothing more is written.
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            runtime.block_on(async {
                let fixture = Self { store, world, clock, tools: PhantomData };
                let gate = fixture.gate().await;
                let run = run(&gate);
                let turn = run.submit([call]).await.unwrap();
                only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
                let running = tokio::spawn(async move { run.proceed().await.map(drop) });
                fixture.world.begun.notified().await;
                std::mem::forget(running);
            });
            runtime.shutdown_background();
        });
        tokio::task::spawn_blocking(|| process.join().unwrap()).await.unwrap();
        self.world.hangs.store(false, Ordering::SeqCst);
    }
}

fn one(found: Vec<InFlight>) -> InFlight {
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

async fn k71_what_a_process_left_behind_is_listed_and_settled_by_a_person(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    for (id, settlement, kind, text, runs) in [
        ("1", Settlement::ran(&json!("sent after all")), "succeeded", "sent after all", 1),
        ("2", Settlement::DidNotRun, "cancelled", "a fault stopped it", 1),
        ("3", Settlement::RunAgain, "succeeded", "sent 3", 2),
    ] {
        let send = call(id, "send", json!({"what": id}));
        fixture.dies_while_it_runs(send.clone()).await;
        fixture.clock.advance(minutes(1));
        let gate = fixture.gate().await;
        let (run, dana) = (run(&gate), dana(&gate).await);
        let turn = run.submit([send]).await.unwrap();
        assert_eq!(kinds(&turn), ["indeterminate"], "it does not run again by itself");
        let in_flight = one(gate.recover().await.unwrap());
        assert_eq!(
            (in_flight.approval().status(), in_flight.lease_expires_at()),
            (Status::Indeterminate, None)
        );
        let ines = gate.reviewer("mia").await.unwrap();
        assert!(
            in_flight.settle(&ines, settlement.clone(), "I say so").await.is_err(),
            "the run acts for her"
        );
        let silent = in_flight.settle(&dana, settlement.clone(), " ").await;
        assert!(matches!(silent, Err(DecideError::Refused(Refused::ReasonRequired))), "{silent:?}");
        in_flight.settle(&dana, settlement.clone(), "looked into the outbox").await.unwrap();
        let again = in_flight.settle(&dana, Settlement::RunAgain, "once more").await;
        assert!(matches!(again, Err(DecideError::AlreadyDecided(_))), "{again:?}");
        let turn = run.proceed().await.unwrap();
        if settlement == Settlement::RunAgain {
            assert_eq!(kinds(&turn), ["waiting"], "that it runs again is a question");
            only_interruption(&turn).approve(&dana).await.unwrap();
        }
        let turn = run.proceed().await.unwrap();
        assert_eq!(kinds(&turn), [kind]);
        assert!(texts(&turn)[0].contains(text), "{:?}", texts(&turn));
        let ran = fixture.world.ran().iter().filter(|line| **line == format!("send {id}")).count();
        assert_eq!(ran, runs, "{settlement}");
        assert!(gate.recover().await.unwrap().is_empty());
    }
}

async fn k71_what_is_vouched_for_is_not_settled_by_others(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.dies_while_it_runs(call("1", "send", json!({"what": "a"}))).await;
    let gate = fixture.gate().await;
    let dana = dana(&gate).await;
    let in_flight = one(gate.recover().await.unwrap());
    let until = noon().checked_add(std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(
        (in_flight.approval().status(), in_flight.lease_expires_at()),
        (Status::Dispatched, Some(until))
    );
    let early = in_flight.settle(&dana, Settlement::RunAgain, "I cannot wait").await;
    assert!(matches!(early, Err(DecideError::StillRunning { .. })), "{early:?}");
    assert_eq!(
        early.unwrap_err().to_string(),
        "it may be running: its process holds a lease until 2026-11-21T12:00:30Z; settle it \
         after that"
    );
    fixture.clock.advance(std::time::Duration::from_secs(30));
    in_flight.settle(&dana, Settlement::DidNotRun, "now").await.unwrap();
    assert_eq!(fixture.world.ran().len(), 1);
}

async fn k71_a_long_body_is_vouched_for_until_it_ends(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.hangs.store(true, Ordering::SeqCst);
    let (gate, other) = (fixture.gate().await, fixture.gate().await);
    let run = run(&gate);
    let turn = run.submit([call("1", "send", json!({"what": "a"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let running = tokio::spawn(async move { run.proceed().await.unwrap() });
    fixture.world.begun.notified().await;
    let vouched = async || {
        let running = one(other.recover().await.unwrap());
        assert_eq!(running.approval().status(), Status::Dispatched);
        running.lease_expires_at().unwrap()
    };
    for _ in 0..10 {
        let before = vouched().await;
        // Advances by the time for which a process is silent, and repeats it if the process read
        // the clock only after the change.
        fixture.clock.advance(std::time::Duration::from_secs(10));
        let patience = std::time::Instant::now();
        while vouched().await == before && patience.elapsed().as_secs() < 3 {
            tokio::task::yield_now().await;
        }
        if vouched().await == before {
            fixture.clock.advance(std::time::Duration::from_secs(10));
        }
        until(async || vouched().await > before).await;
    }
    fixture.world.go.notify_one();
    assert_eq!(kinds(&running.await.unwrap()), ["succeeded"]);
    assert_eq!(fixture.world.ran().len(), 1);
}

async fn k71_a_reconciler_settles_what_it_can(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    for (id, what, kind, runs) in [
        ("1", "happened", "succeeded", 1),
        ("2", "did not happen", "succeeded", 2),
        ("3", "who knows", "indeterminate", 1),
    ] {
        let book = call(id, "book", json!({"what": what}));
        fixture.dies_while_it_runs(book.clone()).await;
        fixture.clock.advance(minutes(1));
        let gate = fixture.gate().await;
        let left = gate.recover().await.unwrap().len();
        assert_eq!(left, usize::from(kind == "indeterminate"), "{what}");
        assert_eq!(kinds(&run(&gate).submit([book]).await.unwrap()), [kind], "{what}");
        assert_eq!(
            fixture.world.ran().iter().filter(|line| line.contains(what)).count(),
            runs,
            "{what}"
        );
    }
}

async fn k71_a_reconciler_that_panics_settles_nothing(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    let book = call("1", "book", json!({"what": "panic"}));
    fixture.dies_while_it_runs(book.clone()).await;
    fixture.clock.advance(minutes(1));
    let gate = fixture.gate().await;
    assert_eq!(gate.recover().await.unwrap().len(), 1);
    assert_eq!(kinds(&run(&gate).submit([book]).await.unwrap()), ["indeterminate"]);
    assert_eq!(fixture.world.ran().len(), 1);
}

async fn k71_an_idempotent_call_runs_again_under_the_same_key_three_times_at_most(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    let set = call("1", "set", json!({"what": "a"}));
    fixture.dies_while_it_runs(set.clone()).await;
    for begun in 2..=4 {
        fixture.clock.advance(minutes(1));
        let gate = fixture.gate().await;
        fixture.world.hangs.store(true, Ordering::SeqCst);
        let run = run(&gate);
        let again = run.submit([set.clone()]);
        if begun <= 3 {
            // It is left alone again while it runs.
            drop(poll_until_begun(again, &fixture.world.begun).await);
            until_indeterminate(&gate).await;
        } else {
            assert_eq!(kinds(&again.await.unwrap()), ["indeterminate"]);
        }
    }
    let ran = fixture.world.ran();
    assert_eq!(ran.len(), 3, "{ran:?}");
    assert!(ran.iter().all(|line| *line == ran[0]), "one key: {ran:?}");
}

async fn k71_what_ends_after_it_was_given_up_counts_as_it_ended(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.hangs.store(true, Ordering::SeqCst);
    let (gate, other) = (fixture.gate().await, fixture.gate().await);
    let running = run(&gate);
    let turn = running.submit([call("1", "send", json!({"what": "a"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let body = async {
        fixture.world.begun.notified().await;
        // The clock jumps, as when a machine wakes up, and the other process may be the first to
        // check.
        fixture.clock.advance(hours(1));
        other.recover().await.unwrap();
        fixture.world.go.notify_one();
    };
    let (turn, ()) = tokio::join!(running.proceed(), body);
    assert_eq!(kinds(&turn.unwrap()), ["succeeded"]);
    assert!(other.recover().await.unwrap().is_empty());
    assert_eq!(fixture.world.ran().len(), 1);
}

async fn k71_the_end_of_one_attempt_is_not_that_of_the_next(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.hangs.store(true, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let dana = dana(&gate).await;
    let first = run(&gate);
    let send = call("1", "send", json!({"what": "a"}));
    let turn = first.submit([send.clone()]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    // Its caller is dropped, which is written a moment later, and a person lets it run again.
    drop(poll_until_begun(first.proceed(), &fixture.world.begun).await);
    until_indeterminate(&gate).await;
    one(gate.recover().await.unwrap())
        .settle(&dana, Settlement::RunAgain, "it did not arrive")
        .await
        .unwrap();
    gate.pending().await.unwrap()[0].approve(&dana).await.unwrap();
    let second = run(&gate);
    let running = poll_until_begun(second.submit([send]), &fixture.world.begun).await;
    let now = one(gate.recover().await.unwrap());
    assert_eq!((now.approval().status(), now.approval().attempts()), (Status::Dispatched, 2));
    fixture.world.go.notify_one();
    assert_eq!(kinds(&running.await.unwrap()), ["succeeded"]);
    assert_eq!(fixture.world.ran().len(), 2);
}

async fn k_a_failure_may_ask_and_a_retry_is_an_attempt_of_its_own(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.fails.store(2, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let mut turn = run.submit([call("1", "attempt", json!({"what": "a"}))]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(kinds(&turn), ["waiting"]);
        assert_eq!(only_interruption(&turn).approval().failure(), Some("a broke"));
        only_interruption(&turn).approve(&dana).comment("try again").await.unwrap();
        turn = run.proceed().await.unwrap();
    }
    assert_eq!(texts(&turn), ["a is done"]);
    assert_eq!(turn.answers()[0].approval().unwrap().attempts(), 3);
    assert_eq!(fixture.world.ran().len(), 3);
    let event_kinds = story(&gate).await;
    assert_eq!(
        event_kinds.iter().filter(|kind| **kind == "faltered").count(),
        2,
        "{event_kinds:?}"
    );
    assert_eq!(
        event_kinds.iter().filter(|kind| **kind == "dispatched").count(),
        3,
        "{event_kinds:?}"
    );
}

async fn k_a_failure_that_nobody_takes_up_stays_a_failure(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.fails.store(9, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let attempt = |id: &str| call(id, "attempt", json!({"what": id}));
    for id in ["skipped", "taken back", "answered"] {
        let turn = run.submit([attempt(id)]).await.unwrap();
        let question = only_interruption(&turn);
        let (kind, text) = match id {
            "skipped" => {
                question.reject(&dana, "leave it").await.unwrap();
                ("failed", "The tool failed with this error:</gate-notice> skipped broke")
            }
            "taken back" => {
                question.cancel("the customer hung up").await.unwrap();
                ("failed", "The tool failed with this error:</gate-notice> taken back broke")
            }
            _ => {
                question.respond(&dana, json!("done by hand")).await.unwrap();
                ("responded", "done by hand")
            }
        };
        let turn = run.proceed().await.unwrap();
        assert_eq!(kinds(&turn), [kind], "{id}");
        assert!(texts(&turn)[0].contains(text), "{:?}", texts(&turn));
    }
    assert_eq!(fixture.world.ran().len(), 3, "nothing is tried again by itself");
    let direct = super_attempt(&gate, &dana).await;
    assert_eq!(direct.unwrap_err(), "direct broke");
}

/// A program that calls the tool waits for the decision about its failure.
async fn super_attempt(
    gate: &Gate<Tools>,
    dana: &gate_runtime::Reviewer,
) -> Result<String, String> {
    let run = gate.run("direct");
    let waiting = attempt(&run, "direct".into());
    let skips = async {
        until_asked(gate).await.reject(dana, "leave it").await.unwrap();
    };
    let (ended, ()) = tokio::join!(waiting, skips);
    match ended {
        Ok(value) => value,
        Err(CallError::RanElsewhere(ToolOutcome::Failed { error })) => Err(error.to_string()),
        Err(other) => panic!("{other:?}"),
    }
}

async fn k_a_failure_may_be_retried_with_other_arguments(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.fails.store(1, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let run = run(&gate);
    let turn = run.submit([call("1", "attempt", json!({"what": "a"}))]).await.unwrap();
    only_interruption(&turn).edit(&dana(&gate).await, Edit::new().set("what", "b")).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"]);
    assert_eq!(fixture.world.ran(), ["try a", "try b"]);
}

async fn k_guarded_work_is_done_again_only_on_a_persons_word(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana, ines) = (run(&gate), dana(&gate).await, gate.reviewer("ines").await.unwrap());
    for (yes, ended) in [(true, "Ok(\"done\")"), (false, "Err(GaveUp(\"broke 1\"))")] {
        let mut attempts = 0;
        let work = run.guard("close the books", ask(role("manager")), async || {
            attempts += 1;
            if attempts == 1 { Err(format!("broke {attempts}")) } else { Ok("done") }
        });
        let decide = async {
            let question = until_asked(&gate).await;
            assert_eq!(question.approval().failure(), Some("broke 1"));
            assert!(question.approve(&ines).await.is_err(), "she is no manager");
            if yes {
                question.approve(&dana).await.unwrap();
            } else {
                question.reject(&dana, "leave it").await.unwrap();
            }
        };
        let (work, ()) = tokio::join!(work, decide);
        assert_eq!(format!("{work:?}"), ended);
    }
    let event_kinds = story(&gate).await;
    assert_eq!(
        event_kinds.iter().filter(|kind| **kind == "dispatched").count(),
        3,
        "{event_kinds:?}"
    );
    assert!(gate.recover().await.unwrap().is_empty());
}

async fn k_guarded_work_is_frozen_and_taken_back(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let freeze = gate.freeze(FreezeScope::agent("support"), "incident 42", &dana).await.unwrap();
    let frozen =
        run.guard("close the books", anyone(), async || Ok::<_, String>(())).await.unwrap_err();
    assert!(frozen.to_string().contains("incident 42"), "{frozen}");
    gate.lift_freeze(&freeze, &dana).await.unwrap();
    {
        let mut work =
            Box::pin(run.guard("close the books", anyone(), async || Err::<(), _>("broke")));
        until(async || {
            assert!(work.as_mut().now_or_never().is_none());
            !gate.pending().await.unwrap().is_empty()
        })
        .await;
    }
    // The caller that would run it again is dropped, so nobody is asked any more.
    until(async || gate.pending().await.unwrap().is_empty()).await;
}

async fn b15_a_person_revokes_an_approval_before_it_runs_and_is_too_late_after(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let turn = run.submit([call("1", "send", json!({"what": "a"}))]).await.unwrap();
    let question = only_interruption(&turn).clone();
    let early = question.revoke(&omar, "it is not approved yet").await;
    assert!(matches!(early, Err(DecideError::AlreadyDecided(_))), "{early:?}");
    question.approve(&dana).await.unwrap();
    assert!(question.revoke(&omar, "").await.is_err(), "without a reason");
    question.revoke(&omar, "the customer has withdrawn").await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["cancelled"]);
    assert!(texts(&turn)[0].contains("the customer has withdrawn"));
    assert_eq!(fixture.world.ran().len(), 0);

    let turn = run.submit([call("2", "send", json!({"what": "b"}))]).await.unwrap();
    let question = only_interruption(&turn).clone();
    question.approve(&dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    let late = question.revoke(&omar, "too late").await.unwrap_err();
    assert!(late.to_string().starts_with("it is already approved by dana, and has run"), "{late}");
}

async fn v_a_vote_may_be_changed_and_taken_back_until_it_is_decided(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    let gate = fixture.gate().await;
    let (run, dana, omar) = (run(&gate), dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let turn = run.submit([call("1", "launch", json!({"what": "a"}))]).await.unwrap();
    let question = only_interruption(&turn).clone();
    question.approve(&dana).await.unwrap();
    assert!(question.withdraw(&omar).await.is_err(), "he has not voted");
    question.withdraw(&dana).await.unwrap();
    let after = question.approve(&omar).await.unwrap();
    assert_eq!(after.status(), Status::Pending, "a vote that was taken back does not count");
    assert_eq!(after.approval().votes().len(), 1);
    question.approve(&dana).await.unwrap();
    let late = question.withdraw(&dana).await;
    assert!(matches!(late, Err(DecideError::AlreadyDecided(_))), "{late:?}");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn k71_nothing_begins_beside_an_attempt_that_others_gave_up(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.hangs.store(true, Ordering::SeqCst);
    // Another process, whose clock is an hour ahead, considers the running call lost.
    let ahead = ManualClock::at(noon());
    ahead.advance(hours(1));
    let gate = fixture.gate().await;
    let other =
        RecoveryFixture { clock: ahead, ..RecoveryFixture::new(Arc::clone(&fixture.store)) }
            .gate()
            .await;
    let set = || call("1", "set", json!({"what": "a"}));
    let running = run(&gate);
    let turn = running.submit([set()]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let meanwhile = async {
        fixture.world.begun.notified().await;
        let chief = dana(&other).await;
        let freeze = other.freeze(FreezeScope::Everything, "incident", &chief).await.unwrap();
        let elsewhere = run(&other).submit([set()]).await.unwrap();
        assert_eq!(kinds(&elsewhere), ["approved"], "it may run again, and cannot begin there");
        other.lift_freeze(&freeze, &chief).await.unwrap();
        let looks = run(&gate);
        let looks = looks.submit([set()]);
        let ends = async {
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            fixture.world.go.notify_waiters();
        };
        let (again, ()) = tokio::join!(looks, ends);
        assert_eq!(kinds(&again.unwrap()), ["succeeded"]);
    };
    let (turn, ()) = tokio::join!(running.proceed(), meanwhile);
    assert_eq!(kinds(&turn.unwrap()), ["succeeded"]);
    assert_eq!(fixture.world.ran().len(), 1, "{:?}", fixture.world.ran());
}

async fn k71_what_is_to_run_again_and_does_not_stays_unknown(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    let set = call("1", "set", json!({"what": "a"}));
    fixture.dies_while_it_runs(set.clone()).await;
    fixture.clock.advance(minutes(1));
    let gate = fixture.gate().await;
    let dana = dana(&gate).await;
    // Nothing begins, so only the permission to run again is recorded.
    let freeze = gate.freeze(FreezeScope::Everything, "incident", &dana).await.unwrap();
    let run = run(&gate);
    let turn = run.submit([set]).await.unwrap();
    assert_eq!(kinds(&turn), ["approved"]);
    let text = &texts(&turn)[0];
    assert!(
        text.contains("not known whether it took effect") && !text.contains("Not run"),
        "{text}"
    );
    run.cancel("the customer hung up").await.unwrap();
    gate.lift_freeze(&freeze, &dana).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(
        kinds(&turn),
        ["indeterminate"],
        "whoever takes it back does not know either whether it ran"
    );
    assert_eq!(fixture.world.ran().len(), 1);
}

async fn k_a_program_is_not_told_that_a_call_did_not_run_which_ran_and_failed(store: Shared) {
    let fixture = RecoveryFixture::new(store);
    fixture.world.fails.store(1, Ordering::SeqCst);
    let gate = fixture.gate().await;
    let dana = dana(&gate).await;
    let run = run(&gate);
    let decides = async {
        let asked = until_asked(&gate).await;
        // Another attempt is wanted, and cannot begin.
        gate.freeze(FreezeScope::Everything, "incident", &dana).await.unwrap();
        asked.approve(&dana).await.unwrap();
    };
    let (ended, ()) = tokio::join!(attempt(&run, "a".into()), decides);
    let ran = matches!(
        &ended,
        Err(CallError::RanElsewhere(ToolOutcome::Failed { error })) if error.contains("a broke")
    );
    assert!(ran, "{ended:?}");
    assert_eq!(run.cancel("it is over").await.unwrap(), 0, "it has run");
    assert_eq!(fixture.world.ran(), ["try a"]);
}
