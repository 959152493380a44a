//! V. Votes, people and time, as the core handles them.

use std::sync::{Arc, Mutex};

use gate_runtime::FileDirectory;
use gate_runtime::audit::VerifierKey;
use gate_runtime::id::{Digest, ReviewerId, Role};
use gate_runtime::people::{Directory, DirectoryError, ReviewerError};
use gate_runtime::prelude::*;
use gate_runtime::review::{DecideError, Status};
use gate_runtime::store::BoxFuture;
use serde_json::json;

use crate::scenarios::desk::{
    State, Tools, World, builder, call, dana, gate, gate_at_noon, kinds, noon, only_interruption,
    people, run, story, texts, until,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    v48_the_person_a_run_is_for_and_its_agent_cannot_vote,
    v48_only_a_policy_that_asks_the_principal_lets_that_person_confirm,
    v48_roles_count_as_the_directory_has_them_when_someone_decides,
    v48_a_question_that_nobody_could_answer_is_not_asked,
    v49_one_person_is_one_vote_whatever_they_say_how_often,
    v49_refusals_are_counted_too,
    v50_of_two_that_race_one_wins_and_the_other_is_told,
    v51_at_the_moment_of_expiry_exactly_one_is_recorded,
    v53_a_clock_that_jumps_approves_nothing,
    v54_first_tier_second_tier_then_expired_each_once,
    v54_deadlines_come_by_themselves,
    v54_reminders_come_each_once_and_the_policy_says_what_the_model_is_told,
    v55_a_role_that_nobody_holds_stops_the_build,
    v56_a_missing_comment_is_refused_with_that_reason,
    z91_expired_is_no_rejection,
    z95_the_same_decision_twice_is_no_error_and_another_is_told_who,
    v_a_stranger_is_no_reviewer,
    v_a_delegated_role_counts_until_it_ends,
    v_a_broken_file_of_people_entitles_nobody,
}

fn pay(id: &str) -> ToolCall {
    call(id, "pay", json!({"to": "alice", "amount": 500}))
}

async fn v48_the_person_a_run_is_for_and_its_agent_cannot_vote(store: Shared) {
    let state = State::default();
    let gate: Gate<Tools> = builder(&store, &state)
        .directory(people().person("support", ["manager"]))
        .build()
        .await
        .unwrap();
    let run = run(&gate);
    let turn = run.submit([pay("1")]).await.unwrap();
    let mia =
        only_interruption(&turn).approve(&gate.reviewer("mia").await.unwrap()).await.unwrap_err();
    assert!(mia.to_string().contains("the run acts for this person"), "{mia}");
    let agent = only_interruption(&turn)
        .approve(&gate.reviewer("support").await.unwrap())
        .await
        .unwrap_err();
    assert_eq!(agent.to_string(), "support cannot decide this: an agent cannot decide");
    let intern =
        only_interruption(&turn).approve(&gate.reviewer("ines").await.unwrap()).await.unwrap_err();
    assert_eq!(intern.to_string(), "ines cannot decide this: it asks a manager");
    let principal = only_interruption(&turn).approve(&gate.principal("mia")).await.unwrap_err();
    assert_eq!(principal.to_string(), "mia cannot decide this: it asks a manager");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    assert_eq!(story(&gate).await, ["assessed"]);
}

/// A directory from which a test removes roles and keys.
#[derive(Clone)]
pub struct Changing(pub Arc<Mutex<StaticDirectory>>);

impl Directory for Changing {
    fn find<'a>(
        &'a self,
        who: &'a ReviewerId,
        at: gate_runtime::Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<Role>>, DirectoryError>> {
        let now = self.0.lock().unwrap().clone();
        Box::pin(async move { now.find(who, at).await })
    }

    fn holders<'a>(
        &'a self,
        role: Option<&'a Role>,
        at: gate_runtime::Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<ReviewerId>>, DirectoryError>> {
        let now = self.0.lock().unwrap().clone();
        Box::pin(async move { now.holders(role, at).await })
    }

    fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ReviewerId>, DirectoryError>> {
        let now = self.0.lock().unwrap().clone();
        Box::pin(async move { now.named(name).await })
    }

    fn digest(&self) -> BoxFuture<'_, Result<Digest, DirectoryError>> {
        let now = self.0.lock().unwrap().clone();
        Box::pin(async move { now.digest().await })
    }

    fn key<'a>(
        &'a self,
        who: &'a ReviewerId,
        at: gate_runtime::Timestamp,
    ) -> BoxFuture<'a, Result<Option<VerifierKey>, DirectoryError>> {
        let now = self.0.lock().unwrap().clone();
        Box::pin(async move { now.key(who, at).await })
    }
}

async fn v48_roles_count_as_the_directory_has_them_when_someone_decides(store: Shared) {
    let directory = Changing(Arc::new(Mutex::new(people())));
    let gate: Gate<Tools> =
        builder(&store, &State::default()).directory(directory.clone()).build().await.unwrap();
    let run = run(&gate);
    let dana = dana(&gate).await;
    let turn = run.submit([pay("1")]).await.unwrap();

    // A person who is only in another gate's directory.
    let elsewhere = builder(&crate::scenarios::stores::fresh(), &State::default())
        .directory(people().person("eve", ["manager"]));
    let elsewhere: Gate<Tools> = elsewhere.build().await.unwrap();
    let eve = only_interruption(&turn)
        .approve(&elsewhere.reviewer("eve").await.unwrap())
        .await
        .unwrap_err();
    assert!(eve.to_string().contains("`eve` is not in the directory"), "{eve}");

    // She was a manager until a moment ago.
    *directory.0.lock().unwrap() =
        StaticDirectory::new().person("dana", ["intern"]).person("max", ["manager"]);
    let gone = only_interruption(&turn).approve(&dana).await.unwrap_err();
    assert_eq!(gone.to_string(), "dana cannot decide this: it asks a manager");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
}

/// The customer confirms.
#[policy]
fn confirmed(rules: Rules<Book>) -> Rules<Book> {
    rules
        .ask("dear", ask(role("manager")).count(2).deny_count(2))
        .when(|call| call.price >= 1_000)
        .ask("with a reason", ask(role("manager")).comment_required())
        .when(|call| (500..1_000).contains(&call.price))
        .otherwise(ask(principal()))
}

/// Book a flight.
#[gated_tool(policy = "confirmed")]
fn book(#[state] world: &World, price: u64) -> u64 {
    world.ran.lock().unwrap().push(format!("book {price}"));
    price
}

/// First the managers, then whoever is on call.
#[policy]
fn escalated(rules: Rules<Restart>) -> Rules<Restart> {
    rules.otherwise(
        ask(role("manager")).within(minutes(30)).then(ask(role("intern")).within(minutes(10))),
    )
}

/// Restart a server.
#[gated_tool(policy = "escalated")]
fn restart(#[state] world: &World, server: String) -> String {
    world.ran.lock().unwrap().push(format!("restart {server}"));
    server
}

registry! { PeopleTools for State { Book, Restart } }

async fn people_gate(
    store: &Shared,
) -> (Gate<PeopleTools>, Arc<World>, gate_runtime::testing::ManualClock) {
    let (state, clock) = (State::default(), gate_runtime::testing::ManualClock::at(noon()));
    (builder(store, &state).clock(clock.clone()).build().await.unwrap(), state.0, clock)
}

async fn v48_only_a_policy_that_asks_the_principal_lets_that_person_confirm(store: Shared) {
    let (gate, world, _) = people_gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "book", json!({"price": 100}))]).await.unwrap();
    for other in [dana(&gate).await, gate.reviewer("mia").await.unwrap(), gate.principal("noah")] {
        let refused = only_interruption(&turn).approve(&other).await.unwrap_err();
        assert!(matches!(refused, DecideError::Refused(_)), "{refused}");
    }
    only_interruption(&turn).approve(&gate.principal("mia")).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["book 100"]);
}

async fn v48_a_question_that_nobody_could_answer_is_not_asked(store: Shared) {
    let (gate, world, _) = people_gate(&store).await;
    let turn = gate.run("run").submit([call("1", "book", json!({"price": 100}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["nobody_to_ask"]);
    assert!(texts(&turn)[0].contains("Trying again does not change that"), "{:?}", texts(&turn));
    let CallResult::NotRun(reason) = turn.answers()[0].result() else { panic!("it ran") };
    assert!(reason.to_string().contains("`.on_behalf_of(…)`"), "{reason}");
    assert!(world.ran().is_empty() && gate.pending().await.unwrap().is_empty());
}

async fn v49_one_person_is_one_vote_whatever_they_say_how_often(store: Shared) {
    let (gate, world, _) = people_gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "book", json!({"price": 2_000}))]).await.unwrap();
    let dana = dana(&gate).await;
    for _ in 0..3 {
        let decided = only_interruption(&turn).approve(&dana).await.unwrap();
        assert_eq!((decided.status(), decided.approval().votes().len()), (Status::Pending, 1));
    }
    // She may change her decision, which stays one vote.
    only_interruption(&turn).reject(&dana, "too dear").await.unwrap();
    let decided = only_interruption(&turn).approve(&dana).await.unwrap();
    assert_eq!((decided.status(), decided.approval().votes().len()), (Status::Pending, 1));
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    only_interruption(&turn).approve(&gate.reviewer("omar").await.unwrap()).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["book 2000"]);
}

async fn v49_refusals_are_counted_too(store: Shared) {
    let (gate, _, _) = people_gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "book", json!({"price": 2_000}))]).await.unwrap();
    let decided = only_interruption(&turn).reject(&dana(&gate).await, "too dear").await.unwrap();
    assert_eq!(decided.status(), Status::Pending, "two must refuse");
    let decided = only_interruption(&turn)
        .reject(&gate.reviewer("omar").await.unwrap(), "far too dear")
        .await
        .unwrap();
    assert_eq!(decided.status(), Status::Rejected);
    assert!(texts(&run.proceed().await.unwrap())[0].contains("far too dear"));
}

async fn v50_of_two_that_race_one_wins_and_the_other_is_told(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let (dana, omar) = (dana(&gate).await, gate.reviewer("omar").await.unwrap());
    for round in 0..20 {
        let turn = run
            .submit([call(
                &round.to_string(),
                "pay",
                json!({"to": "alice", "amount": 500 + round}),
            )])
            .await
            .unwrap();
        let interruption = only_interruption(&turn);
        let (yes, no) = tokio::join!(interruption.approve(&dana), interruption.reject(&omar, "no"));
        let winner = match (yes, no) {
            (Ok(_), Err(DecideError::AlreadyDecided(decided))) => (Status::Approved, decided),
            (Err(DecideError::AlreadyDecided(stands)), Ok(_)) => (Status::Rejected, stands),
            other => panic!("{other:?}"),
        };
        assert_eq!(winner.1.status(), winner.0);
        let end = kinds(&run.proceed().await.unwrap())[0];
        assert_eq!(end, if winner.0 == Status::Approved { "succeeded" } else { "rejected" });
        // The state never changes afterwards.
        assert!(interruption.reject(&omar, "still no").await.is_err());
    }
    assert!(world.ran().len() <= 20);
}

async fn v51_at_the_moment_of_expiry_exactly_one_is_recorded(store: Shared) {
    let (gate, world, clock) = gate_at_noon(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1")]).await.unwrap();
    clock.set("2026-11-21T12:29:59.999Z".parse().unwrap());
    let turn_2 = run.submit([call("2", "pay", json!({"to": "bob", "amount": 500}))]).await.unwrap();
    clock.set("2026-11-21T12:30:00Z".parse().unwrap());
    let late = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap_err();
    assert!(late.to_string().starts_with("it is already expired"), "{late}");
    turn_2.interruptions()[1].approve(&dana(&gate).await).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 500 to bob"]);
    let expired = story(&gate).await.into_iter().filter(|kind| *kind == "expired").count();
    assert_eq!(expired, 1);
}

async fn v53_a_clock_that_jumps_approves_nothing(store: Shared) {
    let (gate, world, clock) = gate_at_noon(&store).await;
    let run = run(&gate);
    let pay = |id| call(id, "pay", json!({"to": "alice", "amount": 500}));
    let turn = run.submit([pay("1"), pay("2")]).await.unwrap();
    let [first, second] = turn.interruptions() else { panic!() };

    // The clock goes back by an hour: everything still waits, and a decision counts.
    clock.set(noon().checked_sub(HOUR).unwrap());
    gate.run_due().await;
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting", "waiting"]);
    first.approve(&dana(&gate).await).await.unwrap();

    // The clock goes forward by more than the half hour that people have: decided calls run, and
    // the others have expired and stay expired.
    clock.set(noon().checked_add(HOUR).unwrap());
    gate.run_due().await;
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "expired"]);
    clock.set(noon());
    assert!(second.approve(&dana(&gate).await).await.is_err());
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "expired"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

async fn v54_first_tier_second_tier_then_expired_each_once(store: Shared) {
    let (gate, world, clock) = people_gate(&store).await;
    let (other, _, _) = people_gate(&store).await;
    let run = run(&gate);
    let ines = gate.reviewer("ines").await.unwrap();
    let turn = run
        .submit([
            call("1", "restart", json!({"server": "a"})),
            call("2", "restart", json!({"server": "b"})),
        ])
        .await
        .unwrap();
    let early = turn.interruptions()[0].approve(&ines).await.unwrap_err();
    assert_eq!(early.to_string(), "ines cannot decide this: it asks a manager");
    clock.advance(minutes(30));
    for gate in [&gate, &other, &gate] {
        gate.run_due().await;
    }
    // The people who were asked first may still answer, and so may those who are asked now.
    turn.interruptions()[0].approve(&ines).await.unwrap();
    clock.advance(minutes(10));
    gate.run_due().await;
    let late = turn.interruptions()[1].approve(&dana(&gate).await).await.unwrap_err();
    assert!(late.to_string().starts_with("it is already expired"), "{late}");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "expired"]);
    assert_eq!(world.ran(), ["restart a"]);
    let steps: Vec<_> = story(&gate)
        .await
        .into_iter()
        .filter(|kind| ["escalated", "expired"].contains(kind))
        .collect();
    assert_eq!(steps, ["escalated", "escalated", "expired"]);
}

async fn v54_deadlines_come_by_themselves(store: Shared) {
    let (gate, _, clock) = people_gate(&store).await;
    let run = run(&gate);
    let _ = run.submit([call("1", "restart", json!({"server": "a"}))]).await.unwrap();
    clock.advance(minutes(30));
    until(async || story(&gate).await.contains(&"escalated")).await;
    clock.advance(minutes(10));
    until(async || story(&gate).await.contains(&"expired")).await;
    assert_eq!(kinds(&run.wait().await.unwrap()), ["expired"]);
}

/// Reminders, and a word for the model.
#[policy]
fn patient(rules: Rules<Close>) -> Rules<Close> {
    let manager = ask(role("manager")).within(hours(1)).remind_every(minutes(20));
    rules.otherwise(manager.on_expiry_message("Tell the customer that we write tomorrow."))
}

/// Close.
#[gated_tool(policy = "patient")]
fn close(what: String) -> String {
    what
}

registry! { PatientTools for State { Close } }

async fn v54_reminders_come_each_once_and_the_policy_says_what_the_model_is_told(store: Shared) {
    let clock = gate_runtime::testing::ManualClock::at(noon());
    let gate = async || -> Gate<PatientTools> {
        builder(&store, &State::default()).clock(clock.clone()).build().await.unwrap()
    };
    let (gate, other) = (gate().await, gate().await);
    let run = run(&gate);
    let _ = run.submit([call("1", "close", json!({"what": "a"}))]).await.unwrap();
    for minute in [19, 1, 5, 15, 15] {
        clock.advance(minutes(minute));
        for gate in [&gate, &other, &gate] {
            gate.run_due().await;
        }
    }
    let reminded = async || story(&gate).await.iter().filter(|kind| **kind == "reminded").count();
    assert_eq!(reminded().await, 2);
    clock.advance(minutes(5));
    until(async || story(&gate).await.contains(&"expired")).await;
    assert_eq!(reminded().await, 2, "at its end it is over");
    let model_text = run.proceed().await.unwrap().answers()[0].for_model();
    assert_eq!(
        model_text,
        "<gate-notice>Not run: nobody decided in time. Tell the customer that we write \
         tomorrow.</gate-notice>"
    );
}

async fn v55_a_role_that_nobody_holds_stops_the_build(store: Shared) {
    let refused = builder::<Tools>(&store, &State::default())
        .directory(StaticDirectory::new())
        .build()
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("policy `payments`, rule \"otherwise\": it asks for the role `manager`"),
        "{refused}"
    );
}

async fn v56_a_missing_comment_is_refused_with_that_reason(store: Shared) {
    let (gate, _, _) = people_gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "book", json!({"price": 600}))]).await.unwrap();
    let dana = dana(&gate).await;
    for refused in [
        only_interruption(&turn).approve(&dana).await,
        only_interruption(&turn).approve(&dana).comment(" ").await,
    ] {
        assert_eq!(
            refused.unwrap_err().to_string(),
            "an approval of this needs a comment: say why"
        );
    }
    only_interruption(&turn).approve(&dana).comment("the last seat").await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn z91_expired_is_no_rejection(store: Shared) {
    let (gate, _, clock) = gate_at_noon(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1")]).await.unwrap();
    clock.advance(minutes(30));
    gate.run_due().await;
    let approval = gate.approval(only_interruption(&turn).id()).await.unwrap().unwrap();
    assert_eq!((approval.status(), approval.votes().len()), (Status::Expired, 0));
    // Nobody rejected it, so the same call may be asked about again.
    assert_eq!(kinds(&run.submit([pay("2")]).await.unwrap()), ["waiting"]);
}

async fn z95_the_same_decision_twice_is_no_error_and_another_is_told_who(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([pay("1")]).await.unwrap();
    let dana = dana(&gate).await;
    for _ in 0..3 {
        assert_eq!(
            only_interruption(&turn).approve(&dana).await.unwrap().status(),
            Status::Approved
        );
    }
    let _ = run.proceed().await.unwrap();
    assert_eq!(only_interruption(&turn).approve(&dana).await.unwrap().status(), Status::Succeeded);
    let late = only_interruption(&turn)
        .reject(&gate.reviewer("omar").await.unwrap(), "no")
        .await
        .unwrap_err();
    assert_eq!(late.to_string(), "it is already approved by dana, and has run");
    assert_eq!(story(&gate).await.iter().filter(|kind| **kind == "voted").count(), 1);
    assert_eq!(world.ran().len(), 1);
}

async fn v_a_stranger_is_no_reviewer(store: Shared) {
    let (gate, _) = gate(&store).await;
    let unknown = gate.reviewer("mallory").await.unwrap_err();
    assert!(unknown.to_string().contains("`mallory` is not in the directory"), "{unknown}");
}

/// Two managers, one of them absent until an hour after noon, and a person on call who stands in.
const PEOPLE: &str = r#"
    person = [
        { id = "dana", roles = ["manager"] },
        { id = "max", roles = ["manager"] },
        { id = "omar", roles = ["oncall"] },
        { id = "ines", roles = ["intern"] },
    ]
    delegation = [
        { from = "max", to = "omar", roles = ["manager"], until = "2026-11-21T13:00:00Z" },
    ]
"#;

async fn v_a_delegated_role_counts_until_it_ends(store: Shared) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    std::fs::write(&path, PEOPLE).unwrap();
    let (state, clock) = (State::default(), gate_runtime::testing::ManualClock::at(noon()));
    let directory = FileDirectory::open(&path).unwrap();
    let gate: Gate<PeopleTools> =
        builder(&store, &state).directory(directory).clock(clock.clone()).build().await.unwrap();
    let run = run(&gate);
    let (dana, omar) = (dana(&gate).await, gate.reviewer("omar").await.unwrap());
    let book = |id| call(id, "book", json!({"price": 2_000}));

    // Two managers must agree, and omar stands in for max until the last moment.
    let turn = run.submit([book("1"), book("2")]).await.unwrap();
    for interruption in turn.interruptions() {
        assert_eq!(interruption.approve(&dana).await.unwrap().status(), Status::Pending);
    }
    clock.set("2026-11-21T12:59:59.999Z".parse().unwrap());
    assert_eq!(turn.interruptions()[0].approve(&omar).await.unwrap().status(), Status::Approved);
    clock.set("2026-11-21T13:00:00Z".parse().unwrap());
    let late = turn.interruptions()[1].approve(&omar).await.unwrap_err();
    assert_eq!(late.to_string(), "omar cannot decide this: it asks a manager");
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "waiting"]);
    assert_eq!(state.0.ran(), ["book 2000"]);

    // A person who stands in for another still has one vote.
    std::fs::write(
        &path,
        PEOPLE.replace("to = \"omar\"", "to = \"dana\"").replace("13:00", "23:00"),
    )
    .unwrap();
    assert_eq!(turn.interruptions()[1].approve(&dana).await.unwrap().status(), Status::Pending);
}

async fn v_a_broken_file_of_people_entitles_nobody(store: Shared) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    std::fs::write(&path, PEOPLE).unwrap();
    let state = State::default();
    let directory = FileDirectory::open(&path).unwrap();
    let gate: Gate<Tools> = builder(&store, &state).directory(directory).build().await.unwrap();
    let run = run(&gate);
    let dana = dana(&gate).await;
    let turn = run.submit([pay("1")]).await.unwrap();

    std::fs::write(&path, PEOPLE.replace("id = \"omar\"", "id = \"dana\"")).unwrap();
    let refused = only_interruption(&turn).approve(&dana).await.unwrap_err();
    assert!(matches!(refused, DecideError::Reviewer(ReviewerError::Directory(_))), "{refused}");
    assert!(refused.to_string().contains("line 5: `dana` is on line 3 already"), "{refused}");
    // No new question is asked either, and the model's message does not mention the file.
    let unasked = gate.run("another").submit([pay("2")]).await.unwrap();
    assert_eq!(kinds(&unasked), ["unavailable"]);
    assert!(!texts(&unasked)[0].contains("dana"), "{:?}", texts(&unasked));

    std::fs::write(
        &path,
        PEOPLE.replace("\"dana\", roles = [\"manager\"]", "\"dana\", roles = []"),
    )
    .unwrap();
    let taken = only_interruption(&turn).approve(&dana).await.unwrap_err();
    assert_eq!(taken.to_string(), "dana cannot decide this: it asks a manager");

    std::fs::write(&path, PEOPLE).unwrap();
    assert_eq!(only_interruption(&turn).approve(&dana).await.unwrap().status(), Status::Approved);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(state.0.ran(), ["pay 500 to alice"]);
}
