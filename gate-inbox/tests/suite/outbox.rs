//! Slack, mail and PagerDuty with the engine's outbox: the memo of one delivery comes with the
//! next, and failed deliveries are retried.

use std::sync::Arc;
use std::time::Duration;

use crate::service::{FakeService, ServiceReply, ServiceRequest};
use crate::smtp::{SmtpBehavior, TestSmtpServer};
use crate::test_inbox::TestInbox;
use gate_inbox::{Mail, PagerDuty, Slack};
use gate_runtime::NoTools;
use gate_runtime::id::ApprovalId;
use gate_runtime::notify::{Delivery, DeliveryState, Notifier};
use gate_runtime::prelude::*;
use gate_runtime::store::{Clock as _, DeliveryFilter};
use serde_json::{Value, json};

const INBOX: &str = "https://gate.example.com";

/// Builds a gate with a notifier, over the store and the clock of an inbox.
async fn gate_with_notifier(fixture: &TestInbox, notifier: impl Notifier) -> Gate<NoTools> {
    let gate = Gate::builder(()).store(fixture.store.clone()).clock(fixture.clock.clone());
    gate.notify(notifier).build().await.unwrap()
}

/// Waits until a delivery is in a state after a number of attempts.
async fn wait_for_delivery(
    gate: &Gate<NoTools>,
    state: DeliveryState,
    attempts: u32,
) -> Arc<Delivery> {
    let started = std::time::Instant::now();
    loop {
        let all = gate.deliveries(&DeliveryFilter::all()).await.unwrap();
        let found = all
            .iter()
            .find(|delivery| delivery.state() == state && delivery.attempts() == attempts);
        match found {
            Some(found) => return Arc::clone(found),
            None => assert!(started.elapsed().as_secs() < 60, "{all:?}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until everything is delivered.
async fn all_delivered(gate: &Gate<NoTools>, count: usize) {
    let started = std::time::Instant::now();
    loop {
        let all = gate.deliveries(&DeliveryFilter::all()).await.unwrap();
        if all.len() == count
            && all.iter().all(|delivery| delivery.state() == DeliveryState::Delivered)
        {
            return;
        }
        assert!(started.elapsed().as_secs() < 60, "{all:?}");
        tokio::task::yield_now().await;
    }
}

async fn slack() -> (FakeService, Slack) {
    let service = FakeService::open(posted("1800000000.000100")).await;
    let slack = Slack::new("xoxb-1-2-abc", "#approvals", INBOX).unwrap();
    let slack = slack.api(&format!("{}/api", service.url()), &service.url()).unwrap();
    (service, slack)
}

fn posted(ts: &str) -> ServiceReply {
    ServiceReply::With("200 OK", json!({"ok": true, "channel": "C024BE91L", "ts": ts}).to_string())
}

fn which(request: &ServiceRequest) -> (&str, Value) {
    (request.path(), request.json()["ts"].clone())
}

async fn deploy(fixture: &TestInbox) -> ApprovalId {
    fixture.ask("deploy", json!({"version": "1.2"})).await
}

#[tokio::test]
async fn slack_that_asks_to_be_left_alone_is_asked_again_when_it_said_under_the_same_id() {
    let (fixture, (mut service, slack)) = (TestInbox::open().await, slack().await);
    service.reply(ServiceReply::With("429 Too Many Requests\r\nretry-after: 300", "{}".to_owned()));
    let id = fixture.ask_to_pay(50).await;
    let gate = gate_with_notifier(&fixture, slack).await;
    let first = service.next_received().await;
    let waiting = wait_for_delivery(&gate, DeliveryState::Waiting, 1).await;
    assert_eq!(waiting.due_at(), fixture.clock.now() + Duration::from_mins(5));
    assert!(waiting.problem().unwrap().contains("429"), "{waiting:?}");
    service.is_silent();
    fixture.clock.advance(Duration::from_mins(5));
    let second = service.next_received().await;
    assert_eq!(first.json()["metadata"], second.json()["metadata"]);
    all_delivered(&gate, 1).await;

    fixture.reject(id, "dana", "no").await;
    assert_eq!(
        which(&service.next_received().await),
        ("/api/chat.update", json!("1800000000.000100"))
    );
    all_delivered(&gate, 2).await;
    service.is_silent();
}

#[tokio::test]
async fn a_message_that_somebody_deleted_is_made_anew_and_that_one_is_changed_from_then_on() {
    let (fixture, (mut service, slack)) = (TestInbox::open().await, slack().await);
    let id = deploy(&fixture).await;
    let gate = gate_with_notifier(&fixture, slack).await;
    assert_eq!(service.next_received().await.path(), "/api/chat.postMessage");
    all_delivered(&gate, 1).await;

    service.reply(ServiceReply::With(
        "200 OK",
        json!({"ok": false, "error": "message_not_found"}).to_string(),
    ));
    service.reply(posted("1800000600.000200"));
    fixture.clock.advance(Duration::from_mins(10));
    fixture.agent.run_due().await;
    assert_eq!(
        which(&service.next_received().await),
        ("/api/chat.update", json!("1800000000.000100"))
    );
    assert_eq!(service.next_received().await.path(), "/api/chat.postMessage");
    all_delivered(&gate, 2).await;

    fixture.reject(id, "dana", "not on a Friday").await;
    assert_eq!(
        which(&service.next_received().await),
        ("/api/chat.update", json!("1800000600.000200"))
    );
    all_delivered(&gate, 3).await;
    service.is_silent();
}

#[tokio::test]
async fn an_incident_opens_at_the_last_step_and_is_resolved_by_a_decision_elsewhere() {
    let accepted = || ServiceReply::With("202 Accepted", json!({"status": "success"}).to_string());
    let (fixture, mut service) = (TestInbox::open().await, FakeService::open(accepted()).await);
    let pagerduty =
        PagerDuty::new("0123456789abcdef0123456789abcdef").unwrap().api(&service.url()).unwrap();
    let gate = gate_with_notifier(&fixture, pagerduty).await;
    let id = deploy(&fixture).await;
    service.reply(ServiceReply::With("500 Internal Server Error", "no".to_owned()));
    fixture.clock.advance(Duration::from_mins(10));
    fixture.agent.run_due().await;
    let first = service.next_received().await.json();
    wait_for_delivery(&gate, DeliveryState::Waiting, 1).await;
    fixture.clock.advance(Duration::from_secs(1));
    let second = service.next_received().await.json();
    assert_eq!(
        (&first, &second["event_action"], &second["dedup_key"]),
        (&second, &json!("trigger"), &json!(id))
    );
    all_delivered(&gate, 1).await;

    fixture.reject(id, "dana", "not on a Friday").await;
    let resolved = service.next_received().await.json();
    assert_eq!(
        (&resolved["event_action"], &resolved["dedup_key"]),
        (&json!("resolve"), &json!(id))
    );
    all_delivered(&gate, 2).await;
    service.is_silent();
}

#[tokio::test]
async fn a_mail_that_one_of_two_did_not_get_is_written_again_and_news_are_of_its_thread() {
    let (fixture, mut server) = (TestInbox::open().await, TestSmtpServer::open().await);
    let mail =
        Mail::new("gate@example.com", "127.0.0.1", INBOX).unwrap().port(server.address.port());
    let mail = mail.to("one@example.com").unwrap().to("two@example.com").unwrap();
    server.act(SmtpBehavior::Take);
    server.act(SmtpBehavior::Say("RCPT", "450 later"));
    let id = fixture.ask_to_pay(50).await;
    let gate = gate_with_notifier(&fixture, mail).await;
    let first = server.mail().await;
    assert_eq!(first.header("to"), "one@example.com");
    assert!(server.next_received().await.mail.is_none());
    wait_for_delivery(&gate, DeliveryState::Waiting, 1).await;
    fixture.clock.advance(Duration::from_secs(1));
    let second = server.mail().await;
    assert_eq!(second.header("to"), "two@example.com");
    assert_eq!(first.header("message-id"), second.header("message-id"));
    all_delivered(&gate, 1).await;

    fixture.reject(id, "dana", "no").await;
    for to in ["one@example.com", "two@example.com"] {
        let decided_mail = server.mail().await;
        assert_eq!(
            (decided_mail.header("to"), decided_mail.header("in-reply-to")),
            (to, first.header("message-id"))
        );
    }
    all_delivered(&gate, 2).await;
    server.is_silent();
}

/// Checks mails to two people, one of whom cannot be reached, temporarily or permanently.
async fn one_of_two_is_not_reached(answer: &'static str, tries: u32) {
    let (fixture, mut server) = (TestInbox::open().await, TestSmtpServer::open().await);
    let mail = Mail::new("Gate <gate@example.com>", "127.0.0.1", INBOX)
        .unwrap()
        .port(server.address.port());
    let mail = mail.to("dana@example.com").unwrap().to("gone@example.com").unwrap();
    let id = fixture.ask_to_pay(50).await;
    server.act(SmtpBehavior::Take);
    for _ in 0..tries {
        server.act(SmtpBehavior::Say("RCPT", answer));
    }
    let gate = gate_with_notifier(&fixture, mail).await;
    let first = server.mail().await;
    assert_eq!(first.header("to"), "dana@example.com");
    for attempt in 1..tries {
        wait_for_delivery(&gate, DeliveryState::Waiting, attempt).await;
        fixture.clock.advance(Duration::from_mins(15));
    }
    let dead = wait_for_delivery(&gate, DeliveryState::Dead, tries).await;
    assert!(
        dead.problem().unwrap().starts_with("not sent to 1 of 2: gone@example.com"),
        "{dead:?}"
    );
    for _ in 0..tries {
        assert!(server.next_received().await.mail.is_none());
    }
    // The people who were asked get the result, in the same thread.
    fixture.approve(id, "dana").await;
    let decided_mail = server.mail().await;
    assert_eq!(decided_mail.header("to"), "dana@example.com");
    assert!(
        decided_mail.header("references").contains(first.header("message-id")),
        "{decided_mail:?}"
    );
}

#[tokio::test]
async fn whom_no_mail_ever_reaches_does_not_keep_the_news_from_the_others() {
    one_of_two_is_not_reached("550 unknown", 1).await;
}

#[tokio::test]
async fn whom_no_mail_reaches_for_now_does_not_keep_the_news_from_the_others_for_long() {
    one_of_two_is_not_reached("451 full", 8).await;
}
