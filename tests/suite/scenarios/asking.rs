//! The scenarios about questions: how often people are asked, which earlier events they see, and
//! the calls that a rejection or an approval covers.

use std::sync::Arc;

use gate_runtime::prelude::*;
use gate_runtime::remote::{RemoteCall, RemoteError};
use gate_runtime::review::{Settlement, Status};
use gate_runtime::testing::ManualClock;
use gate_runtime::{NoTools, Run};
use serde_json::json;

use crate::scenarios::desk::{
    State, Tools, builder, call, dana, gate, gate_at_noon, kinds, noon, only_interruption,
    pay_call, poll_until_begun, run, story,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    a_run_that_is_refused_again_and_again_is_told_to_stop,
    a_run_whose_calls_fit_nothing_is_told_to_stop,
    a_run_whose_questions_expire_is_told_to_stop_and_may_go_on_a_day_later,
    a_run_that_asks_too_often_is_told_to_stop,
    what_was_refused_before_is_bounded,
    what_a_person_took_back_is_asked_again_and_no_permission_covers_it,
    what_was_refused_in_the_same_case_is_shown,
    a_permission_for_any_run_answers_what_waits_in_other_runs,
    a_permission_that_is_given_later_answers_what_waits,
    a_permission_that_is_used_up_can_be_taken_back,
    a_limit_counts_only_what_ran,
    what_a_person_took_back_no_permission_covers_once_a_limit_is_used_up,
    running_again_needs_all_the_votes_anew,
    a_no_to_running_again_leaves_it_unknown,
    of_many_who_ask_at_once_no_more_wait_than_may,
    the_same_call_asked_more_strictly_is_another_call,
    an_agent_of_another_program_is_stopped_whatever_it_calls_its_runs,
    whoever_decides_is_told_that_a_tool_was_changed_or_dropped,
}

/// A service as first deployed, then with another payment tool, then with none.
mod deployed {
    use gate_runtime::prelude::*;

    use crate::scenarios::desk;

    /// Pay someone, in euros.
    #[gated_tool(policy = "always_ask", name = "pay")]
    pub fn pay_in_euros(to: String, amount: u64) -> String {
        format!("paid {amount} euros to {to}")
    }

    registry! { pub First for desk::State { desk::Pay, desk::Read } }
    registry! { pub Changed for desk::State { PayInEuros, desk::Read } }
    registry! { pub Dropped for desk::State { desk::Read } }
    registry! { pub Another for desk::State { desk::Wipe } }
}

async fn reject_all(run: &Run<Tools>, gate: &Gate<Tools>) -> usize {
    let turn = run.proceed().await.unwrap();
    for interruption in turn.interruptions() {
        interruption.reject(&dana(gate).await, "never").await.unwrap();
    }
    turn.interruptions().len()
}

async fn a_run_that_is_refused_again_and_again_is_told_to_stop(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let mut count = 0;
    let mut stopped = None;
    for index in 0..60 {
        let turn = run.submit([pay_call(&index.to_string(), 500 + index)]).await.unwrap();
        if turn.must_stop() {
            stopped.get_or_insert(index);
        }
        count += reject_all(&run, &gate).await;
    }
    assert_eq!((count, stopped), (20, Some(20)), "people are not asked sixty times");
    assert!(world.ran().is_empty());
    // Repeating the same call does not avoid it.
    let other = gate.run("other");
    for index in 0..30 {
        let turn = other.submit([pay_call(&index.to_string(), 500)]).await.unwrap();
        assert_eq!(turn.must_stop(), index >= 20, "{index}");
        count += reject_all(&other, &gate).await;
    }
    assert_eq!(count, 21, "what was refused once is not asked again");
}

async fn a_run_whose_calls_fit_nothing_is_told_to_stop(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    for index in 0..25 {
        let name = if index % 2 == 0 { "pay" } else { "no_such_tool" };
        let turn =
            run.submit([call(&index.to_string(), name, json!({"amount": "much"}))]).await.unwrap();
        assert_eq!(turn.must_stop(), index >= 20, "{index}");
    }
}

async fn a_run_whose_questions_expire_is_told_to_stop_and_may_go_on_a_day_later(store: Shared) {
    let (gate, _, clock) = gate_at_noon(&store).await;
    let run = run(&gate);
    for index in 0..20 {
        assert_eq!(
            kinds(&run.submit([pay_call(&index.to_string(), 500 + index)]).await.unwrap()),
            ["waiting"]
        );
        clock.advance(minutes(31));
        gate.run_due().await;
    }
    let turn = run.submit([pay_call("20", 900), pay_call("21", 5)]).await.unwrap();
    assert_eq!((kinds(&turn), turn.must_stop()), (vec!["denied", "denied"], true));
    clock.advance(days(1));
    assert_eq!(kinds(&run.submit([pay_call("22", 5)]).await.unwrap()), ["succeeded"]);
}

async fn a_run_that_asks_too_often_is_told_to_stop(store: Shared) {
    let gate: Gate<Tools> =
        builder(&store, &State::default()).questions_per_run(3).build().await.unwrap();
    let run = run(&gate);
    let calls = (0..8).map(|index| pay_call(&index.to_string(), 500 + index));
    let turn = run.submit(calls).await.unwrap();
    assert_eq!(
        kinds(&turn).iter().filter(|kind| **kind == "waiting").count(),
        3,
        "however many ask at once"
    );
    assert!(turn.must_stop());
    let nested = run.child("inner").submit([pay_call("1", 700)]).await.unwrap();
    assert_eq!(kinds(&nested), ["denied"], "those that are nested in it count with it");
    assert_eq!(
        kinds(&run.submit([pay_call("free", 5)]).await.unwrap()),
        ["succeeded"],
        "what asks nobody goes on"
    );
}

async fn what_was_refused_before_is_bounded(store: Shared) {
    let gate: Gate<Tools> =
        builder(&store, &State::default()).denials_per_run(1_000).build().await.unwrap();
    let run = run(&gate);
    let mut longest = 0;
    for index in 0..40 {
        let turn = run.submit([pay_call(&index.to_string(), 500 + index)]).await.unwrap();
        longest =
            longest.max(serde_json::to_string(only_interruption(&turn).approval()).unwrap().len());
        assert!(only_interruption(&turn).approval().earlier().len() <= 8);
        reject_all(&run, &gate).await;
    }
    let again = run.submit([pay_call("again", 500)]).await.unwrap();
    assert_eq!(kinds(&again), ["rejected"], "the first of them is not forgotten");
    assert!(longest < 6_000, "{longest}");
}

async fn what_a_person_took_back_is_asked_again_and_no_permission_covers_it(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 500), pay_call("2", 600)]).await.unwrap();
    let [first, second] = turn.interruptions() else { panic!("{turn:?}") };
    let second = second.id();
    first.grant(&dana, Scope::this_run().any("amount")).await.unwrap();
    let covered = gate.interruption(second).await.unwrap().unwrap();
    assert_eq!(covered.approval().status(), Status::Approved, "the permission answers what waits");
    covered.revoke(&dana, "not this one").await.unwrap();
    let _ = run.proceed().await.unwrap();
    let turn = run.submit([pay_call("3", 600), pay_call("4", 700)]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting", "succeeded"]);
    let earlier = only_interruption(&turn).approval().earlier();
    assert_eq!(
        (earlier.len(), earlier[0].reason(), earlier[0].approval()),
        (1, "not this one", second)
    );
    // Another permission does not cover it either, because this question is for a person.
    let other = run.submit([pay_call("5", 800)]).await.unwrap();
    assert_eq!(kinds(&other), ["succeeded"]);
    only_interruption(&run.proceed().await.unwrap()).approve(&dana).await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(
        world.ran(),
        ["pay 500 to alice", "pay 700 to alice", "pay 800 to alice", "pay 600 to alice"]
    );
}

async fn what_was_refused_in_the_same_case_is_shown(store: Shared) {
    let (gate, _) = gate(&store).await;
    let dana = dana(&gate).await;
    let morning = gate.run("morning").case("ticket-7");
    only_interruption(&morning.submit([pay_call("1", 500)]).await.unwrap())
        .reject(&dana, "she has it already")
        .await
        .unwrap();
    let noon = gate.run("noon").case("ticket-7").submit([pay_call("1", 500)]).await.unwrap();
    assert_eq!(only_interruption(&noon).approval().earlier()[0].reason(), "she has it already");
    let elsewhere =
        gate.run("elsewhere").case("ticket-8").submit([pay_call("1", 500)]).await.unwrap();
    assert!(only_interruption(&elsewhere).approval().earlier().is_empty());
}

async fn a_permission_for_any_run_answers_what_waits_in_other_runs(store: Shared) {
    let (gate, _) = gate(&store).await;
    let dana = dana(&gate).await;
    let mine = gate.run("mine").submit([pay_call("1", 500)]).await.unwrap();
    let others = gate.run("others");
    assert_eq!(
        kinds(&others.submit([pay_call("1", 500), pay_call("2", 501)]).await.unwrap()),
        ["waiting", "waiting"]
    );
    only_interruption(&mine)
        .grant(&dana, Scope::any_run().uses(5).until(gate_runtime::Timestamp::MAX))
        .await
        .unwrap();
    assert_eq!(kinds(&others.proceed().await.unwrap()), ["succeeded", "waiting"]);
}

async fn a_permission_that_is_given_later_answers_what_waits(store: Shared) {
    let (gate, _) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let decided = only_interruption(&turn).clone();
    assert_eq!(kinds(&run.submit([pay_call("2", 500)]).await.unwrap()), ["waiting"]);
    decided.grant_like(&dana, Scope::this_run()).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn a_permission_that_is_used_up_can_be_taken_back(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 500), pay_call("2", 500)]).await.unwrap();
    let decided = turn.interruptions()[0].grant(&dana, Scope::this_run().uses(1)).await.unwrap();
    let grant = decided.grant().unwrap();
    assert_eq!(grant.uses_left(), Some(0), "it covers the second");
    let listed = gate.active_controls().await.unwrap().grants;
    assert_eq!(listed.iter().map(|known| known.id()).collect::<Vec<_>>(), [grant.id()]);
    gate.revoke(grant, &dana).await.unwrap();
    assert_eq!(story(&gate).await.iter().filter(|kind| **kind == "grant_revoked").count(), 1);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "waiting"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
    assert!(gate.active_controls().await.unwrap().grants.is_empty());
}

/// Twice a day without anybody; the third asks.
#[policy]
fn twice(rules: Rules<Lend>) -> Rules<Lend> {
    rules
        .auto_approve("twice a day")
        .when(|_| true)
        .at_most(2)
        .per(DAY)
        .otherwise(ask(role("manager")))
}

/// Lend something.
#[gated_tool(policy = "twice")]
fn lend(what: String) -> String {
    what
}

/// Ask, and let the batch wait.
#[policy]
fn first_of_all(rules: Rules<Migrate>) -> Rules<Migrate> {
    rules.otherwise(ask(role("manager")).hold_batch())
}

/// Migrate.
#[gated_tool(policy = "first_of_all")]
fn migrate(to: String) -> String {
    to
}

registry! { Library for State { Lend, Migrate } }

async fn a_limit_counts_only_what_ran(store: Shared) {
    let gate: Gate<Library> = builder(&store, &State::default()).build().await.unwrap();
    let run = gate.run("run");
    let lend = |id: &str| call(id, "lend", json!({"what": id}));
    let turn =
        run.submit([lend("1"), lend("2"), call("3", "migrate", json!({"to": "x"}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["approved", "approved", "waiting"]);
    assert_eq!(run.cancel("the customer hung up").await.unwrap(), 3);
    let turn = gate.run("next").submit([lend("4"), lend("5"), lend("6")]).await.unwrap();
    assert_eq!(
        kinds(&turn).iter().filter(|kind| **kind == "succeeded").count(),
        2,
        "{:?}",
        kinds(&turn)
    );
}

async fn what_a_person_took_back_no_permission_covers_once_a_limit_is_used_up(store: Shared) {
    let gate: Gate<Library> = builder(&store, &State::default()).build().await.unwrap();
    let (run, dana) = (gate.run("run"), gate.reviewer("dana").await.unwrap());
    let lend = |id: &str, what: &str| call(id, "lend", json!({"what": what}));
    let turn = run.submit([lend("1", "a"), lend("2", "b"), lend("3", "the key")]).await.unwrap();
    only_interruption(&turn).grant(&dana, Scope::this_run().any("what")).await.unwrap();
    only_interruption(&turn).revoke(&dana, "not the key").await.unwrap();
    let turn = run.submit([lend("4", "the key")]).await.unwrap();
    assert_eq!(
        kinds(&turn),
        ["waiting"],
        "the rule would approve it, its limit is used up, and a person said no"
    );
    assert_eq!(
        kinds(&run.submit([lend("5", "c")]).await.unwrap()),
        ["succeeded"],
        "of others, the permission holds"
    );
}

/// Two managers, at any amount.
#[policy]
fn both(rules: Rules<Transfer>) -> Rules<Transfer> {
    rules.otherwise(ask(role("manager")).count(2))
}

/// Transfer.
#[gated_tool(policy = "both")]
async fn transfer(#[state] world: &crate::scenarios::desk::World, to: String) -> String {
    crate::scenarios::desk::slow_body(world, &to).await;
    to
}

registry! { Bank for State { Transfer } }

async fn lost(store: &Shared) -> (Gate<Bank>, State, Run<Bank>) {
    let state = State::default();
    let gate: Gate<Bank> = builder(store, &state).build().await.unwrap();
    let run = gate.run("run");
    let turn = run.submit([call("1", "transfer", json!({"to": "alice"}))]).await.unwrap();
    let omar = gate.reviewer("omar").await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    gate.pending().await.unwrap()[0].approve(&omar).await.unwrap();
    drop(poll_until_begun(run.proceed(), &state.0.begun).await);
    crate::scenarios::desk::until(async || story(&gate).await.last() == Some(&"lost")).await;
    (gate, state, run)
}

async fn running_again_needs_all_the_votes_anew(store: Shared) {
    let (gate, state, run) = lost(&store).await;
    let (dana, omar) = (dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let found = gate.recover().await.unwrap().remove(0);
    found.settle(&dana, Settlement::RunAgain, "it did not arrive").await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"], "one manager's word is not the vote of two");
    let shown = only_interruption(&turn);
    assert!(shown.approval().votes().is_empty() && shown.approval().failure_notice().is_some());
    shown.approve(&dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    gate.pending().await.unwrap()[0].approve(&omar).await.unwrap();
    state.0.go.notify_one();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(state.0.ran(), ["begin alice", "begin alice", "end alice"]);
}

async fn a_no_to_running_again_leaves_it_unknown(store: Shared) {
    let (gate, state, run) = lost(&store).await;
    let dana = dana(&gate).await;
    let settle = async |what| {
        gate.recover().await.unwrap().remove(0).settle(&dana, what, "I looked").await.unwrap()
    };
    settle(Settlement::RunAgain).await;
    only_interruption(&run.proceed().await.unwrap())
        .reject(&dana, "it may have arrived")
        .await
        .unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(
        kinds(&turn),
        ["indeterminate"],
        "that it is not to run again does not say that it did not run"
    );
    settle(Settlement::ran(&json!("it arrived"))).await;
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(state.0.ran(), ["begin alice"]);
}

async fn inbox(store: &Shared) -> Gate<NoTools> {
    let people = StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]);
    Gate::builder(())
        .store(Arc::clone(store))
        .directory(people)
        .clock(ManualClock::at(noon()))
        .build()
        .await
        .unwrap()
}

fn refund(id: &str) -> RemoteCall {
    RemoteCall::new(id, "refund", json!({"order": "A-1"}).to_string())
        .run("run")
        .ask("money", ask(role("manager")))
}

fn question(number: usize) -> RemoteCall {
    let order = json!({"order": number}).to_string();
    RemoteCall::new("1", "refund", order).run(number.to_string()).ask("money", ask(role("manager")))
}

async fn of_many_who_ask_at_once_no_more_wait_than_may(store: Shared) {
    let gate = inbox(&store).await;
    let bot = gate.remote("bot");
    let asking = (0..40).map(|index| {
        let (bot, call) = (bot.clone(), question(index).at_once(5));
        tokio::spawn(async move { bot.ask(call).await })
    });
    let mut taken = 0;
    for remote_approval in asking.collect::<Vec<_>>() {
        match remote_approval.await.unwrap() {
            Ok(_) => taken += 1,
            Err(error) => {
                assert!(matches!(error, RemoteError::TooManyWait { at_once: 5 }), "{error}");
            }
        }
    }
    assert_eq!((taken, gate.pending().await.unwrap().len()), (5, 5));
    // An answered question makes room for the next one.
    gate.pending().await.unwrap()[0]
        .reject(&gate.reviewer("dana").await.unwrap(), "no")
        .await
        .unwrap();
    assert!(bot.ask(question(40).at_once(5)).await.unwrap().is_new());
    assert!(bot.ask(question(41).at_once(5)).await.is_err());
}

async fn the_same_call_asked_more_strictly_is_another_call(store: Shared) {
    let gate = inbox(&store).await;
    let bot = gate.remote("bot");
    assert!(bot.ask(refund("1")).await.unwrap().is_new());
    assert!(!bot.ask(refund("1")).await.unwrap().is_new());
    for stricter in [
        refund("1").ask("four eyes", ask(role("manager")).count(2)),
        refund("1").on_behalf_of("dana"),
        refund("1").case("ticket-7"),
    ] {
        let remote_approval = bot.ask(stricter).await;
        assert!(matches!(remote_approval, Err(RemoteError::IdUsed { .. })), "{remote_approval:?}");
    }
}

async fn an_agent_of_another_program_is_stopped_whatever_it_calls_its_runs(store: Shared) {
    let gate = inbox(&store).await;
    let (bot, dana) = (gate.remote("bot"), gate.reviewer("dana").await.unwrap());
    let first = bot.ask(refund("1")).await.unwrap();
    gate.interruption(first.id()).await.unwrap().unwrap().reject(&dana, "never").await.unwrap();
    let again = bot.ask(refund("1").run("another")).await.unwrap();
    assert_eq!(
        again.status(),
        Status::Rejected,
        "what was refused in one run is refused in the next"
    );
    for index in 2..20 {
        let remote_approval = bot.ask(question(index)).await.unwrap();
        gate.interruption(remote_approval.id())
            .await
            .unwrap()
            .unwrap()
            .reject(&dana, "never")
            .await
            .unwrap();
    }
    let other = RemoteCall::new("1", "read", "{}").run("fresh").ask("money", ask(role("manager")));
    let stopped = bot.ask(other).await.unwrap();
    assert_eq!(stopped.status(), Status::Denied);
    assert!(
        stopped.not_run().unwrap().for_model().contains("Stop calling tools"),
        "{:?}",
        stopped.not_run()
    );
}

async fn whoever_decides_is_told_that_a_tool_was_changed_or_dropped(store: Shared) {
    use deployed::{Another, Changed, Dropped, First};
    let state = State::default();
    let first: Gate<First> = builder(&store, &state).build().await.unwrap();
    let run = first.run("run").on_behalf_of("mia");
    let asks = run.submit([pay_call("1", 500)]).await.unwrap();
    let id = only_interruption(&asks).id();
    // The process in which people decide has no tools.
    let fixture: Gate<NoTools> = Gate::builder(())
        .directory(crate::scenarios::desk::people())
        .store(Arc::clone(&store))
        .build()
        .await
        .unwrap();
    let state_text = async || {
        let one = fixture.interruption(id).await.unwrap().unwrap().tool_notice().map(str::to_owned);
        let page = fixture.pending().await.unwrap()[0].tool_notice().map(str::to_owned);
        assert_eq!(one, page);
        one
    };
    assert_eq!((only_interruption(&asks).tool_notice(), state_text().await), (None, None));
    // Neither another service nor the same one again causes a notice.
    let _: Gate<Another> = builder(&store, &state).build().await.unwrap();
    let _: Gate<First> = builder(&store, &state).build().await.unwrap();
    assert_eq!(state_text().await, None);
    let changed: Gate<Changed> = builder(&store, &state).build().await.unwrap();
    let notice = state_text().await.unwrap();
    assert!(
        notice.contains("another version of `pay`") && notice.contains("judged again"),
        "{notice}"
    );
    let there = changed.interruption(id).await.unwrap().unwrap();
    let notice = there.tool_notice().unwrap();
    assert!(notice.starts_with("This gate has another version of `pay`"), "{notice}");
    // Back to the first, and then without it.
    let _: Gate<First> = builder(&store, &state).build().await.unwrap();
    assert_eq!(state_text().await, None);
    let _: Gate<Dropped> = builder(&store, &state).build().await.unwrap();
    let notice = state_text().await.unwrap();
    assert!(notice.contains("does not have `pay`"), "{notice}");
    fixture
        .interruption(id)
        .await
        .unwrap()
        .unwrap()
        .reject(&dana(&first).await, "no")
        .await
        .unwrap();
    assert_eq!(
        fixture.interruption(id).await.unwrap().unwrap().tool_notice(),
        None,
        "it never runs"
    );
}
