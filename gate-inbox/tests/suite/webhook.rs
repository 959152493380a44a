//! Webhooks, against a server that looks at every byte and misbehaves on purpose.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use crate::receiver::{RawServer, ReceivedRequest, ServerBehavior, status};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gate_inbox::{Webhook, WebhookSecret};
use gate_runtime::notify::{DeliveryNotice, DeliveryState, Notifier, NotifyError};
use gate_runtime::prelude::*;
use gate_runtime::store::DeliveryFilter;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Payments.
#[policy]
fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    rules.otherwise(ask(role("manager")).within(minutes(30)))
}

/// Pay someone.
#[gated_tool(policy = "payments", secret(pin))]
fn pay(to: String, amount: u64, pin: String) -> String {
    format!("paid {amount} to {to} with {}", pin.len())
}

registry! { Tools for () { Pay } }

fn secrets(texts: &[&str]) -> Vec<WebhookSecret> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn webhook(server: &RawServer, texts: &[&str]) -> Webhook {
    Webhook::private("ops", &server.url("/gate?from=here"), secrets(texts)).unwrap()
}

async fn gate_that_tells(webhook: Webhook) -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    Gate::builder(()).directory(people).notify(webhook).build().await.unwrap()
}

async fn ask_for(gate: &Gate<Tools>) -> Turn {
    let run = gate.run("run-42").on_behalf_of("mia").case("ticket-7");
    let arguments = json!({"to": "Zoë \u{202e}\"", "amount": 500, "pin": "no one must see this"});
    run.submit([ToolCall::new("call_1", "pay", arguments.to_string())]).await.unwrap()
}

/// Returns the notice of a question.
async fn notice() -> DeliveryNotice {
    let gate: Gate<Tools> = Gate::builder(())
        .directory(StaticDirectory::new().person("dana", ["manager"]))
        .build()
        .await
        .unwrap();
    let approval = Arc::new(ask_for(&gate).await.interruptions()[0].approval().clone());
    DeliveryNotice::new("ops", gate.records(1, 1).await.unwrap().remove(0)).about(approval, None)
}

/// HMAC-SHA256 by its definition (RFC 2104), with nothing of the code under test.
fn signature(secret: &str, request: &ReceivedRequest) -> String {
    let mut key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    key.resize(64, 0);
    let pad = |byte: u8| key.iter().map(|key| key ^ byte).collect::<Vec<u8>>();
    let message = format!(
        "{}.{}.{}",
        request.head["webhook-id"], request.head["webhook-timestamp"], request.body
    );
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    format!(
        "v1,{}",
        STANDARD.encode(Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_of_a_message_is_as_the_specification_has_it() {
    let server = RawServer::that([status(200, "")]);
    let gate = gate_that_tells(webhook(&server, &[OLD, NEW])).await;
    let interruption = ask_for(&gate).await.interruptions()[0].clone();
    let request = tokio::task::block_in_place(|| server.next());

    assert_eq!(request.line, "POST /gate?from=here HTTP/1.1");
    let delivery = gate.deliveries(&DeliveryFilter::all()).await.unwrap().remove(0);
    let timestamp: i64 = request.head["webhook-timestamp"].parse().unwrap();
    let head = |name: &str| request.head[name].as_str();
    assert_eq!(head("webhook-id"), delivery.id());
    assert_eq!(head("host"), server.address.to_string());
    assert_eq!(head("content-type"), "application/json; charset=utf-8");
    assert_eq!(head("user-agent"), concat!("gate/", env!("CARGO_PKG_VERSION")));
    // A receiver refuses messages that are more than five minutes old, or from the future.
    assert!((gate_runtime::Timestamp::now().as_second() - timestamp).abs() < 300);
    assert_eq!(
        head("webhook-signature"),
        format!("{} {}", signature(OLD, &request), signature(NEW, &request))
    );
    let known =
        ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"];
    let others = request
        .head
        .keys()
        .filter(|name| !known.contains(&name.as_str()) && !name.starts_with("webhook-"));
    assert_eq!(others.count(), 0, "{:?}", request.head);

    let approval = interruption.approval();
    let record = gate.records(delivery.record() - 1, 1).await.unwrap().remove(0);
    let arguments = approval.arguments();
    let wanted = json!({
        "type": "call.asked",
        "timestamp": record.at(),
        "data": {
            "record": record.seq(),
            "id": approval.id().to_string(),
            "status": "pending",
            "status_then": "pending",
            "tool": "pay",
            "description": "Pay someone.",
            "agent": "agent",
            "on_behalf_of": "mia",
            "run": "run-42",
            "call": "call_1",
            "case": "ticket-7",
            "arguments": {
                "to": "Zoë \u{202e}\"",
                "amount": 500,
                "pin": arguments.get("pin").unwrap(),
            },
            "digest": arguments.digest().to_string(),
            "asked_at": approval.asked_at(),
            "waits_for": "a manager within 30 minutes",
            "expires_at": approval.asked_at() + minutes(30),
        }
    });
    assert_eq!(serde_json::from_str::<Value>(&request.body).unwrap(), wanted);
    assert!(!request.body.contains("no one must see this") && !request.body.contains("salt"));
    let salt = arguments.secrets()[0].salt().unwrap();
    assert!(!request.body.contains(&format!("{:x}", u128::from_be_bytes(*salt))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_of_a_question_is_told_after_it() {
    let server = RawServer::that([status(200, "")]);
    let gate = gate_that_tells(webhook(&server, &[NEW])).await;
    let turn = ask_for(&gate).await;
    turn.interruptions()[0].reject(&gate.reviewer("dana").await.unwrap(), "no").await.unwrap();
    let (first, second) = tokio::task::block_in_place(|| (server.next(), server.next()));
    let bodies =
        [first, second].map(|request| serde_json::from_str::<Value>(&request.body).unwrap());
    assert_eq!(bodies[0]["type"], "call.asked");
    assert_eq!(bodies[1]["type"], "call.voted");
    assert_eq!(bodies[1]["data"]["status"], "rejected");
    assert_eq!(bodies[1]["data"]["waits_for"], Value::Null);
    assert_eq!(bodies[1]["data"]["vote"], json!({"by": "dana", "decision": "reject"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_is_told_and_what_a_rule_decides_alone_is_not() {
    let server = RawServer::that([status(200, "")]);
    let gate = gate_that_tells(webhook(&server, &[NEW])).await;
    let dana = gate.reviewer("dana").await.unwrap();
    gate.freeze(gate_runtime::grants::FreezeScope::Everything, "an incident", &dana).await.unwrap();
    let request = tokio::task::block_in_place(|| server.next());
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["event"]["freeze"]["reason"]),
        (&json!("gate.frozen"), &json!("an incident"))
    );
}

/// Delivers to a server with these reactions, and returns the result and the server.
async fn delivered(
    behaviors: impl IntoIterator<Item = ServerBehavior>,
) -> (Result<Option<String>, NotifyError>, RawServer) {
    let server = RawServer::that(behaviors);
    let webhook = webhook(&server, &[NEW]).patience(Duration::from_millis(300));
    (webhook.deliver(&notice().await).await, server)
}

fn problem(delivered: Result<Option<String>, NotifyError>) -> (String, bool, Option<Duration>) {
    let error = delivered.unwrap_err();
    (error.to_string(), error.is_final(), error.wait())
}

#[tokio::test]
async fn two_hundreds_are_delivered_whatever_they_say_besides() {
    for good in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 X\r\ncontent-length: 9\r\n\r\nhalf",
    ] {
        let (delivered, server) = delivered([ServerBehavior::Say(good.to_owned())]).await;
        assert_eq!(delivered, Ok(None), "{good}");
        server.next();
    }
    // A body that never ends is not read.
    let (delivered, _) = delivered([ServerBehavior::SayForEver("HTTP/1.1 200 OK\r\n\r\n")]).await;
    assert_eq!(delivered, Ok(None));
}

#[tokio::test]
async fn what_is_no_delivery_says_whether_and_when_to_try_again() {
    for (behavior, expected_text, is_final, wait) in [
        (status(500, ""), "it answered 500", false, None),
        (status(500, "retry-after: 7\r\n"), "it answered 500", false, None),
        (status(404, ""), "it answered 404", false, None),
        (status(410, ""), "it answered 410: it accepts no more of them", true, None),
        (status(429, "retry-after: 7\r\n"), "it answered 429", false, Some(Duration::from_secs(7))),
        (
            status(503, "Retry-After: 120\r\n"),
            "it answered 503",
            false,
            Some(Duration::from_mins(2)),
        ),
        (status(503, ""), "it answered 503", false, None),
        (status(303, "location: /elsewhere\r\n"), "it answered 303", false, None),
        (status(307, ""), "it redirected to an address that is not of the web", false, None),
        (ServerBehavior::SayForEver("HTTP/1.1 500 No\r\n\r\n"), "it answered 500", false, None),
    ] {
        let (delivered, server) = delivered([behavior]).await;
        assert_eq!(problem(delivered), (expected_text.to_owned(), is_final, wait));
        server.next();
        assert!(server.rest().is_empty(), "{expected_text}");
    }
}

#[tokio::test]
async fn garbage_silence_and_slowness_are_tried_again() {
    for (behavior, expected_text) in [
        (ServerBehavior::Say(String::new()), ""),
        (ServerBehavior::Say("SSH-2.0-OpenSSH_9.9\r\n".to_owned()), ""),
        (ServerBehavior::Say("HTTP/1.1 999999 X\r\n\r\n".to_owned()), ""),
        (ServerBehavior::SayForEver("HTTP/1.1 200 OK\r\nx: "), ""),
        (ServerBehavior::Hang, "it did not answer in time"),
        (ServerBehavior::Drip, "it did not answer in time"),
    ] {
        let shown = format!("{behavior:?}");
        let (delivered, _server) = delivered([behavior]).await;
        let (found, is_final, wait) = problem(delivered);
        assert!(found.contains(expected_text) && !is_final && wait.is_none(), "{shown}: {found}");
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let webhook = Webhook::private("ops", &format!("http://{gone}/"), secrets(&[NEW])).unwrap();
    let (found, is_final, _) = problem(webhook.deliver(&notice().await).await);
    assert!(found.contains("cannot be reached") && !is_final, "{found}");
}

#[tokio::test]
async fn redirects_get_the_same_message_and_end_after_three() {
    let to = |path: &str| status(307, &format!("location: {path}\r\n"));
    let (done, server) = delivered([to("/1"), to("/2?x"), to("/3"), status(200, "")]).await;
    assert_eq!(done, Ok(None));
    let requests: Vec<ReceivedRequest> = (0..4).map(|_| server.next()).collect();
    let lines: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(lines[1..], ["POST /1 HTTP/1.1", "POST /2?x HTTP/1.1", "POST /3 HTTP/1.1"]);
    for request in &requests[1..] {
        assert_eq!((&request.body, &request.head), (&requests[0].body, &requests[0].head));
    }
    let (done, server) = delivered([to("/round")]).await;
    assert_eq!(problem(done).0, "it redirected more than 3 times");
    assert_eq!(server.rest().len(), 4);
}

#[tokio::test]
async fn a_private_address_is_not_even_connected_to() {
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let port = inside.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let webhook =
            Webhook::new("ops", &format!("https://{host}:{port}/"), secrets(&[NEW])).unwrap();
        let (expected_text, is_final, _) = problem(webhook.deliver(&notice().await).await);
        assert!(
            expected_text.contains("which is not a public address: write `allow_private = true`"),
            "{host}: {expected_text}"
        );
        assert!(!is_final);
    }
    assert_eq!(
        inside.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock,
        "nobody knocked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_first_gets_the_same_id_with_a_signature_of_its_own() {
    let server = RawServer::that([status(500, ""), status(200, "")]);
    let clock = gate_runtime::testing::ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap());
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate =
        Gate::builder(()).directory(people).clock(clock.clone()).notify(webhook(&server, &[NEW]));
    let gate: Gate<Tools> = gate.build().await.unwrap();
    assert!(ask_for(&gate).await.is_waiting());
    let first = tokio::task::block_in_place(|| server.next());
    let begun = std::time::Instant::now();
    let stands = async |state, attempts| {
        while gate
            .deliveries(&DeliveryFilter::all())
            .await
            .unwrap()
            .iter()
            .any(|letter| (letter.state(), letter.attempts()) != (state, attempts))
        {
            assert!(begun.elapsed().as_secs() < 60, "it never came about");
            tokio::task::yield_now().await;
        }
    };
    stands(DeliveryState::Waiting, 1).await;
    clock.advance(Duration::from_secs(1));
    let second = tokio::task::block_in_place(|| server.next());
    stands(DeliveryState::Delivered, 2).await;
    assert_eq!(first.head["webhook-id"], second.head["webhook-id"]);
    for request in [&first, &second] {
        assert_eq!(request.head["webhook-signature"], signature(NEW, request));
    }
}

#[test]
fn what_is_no_webhook_is_refused() {
    let made = |name: &str, url: &str| {
        Webhook::new(name, url, secrets(&[NEW])).map(|_| ()).unwrap_err().to_string()
    };
    for name in ["", "two words", "naïve", "a\nb"] {
        assert!(made(name, "https://ops.example/").contains("1 to 64"), "{name}");
    }
    for url in [
        "",
        "ops.example",
        "http://ops.example/",
        "https://",
        "https://u:p@ops.example/",
        "ftp://ops.example/",
        "https://a b/",
    ] {
        assert!(made("ops", url).contains("begins with `https://`"), "{url}");
    }
    let error = Webhook::new("ops", "https://ops.example/", Vec::new()).unwrap_err().to_string();
    assert!(error.contains("needs a secret"), "{error}");
    let shown =
        format!("{:?}", Webhook::new("ops", "https://ops.example/token", secrets(&[NEW])).unwrap());
    assert!(!shown.contains("token") && !shown.contains("AAEC"), "{shown}");
}
