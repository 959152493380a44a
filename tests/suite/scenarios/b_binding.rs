//! B. Binding: only the approved call runs.

use std::sync::Arc;

use gate_runtime::Approval;
use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::review::{DecideError, Refused, Status};
use serde_json::json;

use crate::scenarios::desk::{
    State, World, builder, call, dana, gate, kinds, only_interruption, pay_call, run, story, texts,
};
use crate::scenarios::stores::{FaultyStore, Shared, on_every_store};

on_every_store! {
    b10_whatever_the_caller_does_to_its_copy_the_approved_arguments_run,
    b11_other_arguments_on_a_replay_are_a_new_question,
    b12_a_changed_policy_asks_again_and_says_so,
    b12_a_changed_schema_asks_again_and_says_so,
    b12_a_changed_tool_that_no_longer_takes_the_arguments_does_not_run,
    b12_an_unchanged_tool_of_another_build_runs,
    b13_a_deny_rule_that_is_new_since_the_approval_stops_it,
    b13_a_freeze_stops_what_was_approved_and_lifting_it_lets_it_go_on,
    b12_a_standing_permission_that_a_changed_tool_ended_is_named,
    b13_a_freeze_refuses_what_a_rule_or_a_grant_would_let_through,
    b13_a_freeze_stops_what_it_names_in_every_process,
    b14_arguments_that_the_store_changed_are_refused_as_corrupt,
    b14_an_approval_for_other_arguments_does_not_run,
    b15_a_cancelled_approval_does_not_run,
}

async fn b10_whatever_the_caller_does_to_its_copy_the_approved_arguments_run(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let mut arguments = json!({"to": "alice", "amount": 50});
    let turn = run.submit([call("1", "pay", arguments.clone())]).await.unwrap();
    arguments["to"] = json!("mallory");
    arguments["amount"] = json!(5_000_000);
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(texts(&run.proceed().await.unwrap()), ["paid 50 to alice"]);
    assert_eq!(world.ran(), ["pay 50 to alice"]);
}

async fn b11_other_arguments_on_a_replay_are_a_new_question(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 50)]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    // The turn is replayed, and the model now proposes another call under a new id.
    let replay =
        run.submit([call("2", "pay", json!({"to": "mallory", "amount": 50}))]).await.unwrap();
    assert_eq!(kinds(&replay), ["waiting"]);
    assert!(world.ran().is_empty());
    // The approval still holds, and nothing else runs.
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    assert_eq!(turn.late().len(), 1);
    assert_eq!(world.ran(), ["pay 50 to alice"]);
}

/// The tool of another release: the same name, with another property changed.
macro_rules! release {
    ($release:ident, $policy:literal, { $($tool:tt)* }) => {
        mod $release {
            use super::*;

            /// Payments of a later release.
            #[allow(dead_code, reason = "not every release uses it")]
            #[policy]
            pub fn stricter(rules: Rules<Pay>) -> Rules<Pay> {
                rules
                    .deny("to mallory")
                    .when(|call| call.to == "mallory")
                    .otherwise(ask(role("manager")).within(minutes(30)))
            }

            /// Pay someone.
            #[gated_tool(policy = $policy)]
            $($tool)*

            registry! { pub Tools for State { Pay } }
        }
    };
}

release!(first, "always_ask", {
    pub fn pay(#[state] world: &World, to: String, amount: u64) -> String {
        world.ran.lock().unwrap().push(format!("pay {amount} to {to}"));
        to
    }
});

release!(same, "always_ask", {
    pub fn pay(#[state] world: &World, to: String, amount: u64) -> String {
        world.ran.lock().unwrap().push(format!("pay {amount} to {to}"));
        to
    }
});

release!(other_policy, "stricter", {
    pub fn pay(#[state] world: &World, to: String, amount: u64) -> String {
        world.ran.lock().unwrap().push(format!("pay {amount} to {to}"));
        to
    }
});

release!(other_schema, "always_ask", {
    pub fn pay(
        #[state] world: &World,
        to: String,
        amount: u64,
        currency: Option<String>,
    ) -> String {
        world.ran.lock().unwrap().push(format!("pay {amount} {currency:?} to {to}"));
        to
    }
});

release!(other_arguments, "always_ask", {
    pub fn pay(#[state] world: &World, to: String, amount_cents: u64) -> String {
        world.ran.lock().unwrap().push(format!("pay {amount_cents} to {to}"));
        to
    }
});

/// Asks and approves in the first release, then continues in another one over the same store.
async fn upgraded<R: Registry<State = State>>(
    store: &Shared,
    to: &str,
) -> (Run<R>, Gate<R>, Arc<World>) {
    let state = State::default();
    let old: Gate<first::Tools> = builder(store, &state).build().await.unwrap();
    let run = run(&old);
    let turn = run.submit([call("1", "pay", json!({"to": to, "amount": 50}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&old).await).await.unwrap();
    let saved = run.state().await.unwrap();
    let new: Gate<R> = builder(store, &state).build().await.unwrap();
    (new.resume(saved).await.unwrap(), new, state.0)
}

fn differences(turn: &Turn) -> Vec<String> {
    only_interruption(turn)
        .approval()
        .changes()
        .differences()
        .iter()
        .map(ToString::to_string)
        .collect()
}

async fn b12_a_changed_policy_asks_again_and_says_so(store: Shared) {
    let (run, gate, world) = upgraded::<other_policy::Tools>(&store, "alice").await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    assert_eq!(only_interruption(&turn).approval().changes().describe(), "its policy");
    assert_eq!(
        differences(&turn),
        [
            "the rule \"to mallory\" is new: deny",
            "where no rule matches, it is now: ask a manager within 30 minutes; it was: ask \
             anyone who reviews",
        ]
    );
    assert!(
        only_interruption(&turn).approval().votes().is_empty(),
        "what was agreed to under other rules does not count"
    );
    assert!(world.ran().is_empty());
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 50 to alice"]);
}

async fn b12_a_changed_schema_asks_again_and_says_so(store: Shared) {
    let (run, gate, world) = upgraded::<other_schema::Tools>(&store, "alice").await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    assert_eq!(only_interruption(&turn).approval().changes().describe(), "the tool");
    assert_eq!(differences(&turn), ["the argument `currency` is new, and not required"]);
    assert!(world.ran().is_empty());
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn b12_a_standing_permission_that_a_changed_tool_ended_is_named(store: Shared) {
    let state = State::default();
    let old: Gate<first::Tools> = builder(&store, &state).build().await.unwrap();
    let turn = run(&old).submit([pay_call("1", 50)]).await.unwrap();
    only_interruption(&turn)
        .grant(&dana(&old).await, Scope::any_run().up_to("amount", 60))
        .await
        .unwrap();
    let new: Gate<other_schema::Tools> = builder(&store, &state).build().await.unwrap();
    let turn = run(&new).submit([pay_call("2", 20)]).await.unwrap();
    let question = new.interruption(only_interruption(&turn).id()).await.unwrap().unwrap();
    assert_eq!(
        question.outdated_permissions(),
        ["A standing permission of dana no longer covers such calls, because the tool changed: \
          the argument `currency` is new, and not required."]
    );
    let elsewhere = new.run("beyond").on_behalf_of("mia");
    let turn = elsewhere.submit([pay_call("1", 61)]).await.unwrap();
    let beyond = new.interruption(only_interruption(&turn).id()).await.unwrap().unwrap();
    assert!(beyond.outdated_permissions().is_empty(), "it would not cover that anyway");
}

async fn b12_a_changed_tool_that_no_longer_takes_the_arguments_does_not_run(store: Shared) {
    let (run, _, world) = upgraded::<other_arguments::Tools>(&store, "alice").await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["approved"], "once the tool takes its arguments again, it can run");
    assert!(texts(&turn)[0].contains("`/amount_cents`: missing"), "{:?}", texts(&turn));
    assert!(world.ran().is_empty());
}

async fn b12_an_unchanged_tool_of_another_build_runs(store: Shared) {
    let (run, _, world) = upgraded::<same::Tools>(&store, "alice").await;
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 50 to alice"]);
}

async fn b13_a_deny_rule_that_is_new_since_the_approval_stops_it(store: Shared) {
    let (run, gate, world) = upgraded::<other_policy::Tools>(&store, "mallory").await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["denied"]);
    assert!(texts(&turn)[0].contains("to mallory"));
    assert!(world.ran().is_empty());
    assert_eq!(story(&gate).await.last(), Some(&"reassessed"));
}

/// The approval with another text in the place of one.
async fn b13_a_freeze_stops_what_was_approved_and_lifting_it_lets_it_go_on(store: Shared) {
    let (gate, world) = gate(&store).await;
    let other = crate::scenarios::desk::again(&store, &world).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    let freeze = other.freeze(FreezeScope::Everything, "incident 42", &dana).await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["approved"]);
    assert!(texts(&turn)[0].contains("incident 42"), "{:?}", texts(&turn));
    assert_eq!(world.ran().len(), 0);
    other.lift_freeze(&freeze, &dana).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["wipe a"]);
    let record_kinds: Vec<_> =
        story(&gate).await.into_iter().filter(|kind| kind.contains("fr")).collect();
    assert_eq!(record_kinds, ["frozen", "freeze_lifted"]);
}

async fn b13_a_freeze_refuses_what_a_rule_or_a_grant_would_let_through(store: Shared) {
    let (gate, world) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([pay_call("1", 100)]).await.unwrap();
    only_interruption(&turn).grant(&dana, Scope::this_run()).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    let freeze = gate.freeze(FreezeScope::tool("pay"), "incident 42", &dana).await.unwrap();
    let turn = run
        .submit([pay_call("2", 10), pay_call("3", 100), pay_call("4", 200), pay_call("5", 20_000)])
        .await
        .unwrap();
    assert_eq!(kinds(&turn), ["frozen", "frozen", "waiting", "denied"]);
    assert_eq!(world.ran().len(), 1);
    gate.lift_freeze(&freeze, &dana).await.unwrap();
    assert_eq!(
        kinds(&run.submit([pay_call("2", 10), pay_call("3", 100)]).await.unwrap()),
        ["succeeded", "succeeded"]
    );
}

async fn b13_a_freeze_stops_what_it_names_in_every_process(store: Shared) {
    let (gate, world) = gate(&store).await;
    let other = crate::scenarios::desk::again(&store, &world).await;
    let dana = dana(&gate).await;
    let read = |id: &str| call(id, "read", json!({"id": id}));
    gate.freeze(FreezeScope::tool("pay"), "another tool", &dana).await.unwrap();
    gate.freeze(FreezeScope::agent("billing"), "another agent", &dana).await.unwrap();
    assert_eq!(kinds(&run(&other).submit([read("1")]).await.unwrap()), ["succeeded"]);
    let freeze = gate.freeze(FreezeScope::agent("support"), "this agent", &dana).await.unwrap();
    assert_eq!(kinds(&run(&other).submit([read("2")]).await.unwrap()), ["frozen"]);
    let nested = run(&other).child("part");
    assert_eq!(
        kinds(&nested.submit([read("3")]).await.unwrap()),
        ["frozen"],
        "whom it calls is stopped with it"
    );
    let held: Vec<String> = other
        .active_controls()
        .await
        .unwrap()
        .freezes
        .iter()
        .map(|freeze| freeze.scope().to_string())
        .collect();
    assert_eq!(held.len(), 3, "{held:?}");
    let ghost = gate.principal("mia");
    assert!(gate.lift_freeze(&freeze, &ghost).await.is_err(), "only reviewers give orders");
    let again =
        gate.freeze(FreezeScope::agent("support"), "for another reason", &dana).await.unwrap();
    let old = gate.lift_freeze(&freeze, &dana).await;
    assert!(matches!(old, Err(DecideError::Refused(Refused::Changed))), "{old:?}");
    gate.lift_freeze(&again, &dana).await.unwrap();
    let nothing = gate.freeze(FreezeScope::tool("payy"), "a slip", &dana).await.unwrap_err();
    assert!(nothing.to_string().contains("did you mean `pay`?"), "{nothing}");
}

fn changed(approval: &Approval, from: &str, to: &str) -> Arc<Approval> {
    let text = serde_json::to_string(approval).unwrap().replace(from, to);
    Arc::new(serde_json::from_str(&text).unwrap())
}

async fn b14_arguments_that_the_store_changed_are_refused_as_corrupt(store: Shared) {
    let store: Shared = FaultyStore::tampering(store, |approval| match approval.status() {
        Status::Approved => changed(&approval, "\"amount\":50,", "\"amount\":5000,"),
        _ => approval,
    });
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn =
        run.submit([call("1", "pay", json!({"to": "mallory", "amount": 50}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let turn = run.proceed().await.unwrap();
    let CallResult::Approved(Some(NotRun::Disputed { problem })) = turn.answers()[0].result()
    else {
        panic!("{turn:?}")
    };
    assert!(problem.contains("its arguments are not those of the records"), "{problem}");
    assert!(world.ran().is_empty());
    assert_eq!(story(&gate).await.last(), Some(&"call_unjudged"), "it is on the record");
}

async fn b14_an_approval_for_other_arguments_does_not_run(store: Shared) {
    // The text and its unkeyed digest are both replaced, but the votes are for the digest that
    // people saw.
    let small = gate(&crate::scenarios::stores::fresh()).await.0;
    let shown = run(&small)
        .submit([call("1", "pay", json!({"to": "mallory", "amount": 5000}))])
        .await
        .unwrap();
    let other = serde_json::to_value(only_interruption(&shown).approval().arguments()).unwrap();
    let store: Shared = FaultyStore::tampering(store, move |approval| {
        let mut stored = serde_json::to_value(&*approval).unwrap();
        if approval.status() == Status::Approved {
            stored["arguments"] = other.clone();
        }
        Arc::new(serde_json::from_value(stored).unwrap())
    });
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn =
        run.submit([call("1", "pay", json!({"to": "mallory", "amount": 50}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let turn = run.proceed().await.unwrap();
    let CallResult::Approved(Some(NotRun::Disputed { .. })) = turn.answers()[0].result() else {
        panic!("{turn:?}")
    };
    assert!(world.ran().is_empty(), "nobody voted for these arguments");
}

async fn b15_a_cancelled_approval_does_not_run(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 50)]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    only_interruption(&turn).cancel("the order was withdrawn").await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["cancelled"]);
    assert!(world.ran().is_empty());
}
