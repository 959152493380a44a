//! Z. Reproduced in more peers. (84 and 97 are with the grants, 89 and 99 with the policies, 90
//! with the data, 91 and 95 with the people, 93 with the batches.)

use gate_runtime::dialect::openai;
use gate_runtime::prelude::*;
use gate_runtime::review::DecideError;
use gate_runtime::run::RunState;
use serde_json::json;

use crate::scenarios::desk::{
    Tools, again, call, dana, gate, kinds, only_interruption, pay_call_to as pay, run, story, texts,
};
use crate::scenarios::stores::{Shared, fresh, on_every_store};

on_every_store! {
    z80_one_approved_state_restored_twice_runs_once,
    z81_changed_arguments_and_pasted_approvals_in_a_state_are_refused,
    z82_an_approval_of_what_was_never_asked_authorises_nothing,
    z85_a_rejection_stands_whatever_the_policy_would_say_now,
    z86_two_calls_of_one_tool_never_swap_their_answers,
    z87_part_of_a_batch_is_answered_and_kept,
    z88_an_edit_changes_neither_the_tool_nor_fields_unsaid,
    z92_a_new_message_while_a_call_waits_leaves_no_dangling_call,
    z94_after_an_edit_the_model_knows_what_ran,
    z96_denied_again_and_again_the_run_is_told_to_stop,
    z98_nothing_reads_true_as_ask_or_approve,
}

async fn z80_one_approved_state_restored_twice_runs_once(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let saved = run.state().await.unwrap().to_json();
    let other = again(&store, &world).await;
    let restore = async |gate: &Gate<Tools>| {
        let run = gate.resume(RunState::from_json(&saved).unwrap()).await.unwrap();
        texts(&run.proceed().await.unwrap())
    };
    let (one, two) = tokio::join!(restore(&gate), restore(&other));
    let three = restore(&other).await;
    assert_eq!(
        [one, two, three],
        [["paid 500 to alice"], ["paid 500 to alice"], ["paid 500 to alice"]]
    );
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn z81_changed_arguments_and_pasted_approvals_in_a_state_are_refused(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run_5 = run(&gate);
    let turn = run_5.submit([pay("1", "mallory", 50)]).await.unwrap();
    let pending = run_5.state().await.unwrap().to_json();
    // The correct digests of other arguments, from the state of another run.
    let other = gate.run("other").on_behalf_of("mia");
    let _ = other.submit([pay("1", "mallory", 5_000)]).await.unwrap();
    let donor: serde_json::Value =
        serde_json::from_str(&other.state().await.unwrap().to_json()).unwrap();
    let mut forged: serde_json::Value = serde_json::from_str(&pending).unwrap();
    forged["run"]["approvals"][0]["arguments"] = donor["run"]["approvals"][0]["arguments"].clone();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let approved: serde_json::Value =
        serde_json::from_str(&run_5.state().await.unwrap().to_json()).unwrap();
    let mut pasted: serde_json::Value = serde_json::from_str(&pending).unwrap();
    pasted["run"]["approvals"][0] = approved["run"]["approvals"][0].clone();
    let elsewhere = again(&fresh(), &world).await;
    for state in [forged, pasted] {
        assert!(elsewhere.resume(RunState::from_json(&state.to_string()).unwrap()).await.is_err());
    }
    assert!(world.ran().is_empty());
}

async fn z82_an_approval_of_what_was_never_asked_authorises_nothing(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 500)]).await.unwrap();
    only_interruption(&turn).cancel("withdrawn").await.unwrap();
    let refused = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap_err();
    assert!(matches!(refused, DecideError::AlreadyDecided(_)));
    // Neither a new call of the same kind nor another run is approved by it.
    assert_eq!(kinds(&run.submit([pay("2", "alice", 500)]).await.unwrap()), ["waiting"]);
    let (stranger, _) = crate::scenarios::desk::gate(&fresh()).await;
    let foreign = stranger.run("run").submit([pay("1", "alice", 500)]).await.unwrap();
    assert!(gate.approval(only_interruption(&foreign).id()).await.unwrap().is_none());
    assert!(world.ran().is_empty());
}

/// A later release that asks nobody.
mod lax {
    use crate::scenarios::desk::{State, World};
    use gate_runtime::prelude::*;

    /// Wipe a disk.
    #[gated_tool(policy = "never_ask", destructive)]
    pub fn wipe(#[state] world: &World, disk: String) -> String {
        world.ran.lock().unwrap().push(disk.clone());
        disk
    }

    registry! { pub Lax for State { Wipe } }
}

async fn z85_a_rejection_stands_whatever_the_policy_would_say_now(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "in use").await.unwrap();
    let saved = run.state().await.unwrap();
    let state = crate::scenarios::desk::State(std::sync::Arc::clone(&world));
    let lax: Gate<lax::Lax> =
        crate::scenarios::desk::builder(&store, &state).build().await.unwrap();
    let run = lax.resume(saved).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["rejected"]);
    assert_eq!(
        kinds(&run.submit([call("2", "wipe", json!({"disk": "a"}))]).await.unwrap()),
        ["rejected"]
    );
    assert!(world.ran().is_empty());
}

async fn z86_two_calls_of_one_tool_never_swap_their_answers(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run
        .submit([pay("1", "alice", 100), pay("2", "bob", 200), pay("3", "carol", 300)])
        .await
        .unwrap();
    let dana = dana(&gate).await;
    // Answered in another order than asked.
    turn.interruptions()[2].approve(&dana).await.unwrap();
    turn.interruptions()[0].reject(&dana, "not alice").await.unwrap();
    turn.interruptions()[1].approve(&dana).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["rejected", "succeeded", "succeeded"]);
    assert_eq!(texts(&turn)[1..], ["paid 200 to bob", "paid 300 to carol"]);
    assert_eq!(world.ran_sorted(), ["pay 200 to bob", "pay 300 to carol"]);
}

async fn z87_part_of_a_batch_is_answered_and_kept(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run
        .submit([pay("1", "alice", 100), pay("2", "bob", 200), pay("3", "carol", 5)])
        .await
        .unwrap();
    turn.interruptions()[0].approve(&dana(&gate).await).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "waiting", "succeeded"]);
    let later = gate.resume(run.state().await.unwrap()).await.unwrap().proceed().await.unwrap();
    assert_eq!(texts(&later)[0], "paid 100 to alice");
    assert_eq!(texts(&later)[2], "paid 5 to carol");
    assert_eq!(world.ran(), ["pay 5 to carol", "pay 100 to alice"]);
}

async fn z88_an_edit_changes_neither_the_tool_nor_fields_unsaid(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let arguments = json!({"to": "alice", "amount": 500, "note": "rent"});
    let turn = run.submit([call("1", "pay", arguments)]).await.unwrap();
    let dana = dana(&gate).await;
    for edit in [
        Edit::new().set("tool", "wipe"),
        Edit::new().set("name", "wipe"),
        Edit::new().set("disk", "a"),
    ] {
        assert!(matches!(
            only_interruption(&turn).edit(&dana, edit).await,
            Err(DecideError::Invalid(_))
        ));
    }
    only_interruption(&turn).edit(&dana, Edit::new().set("amount", 400)).await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(world.ran(), ["pay 400 to alice (rent)"], "what was not mentioned is as it was");
}

async fn z92_a_new_message_while_a_call_waits_leaves_no_dangling_call(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 500)]).await.unwrap();
    // The application answers the model at once, so that the history that it passes is well-formed.
    let messages = openai::messages(&turn);
    assert_eq!(messages[0]["tool_call_id"], "1");
    assert!(
        messages[0]["content"]
            .as_str()
            .unwrap()
            .starts_with("<gate-notice>Not run yet: a person has been asked")
    );
    run.add_message(Message::user("by the way, read me file a"));
    let next = run.submit([call("2", "read", json!({"id": "a"}))]).await.unwrap();
    assert_eq!(kinds(&next), ["succeeded"]);
    assert_eq!(next.interruptions().len(), 1, "the question is still there");
    next.interruptions()[0].approve(&dana(&gate).await).await.unwrap();
    let later = run.proceed().await.unwrap();
    assert_eq!(later.late().len(), 1);
    let messages = openai::messages(&later);
    assert_eq!(messages[0]["tool_call_id"], "2");
    assert_eq!(messages[1]["role"], "system");
    assert!(messages[1]["content"].as_str().unwrap().contains("paid 500 to alice"));
    assert_eq!(
        run.proceed().await.unwrap().late().len(),
        1,
        "the turn may have been lost on the way to the model"
    );
    let next = run.submit([call("3", "read", json!({"id": "b"}))]).await.unwrap();
    assert!(next.late().is_empty(), "whoever goes on has it");
    assert_eq!(world.ran(), ["read a", "pay 500 to alice", "read b"]);
}

async fn z94_after_an_edit_the_model_knows_what_ran(store: Shared) {
    let (gate, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1", "alice", 500)]).await.unwrap();
    only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("amount", 300))
        .await
        .unwrap();
    let turn = run.proceed().await.unwrap();
    let approval = turn.answers()[0].approval().unwrap();
    assert_eq!(approval.proposed().as_json(), r#"{"amount":500,"to":"alice"}"#);
    assert_eq!(approval.arguments().as_json(), r#"{"amount":300,"to":"alice"}"#);
    assert!(texts(&turn)[0].contains("do not propose your original arguments again"));
}

async fn z96_denied_again_and_again_the_run_is_told_to_stop(store: Shared) {
    let state = crate::scenarios::desk::State::default();
    let gate: Gate<Tools> =
        crate::scenarios::desk::builder(&store, &state).denials_per_run(3).build().await.unwrap();
    let run = run(&gate);
    for index in 0..3 {
        let turn = run.submit([pay(&index.to_string(), "alice", 20_000 + index)]).await.unwrap();
        assert_eq!(kinds(&turn), ["denied"]);
        assert!(!turn.must_stop());
    }
    let turn = run.submit([pay("4", "alice", 30_000), pay("5", "alice", 5)]).await.unwrap();
    assert_eq!(kinds(&turn), ["denied", "denied"]);
    assert!(turn.must_stop());
    assert!(
        texts(&turn)[1].contains("too many calls of this run did not run")
            && texts(&turn)[1].contains("Stop calling tools")
    );
    assert!(state.0.ran().is_empty());
    assert_eq!(
        kinds(&gate.run("another").submit([pay("1", "alice", 5)]).await.unwrap()),
        ["succeeded"]
    );
}

/// A rule's closure returns whether the rule matches; its effect is in the rule's name and method.
async fn z98_nothing_reads_true_as_ask_or_approve(store: Shared) {
    #[policy]
    fn named(rules: Rules<crate::scenarios::desk::Read>) -> Rules<crate::scenarios::desk::Read> {
        rules
            .deny("true denies")
            .when(|_| true)
            .auto_approve("true approves")
            .when(|_| true)
            .otherwise(ask(anyone()))
    }
    let view = named().view().clone();
    let effects: Vec<_> = view.rules().iter().map(|rule| (rule.name(), rule.effect())).collect();
    assert_eq!(effects, [("true denies", Verdict::Deny), ("true approves", Verdict::Approve)]);
    let (gate, _) = gate(&store).await;
    assert!(story(&gate).await.is_empty());
}
