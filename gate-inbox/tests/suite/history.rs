//! History, precedents, rules and statistics.

use std::time::Duration;

use crate::test_inbox;
use crate::test_inbox::{PageResponse, TestInbox};
use gate_inbox::Inbox;
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::{FileDirectory, NoTools, Trail, audit};
use serde_json::json;

/// Returns the number of entries on a page.
fn entries(page: &PageResponse) -> usize {
    page.text.matches(" · record ").count()
}

/// Returns the target of a link with this text.
fn link(page: &PageResponse, expected_text: &str) -> Option<String> {
    let before = page
        .text
        .split(&format!(">{expected_text}</a>"))
        .next()
        .filter(|before| before.len() < page.text.len())?;
    Some(before.rsplit("href=\"").next()?.split('"').next()?.replace("&amp;", "&"))
}

#[tokio::test]
async fn the_record_is_read_page_by_page_from_either_end() {
    let fixture = TestInbox::open().await;
    for _ in 0..120 {
        fixture.ask_to_pay(50).await;
    }
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let all = fixture.agent.records(0, 10_000).await.unwrap().len();
    let (mut path, mut seen) = ("/history".to_owned(), Vec::new());
    loop {
        let page = dana.get(&path).await;
        let numbers = page
            .text
            .split(" · record ")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().parse::<u64>());
        seen.extend(numbers.map(Result::unwrap));
        match link(&page, "Older") {
            Some(next) => path = next,
            None => break,
        }
    }
    assert!(seen.is_sorted_by(|one, other| one > other), "newest first, and none twice: {seen:?}");
    assert_eq!((seen.len(), *seen.last().unwrap()), (all, 1));
    // Back to the newest page.
    let mut pages = 0;
    let last = loop {
        let page = dana.get(&path).await;
        match link(&page, "Newer") {
            Some(next) => (path, pages) = (next, pages + 1),
            None => break page,
        }
    };
    assert!(pages >= 2);
    last.has(&format!("record {all}"));
    dana.get("/history")
        .await
        .has(&format!("record {all}"))
        .has("50 entries")
        .has("has no sealed trail");
}

#[tokio::test]
async fn each_filter_of_the_history_finds_what_it_says() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let paid = fixture.ask_to_pay(50).await;
    dana.decide(paid, "approve", &[("comment", "Größe stimmt")]).await;
    fixture.clock.advance(Duration::from_hours(48));
    let run = fixture.agent.run("run-9").on_behalf_of("tom").case("ticket-9");
    let calls = [
        ToolCall::new("1", "echo", r#"{"text":"hello"}"#),
        ToolCall::new("2", "nothing", "{}"),
        ToolCall::new("3", "pay", r#"{"to":"bob","amount":9000}"#),
        ToolCall::new("4", "wipe", r#"{"disk":"sda"}"#),
    ];
    let wipe = run.submit(calls).await.unwrap().interruptions()[0].id();
    dana.sign_in(fixture.dana.reveal()).await;
    let mut omar = fixture.signed_in(&fixture.omar).await;
    omar.decide(wipe, "reject", &[("reason", "not that disk")]).await;
    for (query, count) in [
        ("what=approved", 1),
        ("what=rejected&person=omar", 1),
        ("what=rejected&person=dana", 0),
        ("person=dana", 1),
        ("what=asked&tool=pay", 1),
        ("what=denied", 1),
        ("what=let_through", 1),
        ("what=ran", 1),
        ("what=refused&tool=nothing", 1),
        ("text=GR%C3%96SSE+stimmt", 0),
        ("text=gr%C3%B6%C3%9Fe+STIMMT", 1),
        ("text=not+that+disk", 1),
        // It was asked, approved, and after a day asked again.
        ("case=ticket-7", 3),
        ("person=tom&what=asked", 1),
        ("agent=agent&what=denied", 1),
        ("agent=nobody", 0),
        ("from=2027-01-17&to=2027-01-17&what=asked", 1),
        ("from=2027-01-15&to=2027-01-15&what=asked", 1),
        ("from=2027-01-16&to=2027-01-16", 0),
        ("to=2027-01-14", 0),
        ("from=2027-01-18", 0),
        ("from=2027-01-17&to=2027-01-15", 0),
        ("to=9999-12-31&what=approved", 1),
    ] {
        let page = dana.get(&format!("/history?{query}")).await;
        assert!(page.status == 200 || query.contains("9999"), "{query}");
        if page.status == 200 {
            assert_eq!(entries(&page), count, "{query} {}", page.text);
        }
    }
    dana.get("/history?what=rejected")
        .await
        .has(&format!("/approvals/{wipe}"))
        .has("/case?id=ticket-9");
}

#[tokio::test]
async fn odd_searches_are_answered() {
    let fixture = TestInbox::open().await;
    fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    for (query, status) in [
        ("from=yesterday", 422),
        ("to=2027-02-30", 422),
        ("from=-009999-01-01", 422),
        ("what=everything", 422),
        ("before=0", 200),
        ("before=18446744073709551615", 200),
        ("after=18446744073709551615", 200),
        ("after=0", 200),
        ("before=x&after=-1", 200),
        ("before=5&after=5", 200),
        ("tool=%ff%00%E2%80%AE", 200),
        ("text=%5Cu%7B", 200),
        ("tool=a&tool=b", 200),
    ] {
        let page = dana.get(&format!("/history?{query}")).await;
        assert_eq!(page.status, status, "{query}");
        assert!(!page.text.contains(['\0', '\u{202e}']), "{query}");
        if status == 422 {
            page.has("role=\"alert\"");
        }
    }
    for path in ["/history", "/rules", "/overview"] {
        assert_eq!(fixture.browser().get(path).await.location.as_deref(), Some("/sign-in"));
        assert_eq!(dana.post(path, &[]).await.status, 405);
    }
}

#[tokio::test]
async fn what_is_rare_in_a_long_record_is_found_in_steps() {
    let fixture = TestInbox::open().await;
    let first = fixture.ask("wipe", json!({"disk": "sda"})).await;
    let run = fixture.agent.run("run-2");
    for round in 0..20 {
        let calls = (0..100)
            .map(|call| ToolCall::new(format!("{round}-{call}"), "echo", r#"{"text":"x"}"#));
        let _ = run.submit(calls).await.unwrap();
    }
    let records = fixture.agent.records(0, 100_000).await.unwrap().len();
    assert!(records > 5_500, "{records}");
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get("/history?tool=wipe").await;
    page.has("0 of 5,000 searched entries match. For more");
    let page = dana.get(&link(&page, "Older").unwrap()).await;
    page.has(&format!("/approvals/{first}"));
    assert_eq!(link(&page, "Older"), None);
}

#[tokio::test]
async fn the_state_of_the_seal_is_said() {
    let fixture = TestInbox::open().await;
    let folder = tempfile::tempdir().unwrap();
    let key =
        audit::SigningKey::from_seed("example.com/log", audit::KeyKind::Log, [7; 32]).unwrap();
    let people = FileDirectory::open(fixture.folder.path().join("people.toml")).unwrap();
    let gate = Gate::builder(()).clock(fixture.clock.clone()).directory(people.clone());
    let gate = gate.trail(Trail::in_folder(folder.path().join("trail"), key));
    let gate: Gate<NoTools> = gate.build().await.unwrap();
    let sealed = gate.seal().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut browser = fixture.browser();
    browser.address = listener.local_addr().unwrap();
    tokio::spawn(Inbox::new(gate, people).clock(fixture.clock.clone()).serve(listener));
    browser.sign_in(fixture.dana.reveal()).await;
    let page = browser.get("/history").await;
    page.has(&format!("Sealed up to record {}", sealed.sealed()))
        .has("No records wait to be sealed")
        .has("a checkpoint covers");
    page.has_not("has no sealed trail");
}

/// Decides a number of calls, and returns the last one.
async fn decided(
    fixture: &TestInbox,
    browser: &mut test_inbox::TestBrowser,
    amounts: &[u64],
) -> ApprovalId {
    let mut last = None;
    for amount in amounts {
        let id = fixture.ask_to_pay(*amount).await;
        browser.decide(id, "approve", &[]).await;
        last = Some(id);
    }
    last.unwrap()
}

#[tokio::test]
async fn a_call_shows_what_people_decided_on_calls_like_it() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let id = fixture.ask_to_pay(50).await;
    dana.get_call(id).await.has("No earlier decisions in this case");
    dana.decide(id, "reject", &[("reason", "<i>wrong</i> account")]).await;
    decided(&fixture, &mut dana, &[60; 12]).await;
    let secret = fixture.ask("log_in", json!({"user": "mia", "password": "hunter2-hunter2"})).await;
    dana.decide(secret, "approve", &[]).await;

    let run = fixture.agent.run("run-5").case("ticket-5");
    let turn =
        run.submit([ToolCall::new("1", "pay", r#"{"to":"bob","amount":60}"#)]).await.unwrap();
    let page = dana.get(&format!("/approvals/{}", turn.interruptions()[0].id())).await;
    page.has("The last 10 decisions on this tool")
        .has("<bdi>alice</bdi>, here <strong><bdi>bob</bdi></strong>");
    page.has_not("In this case").has_not("wrong").has_not("<code><bdi>amount</bdi></code>");

    let here = fixture.ask_to_pay(70).await;
    let page = dana.get(&format!("/approvals/{here}")).await;
    page.has("In this case")
        .has("Approved</a> by <bdi>dana</bdi>")
        .has("<bdi>60</bdi>, here <strong><bdi>70</bdi></strong>");
    page.has("<bdi>log_in</bdi>").has_not("hunter2");
    let again = fixture.ask_to_pay(55).await;
    dana.decide(again, "reject", &[("reason", "<i>wrong</i> account")]).await;
    let page = dana.get(&format!("/approvals/{here}")).await;
    page.has("Reason: <bdi>&lt;i&gt;wrong&lt;/i&gt; account");
    assert_eq!(
        page.text.matches(&format!("/approvals/{here}\"")).count(),
        1,
        "it is not its own precedent"
    );
}

#[tokio::test]
async fn the_meaning_of_a_value_stands_beside_the_value() {
    let fixture = TestInbox::open().await;
    let note = "https://bank.example@evil.example/";
    let id =
        fixture.ask("pay", json!({"to": "2027-01-15T09:00:00Z", "amount": 5, "note": note})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get_call(id).await;
    page.has("<bdi>2027-01-15T09:00:00Z</bdi>")
        .has("Friday, 15 January 2027, 09:00:00 UTC (in 1 hour)");
    page.has(&format!("<bdi>{note}</bdi>")).has("leads to evil.example");
}

#[tokio::test]
async fn the_rules_say_what_they_did() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    decided(&fixture, &mut dana, &[50, 60]).await;
    let id = fixture.ask_to_pay(70).await;
    dana.decide(id, "reject", &[("reason", "no")]).await;
    fixture.ask_to_pay(2_000).await;
    let run = fixture.agent.run("run-3");
    let _ = run.submit([ToolCall::new("1", "pay", r#"{"to":"bob","amount":9000}"#)]).await.unwrap();
    let page = dana.get("/rules").await;
    page.has("Payments: large ones are for two managers.").has("For the tool <bdi>pay</bdi>");
    page.has("too much").has("Denies it").has("2 of role manager").has("Where no rule matches");
    page.has("It was the reason 3 times: 2 approved, 1 rejected.")
        .has("It was the reason 1 time: 1 denied.");
    page.has("amount &gt; 8_000").has("For the tools <bdi>log_in</bdi>, <bdi>wipe</bdi>");
    page.has("role=\"img\"").has("The numbers");
    fixture.clock.advance(Duration::from_hours(30));
    dana.sign_in(fixture.dana.reveal()).await;
    dana.get("/rules?time=day")
        .await
        .has("None of its rules was a reason in this period")
        .has_not("It was the reason 3 times");
    dana.get("/rules?time=week").await.has("It was the reason 3 times");
    dana.get("/rules?time=%00ever").await.has("None of its rules was a reason in this period");
}

#[tokio::test]
async fn the_overview_counts_what_happened() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get("/overview").await.has("<dd>0</dd>").has("Nothing in this period.");
    let id = fixture.ask_to_pay(70).await;
    fixture.clock.advance(Duration::from_mins(20));
    dana.decide(id, "approve", &[]).await;
    let mut omar = fixture.signed_in(&fixture.omar).await;
    let id = fixture.ask_to_pay(80).await;
    omar.decide(id, "reject", &[("reason", "no")]).await;
    fixture.ask_to_pay(90).await;
    let page = dana.get("/overview").await;
    page.has("<dt>Waiting now</dt><dd><a href=\"/\">1</a></dd>")
        .has("<dt>People were asked</dt><dd>3</dd>");
    page.has("<dt>People decided</dt><dd>2</dd>").has("<dt>90% decided within</dt><dd>19 min</dd>");
    page.has("<th scope=\"row\"><bdi>omar</bdi></th>").has("otherwise · policy payments");
    for time in ["week", "month", "", "x"] {
        dana.get(&format!("/overview?time={time}"))
            .await
            .has("<dt>People were asked</dt><dd>3</dd>");
    }
}
