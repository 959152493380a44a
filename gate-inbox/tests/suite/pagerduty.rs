//! Alerts by PagerDuty.

use std::time::Duration;

use crate::service::{FakeService, ServiceReply};
use crate::test_inbox::TestInbox;
use gate_inbox::{PagerDuty, Severity};
use gate_runtime::id::ApprovalId;
use gate_runtime::notify::Notifier as _;
use serde_json::json;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn accepted() -> ServiceReply {
    ServiceReply::With(
        "202 Accepted",
        json!({"status": "success", "message": "Event processed", "dedup_key": "x"}).to_string(),
    )
}

async fn open() -> (TestInbox, FakeService, PagerDuty) {
    let service = FakeService::open(accepted()).await;
    let pagerduty =
        PagerDuty::new(KEY).unwrap().severity(Severity::Critical).api(&service.url()).unwrap();
    (TestInbox::open().await, service, pagerduty.inbox("https://gate.example.com").unwrap())
}

async fn ask(fixture: &TestInbox) -> ApprovalId {
    fixture.ask("deploy", json!({"version": "1.2"})).await
}

#[tokio::test]
async fn the_last_step_opens_an_incident_and_the_decision_resolves_it() {
    let (fixture, mut service, pagerduty) = open().await;
    let id = ask(&fixture).await;
    assert_eq!(fixture.tell(&pagerduty, None).await, [], "the first step wakes nobody up");
    fixture.clock.advance(Duration::from_mins(10));
    fixture.agent.run_due().await;
    assert_eq!(fixture.tell(&pagerduty, None).await, [Ok(Some(id.to_string()))]);
    let request = service.next_received().await;
    assert_eq!(
        (request.line.as_str(), request.header("content-type")),
        ("POST /v2/enqueue HTTP/1.1", "application/json; charset=utf-8")
    );
    assert_eq!(
        request.json(),
        json!({
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": id,
            "client": "Gate",
            "client_url": format!("https://gate.example.com/approvals/{id}"),
            "links": [{
                "href": format!("https://gate.example.com/approvals/{id}"),
                "text": "Decide in the inbox",
            }],
            "payload": {
                "summary": "deploy waits for a decision until 2027-01-15T08:15:00Z (last step: a \
                 manager within 10 minutes, then anyone who reviews within 5 minutes): deploy: \
                 version 1.2",
                "source": "gate",
                "severity": "critical",
                "timestamp": "2027-01-15T08:00:00Z",
                "component": "deploy",
                "class": "approval",
                "custom_details": {
                    "tool": "deploy",
                    "arguments": "version: \"1.2\"",
                    "agent": "agent",
                    "on behalf of": "mia",
                    "case": "ticket-7",
                    "run": "run-1",
                    "decides": "a manager within 10 minutes, then anyone who reviews within 5 \
                     minutes",
                    "deadline": "2027-01-15T08:15:00Z",
                    "the agent claims (nobody has checked it)": "“it is due”",
                },
            },
        })
    );
    fixture.reject(id, "dana", "not on a Friday").await;
    let memo = id.to_string();
    assert_eq!(fixture.tell(&pagerduty, Some(&memo)).await.last(), Some(&Ok(Some(memo))));
    let request = service.next_received().await;
    assert_eq!(
        request.json(),
        json!({"routing_key": KEY, "event_action": "resolve", "dedup_key": id})
    );
}

#[tokio::test]
async fn what_is_decided_before_it_is_told_wakes_nobody_up() {
    let (fixture, mut service, pagerduty) = open().await;
    let id = ask(&fixture).await;
    fixture.clock.advance(Duration::from_mins(10));
    fixture.agent.run_due().await;
    fixture.reject(id, "dana", "no").await;
    assert!(fixture.tell(&pagerduty, None).await.iter().all(|outcome| *outcome == Ok(None)));
    service.is_silent();
}

#[tokio::test]
async fn by_option_every_question_opens_one_at_once_and_once() {
    let (fixture, mut service, pagerduty) = open().await;
    let pagerduty = pagerduty.every_question();
    let id = fixture.ask("log_in", json!({"user": "mia", "password": "hunter2-secret"})).await;
    for _ in 0..2 {
        fixture.tell(&pagerduty, None).await;
        let request = service.next_received().await;
        assert_eq!(
            request.json()["dedup_key"],
            id.to_string(),
            "what is told twice is one incident"
        );
        assert_eq!(
            request.json()["payload"]["custom_details"]["arguments"],
            "user: \"mia\", password: a secret, which is not shown"
        );
        assert!(!request.body.contains("hunter2"));
    }
}

#[tokio::test]
async fn what_may_work_later_is_tried_again_and_what_never_will_is_not() {
    let (fixture, mut service, pagerduty) = open().await;
    let pagerduty = pagerduty.every_question().patience(Duration::from_millis(200));
    ask(&fixture).await;
    for (reply, is_final, wait, expected_text) in [
        (
            ServiceReply::With("429 Too Many\r\nretry-after: 7", String::new()),
            false,
            Some(7),
            "PagerDuty answered 429 Too Many Requests",
        ),
        (
            ServiceReply::With("500 Oh", "boom\u{1b}[2J".to_owned()),
            false,
            None,
            "PagerDuty answered 500 Internal Server Error: boom\\u{1b}[2J",
        ),
        (
            ServiceReply::With("503 Busy", "x".repeat(2 << 20)),
            false,
            None,
            "PagerDuty answered 503",
        ),
        (
            ServiceReply::With("400 Bad", format!("invalid {KEY}")),
            true,
            None,
            "PagerDuty answered 400 Bad Request: invalid [secret]",
        ),
        (ServiceReply::With("404 No", String::new()), true, None, "PagerDuty answered 404"),
        (
            ServiceReply::With("302 Found\r\nlocation: http://127.0.0.1:1/", String::new()),
            true,
            None,
            "it redirects, which is not followed",
        ),
        (ServiceReply::Cut, false, None, "PagerDuty cannot be reached, or broke off"),
        (ServiceReply::Never, false, None, "PagerDuty took too long to answer"),
    ] {
        service.reply(reply.clone());
        let outcome = fixture.tell(&pagerduty, None).await;
        let [Err(error)] = &outcome[..] else { panic!("{outcome:?} for {reply:?}") };
        assert_eq!(
            (error.is_final(), error.wait()),
            (is_final, wait.map(Duration::from_secs)),
            "{reply:?}: {error}"
        );
        assert!(error.to_string().contains(expected_text), "{reply:?}: {error}");
        assert!(error.to_string().len() < 500 && !error.to_string().contains(KEY));
        service.next_received().await;
    }
    service.is_silent();
    let nobody = PagerDuty::new(KEY).unwrap().every_question().api("http://127.0.0.1:1").unwrap();
    assert!(matches!(&fixture.tell(&nobody, None).await[..], [Err(error)] if !error.is_final()));
}

#[tokio::test]
async fn hostile_texts_are_told_as_text_and_within_what_pagerduty_takes() {
    let (fixture, mut service, pagerduty) = open().await;
    let pagerduty = pagerduty.every_question();
    let text = "\u{202e}<@U1>\u{1b}[2J\"}{".repeat(3_000);
    fixture.ask("deploy", json!({"version": text})).await;
    fixture.tell(&pagerduty, None).await;
    let request = service.next_received().await;
    let details = &request.json()["payload"]["custom_details"];
    assert_eq!(
        details["warning"],
        "It has control characters and characters that turn the text around, shown as \\u{…}."
    );
    assert!(
        details["arguments"].as_str().unwrap().contains("39000 characters in all"),
        "{details}"
    );
    assert!(request.body.len() < 20_000 && !request.body.contains('\u{202e}'));
}

#[test]
fn a_key_that_is_none_is_refused_and_no_debug_shows_one() {
    for wrong in ["", "x", &KEY[1..], &format!("{KEY}0"), &KEY.replace('0', "-")] {
        assert!(PagerDuty::new(wrong).is_err(), "{wrong}");
    }
    let pagerduty = PagerDuty::new(&format!("{KEY}\n")).unwrap();
    assert!(!format!("{pagerduty:?}").contains(KEY));
    assert!(
        pagerduty.clone().api("http://events.pagerduty.com").is_err(),
        "the key would go over an open line"
    );
    assert_eq!(pagerduty.named("page-payments").name(), "page-payments");
}
