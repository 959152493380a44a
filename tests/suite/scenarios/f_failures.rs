//! F. Rules, overlays and directories that fail, hang or return nonsense: each is a failure, and
//! gives no verdict.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gate_runtime::audit::VerifierKey;
use gate_runtime::id::{Digest, ReviewerId, Role};
use gate_runtime::people::{Directory, DirectoryError};
use gate_runtime::policy::{Objection, OnFailure, Overlay, OverlayCall, OverlayError, RuleResult};
use gate_runtime::prelude::*;
use gate_runtime::records::{GateEvent, RecordEvent};
use gate_runtime::remote::{AcceptedAnswers, RemoteCall, RemoteError};
use gate_runtime::review::{DecideError, Status};
use gate_runtime::run::{CallResult, DeniedBy, NotRun};
use gate_runtime::store::BoxFuture;
use gate_runtime::testing::ManualClock;
use gate_runtime::{GateBuilder, Timestamp};
use serde_json::json;
use tokio::sync::Notify;

use crate::scenarios::desk::{
    KEY, call, dana, kinds, noon, only_interruption, people, poll_until_begun, records, run, story,
    texts, until,
};
use crate::scenarios::stores::{Shared, on_every_store};

on_every_store! {
    f8_what_hangs_counts_as_failed_and_its_siblings_go_on,
    f8_a_directory_that_hangs_does_not_answer,
    f8_a_reconciler_that_hangs_knows_nothing,
    f32a_an_overlay_that_asks_for_the_agreement_of_nobody_has_failed,
    f42_a_denying_rule_that_fails_denies_nothing_and_counts_for_nothing,
    f42_a_call_that_was_approved_stays_approved_while_a_rule_fails,
    f42_a_denial_that_hangs_on_a_rule_that_failed_is_none,
    f42_who_denies_for_sure_denies_whatever_else_failed,
    f42_an_edit_that_cannot_be_judged_changes_nothing,
    f42_a_limit_whose_key_panics_approves_nothing_and_shows_it,
    f42_an_overlay_says_what_its_failure_means_and_denies_by_default,
    f42_a_directory_that_fails_at_dispatch_leaves_the_approval,
    f42_a_remote_call_that_cannot_be_judged_stands_as_it_stood,
    f42_a_dry_run_says_what_failed,
    f48_a_rejection_is_final_only_where_the_policy_says_so,
    f48_what_waits_is_told_what_it_waits_for,
    f48_an_edit_is_told_where_it_ran_and_nowhere_else,
    f48_a_denial_without_a_reason_and_the_limit_of_denials_read_well,
}

/// The world on which rules, overlays and directories depend.
#[derive(Default)]
struct World {
    ran: Mutex<Vec<String>>,
    broken: Mutex<BTreeSet<&'static str>>,
    hangs: Mutex<BTreeSet<&'static str>>,
    begun: Notify,
}

impl World {
    fn breaks(&self, what: &'static str) {
        self.broken.lock().unwrap().insert(what);
    }

    fn hangs(&self, what: &'static str) {
        self.hangs.lock().unwrap().insert(what);
    }

    fn repair(&self) {
        self.broken.lock().unwrap().clear();
        self.hangs.lock().unwrap().clear();
    }

    fn look(&self, what: &str) -> Result<(), String> {
        if self.broken.lock().unwrap().contains(what) {
            Err(format!("{what}: 503"))
        } else {
            Ok(())
        }
    }

    async fn ask(&self, what: &str) -> Result<(), String> {
        if self.hangs.lock().unwrap().contains(what) {
            self.begun.notify_one();
            std::future::pending::<()>().await;
        }
        self.look(what)
    }

    fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }
}

/// Nothing to anybody on the sanctions list.
#[policy]
fn transfers(rules: Rules<Transfer>) -> Rules<Transfer> {
    rules
        .deny("sanctions list")
        .when_async(|call| async move {
            call.state().ask("sanctions").await.map(|()| call.to == "mallory")
        })
        .deny("above the limit")
        .when(|call| call.amount > 10_000)
        .ask("large", role("manager"))
        .when(|call| call.amount > 1_000)
        .auto_approve("known payee")
        .when(|call| call.state().look("payees").map(|()| call.to == "alice"))
        .otherwise(ask(role("manager")))
}

/// Transfer money.
#[gated_tool(policy = "transfers")]
fn transfer(#[state] world: &Arc<World>, to: String, amount: u64) -> String {
    world.ran.lock().unwrap().push(format!("transfer {amount} to {to}"));
    "done".to_owned()
}

/// Doors open for those on the list only.
#[policy]
fn doors(rules: Rules<Open>) -> Rules<Open> {
    rules
        .auto_approve("on the list")
        .when(|call| call.state().look("list").map(|()| call.who == "alice"))
        .ask("guests", role("manager"))
        .when(|call| call.state().look("guests").map(|()| call.who == "gus"))
        .otherwise(deny())
}

/// Open the door.
#[gated_tool(policy = "doors")]
fn open(#[state] world: &Arc<World>, who: String) -> String {
    world.ran.lock().unwrap().push(format!("open for {who}"));
    "open".to_owned()
}

/// A few for each customer.
#[policy]
fn few(rules: Rules<Coupon>) -> Rules<Coupon> {
    rules
        .auto_approve("a few")
        .at_most(3)
        .per(DAY)
        .by(|call| call.customer.split_once('-').unwrap().1.to_owned())
        .otherwise(ask(role("manager")))
}

/// Give a coupon.
#[gated_tool(policy = "few")]
fn coupon(#[state] world: &Arc<World>, customer: String) -> String {
    world.ran.lock().unwrap().push(format!("coupon for {customer}"));
    "given".to_owned()
}

/// Book something.
#[gated_tool(policy = "always_ask", reconcile = "was_booked")]
async fn book(#[state] world: &Arc<World>, what: String) -> String {
    world.ran.lock().unwrap().push(format!("book {what}"));
    world.begun.notify_one();
    std::future::pending().await
}

async fn was_booked(call: Call<Book>) -> ReconcileOutcome<String> {
    match call.state().ask("bookings").await {
        Ok(()) => ReconcileOutcome::Yes("booked, as we found".to_owned()),
        Err(_) => ReconcileOutcome::Unknown,
    }
}

/// May be asked as often as it is proposed; the rest of its batch waits.
#[policy]
fn patient(rules: Rules<Deploy>) -> Rules<Deploy> {
    rules.otherwise(ask(role("manager")).may_be_asked_again().hold_batch())
}

/// Deploy.
#[gated_tool(policy = "patient", on_error = "ask")]
fn deploy(version: u64) -> Result<u64, String> {
    if version == 13 { Err("it crashed".to_owned()) } else { Ok(version) }
}

/// A question, and no call that could run.
#[policy]
fn questions(rules: Rules<WhatNow>) -> Rules<WhatNow> {
    rules.otherwise(ask(role("manager")).answered(AcceptedAnswers::one_of(["Friday", "Monday"])))
}

/// Ask a manager what to do.
#[gated_tool(policy = "questions")]
fn what_now(question: String) -> String {
    question
}

registry! { Tools for Arc<World> { Transfer, Open, Coupon, Book, Deploy, WhatNow } }

fn builder(store: &Shared, world: &Arc<World>, clock: &ManualClock) -> GateBuilder<Tools> {
    let builder = Gate::builder(Arc::clone(world)).agent("support").directory(people()).key(KEY);
    builder.store(Arc::clone(store)).clock(clock.clone())
}

async fn gate(store: &Shared) -> (Gate<Tools>, Arc<World>, ManualClock) {
    gate_with(store, |builder, _| builder).await
}

/// Builds a gate with the changes of a test, over its own world.
async fn gate_with(
    store: &Shared,
    change: impl FnOnce(GateBuilder<Tools>, Arc<World>) -> GateBuilder<Tools>,
) -> (Gate<Tools>, Arc<World>, ManualClock) {
    let (world, clock) = (Arc::default(), ManualClock::at(noon()));
    let builder = change(builder(store, &world, &clock), Arc::clone(&world));
    (builder.build().await.unwrap(), world, clock)
}

/// Builds a gate with an overlay that depends on the world, and that denies if it fails.
async fn gate_with_score(store: &Shared) -> (Gate<Tools>, Arc<World>, ManualClock) {
    gate_with(store, |builder, world| builder.overlay(ScoreOverlay(world, None))).await
}

/// Builds a gate whose directory depends on the world.
async fn gate_with_people(store: &Shared) -> (Gate<Tools>, Arc<World>, ManualClock) {
    gate_with(store, |builder, world| builder.directory(People(world, people()))).await
}

fn transfer_to(id: &str, to: &str, amount: u64) -> ToolCall {
    call(id, "transfer", json!({"to": to, "amount": amount}))
}

/// Lets the time limit of evaluations pass as soon as something hangs.
async fn in_time<F: IntoFuture>(world: &World, clock: &ManualClock, work: F) -> F::Output {
    let passes = async {
        world.begun.notified().await;
        clock.advance(std::time::Duration::from_secs(10));
    };
    tokio::join!(work.into_future(), passes).0
}

/// Returns the problems on the record of calls that could not be judged.
async fn unjudged<R: Registry>(gate: &Gate<R>) -> Vec<String> {
    let records = records(gate).await;
    let problem = |event: &RecordEvent| match event {
        RecordEvent::Gate(GateEvent::CallUnjudged { problem, .. }) => Some(problem.to_string()),
        _ => None,
    };
    records.iter().filter_map(|record| problem(record.event())).collect()
}

async fn f42_a_denying_rule_that_fails_denies_nothing_and_counts_for_nothing(store: Shared) {
    let (gate, world, _) = gate(&store).await;
    let run = run(&gate);
    world.breaks("sanctions");
    for index in 0..25 {
        let turn =
            run.submit([transfer_to(&format!("call {index}"), "alice", 10 + index)]).await.unwrap();
        assert_eq!(kinds(&turn), ["unavailable"]);
        assert!(
            texts(&turn)[0].contains("not a decision")
                && texts(&turn)[0].contains("may be tried again later")
        );
        assert!(!turn.must_stop() && turn.answers()[0].approval().is_none());
    }
    assert!(world.ran().is_empty());
    let problems = unjudged(&gate).await;
    assert_eq!(problems.len(), 25);
    let why =
        r#"it could not be judged: "sanctions list" of policy transfers failed: sanctions: 503"#;
    assert_eq!(problems[0], why);
    world.repair();
    // The same call under the same id, and others, run as if nothing had happened.
    let turn = run
        .submit([transfer_to("call 0", "alice", 10), transfer_to("2", "bob", 10)])
        .await
        .unwrap();
    assert_eq!(kinds(&turn), ["succeeded", "waiting"]);
    assert_eq!(world.ran(), ["transfer 10 to alice"]);
}

async fn f42_a_call_that_was_approved_stays_approved_while_a_rule_fails(store: Shared) {
    let (gate, world, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([transfer_to("1", "bob", 500)]).await.unwrap();
    let id = only_interruption(&turn).id();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    world.breaks("sanctions");
    for _ in 0..3 {
        let turn = run.proceed().await.unwrap();
        assert!(texts(&turn)[0].contains("Not run yet: it is approved"), "{:?}", texts(&turn));
        let current = gate.approval(id).await.unwrap().unwrap();
        assert_eq!(current.status(), Status::Approved);
    }
    assert!(world.ran().is_empty());
    let about = |event: &RecordEvent| match event {
        RecordEvent::Gate(GateEvent::CallUnjudged { approval, .. }) => *approval,
        _ => None,
    };
    let noted: Vec<_> =
        records(&gate).await.iter().filter_map(|record| about(record.event())).collect();
    assert_eq!(noted, [id; 3], "the record says which call could not be judged");
    assert!(!story(&gate).await.contains(&"reassessed"));
    world.repair();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["transfer 500 to bob"]);
}

async fn f42_a_denial_that_hangs_on_a_rule_that_failed_is_none(store: Shared) {
    let (gate, world, _) = gate(&store).await;
    let run = run(&gate);
    let door = |id: &str, who: &str| call(id, "open", json!({"who": who}));
    assert_eq!(kinds(&run.submit([door("1", "zoe")]).await.unwrap()), ["denied"]);
    // It would have been approved or asked if the list had been available.
    for (index, broken) in ["list", "guests"].into_iter().enumerate() {
        world.breaks(broken);
        let turn = run.submit([door(&format!("broken {index}"), "bob")]).await.unwrap();
        assert_eq!(kinds(&turn), ["unavailable"], "{broken}");
        world.repair();
    }
    world.breaks("list");
    // A matching rule that asks is sufficient, and the reviewer sees the failures.
    let turn = run.submit([door("3", "gus")]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    let shown = only_interruption(&turn).approval().assessment().to_string();
    assert!(shown.contains("! approve on the list (failed: list: 503)"), "{shown}");
    assert!(world.ran().is_empty());
}

async fn f42_who_denies_for_sure_denies_whatever_else_failed(store: Shared) {
    let (gate, world, _) = gate(&store).await;
    world.breaks("sanctions");
    world.breaks("payees");
    let turn = run(&gate).submit([transfer_to("1", "alice", 20_000)]).await.unwrap();
    let by = DeniedBy::Rule { rule: "above the limit".into() };
    assert_eq!(*turn.answers()[0].result(), CallResult::NotRun(NotRun::Denied { by }));
    let assessment = turn.answers()[0].approval().unwrap().assessment().clone();
    assert_eq!(assessment.rules().filter(|rule| rule.result() == RuleResult::Failed).count(), 2);
}

async fn f42_an_edit_that_cannot_be_judged_changes_nothing(store: Shared) {
    let (gate, world, _) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([transfer_to("1", "bob", 500)]).await.unwrap();
    world.breaks("sanctions");
    let refused = only_interruption(&turn)
        .edit(&dana(&gate).await, Edit::new().set("amount", 400))
        .await
        .unwrap_err();
    let DecideError::Unjudged(failed) = &refused else { panic!("{refused}") };
    assert_eq!(
        failed.failures(),
        [r#""sanctions list" of policy transfers failed: sanctions: 503"#]
    );
    let pending = gate.pending().await.unwrap();
    assert!(pending[0].approval().votes().is_empty() && !pending[0].approval().is_edited());
}

async fn f42_a_limit_whose_key_panics_approves_nothing_and_shows_it(store: Shared) {
    let (gate, world, _) = gate(&store).await;
    let turn =
        run(&gate).submit([call("1", "coupon", json!({"customer": "nobody"}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    let approval = only_interruption(&turn).approval();
    let failed: Vec<_> = approval.assessment().rules().filter_map(|rule| rule.error()).collect();
    assert!(failed[0].contains("the key of its limit") && failed.len() == 1, "{failed:?}");
    assert!(world.ran().is_empty());
}

async fn f42_a_dry_run_says_what_failed(store: Shared) {
    let (gate, world, _) = gate(&store).await;
    world.breaks("sanctions");
    let failed = run(&gate).assess(&transfer_to("1", "alice", 10)).await.unwrap_err();
    assert_eq!(failed.kind(), "unavailable");
    assert!(failed.for_reviewer().contains("sanctions list"), "{failed}");
    assert!(story(&gate).await.is_empty(), "a dry run leaves nothing on the record");
}

/// An overlay over all calls that depends on the world.
struct ScoreOverlay(Arc<World>, Option<OnFailure>);

impl Overlay for ScoreOverlay {
    fn name(&self) -> &'static str {
        "score"
    }

    fn judge<'a>(
        &'a self,
        call: &'a OverlayCall<'a>,
    ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
        Box::pin(async move {
            self.0.ask("score").await.map_err(OverlayError::new)?;
            self.0.look("panics").unwrap();
            let nobody = call.arguments().get("to") == Some(json!("nobody"));
            Ok(nobody.then(|| Objection::ask("nobody is asked", ask(role("manager")).count(0))))
        })
    }

    fn on_failure(&self) -> OnFailure {
        self.1.clone().unwrap_or(OnFailure::Deny)
    }
}

async fn f42_an_overlay_says_what_its_failure_means_and_denies_by_default(store: Shared) {
    let (gate, world, clock) = gate_with_score(&store).await;
    for broken in ["score", "panics"] {
        world.breaks(broken);
        let turn = gate.run(broken).submit([transfer_to("1", "alice", 10)]).await.unwrap();
        assert_eq!(kinds(&turn), ["unavailable"], "{broken}");
        world.repair();
    }
    assert!(unjudged(&gate).await[0].contains(r#""score" of overlay score failed: score: 503"#));
    let asks = ScoreOverlay(Arc::clone(&world), Some(OnFailure::ask(role("intern"))));
    let gate = builder(&store, &world, &clock).overlay(asks).build().await.unwrap();
    world.breaks("score");
    let turn = gate.run("asks").submit([transfer_to("1", "alice", 10)]).await.unwrap();
    assert_eq!(only_interruption(&turn).approval().waits_for(), "an intern");
    let shown = only_interruption(&turn).approval().assessment().to_string();
    assert!(
        shown.contains("overlay score\n  ! ask     score: an intern (failed: score: 503)"),
        "{shown}"
    );
    only_interruption(&turn).approve(&gate.reviewer("ines").await.unwrap()).await.unwrap();
    assert!(world.ran().is_empty());
    // Nobody could be asked, which is found when the gate is built.
    for (wrong, problem) in
        [(ask(role("astronaut")), "astronaut"), (ask(role("intern")).count(0), "a count of 0")]
    {
        let overlay = ScoreOverlay(Arc::clone(&world), Some(OnFailure::ask(wrong)));
        let failed = builder(&store, &world, &clock).overlay(overlay).build().await.unwrap_err();
        assert!(
            failed.to_string().contains("overlay `score`") && failed.to_string().contains(problem),
            "{failed}"
        );
    }
}

async fn f32a_an_overlay_that_asks_for_the_agreement_of_nobody_has_failed(store: Shared) {
    let (gate, world, _) = gate_with_score(&store).await;
    let run = run(&gate);
    let turn = run.submit([transfer_to("1", "nobody", 10)]).await.unwrap();
    assert_eq!(kinds(&turn), ["unavailable"]);
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["unavailable"]);
    assert!(
        unjudged(&gate).await[0].contains("it asks for a count of 0 people"),
        "{:?}",
        unjudged(&gate).await
    );
    assert!(world.ran().is_empty() && gate.pending().await.unwrap().is_empty());
}

async fn f42_a_remote_call_that_cannot_be_judged_stands_as_it_stood(store: Shared) {
    let (gate, world, _) = gate_with_score(&store).await;
    let bot = gate.remote("bot");
    let refund = || {
        RemoteCall::new("1", "refund", r#"{"amount":5}"#).ask("it is money", ask(role("manager")))
    };
    world.breaks("score");
    let failed = bot.ask(refund()).await.unwrap_err();
    assert!(matches!(failed, RemoteError::NotRun(NotRun::Unavailable { .. })), "{failed}");
    world.repair();
    let id = bot.ask(refund()).await.unwrap().id();
    gate.interruption(id).await.unwrap().unwrap().approve(&dana(&gate).await).await.unwrap();
    world.breaks("score");
    assert_eq!(bot.begin(id).await.unwrap_err().kind(), "unavailable");
    assert_eq!(gate.approval(id).await.unwrap().unwrap().status(), Status::Approved);
    assert_eq!(unjudged(&gate).await.len(), 2);
    world.repair();
    assert_eq!(bot.begin(id).await.unwrap().attempts(), 1);
}

/// A directory that depends on the world.
struct People(Arc<World>, StaticDirectory);

impl Directory for People {
    fn find<'a>(
        &'a self,
        who: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<Role>>, DirectoryError>> {
        Box::pin(async move {
            self.0.look("directory panics").unwrap();
            self.0.ask("directory").await.map_err(DirectoryError::new)?;
            self.1.find(who, at).await
        })
    }

    fn holders<'a>(
        &'a self,
        role: Option<&'a Role>,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<ReviewerId>>, DirectoryError>> {
        self.1.holders(role, at)
    }

    fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ReviewerId>, DirectoryError>> {
        self.1.named(name)
    }

    fn digest(&self) -> BoxFuture<'_, Result<Digest, DirectoryError>> {
        self.1.digest()
    }

    fn key<'a>(
        &'a self,
        who: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<VerifierKey>, DirectoryError>> {
        self.1.key(who, at)
    }
}

async fn f42_a_directory_that_fails_at_dispatch_leaves_the_approval(store: Shared) {
    let (gate, world, _) = gate_with_people(&store).await;
    let run = run(&gate);
    let turn = run.submit([transfer_to("1", "bob", 500)]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    for broken in ["directory", "directory panics"] {
        world.breaks(broken);
        let turn = run.proceed().await.unwrap();
        assert!(texts(&turn)[0].contains("Not run yet: it is approved"), "{:?}", texts(&turn));
        world.repair();
    }
    assert!(world.ran().is_empty());
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn f8_a_directory_that_hangs_does_not_answer(store: Shared) {
    let (gate, world, clock) = gate_with_people(&store).await;
    let run = run(&gate);
    let turn = run.submit([transfer_to("1", "bob", 500)]).await.unwrap();
    let dana = dana(&gate).await;
    world.hangs("directory");
    let refused =
        in_time(&world, &clock, only_interruption(&turn).approve(&dana)).await.unwrap_err();
    assert!(refused.to_string().contains("it took longer than 10 seconds"), "{refused}");
    world.repair();
    only_interruption(&turn).approve(&dana).await.unwrap();
    world.hangs("directory");
    let turn = in_time(&world, &clock, run.proceed()).await.unwrap();
    assert!(texts(&turn)[0].contains("Not run yet: it is approved"), "{:?}", texts(&turn));
    world.repair();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn f8_what_hangs_counts_as_failed_and_its_siblings_go_on(store: Shared) {
    let (gate, world, clock) = gate_with_score(&store).await;
    for hanging in ["sanctions", "score"] {
        world.hangs(hanging);
        let run = gate.run(hanging);
        let batch = run.submit([transfer_to("1", "alice", 10)]);
        assert_eq!(
            kinds(&in_time(&world, &clock, batch).await.unwrap()),
            ["unavailable"],
            "{hanging}"
        );
        assert!(unjudged(&gate).await.last().unwrap().contains("it took longer than 10 seconds"));
        world.repair();
    }
    world.hangs("sanctions");
    let run = gate.run("siblings");
    let batch =
        run.submit([transfer_to("1", "alice", 10), call("2", "open", json!({"who": "alice"}))]);
    assert_eq!(kinds(&in_time(&world, &clock, batch).await.unwrap()), ["unavailable", "succeeded"]);
    assert_eq!(world.ran(), ["open for alice"]);
}

async fn f8_a_reconciler_that_hangs_knows_nothing(store: Shared) {
    let (gate, world, clock) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "book", json!({"what": "a"}))]).await.unwrap();
    let id = only_interruption(&turn).id();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    drop(poll_until_begun(run.proceed(), &world.begun).await);
    until(async || gate.approval(id).await.unwrap().unwrap().status() == Status::Indeterminate)
        .await;
    world.hangs("bookings");
    assert_eq!(in_time(&world, &clock, gate.recover()).await.unwrap().len(), 1, "it is for people");
    world.repair();
    assert!(gate.recover().await.unwrap().is_empty(), "it can be asked again");
    assert_eq!(gate.approval(id).await.unwrap().unwrap().status(), Status::Succeeded);
}

async fn f48_a_rejection_is_final_only_where_the_policy_says_so(store: Shared) {
    let (gate, _, _) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([call("1", "deploy", json!({"version": 2}))]).await.unwrap();
    only_interruption(&turn).reject(&dana, "not on a Friday").await.unwrap();
    let model_text = texts(&run.proceed().await.unwrap()).remove(0);
    assert!(
        model_text.contains("not on a Friday") && model_text.contains("may be proposed again"),
        "{model_text}"
    );
    assert!(!model_text.contains("final"), "{model_text}");
    let turn = run.submit([transfer_to("2", "bob", 500)]).await.unwrap();
    only_interruption(&turn).reject(&dana, "too dear").await.unwrap();
    let model_text = texts(&run.proceed().await.unwrap()).remove(0);
    assert!(
        model_text.contains("too dear") && model_text.contains("This is final"),
        "{model_text}"
    );
}

async fn f48_what_waits_is_told_what_it_waits_for(store: Shared) {
    let (gate, _, _) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let batch =
        [call("1", "deploy", json!({"version": 13})), call("2", "open", json!({"who": "alice"}))];
    let turn = run.submit(batch).await.unwrap();
    assert!(
        texts(&turn)[0].contains("Not run yet: a person has been asked."),
        "{:?}",
        texts(&turn)
    );
    assert!(
        texts(&turn)[1].contains("it waits for people to decide about a call that came with it")
    );
    only_interruption(&turn).approve(&dana).await.unwrap();
    let turn = run.proceed().await.unwrap();
    assert!(
        texts(&turn)[0]
            .contains("It ran and failed, and a person has been asked what to do about it.")
    );
    only_interruption(&turn).reject(&dana, "leave it").await.unwrap();

    let turn = run.submit([call("3", "what_now", json!({"question": "When?"}))]).await.unwrap();
    assert!(
        texts(&turn)[0].contains("Not answered yet: a person has been asked."),
        "{:?}",
        texts(&turn)
    );
    only_interruption(&turn).respond(&dana, "Monday").await.unwrap();
    let model_text = texts(&run.proceed().await.unwrap()).remove(0);
    assert_eq!(model_text, "<gate-notice>A person answered this:</gate-notice> Monday");
}

async fn f48_an_edit_is_told_where_it_ran_and_nowhere_else(store: Shared) {
    let (gate, _, _) = gate(&store).await;
    let (run, dana) = (run(&gate), dana(&gate).await);
    let turn = run.submit([transfer_to("1", "bob", 500)]).await.unwrap();
    only_interruption(&turn).edit(&dana, Edit::new().set("amount", 400)).await.unwrap();
    let model_text = texts(&run.proceed().await.unwrap()).remove(0);
    assert!(
        model_text.contains(r#"changed the arguments of this call to {"amount":400,"to":"bob"}"#),
        "{model_text}"
    );
    assert!(model_text.ends_with("</gate-notice> done"), "{model_text}");
    let turn = run.submit([transfer_to("2", "bob", 600)]).await.unwrap();
    only_interruption(&turn).edit(&dana, Edit::new().set("amount", 500)).await.unwrap();
    only_interruption(&turn).cancel("the customer hung up").await.unwrap();
    let model_text = texts(&run.proceed().await.unwrap()).remove(0);
    assert!(
        model_text.contains("cancelled") && !model_text.contains("changed the arguments"),
        "{model_text}"
    );
}

/// Denies without a reason.
struct Silent;

impl Overlay for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn judge<'a>(
        &'a self,
        _: &'a OverlayCall<'a>,
    ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
        Box::pin(async { Ok(Some(Objection::deny(""))) })
    }
}

async fn f48_a_denial_without_a_reason_and_the_limit_of_denials_read_well(store: Shared) {
    let (gate, ..) =
        gate_with(&store, |builder, _| builder.overlay(Silent).denials_per_run(2)).await;
    let run = run(&gate);
    // Three at once, because more than the limit were once denied before they were counted.
    let batch = ["1", "2", "3"].map(|id| transfer_to(id, "alice", 10));
    let turn = run.submit(batch).await.unwrap();
    assert!(
        texts(&turn)[0]
            .contains(r#"denied by "silent", for this reason: "it gave no reason". This is final"#),
        "{:?}",
        texts(&turn)
    );
    let turn = run.submit([transfer_to("4", "alice", 10)]).await.unwrap();
    assert!(turn.must_stop());
    let by = DeniedBy::TooManyDenials;
    assert_eq!(*turn.answers()[0].result(), CallResult::NotRun(NotRun::Denied { by }));
    let shown = turn.answers()[0].approval().unwrap().assessment().to_string();
    assert!(shown.contains("3 calls of this run did not run within a day, and 2 may"), "{shown}");
}
