//! E. Edits.

use std::sync::Arc;

use gate_runtime::NoTools;
use gate_runtime::prelude::*;
use gate_runtime::records::RecordEvent;
use gate_runtime::review::{DecideError, Status};
use serde_json::json;

use crate::scenarios::desk::{
    KEY, State, World, builder, call, dana, gate, kinds, only_interruption, pay_call, people,
    records, run, sign_in_call, story, texts,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    e16_an_edit_that_does_not_fit_is_refused_field_by_field_and_it_stays_pending,
    e16_an_edit_of_an_unknown_field_is_refused,
    e17_an_edit_that_a_rule_denies_is_refused,
    e17_an_edit_where_the_rules_are_not_known_is_judged_before_it_runs_and_the_model_is_told,
    e17_an_edit_that_needs_more_people_waits_for_them,
    e17_an_edit_below_the_threshold_still_counts_as_the_reviewers_decision,
    e18_the_record_holds_both_and_the_model_is_told,
    e18_an_edit_that_changes_nothing_is_refused,
    e18_an_edit_takes_the_votes_for_the_old_arguments_away,
    e19_an_untouched_secret_keeps_its_value,
    e19_the_mark_of_a_secret_never_runs_as_a_text,
    e_a_policy_can_forbid_edits,
}

async fn e16_an_edit_that_does_not_fit_is_refused_field_by_field_and_it_stays_pending(
    store: Shared,
) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 50)]).await.unwrap();
    let edit = Edit::new().set("amount", "4999").set("to", 7);
    let refused = only_interruption(&turn).edit(&dana(&gate).await, edit).await.unwrap_err();
    let DecideError::Invalid(schema_errors) = &refused else { panic!("{refused}") };
    let mut places: Vec<_> = schema_errors.iter().map(ToString::to_string).collect();
    places.sort();
    assert_eq!(places, ["at `/amount`: expected an integer", "at `/to`: expected a string"]);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    assert_eq!(story(&gate).await, ["assessed"]);
    assert!(world.ran().is_empty());
}

async fn e16_an_edit_of_an_unknown_field_is_refused(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 50)]).await.unwrap();
    let dana = dana(&gate).await;
    let refused =
        only_interruption(&turn).edit(&dana, Edit::new().set("amout", 7)).await.unwrap_err();
    assert_eq!(refused.to_string(), "the edited arguments do not fit: at `/amout`: unknown field");
    let refused =
        only_interruption(&turn).edit(&dana, Edit::new().remove("amount")).await.unwrap_err();
    assert_eq!(refused.to_string(), "the edited arguments do not fit: at `/amount`: missing");
    let refused =
        only_interruption(&turn).edit(&dana, Edit::new().remove("note")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the edited arguments do not fit: at `/note`: there is no such place in the arguments"
    );
}

async fn e17_an_edit_that_a_rule_denies_is_refused(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 50)]).await.unwrap();
    let refused = only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("amount", 20_000))
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "the edited arguments are denied by rule \"above the limit\"");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    assert!(world.ran().is_empty());
}

async fn e17_an_edit_where_the_rules_are_not_known_is_judged_before_it_runs_and_the_model_is_told(
    store: Shared,
) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 50)]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);

    // Like an inbox in another process.
    let inbox: Gate<NoTools> = Gate::builder(())
        .directory(people())
        .key(KEY)
        .store(Arc::clone(&store))
        .build()
        .await
        .unwrap();
    let pending = inbox.pending().await.unwrap();
    let edit = Edit::new().set("amount", 20_000);
    let edited = pending[0].edit(&dana(&inbox).await, edit).await.unwrap();
    assert_eq!(edited.approval().status(), Status::Approved);

    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["denied"]);
    let [text] = &texts(&turn)[..] else { panic!("{:?}", texts(&turn)) };
    assert!(
        text.contains(r#"a person changed the arguments of this call to {"amount":20000,"#)
            && text.contains(r#"the changed call is denied by rule "above the limit""#)
            && text.contains("Nobody has decided about the arguments as you proposed them")
            && !text.contains("final"),
        "{text}"
    );
    assert!(world.ran().is_empty());
}

/// Two managers from 1,000 on.
#[policy]
fn tiers(rules: Rules<Transfer>) -> Rules<Transfer> {
    rules
        .ask("large", ask(role("manager")).count(2))
        .when(|call| call.amount >= 1_000)
        .otherwise(ask(role("manager")))
}

/// Transfer money.
#[gated_tool(policy = "tiers")]
fn transfer(#[state] world: &World, amount: u64) -> u64 {
    world.ran.lock().unwrap().push(format!("transfer {amount}"));
    amount
}

/// Lets nobody edit the arguments.
#[policy]
fn fixed(rules: Rules<Seal>) -> Rules<Seal> {
    rules.otherwise(ask(role("manager")).not_editable())
}

/// Seal a document.
#[gated_tool(policy = "fixed")]
fn seal(document: String) -> String {
    document
}

registry! { TransferTools for State { Transfer, Seal } }

async fn transfers(store: &Shared) -> (Gate<TransferTools>, Arc<World>) {
    let state = State::default();
    (builder(store, &state).build().await.unwrap(), state.0)
}

async fn e17_an_edit_that_needs_more_people_waits_for_them(store: Shared) {
    let (gate, world) = transfers(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "transfer", json!({"amount": 500}))]).await.unwrap();
    let decided = only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("amount", 2_000))
        .await
        .unwrap();
    assert_eq!(decided.status(), Status::Pending);
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    assert!(world.ran().is_empty());
    // The editor's vote counts once, and the other manager decides.
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    only_interruption(&turn).approve(&gate.reviewer("omar").await.unwrap()).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["transfer 2000"]);
}

async fn e17_an_edit_below_the_threshold_still_counts_as_the_reviewers_decision(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    let ines = gate.reviewer("ines").await.unwrap();
    // Rules would let 5 run without a person, but that does not let an intern decide a question for
    // a manager.
    let refused =
        only_interruption(&turn).edit(&ines, Edit::new().set("amount", 5)).await.unwrap_err();
    assert_eq!(refused.to_string(), "ines cannot decide this: it asks a manager");
    only_interruption(&turn).edit(&dana(&gate).await, Edit::new().set("amount", 5)).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 5 to alice"]);
}

async fn e18_the_record_holds_both_and_the_model_is_told(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("amount", 300))
        .comment("that is the price")
        .await
        .unwrap();
    let turn = run.proceed().await.unwrap();
    let model_text = &texts(&turn)[0];
    assert!(
        model_text.contains(r#"{"amount":300,"to":"alice"}"#)
            && model_text.contains("paid 300 to alice"),
        "{model_text}"
    );
    assert_eq!(world.ran(), ["pay 300 to alice"]);
    let approval = turn.answers()[0].approval().unwrap();
    assert_eq!(approval.proposed().get("amount"), Some(json!(500)));
    assert_eq!(approval.arguments().get("amount"), Some(json!(300)));
    assert_eq!(
        (approval.votes()[0].reviewer().as_str(), approval.votes()[0].comment()),
        ("dana", Some("that is the price"))
    );
    let records = records(&gate).await;
    let voted = records.iter().find(|record| record.kind() == "voted").unwrap();
    let RecordEvent::Call(event) = voted.event() else { panic!("{voted:?}") };
    let written = serde_json::to_value(event).unwrap();
    assert_eq!(written.pointer("/vote/decision/arguments/json/amount"), Some(&json!(300)));
    let assessed =
        serde_json::to_value(records.iter().find(|record| record.kind() == "assessed").unwrap())
            .unwrap();
    assert_eq!(assessed.pointer("/event/arguments/json/amount"), Some(&json!(500)));
}

async fn e18_an_edit_that_changes_nothing_is_refused(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay_call("1", 500)]).await.unwrap();
    let refused = only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("amount", 500))
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "the edit changes nothing: approve it instead");
}

async fn e18_an_edit_takes_the_votes_for_the_old_arguments_away(store: Shared) {
    let (gate, world) = transfers(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "transfer", json!({"amount": 5_000}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let edited = only_interruption(&turn)
        .edit(&gate.reviewer("omar").await.unwrap(), Edit::new().set("amount", 6_000))
        .await
        .unwrap();
    assert_eq!(edited.status(), Status::Pending, "dana agreed to 5,000, not to 6,000");
    // The arguments that dana saw are no longer those that would run.
    let stale = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap_err();
    assert!(stale.to_string().contains("changed after it was shown"), "{stale}");
    let turn = run.proceed().await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(world.ran(), ["transfer 6000"]);
}

async fn e19_an_untouched_secret_keeps_its_value(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([sign_in_call("1", "hunter22")]).await.unwrap();
    let shown = only_interruption(&turn).approval().arguments().get("password").unwrap();
    assert!(shown.as_str().unwrap().starts_with("[secret "), "{shown}");
    // Like a form, which sends everything, including the mark.
    let edit = Edit::new().set("user", "mia.li").set("password", shown);
    only_interruption(&turn).edit(&dana(&gate).await, edit).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["sign in mia.li with hunter22"]);
}

async fn e19_the_mark_of_a_secret_never_runs_as_a_text(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([sign_in_call("1", "hunter22")]).await.unwrap();
    let marker = only_interruption(&turn).approval().arguments().get("password").unwrap();
    let dana = dana(&gate).await;
    for edit in [
        Edit::new().set("user", marker.clone()),
        Edit::new().set("password", "[secret]"),
        Edit::new().set("password", "[secret 00000000000000000000000000000000]"),
        Edit::new().set("password", "another"),
        Edit::new().remove("password"),
    ] {
        let refused = only_interruption(&turn).edit(&dana, edit).await.unwrap_err();
        assert!(matches!(refused, DecideError::Invalid(_)), "{refused}");
    }
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    assert!(world.ran().is_empty());
}

async fn e_a_policy_can_forbid_edits(store: Shared) {
    let (gate, _) = transfers(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "seal", json!({"document": "a"}))]).await.unwrap();
    let refused = only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("document", "b"))
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "its arguments cannot be edited: approve or reject it as it is"
    );
}
