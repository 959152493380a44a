//! Calls whose bodies are in other programs: they are asked about here, and begin and end there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gate_runtime::grants::FreezeScope;
use gate_runtime::id::ApprovalId;
use gate_runtime::policy::{Objection, Overlay, OverlayCall, OverlayError};
use gate_runtime::prelude::*;
use gate_runtime::remote::{
    AcceptedAnswers, RemoteCall, RemoteCaller, RemoteError, RemoteRequest, RequestPriority,
};
use gate_runtime::review::{DecideError, Refused, Settlement, Status};
use gate_runtime::run::NotRun;
use gate_runtime::store::BoxFuture;
use gate_runtime::testing::ManualClock;
use gate_runtime::tool::Amount;
use gate_runtime::{GateBuilder, NoTools, Reviewer};
use serde_json::json;

use crate::scenarios::desk::{noon, story};
use crate::scenarios::stores::{FaultyStore, Shared, fresh, on_every_store};

on_every_store! {
    it_runs_once_with_the_approved_arguments,
    two_who_begin_at_once_are_one,
    nothing_begins_that_nobody_approved,
    the_same_question_asked_again_is_the_same_question,
    an_agent_sees_and_touches_only_its_own_calls,
    arguments_that_do_not_fit_reach_nobody,
    an_edit_fits_the_schema_and_is_what_runs,
    what_is_not_vouched_for_counts_as_lost_until_its_end_is_told,
    an_end_told_twice_is_told_once_and_another_end_is_refused,
    what_was_refused_is_not_asked_again_in_the_run,
    a_freeze_stops_what_was_approved,
    a_vote_of_who_lost_the_role_does_not_let_it_begin,
    only_an_answer_answers_a_question,
    a_standing_permission_answers_calls_of_the_same_run_of_the_same_agent_only,
    what_agents_say_of_a_question_is_kept_as_said,
    a_standing_permission_lets_a_call_begin_soon_or_not_at_all,
    what_is_said_of_one_attempt_does_not_end_the_next,
    a_standing_permission_counts_money_in_numbers_and_in_texts,
}

/// A gate without tools, like the gate of an inbox.
struct RemoteFixture {
    gate: Gate<NoTools>,
    clock: ManualClock,
    dana: Reviewer,
}

impl RemoteFixture {
    async fn over(store: &Shared) -> Self {
        Self::with(Gate::builder(()).store(Arc::clone(store))).await
    }

    async fn with(builder: GateBuilder<NoTools>) -> Self {
        let people = StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]);
        let clock = ManualClock::at(noon());
        let gate = builder.clock(clock.clone()).directory(people).build().await.unwrap();
        Self { dana: gate.reviewer("dana").await.unwrap(), clock, gate }
    }

    fn bot(&self) -> RemoteCaller {
        self.gate.remote("bot")
    }

    async fn approve(&self, id: ApprovalId) {
        self.gate.interruption(id).await.unwrap().unwrap().approve(&self.dana).await.unwrap();
    }

    /// Asks about a call, and approves it.
    async fn ask_and_approve(&self, call: RemoteCall) -> ApprovalId {
        let id = self.bot().ask(call).await.unwrap().id();
        self.approve(id).await;
        id
    }
}

fn refund(id: &str, amount: u64) -> RemoteCall {
    let schema = json!({
        "type": "object",
        "properties": {"order": {"type": "string"}, "amount": {"type": "integer", "minimum": 1}},
        "required": ["order", "amount"],
        "additionalProperties": false,
    });
    RemoteCall::new(id, "refund", json!({"order": "A-1", "amount": amount}).to_string())
        .run("run")
        .schema(schema)
        .ask("it is money", ask(role("manager")))
}

async fn it_runs_once_with_the_approved_arguments(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let remote_approval = bot.ask(refund("1", 50)).await.unwrap();
    assert_eq!(
        (remote_approval.status(), remote_approval.tool().as_str()),
        (Status::Pending, "bot/refund")
    );
    fixture.approve(remote_approval.id()).await;
    let begun = bot.begin(remote_approval.id()).await.unwrap();
    assert_eq!(begun.arguments().as_json(), r#"{"amount":50,"order":"A-1"}"#);
    let again = bot.begin(remote_approval.id()).await.unwrap_err();
    assert!(again.for_reviewer().contains("dispatched"), "{again}");
    let ended = bot
        .end(remote_approval.id(), 1, ToolOutcome::returned(&json!({"refunded": 50})))
        .await
        .unwrap();
    assert_eq!(ended.status(), Status::Succeeded);
    assert!(bot.begin(remote_approval.id()).await.is_err());
    assert_eq!(story(&fixture.gate).await, ["assessed", "voted", "dispatched", "finished"]);
}

async fn two_who_begin_at_once_are_one(store: Shared) {
    let (one, other) = (RemoteFixture::over(&store).await, RemoteFixture::over(&store).await);
    let id = one.ask_and_approve(refund("1", 50)).await;
    let (bot, twin) = (one.bot(), other.bot());
    let (first, second) = tokio::join!(bot.begin(id), twin.begin(id));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let stands = bot.approval(id).await.unwrap().unwrap();
    assert_eq!((stands.status(), stands.attempts()), (Status::Dispatched, 1));
}

async fn nothing_begins_that_nobody_approved(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let remote_approval = bot
        .ask(refund("1", 50).ask("soon", ask(role("manager")).within(minutes(5))))
        .await
        .unwrap();
    assert!(bot.begin(remote_approval.id()).await.is_err(), "it is pending");
    let early = bot.end(remote_approval.id(), 1, ToolOutcome::returned(&json!(1))).await;
    assert!(matches!(early, Err(DecideError::AlreadyDecided(_))), "{early:?}");
    fixture.clock.advance(minutes(6));
    let expired = bot.begin(remote_approval.id()).await.unwrap_err();
    assert_eq!(expired.kind(), "expired");

    let refused = bot.ask(refund("2", 60)).await.unwrap();
    let shown = fixture.gate.interruption(refused.id()).await.unwrap().unwrap();
    shown.reject(&fixture.dana, "not ours").await.unwrap();
    assert_eq!(bot.begin(refused.id()).await.unwrap_err().kind(), "rejected");

    let back = bot.ask(refund("3", 70)).await.unwrap();
    bot.cancel(back.id(), "the customer hung up").await.unwrap();
    bot.cancel(back.id(), "again").await.unwrap();
    assert_eq!(bot.begin(back.id()).await.unwrap_err().kind(), "cancelled");
    assert!(!story(&fixture.gate).await.contains(&"dispatched"));
}

async fn the_same_question_asked_again_is_the_same_question(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let (first, twin) = tokio::join!(bot.ask(refund("1", 50)), bot.ask(refund("1", 50)));
    let (first, twin) = (first.unwrap(), twin.unwrap());
    assert_eq!(first.id(), twin.id());
    assert_eq!(bot.ask(refund("1", 50)).await.unwrap().id(), first.id());
    assert!(first.is_new() != twin.is_new() && !bot.ask(refund("1", 50)).await.unwrap().is_new());
    let other = bot.ask(refund("1", 51)).await;
    assert!(matches!(other, Err(RemoteError::IdUsed { .. })), "{other:?}");
    assert!(
        bot.ask(refund("1", 50).schema(json!({"type": "object"}))).await.is_err(),
        "another schema is another tool"
    );
    let next = bot.ask(refund("2", 50)).await.unwrap();
    assert_ne!(next.id(), first.id());
    let elsewhere = bot.ask(refund("1", 51).run("run-2")).await.unwrap();
    assert_ne!(elsewhere.id(), first.id());
    assert_eq!(fixture.gate.pending().await.unwrap().len(), 3);
}

async fn an_agent_sees_and_touches_only_its_own_calls(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    let other = fixture.gate.remote("other");
    assert!(other.approval(id).await.unwrap().is_none());
    assert!(other.decided(id, Duration::ZERO).await.unwrap().is_none());
    assert!(other.begin(id).await.is_err());
    assert!(matches!(other.heartbeat(id, 1).await, Err(DecideError::Unknown(_))));
    assert!(matches!(
        other.end(id, 1, ToolOutcome::failed("x")).await,
        Err(DecideError::Unknown(_))
    ));
    assert!(matches!(other.cancel(id, "x").await, Err(DecideError::Unknown(_))));
    assert!(other.log_action(&"run".into(), None, "read", &json!({}), Some(id)).await.is_err());
    let own = other.ask(refund("1", 99)).await.unwrap();
    assert_ne!(own.id(), id, "the ids of its runs are its own");
    assert_eq!(fixture.bot().approval(id).await.unwrap().unwrap().status(), Status::Approved);
}

async fn arguments_that_do_not_fit_reach_nobody(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let call = |arguments: &str| RemoteCall::new("1", "refund", arguments);
    let schema = json!({
        "type": "object",
        "properties": {"card": {"type": "string", "x-gate-secret": true}},
    });
    let wrong = [
        call(r#"{"a":1,"a":2}"#),
        call("[1]"),
        call("{"),
        call(r#"{"n":9007199254740993}"#),
        call("{}").schema(json!({"type": 7})),
        call("{}").schema(schema),
        call("{}").run(""),
        call("{}").run("a>b"),
        RemoteCall::new("", "refund", "{}"),
        RemoteCall::new("1", "re/fund", "{}"),
        RemoteCall::new("1", "", "{}"),
        call("{}").case("x".repeat(300)),
        call("{}").ask("never", ask(role("manager")).count(0)),
        call("{}").ask("nobody", ask(role("astronaut"))),
        call("{}").ask("for whom", ask(principal())),
        call("{}").ask("no choice", ask(anyone()).answered(AcceptedAnswers::one_of(["only"]))),
        refund("1", 0),
    ];
    for call in wrong {
        let debug_text = format!("{call:?}");
        assert!(bot.ask(call).await.is_err(), "{debug_text}");
    }
    assert!(fixture.gate.remote("bo/t").ask(refund("1", 50)).await.is_err());
    assert!(fixture.gate.pending().await.unwrap().is_empty());
}

async fn an_edit_fits_the_schema_and_is_what_runs(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let asked = fixture.bot().ask(refund("1", 50)).await.unwrap();
    let shown = fixture.gate.interruption(asked.id()).await.unwrap().unwrap();
    for wrong in [
        Edit::new().set("amount", "fifty"),
        Edit::new().set("amount", 0),
        Edit::new().set("to", "me"),
    ] {
        assert!(matches!(shown.edit(&fixture.dana, wrong).await, Err(DecideError::Invalid(_))));
    }
    shown.edit(&fixture.dana, Edit::new().set("amount", 40)).await.unwrap();
    let begun = fixture.bot().begin(asked.id()).await.unwrap();
    assert_eq!(begun.arguments().as_json(), r#"{"amount":40,"order":"A-1"}"#);
    assert!(begun.is_edited());
}

async fn what_is_not_vouched_for_counts_as_lost_until_its_end_is_told(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    bot.begin(id).await.unwrap();
    for _ in 0..4 {
        fixture.clock.advance(Duration::from_secs(20));
        bot.heartbeat(id, 1).await.unwrap();
    }
    fixture.clock.advance(Duration::from_secs(31));
    let lost = bot.heartbeat(id, 1).await;
    assert!(matches!(
        lost,
        Err(DecideError::AlreadyDecided(stands)) if stands.status() == Status::Indeterminate
    ));
    assert!(
        bot.begin(id).await.is_err(),
        "nobody knows whether it ran: it never begins by itself again"
    );
    let ended = bot.end(id, 1, ToolOutcome::failed("the bank said no")).await.unwrap();
    assert_eq!((ended.status(), ended.attempts()), (Status::Failed, 1));
}

async fn an_end_told_twice_is_told_once_and_another_end_is_refused(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    bot.begin(id).await.unwrap();
    let beyond = bot.end(id, 1, ToolOutcome::returned(&json!(9_007_199_254_740_993_u64))).await;
    assert!(matches!(beyond, Err(DecideError::BadAnswer(_))), "{beyond:?}");
    let done = ToolOutcome::returned(&json!({"refunded": 50}));
    for _ in 0..2 {
        assert_eq!(bot.end(id, 1, done.clone()).await.unwrap().status(), Status::Succeeded);
    }
    let other = bot.end(id, 1, ToolOutcome::failed("no")).await;
    assert!(matches!(
        other,
        Err(DecideError::AlreadyDecided(stands)) if stands.status() == Status::Succeeded
    ));
    assert_eq!(story(&fixture.gate).await.iter().filter(|kind| **kind == "finished").count(), 1);
}

async fn what_was_refused_is_not_asked_again_in_the_run(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let asked = bot.ask(refund("1", 50)).await.unwrap();
    let shown = fixture.gate.interruption(asked.id()).await.unwrap().unwrap();
    shown.reject(&fixture.dana, "not ours").await.unwrap();
    let changed = bot.ask(refund("3", 49)).await.unwrap();
    assert_eq!((changed.status(), changed.earlier().len()), (Status::Pending, 1));
    let again = bot.ask(refund("2", 50)).await.unwrap();
    assert_eq!(again.status(), Status::Rejected);
}

async fn a_freeze_stops_what_was_approved(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    let freeze = fixture
        .gate
        .freeze(FreezeScope::tool("bot/refund"), "incident 7", &fixture.dana)
        .await
        .unwrap();
    assert_eq!(fixture.bot().begin(id).await.unwrap_err().kind(), "frozen");
    fixture.gate.lift_freeze(&freeze, &fixture.dana).await.unwrap();
    assert_eq!(fixture.bot().begin(id).await.unwrap().status(), Status::Dispatched);
}

async fn a_vote_of_who_lost_the_role_does_not_let_it_begin(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    let people = StaticDirectory::new().person("dana", ["intern"]).person("omar", ["manager"]);
    let later: Gate<NoTools> = Gate::builder(())
        .store(store)
        .clock(fixture.clock.clone())
        .directory(people)
        .build()
        .await
        .unwrap();
    assert!(later.remote("bot").begin(id).await.is_err());
    let stands = later.remote("bot").approval(id).await.unwrap().unwrap();
    assert_eq!((stands.status(), stands.votes().len(), stands.attempts()), (Status::Pending, 0, 0));
}

async fn only_an_answer_answers_a_question(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let choices = AcceptedAnswers::one_of(["retry", "skip", "cancel"]);
    let question = RemoteCall::new("1", "question", r#"{"question":"The provider says 503."}"#)
        .ask("a fault", ask(role("manager")).answered(choices.clone()));
    let remote_approval = fixture.bot().ask(question).await.unwrap();
    let shown = fixture.gate.interruption(remote_approval.id()).await.unwrap().unwrap();
    let refused = |ended: Result<_, DecideError>| {
        matches!(
            ended,
            Err(DecideError::Refused(Refused::NotAnAnswer(a))) if a == choices
        )
    };
    assert!(refused(shown.approve(&fixture.dana).await));
    assert!(refused(shown.edit(&fixture.dana, Edit::new().set("question", "?")).await));
    assert!(refused(shown.respond(&fixture.dana, "Retry!").await));
    assert!(refused(shown.respond(&fixture.dana, true).await));
    assert!(shown.grant(&fixture.dana, Scope::this_run().any("question").uses(3)).await.is_err());
    shown.respond(&fixture.dana, "skip").await.unwrap();
    let answered =
        fixture.bot().decided(remote_approval.id(), Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(answered.status(), Status::Responded);
    assert_eq!(answered.outcome().unwrap().value(), Some(json!("skip")));
    assert!(fixture.bot().begin(remote_approval.id()).await.is_err(), "an answer lets nothing run");
}

async fn a_standing_permission_answers_calls_of_the_same_run_of_the_same_agent_only(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let asked = fixture.bot().ask(refund("1", 50)).await.unwrap();
    let shown = fixture.gate.interruption(asked.id()).await.unwrap().unwrap();
    shown
        .grant(&fixture.dana, Scope::this_run().any("order").up_to("amount", 60).uses(2))
        .await
        .unwrap();
    let covered = fixture.bot().ask(refund("2", 60)).await.unwrap();
    assert_eq!(covered.status(), Status::Approved);
    assert_eq!(fixture.bot().ask(refund("3", 61)).await.unwrap().status(), Status::Pending);
    assert_eq!(
        fixture.bot().ask(refund("4", 50).run("run-2")).await.unwrap().status(),
        Status::Pending
    );
    assert_eq!(
        fixture.gate.remote("other").ask(refund("5", 50)).await.unwrap().status(),
        Status::Pending
    );
    assert_eq!(fixture.bot().begin(covered.id()).await.unwrap().status(), Status::Dispatched);
    let active_controls = fixture.gate.active_controls().await.unwrap();
    fixture.gate.revoke(&active_controls.grants[0], &fixture.dana).await.unwrap();
    assert_eq!(fixture.bot().ask(refund("6", 50)).await.unwrap().status(), Status::Pending);
}

async fn what_agents_say_of_a_question_is_kept_as_said(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let request = RemoteRequest::new()
        .summary("Refund $50 to Mia")
        .priority(RequestPriority::Urgent)
        .callback("https://bot.example/cb");
    let remote_approval = fixture
        .bot()
        .ask(refund("1", 50).request(request.clone()).reasoning("charged twice").case("c-7"))
        .await
        .unwrap();
    let stored = fixture.gate.approval(remote_approval.id()).await.unwrap().unwrap();
    assert_eq!(stored.subject().request(), Some(&request));
    assert_eq!(stored.subject().reasoning(), Some("charged twice"));
    fixture
        .bot()
        .log_action(
            &"run".into(),
            Some("c-7".into()),
            "told Mia",
            &json!({"by": "mail"}),
            Some(remote_approval.id()),
        )
        .await
        .unwrap();
    let of_case: Vec<_> =
        fixture.gate.case("c-7").await.unwrap().iter().map(|record| record.kind()).collect();
    assert_eq!(of_case, ["assessed", "action"]);
}

async fn a_standing_permission_lets_a_call_begin_soon_or_not_at_all(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let asked = fixture.bot().ask(refund("1", 50)).await.unwrap();
    let shown = fixture.gate.interruption(asked.id()).await.unwrap().unwrap();
    shown.grant(&fixture.dana, Scope::this_run().until(noon() + hours(1))).await.unwrap();
    let [soon, late] = [
        fixture.bot().ask(refund("2", 50)).await.unwrap(),
        fixture.bot().ask(refund("3", 50)).await.unwrap(),
    ];
    assert_eq!((soon.status(), late.status()), (Status::Approved, Status::Approved));
    assert_eq!(fixture.bot().begin(soon.id()).await.unwrap().attempts(), 1);
    fixture.clock.advance(minutes(11));
    assert!(fixture.bot().begin(late.id()).await.is_err(), "a permission is not kept in store");
    assert_eq!(fixture.bot().approval(late.id()).await.unwrap().unwrap().status(), Status::Pending);
}

async fn what_is_said_of_one_attempt_does_not_end_the_next(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let bot = fixture.bot();
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    bot.begin(id).await.unwrap();
    fixture.clock.advance(Duration::from_secs(31));
    let lost = fixture
        .gate
        .recover()
        .await
        .unwrap()
        .into_iter()
        .find(|lost| lost.approval().id() == id)
        .unwrap();
    lost.settle(&fixture.dana, Settlement::RunAgain, "it never reached the bank").await.unwrap();
    assert!(
        bot.begin(id).await.is_err(),
        "one person's word is not the vote of those who are asked"
    );
    fixture.approve(id).await;
    assert_eq!(bot.begin(id).await.unwrap().attempts(), 2);
    let late = bot.end(id, 1, ToolOutcome::failed("too slow")).await;
    assert!(matches!(
        late,
        Err(DecideError::AlreadyDecided(stands)) if stands.status() == Status::Dispatched
    ));
    assert!(bot.heartbeat(id, 1).await.is_err());
    assert_eq!(
        bot.end(id, 2, ToolOutcome::returned(&json!(1))).await.unwrap().status(),
        Status::Succeeded
    );
}

async fn a_standing_permission_counts_money_in_numbers_and_in_texts(store: Shared) {
    let fixture = RemoteFixture::over(&store).await;
    let elsewhere = RemoteFixture::over(&store).await;
    let pay = |kind: &str, id: String, amount: &serde_json::Value| {
        let arguments = json!({ "amount": amount }).to_string();
        RemoteCall::new(id, "pay", arguments).run(kind).ask("it is money", ask(role("manager")))
    };
    for (kind, shown, amounts) in [
        (
            "number",
            json!(12.5),
            [json!(49.99), json!(50.0), json!(50.01), json!("12.50"), json!(-1)],
        ),
        (
            "text",
            json!("12.50"),
            [json!("49.99"), json!("50"), json!("50.01"), json!(12.5), json!("1e1")],
        ),
    ] {
        let remote_approval =
            fixture.bot().ask(pay(kind, "shown".to_owned(), &shown)).await.unwrap();
        let question = fixture.gate.interruption(remote_approval.id()).await.unwrap().unwrap();
        let scope =
            Scope::this_run().up_to("amount", 50).budget("amount", Amount::hundredths(10_000));
        question.grant(&fixture.dana, scope).await.unwrap();
        for (at, amount) in amounts.iter().enumerate() {
            let bot = if at % 2 == 0 { fixture.bot() } else { elsewhere.bot() };
            let asked = bot.ask(pay(kind, at.to_string(), amount)).await.unwrap();
            let covered = if at < 2 { Status::Approved } else { Status::Pending };
            assert_eq!(asked.status(), covered, "{kind} {amount}");
        }
        let as_it_was = |amount: &str| {
            if kind == "text" { json!(amount) } else { json!(amount.parse::<f64>().unwrap()) }
        };
        let last =
            fixture.bot().ask(pay(kind, "too much".to_owned(), &as_it_was("0.02"))).await.unwrap();
        assert_eq!(last.status(), Status::Pending, "a cent is left, and not two");
        let last = elsewhere
            .bot()
            .ask(pay(kind, "the last".to_owned(), &as_it_was("0.01")))
            .await
            .unwrap();
        assert_eq!(last.status(), Status::Approved, "the last cent");
    }
}

#[tokio::test]
async fn a_denial_stands_where_a_standing_permission_fits_too() {
    let cap = CapOverlay(Arc::new(1_000.into()));
    let fixture = RemoteFixture::with(Gate::builder(()).overlay(cap.clone())).await;
    let asked = fixture.bot().ask(refund("1", 50)).await.unwrap();
    let shown = fixture.gate.interruption(asked.id()).await.unwrap().unwrap();
    shown.grant(&fixture.dana, Scope::this_run().any("amount")).await.unwrap();
    assert_eq!(fixture.bot().ask(refund("2", 1_000)).await.unwrap().status(), Status::Approved);
    assert_eq!(fixture.bot().ask(refund("3", 1_001)).await.unwrap().status(), Status::Denied);
}

#[tokio::test]
async fn a_schema_that_would_take_for_ever_is_refused_and_the_refusal_on_the_record() {
    let fixture = RemoteFixture::over(&fresh()).await;
    let level = |level: u32| {
        json!({
            "allOf": [{"$ref": format!("#/$defs/a{level}")}, {"$ref": format!("#/$defs/a{level}")}],
        })
    };
    let mut definitions: serde_json::Map<_, _> =
        (0..60).map(|at| (format!("a{at}"), level(at + 1))).collect();
    definitions.insert("a60".into(), json!({"type": "object"}));
    let schema = json!({"$ref": "#/$defs/a0", "$defs": definitions});
    assert!(fixture.bot().ask(refund("1", 50).schema(schema)).await.is_err());
    assert_eq!(story(&fixture.gate).await, ["call_refused"]);
    assert!(fixture.gate.pending().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_agent_whose_schemas_cost_too_much_waits_and_others_do_not() {
    let fixture = RemoteFixture::over(&fresh()).await;
    // Four fifths of the limit of one check, although this text soon fails to match.
    let schema = json!({"properties": {"text": {"pattern": "^.{1,200}Z$"}}});
    let costly = |id: usize| {
        let text = json!({"text": "a".repeat(4_000)}).to_string();
        RemoteCall::new(id.to_string(), "note", text)
            .schema(schema.clone())
            .ask("it is long", ask(role("manager")))
    };
    let mut count = 0;
    let again_after = loop {
        match fixture.bot().ask(costly(count)).await {
            Err(RemoteError::TooCostly { again_after }) => break again_after,
            Err(RemoteError::NotRun(NotRun::Invalid { problem })) => {
                assert!(problem.contains("does not fit its schema"), "{problem}");
            }
            other => panic!("{other:?}"),
        }
        count += 1;
        assert!(count < 60, "one agent may go on for ever");
    };
    assert!(count >= 2 && (1..=10).contains(&again_after), "{count} {again_after}");
    assert!(fixture.bot().ask(refund("1", 50)).await.is_err(), "not by another schema either");
    fixture.gate.remote("other").ask(refund("1", 50)).await.unwrap();
    fixture.clock.advance(Duration::from_secs(again_after.into()));
    fixture.bot().ask(refund("1", 50)).await.unwrap();
}

/// Denies amounts above a cap.
#[derive(Clone)]
struct CapOverlay(Arc<AtomicU64>);

impl Overlay for CapOverlay {
    fn name(&self) -> &'static str {
        "cap"
    }

    fn judge<'a>(
        &'a self,
        call: &'a OverlayCall<'a>,
    ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
        let amount =
            call.arguments().get("amount").and_then(|amount| amount.as_u64()).unwrap_or(u64::MAX);
        let cap = self.0.load(Ordering::SeqCst);
        Box::pin(async move { Ok((amount > cap).then(|| Objection::deny("above the cap"))) })
    }
}

#[tokio::test]
async fn overlays_judge_it_when_it_is_asked_and_before_it_begins() {
    let cap = CapOverlay(Arc::new(100.into()));
    let fixture = RemoteFixture::with(Gate::builder(()).overlay(cap.clone())).await;
    assert_eq!(fixture.bot().ask(refund("1", 101)).await.unwrap().status(), Status::Denied);
    let id = fixture.ask_and_approve(refund("2", 90)).await;
    cap.0.store(80, Ordering::SeqCst);
    assert_eq!(fixture.bot().begin(id).await.unwrap_err().kind(), "denied");
    assert_eq!(fixture.bot().approval(id).await.unwrap().unwrap().attempts(), 0);
}

#[tokio::test]
async fn a_gate_that_is_told_keeps_the_deadlines_of_those_before() {
    let store = fresh();
    let before = RemoteFixture::over(&store).await;
    let due = RemoteCall::new("1", "issue_refund", "{}")
        .ask("it is money", ask(role("manager")).within(hours(1)));
    let id = before.bot().ask(due).await.unwrap().id();
    drop(before);
    let fixture = RemoteFixture::over(&store).await;
    let stands = async || fixture.gate.approval(id).await.unwrap().unwrap().status();
    fixture.clock.advance(hours(2));
    fixture.gate.run_due().await;
    assert_eq!(
        stands().await,
        Status::Pending,
        "a gate without tools may be there for a moment only"
    );
    fixture.gate.keep_deadlines().await.unwrap();
    fixture.gate.run_due().await;
    assert_eq!(stands().await, Status::Expired);
}

#[tokio::test]
async fn a_question_that_nobody_could_answer_is_not_asked() {
    let fixture = RemoteFixture::over(&fresh()).await;
    let call = RemoteCall::new("1", "issue_refund", "{}")
        .run("run")
        .ask("it is money", ask(role("astronaut")));
    let failed = fixture.bot().ask(call).await;
    let is_explained = matches!(
        &failed,
        Err(RemoteError::NobodyToAsk { problem }) if problem.contains("an astronaut")
    );
    assert!(is_explained, "{failed:?}");
    assert!(fixture.bot().approvals(&"run".into()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_put_on_the_record_does_not_begin() {
    let store = FaultyStore::failing(fresh());
    let fixture = RemoteFixture::with(Gate::builder(()).store(Arc::clone(&store))).await;
    store.fail_at(1);
    let failed = fixture.bot().ask(refund("1", 50)).await;
    assert!(matches!(failed, Err(RemoteError::NotRun(NotRun::Unavailable { .. }))), "{failed:?}");
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    store.fail_at(1);
    assert_eq!(fixture.bot().begin(id).await.unwrap_err().kind(), "unavailable");
    assert_eq!(fixture.bot().begin(id).await.unwrap().attempts(), 1);
}

#[tokio::test]
async fn arguments_that_were_changed_in_the_store_do_not_begin() {
    let inner = fresh();
    let fixture = RemoteFixture::over(&inner).await;
    let id = fixture.ask_and_approve(refund("1", 50)).await;
    let tampered = FaultyStore::tampering(inner, |approval| {
        let text = serde_json::to_string(&*approval)
            .unwrap()
            .replace(r#""amount":50"#, r#""amount":5000"#);
        Arc::new(serde_json::from_str(&text).unwrap())
    });
    let thief = RemoteFixture::over(&(tampered as Shared)).await;
    assert_eq!(thief.bot().begin(id).await.unwrap_err().kind(), "disputed");
    assert_eq!(fixture.bot().approval(id).await.unwrap().unwrap().attempts(), 0);
}

#[tokio::test]
async fn whoever_waits_hears_of_the_decision_and_no_longer_waits_than_said() {
    let fixture = RemoteFixture::over(&fresh()).await;
    let bot = fixture.bot();
    let asked = bot.ask(refund("1", 50)).await.unwrap();
    let (waited, ()) =
        tokio::join!(bot.decided(asked.id(), minutes(1)), fixture.approve(asked.id()));
    assert_eq!(waited.unwrap().unwrap().status(), Status::Approved);
    let other = bot.ask(refund("2", 50)).await.unwrap();
    let pass = async { fixture.clock.advance(minutes(1)) };
    let (waited, ()) = tokio::join!(bot.decided(other.id(), minutes(1)), pass);
    assert_eq!(waited.unwrap().unwrap().status(), Status::Pending);
}
