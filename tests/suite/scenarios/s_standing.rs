//! S. Standing permissions (grants) and standing refusals.

use std::sync::atomic::{AtomicUsize, Ordering};

use gate_runtime::grants::ScopeError;
use gate_runtime::prelude::*;
use gate_runtime::review::DecideError;
use serde_json::json;

use crate::scenarios::desk::{
    State, builder, call, dana, gate, gate_at_noon, kinds, only_interruption, pay_call_to as pay,
    run, sign_in_call, story,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    s32_always_for_this_run_covers_that_tool_in_that_run_only,
    s32_a_grant_is_of_one_agent_and_one_person,
    s33_the_last_use_is_taken_by_exactly_one_of_two,
    s33_a_grant_ends,
    s34_a_revoked_grant_stops_at_once,
    s34_a_grant_never_covers_what_a_deny_rule_forbids,
    s35_a_standing_refusal_is_looked_at_before_any_rule,
    s36_a_scope_that_names_what_is_not_there_is_an_error,
    s36_a_field_that_is_not_named_must_be_the_same_or_absent,
    z84_always_given_on_5_does_not_cover_99_999,
    z97_pattern_characters_are_only_characters,
    s_a_grant_is_not_given_where_the_policy_wants_each_decided,
    s_a_grant_needs_as_many_people_as_the_question,
    s_a_call_with_a_secret_is_approved_once,
    s33_a_budget_is_spent_by_exactly_so_much_in_all_runs_and_processes,
    s33_a_window_gives_uses_back,
    s34_a_grant_ends_with_its_givers_role,
    s_a_grant_reaches_other_agents_and_people_only_in_words,
    s_a_grant_does_not_answer_what_its_giver_could_not_answer_alone,
    s_a_grant_is_given_like_a_call_that_is_decided,
}

async fn s32_always_for_this_run_covers_that_tool_in_that_run_only(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 100)]).await.unwrap();
    only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run()).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(kinds(&run.submit([pay("2", "alice", 100)]).await.unwrap()), ["succeeded"]);
    assert_eq!(
        kinds(&run.submit([call("3", "wipe", json!({"disk": "a"}))]).await.unwrap()),
        ["waiting"]
    );
    let other = gate.run("other").on_behalf_of("mia");
    assert_eq!(kinds(&other.submit([pay("1", "alice", 100)]).await.unwrap()), ["waiting"]);
    assert_eq!(world.ran().len(), 2);
    let covered = story(&gate).await.into_iter().filter(|kind| *kind == "covered").count();
    assert_eq!(covered, 1, "the use of a grant is on the record");
}

async fn s32_a_grant_is_of_one_agent_and_one_person(store: Shared) {
    let gate: Gate<crate::scenarios::desk::Tools> =
        builder(&store, &State::default()).agent("billing").build().await.unwrap();
    let as_agent = |agent: &str, whom: &str| gate.run("run").agent(agent).on_behalf_of(whom);
    let turn = as_agent("support", "mia").submit([pay("1", "alice", 100)]).await.unwrap();
    only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run()).await.unwrap();
    for (id, agent, whom, kind) in [
        ("2", "billing", "mia", "waiting"),
        ("3", "support", "noah", "waiting"),
        ("4", "support", "mia", "succeeded"),
    ] {
        assert_eq!(
            kinds(&as_agent(agent, whom).submit([pay(id, "alice", 100)]).await.unwrap()),
            [kind],
            "{agent} {whom}"
        );
    }
}

async fn s33_the_last_use_is_taken_by_exactly_one_of_two(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 100)]).await.unwrap();
    only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run().uses(1)).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    let turn = run.submit([pay("2", "alice", 100), pay("3", "alice", 100)]).await.unwrap();
    let mut kinds = kinds(&turn);
    kinds.sort_unstable();
    assert_eq!(kinds, ["succeeded", "waiting"]);
    assert_eq!(world.ran().len(), 2);
}

async fn s33_a_grant_ends(store: Shared) {
    let (gate, _, clock) = gate_at_noon(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 100)]).await.unwrap();
    let end = "2026-11-21T12:10:00Z".parse().unwrap();
    only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run().until(end)).await.unwrap();
    assert_eq!(kinds(&run.submit([pay("2", "alice", 100)]).await.unwrap()), ["succeeded"]);
    clock.advance(minutes(10));
    assert_eq!(kinds(&run.submit([pay("3", "alice", 100)]).await.unwrap()), ["waiting"]);
}

async fn s34_a_revoked_grant_stops_at_once(store: Shared) {
    let (gate, world) = gate(&store).await;
    let other_process = crate::scenarios::desk::again(&store, &world).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 100)]).await.unwrap();
    let dana = dana(&gate).await;
    let decided = only_interruption(&turn).grant(&dana, Scope::this_run()).await.unwrap();
    assert_eq!(kinds(&run.submit([pay("2", "alice", 100)]).await.unwrap()), ["succeeded"]);
    let revoker = other_process.reviewer("omar").await.unwrap();
    other_process.revoke(decided.grant().unwrap(), &revoker).await.unwrap();
    assert_eq!(kinds(&run.submit([pay("3", "alice", 100)]).await.unwrap()), ["waiting"]);
    assert_eq!(story(&gate).await.iter().filter(|kind| **kind == "grant_revoked").count(), 1);
    other_process.revoke(decided.grant().unwrap(), &revoker).await.unwrap();
    assert_eq!(
        story(&gate).await.iter().filter(|kind| **kind == "grant_revoked").count(),
        1,
        "twice is once"
    );
}

async fn s34_a_grant_never_covers_what_a_deny_rule_forbids(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 100)]).await.unwrap();
    only_interruption(&turn)
        .grant(&dana(&gate).await, Scope::this_run().any("amount").any("to"))
        .await
        .unwrap();
    let turn = run.submit([pay("2", "alice", 10_000), pay("3", "alice", 10_001)]).await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "denied"]);
    assert!(!world.ran().contains(&"pay 10001 to alice".to_owned()));
}

fn any_payment() -> Scope {
    Scope::any_run().any("to").any("amount")
}

async fn s33_a_budget_is_spent_by_exactly_so_much_in_all_runs_and_processes(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate).submit([pay("1", "alice", 100)]).await.unwrap();
    let scope = any_payment().budget("amount", 1_000).per(DAY);
    only_interruption(&turn).grant(&dana(&gate).await, scope).await.unwrap();
    let others = [gate, crate::scenarios::desk::again(&store, &world).await];
    let at_once = (0..16).map(|number| {
        let run = others[number % 2].run(format!("run {number}")).on_behalf_of("mia");
        async move { kinds(&run.submit([pay("1", "bob", 300)]).await.unwrap()) }
    });
    let ends = futures_util::future::join_all(at_once).await.concat();
    assert_eq!(ends.iter().filter(|kind| **kind == "succeeded").count(), 3, "{ends:?}");
    assert_eq!(ends.iter().filter(|kind| **kind == "waiting").count(), 13);
    assert_eq!(world.ran().len(), 3);
    let small = others[1].run("small").on_behalf_of("mia");
    assert_eq!(
        kinds(&small.submit([pay("1", "bob", 100)]).await.unwrap()),
        ["succeeded"],
        "what is left fits"
    );
}

async fn s33_a_window_gives_uses_back(store: Shared) {
    let (gate, _, clock) = gate_at_noon(&store).await;
    let turn = run(&gate).submit([pay("1", "alice", 100)]).await.unwrap();
    only_interruption(&turn)
        .grant(&dana(&gate).await, any_payment().uses(1).per(HOUR))
        .await
        .unwrap();
    let mut next = 1;
    for (after, kind) in [(0, "succeeded"), (59, "waiting"), (1, "succeeded"), (0, "waiting")] {
        clock.advance(minutes(after));
        next += 1;
        let turn = run(&gate).submit([pay(&next.to_string(), "alice", 100)]).await.unwrap();
        assert_eq!(kinds(&turn), [kind], "call {next}");
    }
}

async fn s34_a_grant_ends_with_its_givers_role(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate).submit([pay("1", "alice", 100)]).await.unwrap();
    only_interruption(&turn).grant(&dana(&gate).await, any_payment()).await.unwrap();
    assert_eq!(kinds(&run(&gate).submit([pay("2", "bob", 100)]).await.unwrap()), ["succeeded"]);
    let demoted = StaticDirectory::new().person("dana", ["intern"]).person("omar", ["manager"]);
    let state = State(std::sync::Arc::clone(&world));
    let gate: Gate<crate::scenarios::desk::Tools> =
        builder(&store, &state).directory(demoted).build().await.unwrap();
    assert_eq!(kinds(&run(&gate).submit([pay("3", "bob", 100)]).await.unwrap()), ["waiting"]);
}

async fn s_a_grant_reaches_other_agents_and_people_only_in_words(store: Shared) {
    let gate: Gate<crate::scenarios::desk::Tools> =
        builder(&store, &State::default()).agent("billing").build().await.unwrap();
    let dana = dana(&gate).await;
    let mut next = 0;
    let mut ends = async |agent: &str, whom: &str| {
        next += 1;
        let run = gate.run(format!("run {next}")).agent(agent).on_behalf_of(whom);
        let turn = run.submit([pay("1", "bob", 100)]).await.unwrap();
        let end = kinds(&turn)[0];
        for left in turn.interruptions() {
            left.cancel("not needed").await.unwrap();
        }
        end
    };
    for (scope, agent, person) in [
        (any_payment(), "waiting", "waiting"),
        (any_payment().any_agent(), "succeeded", "waiting"),
        (any_payment().any_principal(), "waiting", "succeeded"),
    ] {
        let turn = gate.run(scope.to_string()).agent("support").on_behalf_of("mia");
        let turn = turn.submit([pay("1", "alice", 100)]).await.unwrap();
        let decided = only_interruption(&turn).grant(&dana, scope.clone()).await.unwrap();
        assert_eq!(ends("support", "mia").await, "succeeded", "{scope}");
        assert_eq!(ends("billing", "mia").await, agent, "{scope}");
        assert_eq!(ends("support", "noah").await, person, "{scope}");
        gate.revoke(decided.grant().unwrap(), &dana).await.unwrap();
    }
}

/// Large ones are for two.
#[policy]
fn by_size(rules: Rules<Transfer>) -> Rules<Transfer> {
    rules
        .ask("large", ask(role("manager")).count(2))
        .when(|call| call.amount > 1_000)
        .otherwise(ask(role("manager")))
}

/// Transfer.
#[gated_tool(policy = "by_size")]
fn transfer(amount: u64) -> u64 {
    amount
}

registry! { TransferTools for State { Transfer } }

async fn s_a_grant_does_not_answer_what_its_giver_could_not_answer_alone(store: Shared) {
    let gate: Gate<TransferTools> = builder(&store, &State::default()).build().await.unwrap();
    let transfer = |id: &str, amount: u64| call(id, "transfer", json!({"amount": amount}));
    let turn = run(&gate).submit([transfer("1", 100), transfer("2", 5_000)]).await.unwrap();
    let first = &turn.interruptions()[0];
    first.grant(&dana(&gate).await, Scope::this_run().up_to("amount", 1_000_000)).await.unwrap();
    assert_eq!(
        kinds(&run(&gate).submit([transfer("1", 100), transfer("2", 5_000)]).await.unwrap()),
        ["succeeded", "waiting"]
    );
    let turn = run(&gate).submit([transfer("3", 900), transfer("4", 5_001)]).await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "waiting"]);
}

async fn s_a_grant_is_given_like_a_call_that_is_decided(store: Shared) {
    let (gate, _) = gate(&store).await;
    let (dana, ines) = (dana(&gate).await, gate.reviewer("ines").await.unwrap());
    let turn = run(&gate).submit([pay("1", "alice", 100)]).await.unwrap();
    let shown = only_interruption(&turn);
    assert!(shown.grant_like(&dana, Scope::any_run()).await.is_err(), "it waits: answer it");
    shown.reject(&dana, "not now").await.unwrap();
    let refused = shown.grant_like(&ines, Scope::any_run()).await;
    assert!(matches!(refused, Err(DecideError::Scope(ScopeError::NeedsSeveral))), "{refused:?}");
    let mia = gate.reviewer("mia").await.unwrap();
    assert!(shown.grant_like(&mia, Scope::any_run()).await.is_err(), "it would be for herself");
    let grant = shown.grant_like(&dana, Scope::any_run().uses(1)).await.unwrap();
    assert_eq!(gate.active_controls().await.unwrap().grants, [grant]);
    let other = gate.run("other").on_behalf_of("mia");
    assert_eq!(
        kinds(&other.submit([pay("1", "alice", 100), pay("2", "alice", 100)]).await.unwrap()).len(),
        2
    );
    assert_eq!(gate.active_controls().await.unwrap().grants, [], "its use is taken");
}

static LOOKED: AtomicUsize = AtomicUsize::new(0);

/// Counts how often it is looked at.
#[policy]
fn counted(rules: Rules<Count>) -> Rules<Count> {
    rules
        .deny("never matches")
        .when(|_| {
            LOOKED.fetch_add(1, Ordering::SeqCst);
            false
        })
        .otherwise(ask(role("manager")))
}

/// Count.
#[gated_tool(policy = "counted")]
fn count(what: String) -> String {
    what
}

/// Each is decided by itself, and two decide.
#[policy]
fn each(rules: Rules<Launch>) -> Rules<Launch> {
    rules
        .ask("alone", ask(role("manager")).no_grants())
        .when(|call| call.what == "alone")
        .ask("by two", ask(role("manager")).count(2))
        .when(|call| call.what == "by two")
        .otherwise(deny())
}

/// Launch.
#[gated_tool(policy = "each")]
fn launch(what: String) -> String {
    what
}

registry! { OtherTools for State { Count, Launch } }

async fn s35_a_standing_refusal_is_looked_at_before_any_rule(store: Shared) {
    let gate: Gate<OtherTools> = builder(&store, &State::default()).build().await.unwrap();
    let run = run(&gate);
    let turn = run.submit([call("1", "count", json!({"what": "a"}))]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "no").await.unwrap();
    let before = LOOKED.load(Ordering::SeqCst);
    assert!(before > 0);
    assert_eq!(
        kinds(&run.submit([call("2", "count", json!({"what": "a"}))]).await.unwrap()),
        ["rejected"]
    );
    assert_eq!(LOOKED.load(Ordering::SeqCst), before);
}

async fn s36_a_scope_that_names_what_is_not_there_is_an_error(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 100)]).await.unwrap();
    let dana = dana(&gate).await;
    for scope in [
        Scope::this_run().any("amout"),
        Scope::this_run().any("note"),
        Scope::this_run().any("*"),
        Scope::this_run().up_to("to", 100),
        Scope::this_run().up_to("amount", 99),
    ] {
        let refused = only_interruption(&turn).grant(&dana, scope.clone()).await.unwrap_err();
        assert!(
            matches!(
                refused,
                DecideError::Scope(ScopeError::Unknown { .. } | ScopeError::NotUpTo { .. })
            ),
            "{scope}: {refused}"
        );
    }
    assert_eq!(
        kinds(&run.proceed().await.unwrap()),
        ["waiting"],
        "a grant that cannot be given approves nothing"
    );
}

async fn s36_a_field_that_is_not_named_must_be_the_same_or_absent(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 100)]).await.unwrap();
    only_interruption(&turn)
        .grant(&dana(&gate).await, Scope::this_run().any("amount"))
        .await
        .unwrap();
    for (id, arguments, kind) in [
        ("2", json!({"to": "alice", "amount": 9_000}), "succeeded"),
        ("3", json!({"to": "alic", "amount": 100}), "waiting"),
        ("4", json!({"to": "alice2", "amount": 100}), "waiting"),
        ("5", json!({"to": "Alice", "amount": 100}), "waiting"),
        ("6", json!({"to": "alice", "amount": 100, "note": "new"}), "waiting"),
        ("7", json!({"to": "alice", "amount": 100, "note": null}), "succeeded"),
    ] {
        assert_eq!(
            kinds(&run.submit([call(id, "pay", arguments.clone())]).await.unwrap()),
            [kind],
            "{arguments}"
        );
    }
}

async fn z84_always_given_on_5_does_not_cover_99_999(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 50)]).await.unwrap();
    only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run()).await.unwrap();
    assert_eq!(kinds(&run.submit([pay("2", "alice", 9_999)]).await.unwrap()), ["waiting"]);
    assert!(world.ran().is_empty());
}

async fn z97_pattern_characters_are_only_characters(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    for (index, pattern) in
        ["*", "alice*", ".*", "%", "al?ce", "[a-z]+", "^", ""].into_iter().enumerate()
    {
        let turn = run.submit([pay(&format!("a{index}"), pattern, 100)]).await.unwrap();
        let interruption = turn
            .interruptions()
            .iter()
            .find(|asked| asked.approval().arguments().get("to") == Some(json!(pattern)));
        interruption.unwrap().grant(&dana(&gate).await, Scope::this_run()).await.unwrap();
    }
    let turn = run.submit([pay("b", "alice", 100)]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
}

async fn s_a_grant_is_not_given_where_the_policy_wants_each_decided(store: Shared) {
    let gate: Gate<OtherTools> = builder(&store, &State::default()).build().await.unwrap();
    let turn = run(&gate).submit([call("1", "launch", json!({"what": "alone"}))]).await.unwrap();
    let refused =
        only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run()).await.unwrap_err();
    assert!(matches!(refused, DecideError::Scope(ScopeError::NotAllowed)), "{refused}");
}

async fn s_a_grant_needs_as_many_people_as_the_question(store: Shared) {
    let gate: Gate<OtherTools> = builder(&store, &State::default()).build().await.unwrap();
    let run = run(&gate);
    let turn = run.submit([call("1", "launch", json!({"what": "by two"}))]).await.unwrap();
    let refused =
        only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run()).await.unwrap_err();
    assert!(matches!(refused, DecideError::Scope(ScopeError::NeedsSeveral)), "{refused}");
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    // The second of the two cannot make it a standing permission either.
    let omar = gate.reviewer("omar").await.unwrap();
    let turn = run.proceed().await.unwrap();
    let refused = only_interruption(&turn).grant(&omar, Scope::this_run()).await.unwrap_err();
    assert!(matches!(refused, DecideError::Scope(ScopeError::NeedsSeveral)), "{refused}");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
}

async fn s_a_call_with_a_secret_is_approved_once(store: Shared) {
    let (gate, _) = gate(&store).await;
    let turn = run(&gate).submit([sign_in_call("1", "hunter22")]).await.unwrap();
    let refused =
        only_interruption(&turn).grant(&dana(&gate).await, Scope::this_run()).await.unwrap_err();
    assert!(matches!(refused, DecideError::Scope(ScopeError::Secret)), "{refused}");
}
