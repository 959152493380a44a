//! Checks that the answers of a run are true, and that no answer is lost: with dropped futures,
//! with many tasks, over restarts.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::review::{Settlement, Status};
use gate_runtime::run::{Answer, RunState};
use gate_runtime::{CallError, Run};
use serde_json::json;

use crate::scenarios::desk::{
    Pay, Slow, State, Tools, World, again, approve_all, builder, call, dana, gate, kinds,
    only_interruption, pay_call, poll_until_begun, run, slow_body, story, texts, until,
    until_asked,
};
use crate::scenarios::stores::{FaultyStore, Shared, on_every_store};

on_every_store! {
    an_approved_call_that_cannot_begin_is_said_to_be_approved_and_runs_later,
    an_approved_call_that_is_proposed_again_while_it_cannot_begin_still_runs,
    a_typed_call_that_could_not_begin_never_runs_later,
    an_equal_call_that_may_run_yet_is_shown_to_whoever_decides,
    a_question_that_is_submitted_while_another_task_runs_a_body_is_the_runs,
    batches_that_are_submitted_at_once_each_have_their_answers,
    a_question_of_a_dropped_submit_is_in_the_next_turn,
    a_call_that_ran_in_a_dropped_submit_is_in_the_next_turn,
    a_late_answer_is_told_until_it_is_taken,
    a_late_answer_is_told_again_after_a_restart,
    an_end_that_another_task_took_meanwhile_is_not_told_again,
    a_call_whose_task_was_aborted_is_told_as_indeterminate_and_then_as_what_it_became,
    a_waiting_call_that_is_submitted_again_is_answered_once,
    another_handle_of_a_run_knows_what_is_owed,
    a_call_that_never_began_is_approved_as_before,
    what_a_question_holds_is_held_however_the_conversation_goes_on,
    a_call_is_its_agents_and_its_persons,
    what_came_after_a_turn_was_told_is_still_owed,
    a_question_that_was_asked_before_holds_its_batch,
    a_question_that_a_program_asked_first_runs_for_the_model_too,
}

fn slow(id: &str) -> ToolCall {
    call(id, "slow", json!({"what": id}))
}

fn late(turn: &Turn) -> Vec<(String, &'static str)> {
    turn.late().iter().map(|answer| (answer.call().to_string(), answer.kind())).collect()
}

async fn an_approved_call_that_cannot_begin_is_said_to_be_approved_and_runs_later(store: Shared) {
    let faulty = FaultyStore::failing(store);
    let shared: Shared = faulty.clone();
    let (gate, world) = gate(&shared).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    faulty.fail_at(1);
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["approved"]);
    assert!(turn.is_waiting(), "its end is still to come");
    let text = &texts(&turn)[0];
    assert!(text.contains("will run") && text.contains("Do not propose it again"), "{text}");
    assert!(world.ran().is_empty());
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn an_approved_call_that_is_proposed_again_while_it_cannot_begin_still_runs(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let freeze = gate.freeze(FreezeScope::Everything, "incident", &dana).await.unwrap();
    assert_eq!(kinds(&run.submit([pay_call("1", 500)]).await.unwrap()), ["approved"]);
    gate.lift_freeze(&freeze, &dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn a_typed_call_that_could_not_begin_never_runs_later(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let decide = async |freezes: bool| {
        let asked = until_asked(&gate).await;
        if freezes {
            gate.freeze(FreezeScope::Everything, "incident", &dana).await.unwrap();
        }
        asked.approve(&dana).await.unwrap();
    };
    let (ended, ()) =
        tokio::join!(crate::scenarios::desk::pay(&run, "alice".into(), 500, None), decide(true));
    assert!(matches!(ended, Err(CallError::NotRun(_))), "{ended:?}");
    assert_eq!(
        story(&gate).await.last(),
        Some(&"cancelled"),
        "nobody knows its id, so that it has ended"
    );
    for freeze in gate.active_controls().await.unwrap().freezes {
        gate.lift_freeze(&freeze, &dana).await.unwrap();
    }
    // Under a known id, the call continues where it was.
    let named = || run.call_as("named", Pay { to: "alice".into(), amount: 600, note: None });
    let (ended, ()) = tokio::join!(named(), decide(true));
    assert!(matches!(ended, Err(CallError::NotYet(_))), "{ended:?}");
    for freeze in gate.active_controls().await.unwrap().freezes {
        gate.lift_freeze(&freeze, &dana).await.unwrap();
    }
    assert_eq!(named().await.unwrap(), "paid 600 to alice");
    assert!(
        run.proceed().await.unwrap().late().is_empty(),
        "what a program calls is no answer for a model"
    );
    assert_eq!(world.ran(), ["pay 600 to alice"]);
}

async fn an_equal_call_that_may_run_yet_is_shown_to_whoever_decides(store: Shared) {
    let (gate, _) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 500), pay_call("other", 501)]).await.unwrap();
    let first = turn.answers()[0].approval().unwrap().id();
    let elsewhere = gate.run("elsewhere").submit([pay_call("1", 500)]).await.unwrap();
    let shown = only_interruption(&elsewhere).approval().clone();
    assert_eq!(shown.alike(), [first], "one that waits");
    assert!(
        shown.equal_calls_notice().unwrap().contains("each runs"),
        "{:?}",
        shown.equal_calls_notice()
    );
    gate.interruption(first).await.unwrap().unwrap().approve(&dana).await.unwrap();
    let second = shown.id();
    let third = gate.run("third").submit([pay_call("1", 500)]).await.unwrap();
    assert_eq!(
        only_interruption(&third).approval().alike(),
        [first, second],
        "one that is approved and has not run"
    );
    let _ = run.proceed().await.unwrap();
    let fourth = gate.run("fourth").submit([pay_call("1", 500)]).await.unwrap();
    assert!(
        !only_interruption(&fourth).approval().alike().contains(&first),
        "one that ran is no more"
    );
}

async fn a_question_that_is_submitted_while_another_task_runs_a_body_is_the_runs(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([slow("1")]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let meanwhile = async {
        world.begun.notified().await;
        let turn = run.submit([pay_call("2", 500)]).await.unwrap();
        world.go.notify_one();
        turn
    };
    let (ran, asks) = tokio::join!(run.proceed(), meanwhile);
    assert_eq!(
        kinds(&ran.unwrap()),
        ["succeeded"],
        "whoever proceeds has the batch that was there"
    );
    assert_eq!(kinds(&asks), ["waiting"]);
    let turn = run.submit([pay_call("3", 5)]).await.unwrap();
    turn.interruptions()[0].approve(&dana).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(late(&turn), [("2".into(), "succeeded")]);
    assert_eq!(world.ran(), ["begin 1", "end 1", "pay 5 to alice", "pay 500 to alice"]);
}

async fn batches_that_are_submitted_at_once_each_have_their_answers(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = Arc::new(run(&gate));
    let submit = |round: usize, task: usize| {
        let run = Arc::clone(&run);
        async move { run.submit([pay_call(&format!("{round}/{task}"), 5)]).await.unwrap() }
    };
    for round in 0..10 {
        let tasks: Vec<_> = (0..8).map(|task| tokio::spawn(submit(round, task))).collect();
        for (task, done) in tasks.into_iter().enumerate() {
            let turn = done.await.unwrap();
            assert_eq!(turn.answers().len(), 1);
            assert_eq!(
                (turn.answers()[0].call().as_str(), kinds(&turn)),
                (&*format!("{round}/{task}"), vec!["succeeded"])
            );
        }
    }
    assert_eq!(world.ran().len(), 80);
}

/// Polls a future a number of times, and drops it.
fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        // Work on other threads, such as the store's, finishes between the polls.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    None
}

/// Takes its time, and asks nobody.
#[gated_tool(policy = "never_ask")]
async fn nap(#[state] world: &World, what: String) -> String {
    slow_body(world, &what).await;
    what
}

registry! { WithNaps for State { Pay, Slow, Nap } }

async fn a_question_of_a_dropped_submit_is_in_the_next_turn(store: Shared) {
    let state = State::default();
    let gate: Gate<WithNaps> = builder(&store, &state).build().await.unwrap();
    let (run, dana, world) = (run(&gate), dana(&gate).await, &state.0);
    tokio::select! {
        biased;
        _ = run.submit([pay_call("1", 500), slow("2"), call("3", "nap", json!({"what": "3"}))]) => {
            panic!("it takes its time")
        }
        () = async { until(async || gate.pending().await.unwrap().len() == 2).await } => {}
    }
    let turn = run.submit([]).await.unwrap();
    assert_eq!(turn.interruptions().len(), 2);
    approve_all(&turn, &dana).await;
    let turn = tokio::select! {
        turn = run.proceed() => turn.unwrap(),
        // The nap continues, too, if it had not begun.
        () = until(async || { world.go.notify_one(); false }) => panic!("somebody waits on"),
    };
    let late_answers: Vec<_> = late(&turn).into_iter().filter(|(call, _)| call != "3").collect();
    assert_eq!(late_answers, [("1".into(), "succeeded"), ("2".into(), "succeeded")]);
}

async fn a_call_that_ran_in_a_dropped_submit_is_in_the_next_turn(store: Shared) {
    let state = State::default();
    let gate: Gate<Tools> = builder(&store, &state).build().await.unwrap();
    let (run, dana, world) = (run(&gate), dana(&gate).await, &state.0);
    let turn = run.submit([slow("1")]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    tokio::select! {
        biased;
        _ = run.submit([slow("1"), pay_call("2", 5)]) => panic!("it takes its time"),
        () = until(async || {
            let ended = story(&gate).await.iter().filter(|kind| **kind == "finished").count();
            (world.ran().len(), ended) == (2, 1)
        }) => {}
    }
    until(async || story(&gate).await.last() == Some(&"lost")).await;
    let turn = run.submit([]).await.unwrap();
    assert_eq!(late(&turn), [("1".into(), "indeterminate"), ("2".into(), "succeeded")]);
}

async fn a_late_answer_is_told_until_it_is_taken(store: Shared) {
    let (gate, _) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 500), pay_call("2", 600)]).await.unwrap();
    let _ = run.submit([]).await.unwrap();
    turn.interruptions()[0].approve(&dana).await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            late(&run.proceed().await.unwrap()),
            [("1".into(), "succeeded")],
            "each turn may be lost"
        );
    }
    assert!(run.submit([]).await.unwrap().late().is_empty(), "whoever goes on has it");
    turn.interruptions()[1].reject(&dana, "no").await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(late(&turn), [("2".into(), "rejected")]);
    run.acknowledge(&turn).await.unwrap();
    assert!(run.proceed().await.unwrap().late().is_empty());
    assert!(gate.run("run").proceed().await.unwrap().late().is_empty(), "the store knows it too");
}

async fn an_end_that_another_task_took_meanwhile_is_not_told_again(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([slow("1"), pay_call("2", 500)]).await.unwrap();
    let _ = run.submit([]).await.unwrap();
    approve_all(&turn, &dana).await;
    let meanwhile = async {
        until(async || story(&gate).await.contains(&"finished")).await;
        assert_eq!(late(&run.submit([]).await.unwrap()), [("2".into(), "succeeded")]);
        for _ in 0..2 {
            assert!(run.submit([]).await.unwrap().late().is_empty(), "whoever goes on has it");
        }
        world.go.notify_one();
    };
    let (turn, ()) = tokio::join!(run.proceed(), meanwhile);
    assert_eq!(late(&turn.unwrap()), [("1".into(), "succeeded")]);
}

async fn a_late_answer_is_told_again_after_a_restart(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    let _ = run.submit([pay_call("2", 5)]).await.unwrap();
    let saved = run.state().await.unwrap().to_json();
    only_interruption(&turn).approve(&dana).await.unwrap();
    // The process ends before the model gets the turn.
    assert_eq!(late(&run.proceed().await.unwrap()), [("1".into(), "succeeded")]);
    drop((run, gate));
    let gate = again(&store, &world).await;
    let resumed = gate.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
    let turn = resumed.proceed().await.unwrap();
    assert_eq!((kinds(&turn), late(&turn)), (vec!["succeeded"], vec![("1".into(), "succeeded")]));
    assert_eq!(world.ran(), ["pay 5 to alice", "pay 500 to alice"]);
    let _ = resumed.submit([]).await.unwrap();
    let saved = resumed.state().await.unwrap();
    assert!(gate.resume(saved).await.unwrap().proceed().await.unwrap().late().is_empty());
}

/// Approves a call of a batch that is over, and drops the task that runs it while it runs.
async fn leave_alone_while_it_runs(gate: &Gate<Tools>, run: &Run<Tools>, world: &World) {
    let turn = run.submit([slow("1")]).await.unwrap();
    let _ = run.submit([]).await.unwrap();
    only_interruption(&turn).approve(&dana(gate).await).await.unwrap();
    drop(poll_until_begun(run.proceed(), &world.begun).await);
    until(async || story(gate).await.last() == Some(&"lost")).await;
}

async fn a_call_whose_task_was_aborted_is_told_as_indeterminate_and_then_as_what_it_became(
    store: Shared,
) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    leave_alone_while_it_runs(&gate, &run, &world).await;
    assert_eq!(late(&run.submit([]).await.unwrap()), [("1".into(), "indeterminate")]);
    assert!(run.submit([]).await.unwrap().late().is_empty(), "it is told once, until more happens");
    let in_flight = gate.recover().await.unwrap().remove(0);
    in_flight.settle(&dana, Settlement::ran(&json!("done after all")), "I looked").await.unwrap();
    assert_eq!(late(&run.proceed().await.unwrap()), [("1".into(), "succeeded")]);
}

async fn a_waiting_call_that_is_submitted_again_is_answered_once(store: Shared) {
    let (gate, _) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    for _ in 0..4 {
        let turn = run.submit([pay_call("1", 500)]).await.unwrap();
        assert_eq!((kinds(&turn), turn.interruptions().len()), (vec!["waiting"], 1));
        let saved = run.state().await.unwrap().to_json();
        let resumed = gate.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
        assert_eq!(resumed.proceed().await.unwrap().answers().len(), 1);
    }
    let _ = run.submit([]).await.unwrap();
    gate.pending().await.unwrap()[0].approve(&dana).await.unwrap();
    assert_eq!(late(&run.proceed().await.unwrap()), [("1".into(), "succeeded")]);
}

async fn another_handle_of_a_run_knows_what_is_owed(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (first, dana) = (run(&gate), dana(&gate).await);
    let turn = first.submit([pay_call("1", 500), pay_call("2", 600)]).await.unwrap();
    turn.interruptions()[0].approve(&dana).await.unwrap();
    drop(first);
    // Another process that has only the id.
    let other = run(&again(&store, &world).await);
    let turn = other.proceed().await.unwrap();
    assert_eq!(late(&turn), [("1".into(), "succeeded")]);
    assert_eq!(turn.interruptions().len(), 1);
    assert_eq!(other.cancel("the customer hung up").await.unwrap(), 1);
    assert_eq!(
        late(&other.proceed().await.unwrap()),
        [("1".into(), "succeeded"), ("2".into(), "cancelled")]
    );
}

async fn a_call_that_never_began_is_approved_as_before(store: Shared) {
    let (gate, world) = gate(&store).await;
    for (ran, polls) in (1..12).enumerate() {
        let run = gate.run(format!("run-{polls}")).on_behalf_of("mia");
        let ended = poll_times(run.submit([pay_call("1", 5)]), polls);
        tokio::task::yield_now().await;
        let begun = world.ran().len() > ran;
        let last_kind = async || {
            gate.records(0, 10_000).await.unwrap().iter().rev().find_map(|record| {
                let subject = record.subject()?;
                (subject.info().run() == &*format!("run-{polls}"))
                    .then(|| record.status())
                    .flatten()
            })
        };
        until(async || !matches!(last_kind().await, Some(Status::Dispatched))).await;
        if !begun && ended.is_none() {
            assert!(
                matches!(last_kind().await, None | Some(Status::Approved)),
                "{polls}: {:?}",
                last_kind().await
            );
        }
        // In both cases it runs once, and the model gets the result.
        let turn = run.submit([pay_call("1", 5)]).await.unwrap();
        if begun && ended.is_none() {
            assert!(["indeterminate", "succeeded"].contains(&kinds(&turn)[0]), "{polls}");
        } else {
            assert_eq!(kinds(&turn), ["succeeded"], "{polls}");
        }
        assert_eq!(world.ran().len(), ran + 1, "{polls}");
    }
}

async fn what_a_question_holds_is_held_however_the_conversation_goes_on(store: Shared) {
    let (gate, state) = crate::scenarios::t_batches::holding(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run
        .submit([call("1", "race", json!({"place": 7})), call("2", "migrate", json!({"to": 2}))])
        .await
        .unwrap();
    assert_eq!(kinds(&turn), ["approved", "waiting"]);
    let _ = run.submit([]).await.unwrap();
    let _ = run.proceed().await.unwrap();
    let again = gate.run("run").on_behalf_of("mia");
    let _ = again.proceed().await.unwrap();
    assert_eq!(
        kinds(&again.submit([call("1", "race", json!({"place": 7}))]).await.unwrap()),
        ["approved"]
    );
    assert!(state.0.ran().is_empty(), "it waits for the question of its batch, whoever goes on");
    only_interruption(&turn).reject(&dana, "not now").await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(state.0.ran(), ["7"]);
}

async fn a_call_is_its_agents_and_its_persons(store: Shared) {
    let state = State::default();
    let gate: Gate<Tools> = builder(&store, &state).agent("billing").build().await.unwrap();
    let mia = gate.run("run").agent("support").on_behalf_of("mia");
    assert_eq!(kinds(&mia.submit([pay_call("1", 5)]).await.unwrap()), ["succeeded"]);
    let ines = gate.run("run").agent("support").on_behalf_of("ines");
    assert_eq!(
        kinds(&ines.submit([pay_call("1", 5)]).await.unwrap()),
        ["invalid"],
        "the id is another person's call"
    );
    mia.hand_off("billing").unwrap();
    assert_eq!(
        kinds(&mia.submit([pay_call("1", 5)]).await.unwrap()),
        ["invalid"],
        "the id is another agent's call"
    );
    assert_eq!(
        mia.submit([pay_call("2", 5)])
            .await
            .unwrap()
            .answers()
            .iter()
            .map(Answer::kind)
            .collect::<Vec<_>>(),
        ["succeeded"]
    );
    assert_eq!(state.0.ran().len(), 2);
}

async fn what_came_after_a_turn_was_told_is_still_owed(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    leave_alone_while_it_runs(&gate, &run, &world).await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(late(&turn), [("1".into(), "indeterminate")]);
    let in_flight = gate.recover().await.unwrap().remove(0);
    in_flight.settle(&dana, Settlement::ran(&json!("done after all")), "I looked").await.unwrap();
    // A turn that the application never gets, before it acknowledges the first.
    assert_eq!(late(&run.proceed().await.unwrap()), [("1".into(), "succeeded")]);
    run.acknowledge(&turn).await.unwrap();
    assert_eq!(
        late(&run.proceed().await.unwrap()),
        [("1".into(), "succeeded")],
        "it has only what it was told"
    );
}

async fn a_question_that_was_asked_before_holds_its_batch(store: Shared) {
    let (gate, state) = crate::scenarios::t_batches::holding(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let migrate = || call("2", "migrate", json!({"to": 2}));
    // The caller was dropped before the rest of the batch was written.
    let _ = run.submit([migrate()]).await.unwrap();
    let turn = run.submit([call("1", "race", json!({"place": 7})), migrate()]).await.unwrap();
    assert_eq!(kinds(&turn), ["approved", "waiting"]);
    assert!(state.0.ran().is_empty(), "it waits for the question of its batch");
    only_interruption(&turn).approve(&dana).await.unwrap();
    let _ = run.proceed().await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(state.0.ran_sorted(), ["7", "migrate 2"]);
}

async fn a_question_that_a_program_asked_first_runs_for_the_model_too(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let pays = || run.call_as("1", Pay { to: "alice".into(), amount: 500, note: None });
    tokio::select! {
        biased;
        ended = pays() => panic!("nobody decided: {ended:?}"),
        _ = until_asked(&gate) => {}
    }
    let same = call("1", "pay", json!({"to": "alice", "amount": 500, "note": null}));
    assert_eq!(kinds(&run.submit([same]).await.unwrap()), ["waiting"]);
    gate.pending().await.unwrap()[0].approve(&dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}
