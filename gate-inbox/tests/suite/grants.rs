//! Standing permissions on the pages.

use crate::test_inbox::{PageResponse, TestBrowser, TestInbox};
use gate_runtime::grants::FreezeScope;
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::review::Status;
use serde_json::json;

/// Each by itself.
#[policy]
fn alone(rules: Rules<Close>) -> Rules<Close> {
    rules.otherwise(ask(role("manager")).no_grants())
}

/// Close an account.
#[gated_tool(policy = "alone")]
fn close(user: String) -> String {
    user
}

/// Only signed.
#[policy]
fn signed(rules: Rules<Send>) -> Rules<Send> {
    rules.otherwise(ask(role("manager")).signed())
}

/// Send it.
#[gated_tool(policy = "signed")]
fn send(to: String) -> String {
    to
}

registry! { Strict for () { Close, Send } }

/// Returns the choices where nothing is widened.
fn narrow<'a>() -> Vec<(&'a str, &'a str)> {
    vec![
        ("bound.to", "same"),
        ("bound.amount", "same"),
        ("run", "this"),
        ("agent", "this"),
        ("principal", "this"),
        ("lasts", "day"),
    ]
}

fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = narrow();
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes);
    fields
}

/// Fills in the form, and confirms what it shows.
async fn give(
    browser: &mut TestBrowser,
    id: ApprovalId,
    fields: &[(&str, &str)],
) -> (PageResponse, PageResponse) {
    let path = format!("/approvals/{id}/grant");
    let shown = browser.fill(&path, &path, fields).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let mut all = vec![("confirmed", "yes")];
    all.extend(fields);
    let done = browser.fill_on(&shown, &path, &all).await;
    (shown, done)
}

#[tokio::test]
async fn a_standing_permission_says_what_it_lets_through_and_lets_that_through() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get_call(id).await.has("Approve later calls too…");
    let fields = with(&[("bound.amount", "up_to"), ("max.amount", "100"), ("uses", "2")]);
    let (shown, done) = give(&mut dana, id, &fields).await;
    shown
        .has("in the run <bdi>run-1</bdi> only")
        .has("exactly <code class=\"value\"><bdi>&quot;alice&quot;</bdi></code>")
        .has("any number from 0 to <strong>100</strong>")
        .has("at most 2 calls in all")
        .has("for 1 day from when it is granted")
        .has("on behalf of <bdi>mia</bdi>");
    assert_eq!(done.location, Some(format!("/approvals/{id}")));
    assert_eq!(fixture.approval(id).await.status(), Status::Approved);
    let page = dana.get("/standing").await;
    page.has("Granted by <bdi>dana</bdi>")
        .has("used 0 times · 2 times left")
        .has("any number from 0 to");

    let run = fixture.agent.run("run-1").on_behalf_of("mia").case("ticket-7");
    let pay = |call: &str, amount: u64| {
        ToolCall::new(call, "pay", json!({"to": "alice", "amount": amount}).to_string())
    };
    let turn = run.submit([pay("a", 100), pay("b", 101)]).await.unwrap();
    let amounts: Vec<_> = turn
        .interruptions()
        .iter()
        .map(|interruption| interruption.approval().arguments().get("amount"))
        .collect();
    assert_eq!(amounts, [Some(json!(101))], "100 is let through");
    dana.get("/standing").await.has("used 1 time · 1 time left");
}

#[tokio::test]
async fn nothing_is_given_by_an_approval_nor_by_the_form_that_only_shows() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let id = fixture.ask_to_pay(50).await;
    let path = format!("/approvals/{id}/grant");
    assert_eq!(dana.fill(&path, &path, &narrow()).await.status, 200);
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
    dana.decide(id, "approve", &[]).await;
    assert!(fixture.agent.active_controls().await.unwrap().grants.is_empty());
    dana.get("/standing").await.has("None: every call");
    assert_eq!(dana.get(&path).await.status, 303, "it is decided");
}

#[tokio::test]
async fn odd_input_is_refused_at_its_field() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let id = fixture.ask_to_pay(50).await;
    let path = format!("/approvals/{id}/grant");
    for (changes, expected_text) in [
        (&[("bound.amount", "up_to"), ("max.amount", "49")][..], "this call has 50"),
        (
            &[("bound.amount", "up_to"), ("max.amount", "1e9")],
            "type a number in digits, like 100 or 12.50",
        ),
        (&[("bound.amount", "up_to"), ("max.amount", "49.99")], "this call has 50"),
        (&[("bound.amount", "all")], "choose one of these"),
        (
            &[("bound.to", "up_to"), ("max.to", "5")],
            "only an amount, like 100 or 12.50, can have a limit",
        ),
        (&[("run", "")], "choose one of these"),
        (&[("run", "ANY")], "choose one of these"),
        (&[("agent", "\u{202e}")], "choose one of these"),
        (&[("uses", "0")], "type a whole number from 1"),
        (&[("uses", "-1")], "type a whole number from 1"),
        (&[("uses", "4294967296")], "type a whole number from 1"),
        (&[("budget_of", "to"), ("budget", "5")], "choose the argument to add up"),
        (&[("budget_of", "nothing"), ("budget", "5")], "choose the argument to add up"),
        (&[("budget_of", "amount"), ("budget", "10")], "this call has 50"),
        (&[("budget", "100")], "choose the argument to add up"),
        (&[("per", "day")], "set a maximum number of calls"),
        (&[("per", "fortnight"), ("uses", "1")], "choose one of these"),
        (&[("lasts", "ever")], "choose one of these"),
    ] {
        for confirmed in [&[][..], &[("confirmed", "yes")]] {
            let page = dana.fill(&path, &path, &[&with(changes)[..], confirmed].concat()).await;
            assert_eq!(page.status, 422, "{changes:?} {}", page.text);
            page.has(expected_text).has("aria-invalid");
        }
    }
    assert_eq!(
        dana.fill(&path, &path, &[]).await.status,
        422,
        "a form without fields gives nothing"
    );
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
    assert!(fixture.agent.active_controls().await.unwrap().grants.is_empty());
}

/// Sends the form that no page offers.
async fn force(
    browser: &mut TestBrowser,
    fixture: &TestInbox,
    id: ApprovalId,
    fields: &[(&str, &str)],
) -> PageResponse {
    let secret = browser.get("/").await.hidden("form_secret");
    let shown = fixture.approval(id).await.shown().to_string();
    let form = format!("forced-{id}");
    let mut all = vec![
        ("form_secret", secret.as_str()),
        ("form", &form),
        ("shown", &shown),
        ("confirmed", "yes"),
    ];
    all.extend(fields);
    browser.post(&format!("/approvals/{id}/grant"), &all).await
}

#[tokio::test]
async fn where_the_rules_allow_none_it_is_said_and_none_is_given() {
    let fixture = TestInbox::open().await;
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let strict = Gate::builder(())
        .store(fixture.store.clone())
        .clock(fixture.clock.clone())
        .directory(people);
    let strict: Gate<Strict> = strict.build().await.unwrap();
    let calls = [
        ToolCall::new("1", "close", r#"{"user":"mia"}"#),
        ToolCall::new("2", "send", r#"{"to":"mia"}"#),
    ];
    let turn = strict.run("run-8").submit(calls).await.unwrap();
    let [close, send] = [0, 1].map(|number: usize| turn.interruptions()[number].id());
    let large = fixture.ask_to_pay(2_000).await;
    let secret = fixture.ask("log_in", json!({"user": "mia", "password": "hunter2-hunter2"})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let others =
        [("run", "this"), ("agent", "this"), ("principal", "this"), ("bound.user", "same")];
    let bounds = [("bound.to", "same"), ("bound.amount", "same"), ("bound.password", "any")];
    let fields = [&others[..], &bounds[..]].concat();
    for (id, expected_text, refused) in [
        (
            close,
            "the rules require a separate decision on each of these calls",
            "the policy requires a decision on each of these calls",
        ),
        (large, "several people must agree", "several people must agree"),
        (secret, "the call has a secret", "the call has a secret argument"),
    ] {
        dana.get_call(id).await.has(expected_text).has_not(&format!("/approvals/{id}/grant"));
        let page = dana.get(&format!("/approvals/{id}/grant")).await;
        assert_eq!(page.status, 403);
        page.has(expected_text);
        let forced = force(&mut dana, &fixture, id, &fields).await;
        assert_eq!(forced.status, 422, "{}", forced.text);
        forced.has(refused);
    }
    assert_eq!(dana.get(&format!("/approvals/{send}/grant")).await.status, 403);
    assert_eq!(force(&mut dana, &fixture, send, &fields).await.status, 403);
    let mut ines = fixture.signed_in(&fixture.ines).await;
    let id = fixture.ask_to_pay(50).await;
    assert_eq!(ines.get(&format!("/approvals/{id}/grant")).await.status, 403);
    assert_eq!(force(&mut ines, &fixture, id, &fields).await.status, 403);
    assert!(fixture.agent.active_controls().await.unwrap().grants.is_empty());
    for id in [close, send, large, secret, id] {
        assert_eq!(fixture.approval(id).await.status(), Status::Pending);
    }
}

#[tokio::test]
async fn a_form_that_is_not_of_the_session_or_of_what_was_shown_gives_nothing() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let id = fixture.ask_to_pay(50).await;
    let path = format!("/approvals/{id}/grant");
    let shown = dana.fill(&path, &path, &narrow()).await;
    let mut fields = narrow();
    fields.push(("confirmed", "yes"));
    assert_eq!(dana.post(&path, &fields).await.status, 403, "no secret");
    fields.push(("form_secret", "wrong"));
    assert_eq!(dana.post(&path, &fields).await.status, 403, "a wrong one");
    fields.retain(|(name, _)| *name != "form_secret");
    let mut elsewhere = dana.clone();
    elsewhere.headers.push(("origin", "https://evil.example".to_owned()));
    assert_eq!(elsewhere.post(&path, &fields).await.status, 403);
    assert_eq!(fixture.approval(id).await.votes().len(), 0);

    assert_eq!(dana.fill_on(&shown, &path, &fields).await.status, 303);
    let grant = fixture.agent.active_controls().await.unwrap().grants[0].id().to_string();
    assert_eq!(dana.fill_on(&shown, &path, &fields).await.status, 303, "again gives no second one");
    assert_eq!(fixture.agent.active_controls().await.unwrap().grants.len(), 1);
    assert_eq!(dana.post("/standing/revoke", &[("grant", &grant)]).await.status, 403);
    assert_eq!(dana.get(&format!("/standing/revoke?grant={grant}")).await.status, 405);
    assert_eq!(fixture.agent.active_controls().await.unwrap().grants.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_undone_wants_the_name_of_the_tool_here_too() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let id = fixture.ask("wipe", json!({"disk": "sda"})).await;
    let fields = [
        ("bound.disk", "any"),
        ("run", "any"),
        ("agent", "any"),
        ("principal", "any"),
        ("lasts", ""),
    ];
    let (shown, refused) = give(&mut dana, id, &fields).await;
    shown
        .has("in any run")
        .has("any number of these calls")
        .has("until someone revokes it")
        .has("anything");
    assert_eq!(refused.status, 422);
    refused.has("type the tool's name, wipe");
    let typed = [&fields[..], &[("typed", "wipe")]].concat();
    assert_eq!(give(&mut dana, id, &typed).await.1.status, 303);
    dana.get("/standing").await.has("on behalf of anyone");
}

#[tokio::test]
async fn anybody_takes_one_back_and_then_it_lets_nothing_through() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let id = fixture.ask_to_pay(50).await;
    assert_eq!(
        give(&mut dana, id, &with(&[("budget_of", "amount"), ("budget", "500"), ("per", "week")]))
            .await
            .1
            .status,
        303
    );
    let mut omar = fixture.signed_in(&fixture.omar).await;
    let page = omar.get("/standing").await;
    page.has("is at most 500 in any 7 days");
    let (secret, grant) = (page.hidden("form_secret"), page.hidden("grant"));
    for _ in 0..2 {
        let page =
            omar.post("/standing/revoke", &[("form_secret", &secret), ("grant", &grant)]).await;
        assert_eq!(page.location.as_deref(), Some("/standing"));
    }
    for odd in ["", "x", "../..", &ApprovalId::new().to_string()] {
        let status =
            omar.post("/standing/revoke", &[("form_secret", &secret), ("grant", odd)]).await.status;
        assert!([303, 404].contains(&status), "{odd} {status}");
    }
    omar.get("/standing").await.has("None: every call");
    let run = fixture.agent.run("run-1").on_behalf_of("mia").case("ticket-7");
    let turn =
        run.submit([ToolCall::new("a", "pay", r#"{"to":"alice","amount":50}"#)]).await.unwrap();
    assert_eq!(turn.interruptions().len(), 1);
}

#[tokio::test]
async fn stops_are_listed() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get("/standing").await.has("Nothing is frozen");
    let omar = fixture.agent.reviewer("omar").await.unwrap();
    fixture.agent.freeze(FreezeScope::tool("pay"), "<b>incident</b> 42", &omar).await.unwrap();
    dana.get("/standing")
        .await
        .has("the tool pay")
        .has("&lt;b&gt;incident")
        .has("By <bdi>omar</bdi>");
    assert_eq!(fixture.browser().get("/standing").await.location.as_deref(), Some("/sign-in"));
}
