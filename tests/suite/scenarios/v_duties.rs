//! V. Decisions of several people: segregation of duties, quorums, names, edits, and the validity
//! of approvals.

use std::sync::{Arc, Mutex};

use gate_runtime::grants::{FreezeScope, ScopeError};
use gate_runtime::id::Digest;
use gate_runtime::people::Directory as _;
use gate_runtime::prelude::*;
use gate_runtime::records::{GateEvent, RecordEvent};
use gate_runtime::remote::RemoteCall;
use gate_runtime::review::{DecideError, Status};
use gate_runtime::testing::ManualClock;
use gate_runtime::{FileDirectory, NoTools};
use serde_json::json;

use crate::scenarios::desk::{
    State, Tools, World, builder, call, dana, kinds, noon, only_interruption, people, run, story,
    texts,
};
use crate::scenarios::stores::{Shared, fresh, on_every_store};
use crate::scenarios::v_people::Changing;

on_every_store! {
    a_person_with_two_roles_fills_one_of_them,
    a_person_with_two_roles_gives_no_standing_permission_alone,
    people_of_two_roles_who_are_too_few_are_not_asked,
    a_quorum_that_cannot_be_reached_stops_the_build,
    a_quorum_that_only_the_principal_would_complete_is_not_asked,
    an_approval_that_is_not_used_in_time_is_asked_again,
    a_requirement_says_how_long_an_approval_is_valid,
    an_approval_that_ends_while_nobody_looks_is_asked_again_by_itself,
    the_person_a_run_is_for_is_known_under_every_spelling_and_name,
    an_alias_that_comes_later_voids_the_vote_of_the_principal,
    the_people_file_ties_names_to_people,
    principals_can_be_required_to_be_known,
    two_spellings_of_one_reviewer_are_one_vote,
    an_edit_of_a_destructive_call_needs_somebody_else,
    an_edit_that_other_rules_ask_about_needs_somebody_else,
    a_policy_says_whether_edits_need_another,
    an_edit_goes_with_its_authors_vote,
    an_edit_that_restores_what_was_proposed_is_no_edit,
    a_freeze_of_one_tool_of_a_remote_agent_stops_all_of_them,
    the_directory_in_force_is_on_the_record_whenever_it_changes,
}

/// Two duties, and nobody does both.
#[policy]
fn two_duties(rules: Rules<Release>) -> Rules<Release> {
    rules
        .ask("in production", ask(role("oncall")))
        .when(|call| call.version != "test")
        .ask("for customers", ask(role("manager")))
        .when(|call| call.version != "test")
        .auto_approve("a test")
        .when(|call| call.version == "test")
        .otherwise(ask(role("manager")))
}

/// Release a version.
#[gated_tool(policy = "two_duties")]
fn release(#[state] world: &World, version: String) -> String {
    world.ran.lock().unwrap().push(format!("release {version}"));
    version
}

registry! {
    /// What takes two.
    pub Duties for State { Release }
}

fn with_both() -> StaticDirectory {
    StaticDirectory::new().person("dana", ["oncall", "manager"]).person("omar", ["oncall"])
}

/// Returns the reason why the first call of a turn did not run.
fn why(turn: &Turn) -> String {
    let CallResult::NotRun(reason) = turn.answers()[0].result() else { panic!("it ran") };
    reason.to_string()
}

async fn a_person_with_two_roles_fills_one_of_them(store: Shared) {
    let state = State::default();
    let gate: Gate<Duties> = builder(&store, &state).directory(with_both()).build().await.unwrap();
    let run = gate.run("run");
    let turn = run.submit([call("1", "release", json!({"version": "2"}))]).await.unwrap();
    let once = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(once.status(), Status::Pending, "she is one person");
    assert_eq!(once.approval().still_needs(), "a manager or an oncall");
    // She takes the duty that he does not take.
    let both =
        only_interruption(&turn).approve(&gate.reviewer("omar").await.unwrap()).await.unwrap();
    assert_eq!(both.status(), Status::Approved);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(state.0.ran(), ["release 2"]);
}

async fn a_person_with_two_roles_gives_no_standing_permission_alone(store: Shared) {
    let gate: Gate<Duties> =
        builder(&store, &State::default()).directory(with_both()).build().await.unwrap();
    let turn =
        gate.run("run").submit([call("1", "release", json!({"version": "2"}))]).await.unwrap();
    let scope = Scope::this_run().any("version");
    let refused = only_interruption(&turn).grant(&dana(&gate).await, scope).await.unwrap_err();
    assert!(matches!(refused, DecideError::Scope(ScopeError::NeedsSeveral)), "{refused}");
}

async fn people_of_two_roles_who_are_too_few_are_not_asked(store: Shared) {
    let state = State::default();
    let one = StaticDirectory::new().person("dana", ["oncall", "manager"]);
    let gate: Gate<Duties> = builder(&store, &state).directory(one).build().await.unwrap();
    let run = gate.run("run");
    let turn = run.submit([call("1", "release", json!({"version": "2"}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["nobody_to_ask"]);
    assert!(why(&turn).contains("too few people hold them"), "{}", why(&turn));
    assert_eq!(
        kinds(&run.submit([call("2", "release", json!({"version": "test"}))]).await.unwrap()),
        ["succeeded"]
    );
}

/// Three of them.
#[policy]
fn three(rules: Rules<Drill>) -> Rules<Drill> {
    rules.otherwise(ask(role("sre")).count(3))
}

/// Drill a hole.
#[gated_tool(policy = "three")]
fn drill(#[state] world: &World, depth: u64) -> u64 {
    world.ran.lock().unwrap().push(format!("drill {depth}"));
    depth
}

registry! {
    /// What takes three.
    pub Drills for State { Drill }
}

async fn a_quorum_that_cannot_be_reached_stops_the_build(store: Shared) {
    let one = people().person("ann", ["sre"]);
    let error = builder::<Drills>(&store, &State::default())
        .directory(one)
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("it asks 3 of role sre, but only 1 person in the directory holds that role"),
        "{error}"
    );
    let three = people().person("ann", ["sre"]).person("ben", ["sre"]).person("cem", ["sre"]);
    assert!(builder::<Drills>(&store, &State::default()).directory(three).build().await.is_ok());
}

async fn a_quorum_that_only_the_principal_would_complete_is_not_asked(store: Shared) {
    let three =
        StaticDirectory::new().person("ann", ["sre"]).person("ben", ["sre"]).person("mia", ["sre"]);
    let gate: Gate<Drills> =
        builder(&store, &State::default()).directory(three).build().await.unwrap();
    let turn = run(&gate).submit([call("1", "drill", json!({"depth": 1}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["nobody_to_ask"]);
    assert!(
        why(&turn).contains("only 2 people in the directory hold that role, without the agent and"),
        "{}",
        why(&turn)
    );
    let others = gate.run("other").submit([call("1", "drill", json!({"depth": 1}))]).await.unwrap();
    assert_eq!(kinds(&others), ["waiting"]);
}

/// Builds a gate with a manual clock.
async fn timed<R: Registry<State = State>>(store: &Shared) -> (Gate<R>, Arc<World>, ManualClock) {
    let (state, clock) = (State::default(), ManualClock::at(noon()));
    (builder(store, &state).clock(clock.clone()).build().await.unwrap(), state.0, clock)
}

async fn an_approval_that_is_not_used_in_time_is_asked_again(store: Shared) {
    let (gate, world, clock) = timed::<Tools>(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "pay", json!({"to": "alice", "amount": 500}))]).await.unwrap();
    assert_eq!(
        only_interruption(&turn).approval().describe_validity().as_deref(),
        Some("for 1 day")
    );
    let approved = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(approved.approval().valid_until(), noon().checked_add(hours(24)).ok());

    clock.advance(hours(24));
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"], "nothing runs by an approval of yesterday");
    assert_eq!(story(&gate).await, ["assessed", "voted", "lapsed"]);
    assert!(world.ran().is_empty());
    let again = only_interruption(&turn).approval();
    assert_eq!(
        (again.votes().len(), again.note()),
        (0, Some("it was approved before, and had not begun 1 day later"))
    );
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["pay 500 to alice"]);
}

/// Takes no answer to a question that is older than half an hour.
#[policy]
fn soon(rules: Rules<Deploy>) -> Rules<Deploy> {
    rules.otherwise(ask(role("manager")).valid_for(minutes(30)))
}

/// Deploy a version.
#[gated_tool(policy = "soon")]
fn deploy(#[state] world: &World, version: String) -> String {
    world.ran.lock().unwrap().push(format!("deploy {version}"));
    version
}

/// One requirement for each way to say it.
#[policy]
fn edits(rules: Rules<Wire>) -> Rules<Wire> {
    rules
        .ask("large", ask(role("manager")).comment_required())
        .when(|call| call.amount >= 1_000)
        .ask("strict", ask(role("manager")).edits_need_another())
        .when(|call| call.to == "strict")
        .ask("loose", ask(role("manager")).edits_need_no_other())
        .when(|call| call.to == "loose")
        .otherwise(ask(role("manager")))
}

/// Wire money.
#[gated_tool(policy = "edits")]
fn wire(#[state] world: &World, to: String, amount: u64) -> u64 {
    world.ran.lock().unwrap().push(format!("wire {amount} to {to}"));
    amount
}

registry! {
    /// What is edited, and does not wait.
    pub Edits for State { Deploy, Wire }
}

async fn a_requirement_says_how_long_an_approval_is_valid(store: Shared) {
    let (gate, world, clock) = timed::<Edits>(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "deploy", json!({"version": "2"}))]).await.unwrap();
    assert_eq!(only_interruption(&turn).approval().waits_for(), "a manager, valid for 30 minutes");
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    clock.advance(minutes(29));
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    let turn = run.submit([call("2", "deploy", json!({"version": "3"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    clock.advance(minutes(30));
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    assert_eq!(world.ran(), ["deploy 2"]);
}

async fn an_approval_that_ends_while_nobody_looks_is_asked_again_by_itself(store: Shared) {
    let (gate, _, clock) = timed::<Edits>(&store).await;
    let turn = run(&gate).submit([call("1", "deploy", json!({"version": "2"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    drop(turn);
    drop(gate);
    // Another process enforces the deadline.
    let gate: Gate<Edits> =
        builder(&store, &State::default()).clock(clock.clone()).build().await.unwrap();
    clock.advance(minutes(30));
    crate::scenarios::desk::until(async || story(&gate).await.contains(&"lapsed")).await;
    assert_eq!(gate.pending().await.unwrap().len(), 1);
}

fn pay(id: &str) -> ToolCall {
    call(id, "pay", json!({"to": "alice", "amount": 500}))
}

async fn the_person_a_run_is_for_is_known_under_every_spelling_and_name(store: Shared) {
    let people = people().alias("mia", "mia@example.com").alias("mia", "c-4711");
    let gate: Gate<Tools> =
        builder(&store, &State::default()).directory(people).build().await.unwrap();
    let mia = gate.reviewer("mia").await.unwrap();
    for name in ["mia", "Mia", " mia", "ｍｉａ", "mіa", "MIA@example.com", "C-4711"] {
        let run = gate.run(format!("for {name}")).on_behalf_of(name);
        let turn = run.submit([pay("1")]).await.unwrap();
        let refused = only_interruption(&turn).approve(&mia).await.unwrap_err();
        assert!(refused.to_string().contains("the run acts for this person"), "{name}: {refused}");
        let scope = Scope::any_run().any_agent();
        assert!(only_interruption(&turn).grant(&mia, scope).await.is_err(), "{name}");
        assert!(only_interruption(&turn).approve(&dana(&gate).await).await.is_ok(), "{name}");
        assert!(only_interruption(&turn).revoke(&mia, "no").await.is_err(), "{name}");
    }
    // The same holds for an agent under a person's name.
    let agent = builder::<Tools>(&fresh(), &State::default()).agent("Dana").build().await.unwrap();
    let turn = agent.run("run").agent("Dana").submit([pay("1")]).await.unwrap();
    assert!(only_interruption(&turn).approve(&dana(&agent).await).await.is_err());
}

async fn an_alias_that_comes_later_voids_the_vote_of_the_principal(store: Shared) {
    let directory = Changing(Arc::new(Mutex::new(people())));
    let gate: Gate<Tools> =
        builder(&store, &State::default()).directory(directory.clone()).build().await.unwrap();
    let run = gate.run("run").on_behalf_of("dana@example.com");
    let turn = run.submit([pay("1")]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let tied = people().alias("dana", "dana@example.com");
    *directory.0.lock().unwrap() = tied;
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    assert!(story(&gate).await.contains(&"voided"));
}

async fn the_people_file_ties_names_to_people(store: Shared) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    let file = r#"
        [[person]]
        id = "dana"
        name = "Dana Kim"
        roles = ["manager"]
        contact = "dana@example.com"
        slack = "U012AB3CD"
        aliases = ["d.kim"]

        [[person]]
        id = "omar"
        roles = ["manager"]
    "#;
    std::fs::write(&path, file).unwrap();
    let people = FileDirectory::open(&path).unwrap();
    let gate: Gate<Tools> =
        builder(&store, &State::default()).directory(people).build().await.unwrap();
    for name in ["dana", "DANA@example.com", "u012ab3cd", "D.Kim", "dana kim"] {
        let turn =
            gate.run(format!("for {name}")).on_behalf_of(name).submit([pay("1")]).await.unwrap();
        let refused = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap_err();
        assert!(refused.to_string().contains("the run acts for this person"), "{name}: {refused}");
    }
}

async fn principals_can_be_required_to_be_known(store: Shared) {
    let (state, people) = (State::default(), people().alias("mia", "mia@example.com"));
    let builder = builder::<Tools>(&store, &state).directory(people).known_principals();
    let gate = builder.build().await.unwrap();
    let read = |id: &str| call(id, "read", json!({"id": "1"}));
    let stranger =
        gate.run("stranger").on_behalf_of("mia.li@example.com").submit([read("1")]).await.unwrap();
    assert_eq!(kinds(&stranger), ["invalid"]);
    assert!(
        texts(&stranger)[0].contains("whom the directory does not know"),
        "{:?}",
        texts(&stranger)
    );
    let known =
        gate.run("known").on_behalf_of("mia@example.com").submit([read("1")]).await.unwrap();
    let nobody = gate.run("nobody").submit([read("1")]).await.unwrap();
    assert_eq!((kinds(&known), kinds(&nobody)), (vec!["succeeded"], vec!["succeeded"]));
    assert_eq!(state.0.ran().len(), 2);
}

/// Two must agree.
#[policy]
fn two_managers(rules: Rules<Melt>) -> Rules<Melt> {
    rules.otherwise(ask(role("manager")).count(2))
}

/// Melt a key.
#[gated_tool(policy = "two_managers")]
fn melt(#[state] world: &World, key: String) -> String {
    world.ran.lock().unwrap().push(format!("melt {key}"));
    key
}

registry! {
    /// What takes two of a kind.
    pub Melts for State { Melt }
}

async fn two_spellings_of_one_reviewer_are_one_vote(store: Shared) {
    let people = people().person("Dana", ["manager"]);
    let gate: Gate<Melts> =
        builder(&store, &State::default()).directory(people).build().await.unwrap();
    let turn = run(&gate).submit([call("1", "melt", json!({"key": "k"}))]).await.unwrap();
    for who in ["dana", "Dana"] {
        let decided =
            only_interruption(&turn).approve(&gate.reviewer(who).await.unwrap()).await.unwrap();
        assert_eq!(
            (decided.status(), decided.approval().votes().len()),
            (Status::Pending, 1),
            "{who}"
        );
    }
}

async fn an_edit_of_a_destructive_call_needs_somebody_else(store: Shared) {
    let state = State::default();
    let gate: Gate<Tools> = builder(&store, &state).build().await.unwrap();
    let run = run(&gate);
    let turn = run.submit([call("1", "wipe", json!({"disk": "old"}))]).await.unwrap();
    let dana = dana(&gate).await;
    let edited =
        only_interruption(&turn).edit(&dana, Edit::new().set("disk", "mine")).await.unwrap();
    assert_eq!(edited.status(), Status::Pending);
    assert_eq!(edited.approval().still_needs(), "somebody other than dana, who changed it");
    // Nor by proposing it again.
    let turn = run.proceed().await.unwrap();
    assert_eq!(only_interruption(&turn).approve(&dana).await.unwrap().status(), Status::Pending);
    assert!(only_interruption(&turn).grant(&dana, Scope::this_run()).await.is_err());
    let other =
        only_interruption(&turn).approve(&gate.reviewer("omar").await.unwrap()).await.unwrap();
    assert_eq!(other.status(), Status::Approved);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(state.0.ran(), ["wipe mine"]);
}

fn wired(id: &str, to: &str) -> ToolCall {
    call(id, "wire", json!({"to": to, "amount": 500}))
}

async fn an_edit_that_other_rules_ask_about_needs_somebody_else(store: Shared) {
    let (gate, _, _) = timed::<Edits>(&store).await;
    let dana = dana(&gate).await;
    let run = run(&gate);
    let turn = run.submit([wired("1", "ann")]).await.unwrap();
    // Within the same rule, an edit is its author's decision.
    assert_eq!(
        only_interruption(&turn)
            .edit(&dana, Edit::new().set("amount", 700))
            .await
            .unwrap()
            .status(),
        Status::Approved
    );
    let turn = run.submit([wired("2", "ben")]).await.unwrap();
    let edit = Edit::new().set("amount", 7_000);
    let edited =
        only_interruption(&turn).edit(&dana, edit).comment("agreed by telephone").await.unwrap();
    assert_eq!(edited.status(), Status::Pending);
    assert_eq!(edited.approval().still_needs(), "somebody other than dana, who changed it");
}

async fn a_policy_says_whether_edits_need_another(store: Shared) {
    let (gate, _, _) = timed::<Edits>(&store).await;
    let dana = dana(&gate).await;
    let run = run(&gate);
    for (id, to, expected) in [("1", "strict", Status::Pending), ("2", "loose", Status::Approved)] {
        let turn = run.submit([wired(id, to)]).await.unwrap();
        let interruption = turn
            .interruptions()
            .iter()
            .find(|asked| asked.approval().subject().call() == id)
            .unwrap();
        let edited = interruption.edit(&dana, Edit::new().set("amount", 7)).await.unwrap();
        assert_eq!(edited.status(), expected, "{to}");
    }
}

async fn an_edit_goes_with_its_authors_vote(store: Shared) {
    let gate: Gate<Melts> = builder(&store, &State::default()).build().await.unwrap();
    let run = run(&gate);
    let turn = run.submit([call("1", "melt", json!({"key": "k"}))]).await.unwrap();
    let (dana, omar) = (dana(&gate).await, gate.reviewer("omar").await.unwrap());
    only_interruption(&turn).edit(&dana, Edit::new().set("key", "mine")).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert!(only_interruption(&turn).approval().is_edited());
    only_interruption(&turn).edit(&omar, Edit::new().set("key", "ours")).await.unwrap();
    let turn = run.proceed().await.unwrap();
    // After his edit is withdrawn, hers applies again, and then the model's arguments.
    let after = only_interruption(&turn).withdraw(&omar).await.unwrap();
    assert_eq!(after.arguments().as_json(), r#"{"key":"mine"}"#);
    let after = only_interruption(&turn).withdraw(&dana).await.unwrap();
    assert_eq!((after.arguments().as_json(), after.is_edited()), (r#"{"key":"k"}"#, false));
    assert_eq!(after.votes().len(), 0);
}

async fn an_edit_that_restores_what_was_proposed_is_no_edit(store: Shared) {
    let state = State::default();
    let gate: Gate<Melts> = builder(&store, &state).build().await.unwrap();
    let run = run(&gate);
    let turn = run.submit([call("1", "melt", json!({"key": "k"}))]).await.unwrap();
    let (dana, omar) = (dana(&gate).await, gate.reviewer("omar").await.unwrap());
    only_interruption(&turn).edit(&dana, Edit::new().set("key", "mine")).await.unwrap();
    let turn = run.proceed().await.unwrap();
    let restored = only_interruption(&turn).edit(&omar, Edit::new().set("key", "k")).await.unwrap();
    assert!(!restored.approval().is_edited());
    let turn = run.proceed().await.unwrap();
    only_interruption(&turn).approve(&dana).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert_eq!((kinds(&turn), state.0.ran()), (vec!["succeeded"], vec!["melt k".to_owned()]));
    assert!(!texts(&turn)[0].contains("changed the arguments"), "{:?}", texts(&turn));
}

async fn a_freeze_of_one_tool_of_a_remote_agent_stops_all_of_them(store: Shared) {
    let gate: Gate<NoTools> =
        Gate::builder(()).store(Arc::clone(&store)).directory(people()).build().await.unwrap();
    let dana = gate.reviewer("dana").await.unwrap();
    let ask = async |agent: &str, tool: &str| {
        let call = RemoteCall::new(tool, tool, "{}").ask("it is money", ask(role("manager")));
        let asked = gate.remote(agent).ask(call).await.unwrap();
        gate.interruption(asked.id()).await.unwrap().unwrap().approve(&dana).await.unwrap();
        asked.id()
    };
    let (refund, payout, other) =
        (ask("bot", "refund").await, ask("bot", "payout").await, ask("other", "refund").await);
    gate.freeze(FreezeScope::tool("bot/refund"), "incident 42", &dana).await.unwrap();
    for id in [refund, payout] {
        let stopped = gate.remote("bot").begin(id).await.unwrap_err();
        assert!(stopped.for_reviewer().contains("incident 42"), "{stopped}");
    }
    assert!(gate.remote("other").begin(other).await.is_ok());
}

/// Returns the recorded digests of directories, in order.
async fn directories<R: Registry>(gate: &Gate<R>) -> Vec<Digest> {
    let digest = |record: Arc<gate_runtime::records::Record>| match record.event() {
        RecordEvent::Gate(GateEvent::GateBuilt { directory, .. }) => *directory,
        RecordEvent::Gate(GateEvent::DirectoryChanged { digest }) => Some(*digest),
        _ => None,
    };
    crate::scenarios::desk::records(gate).await.into_iter().filter_map(digest).collect()
}

async fn the_directory_in_force_is_on_the_record_whenever_it_changes(store: Shared) {
    let directory = Changing(Arc::new(Mutex::new(people())));
    let gate: Gate<Tools> =
        builder(&store, &State::default()).directory(directory.clone()).build().await.unwrap();
    let run = run(&gate);
    let first = people().digest().await.unwrap();
    let turn = run.submit([pay("1")]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(directories(&gate).await, [first], "as it was when the gate was built");

    let more = people().person("eve", ["manager"]);
    let second = more.digest().await.unwrap();
    *directory.0.lock().unwrap() = more;
    let turn = run.submit([pay("2"), pay("3")]).await.unwrap();
    for interruption in turn.interruptions() {
        let _ = interruption.approve(&gate.reviewer("eve").await.unwrap()).await;
    }
    assert_eq!(directories(&gate).await, [first, second], "once for all that is decided by it");
    // A gate without tools names it with its first decision.
    let inbox: Gate<NoTools> =
        Gate::builder(()).store(Arc::clone(&store)).directory(people()).build().await.unwrap();
    let dana = inbox.reviewer("dana").await.unwrap();
    inbox.freeze(FreezeScope::Everything, "incident 42", &dana).await.unwrap();
    assert_eq!(directories(&gate).await, [first, second, first]);
    let kinds: Vec<_> =
        crate::scenarios::desk::records(&gate).await.iter().map(|record| record.kind()).collect();
    assert!(kinds.ends_with(&["frozen", "directory_changed"]), "{kinds:?}");
}
