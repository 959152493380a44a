//! Requests from Slack: with Slack's signature, and forged ones.

use std::fmt::Write as _;

use crate::service::{FakeService, ServiceReply};
use crate::test_inbox::{PageResponse, TestInbox};
use gate_inbox::Slack;
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::remote::{AcceptedAnswers, RemoteCall};
use gate_runtime::review::{Decision, Status};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const DANA: &str = "U0DANA001";
const OMAR: &str = "U0OMAR001";
const INES: &str = "U0INES001";

/// The time of the inbox's clock.
const NOW: i64 = 1_800_000_000;

struct SlackFixture {
    inbox: TestInbox,
    /// The service for Slack's methods, and for the responses to its requests.
    slack: FakeService,
}

fn sign(secret: &str, time: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{time}:{body}").as_bytes());
    mac.finalize().into_bytes().iter().fold("v0=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn form(payload: &Value) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}

impl SlackFixture {
    async fn open() -> Self {
        Self::open_as(|slack| slack).await
    }

    async fn open_as(change: impl FnOnce(Slack) -> Slack) -> Self {
        let service =
            FakeService::open(ServiceReply::With("200 OK", json!({"ok": true}).to_string())).await;
        let slack = Slack::new("xoxb-1-2-abc", "#approvals", "https://gate.example.com")
            .unwrap()
            .buttons(SECRET)
            .unwrap();
        let slack = change(slack.api(&format!("{}/api", service.url()), &service.url()).unwrap());
        let fixture = TestInbox::open_as(|inbox| inbox.slack(slack).unwrap()).await;
        fixture.add_to_people("dana", &format!("slack = \"{DANA}\""));
        fixture.add_to_people("omar", &format!("slack = \"{OMAR}\""));
        fixture.add_to_people("ines", &format!("slack = \"{INES}\""));
        Self { inbox: fixture, slack: service }
    }

    /// Returns the current value of a button of the message about a call.
    async fn value(&self, id: ApprovalId) -> String {
        format!("{id} {}", self.inbox.approval(id).await.shown())
    }

    fn click(&self, who: &str, action: &str, value: &str) -> Value {
        json!({
            "type": "block_actions",
            "user": {"id": who, "username": "dana", "team_id": "T0001"},
            "team": {"id": "T0001"},
            "api_app_id": "A02",
            "trigger_id": ApprovalId::new().to_string(),
            "response_url": format!("{}/actions/T0001/1/abc", self.slack.url()),
            "channel": {"id": "C1"},
            "actions": [{
                "action_id": action,
                "block_id": "gate",
                "type": "button",
                "value": value,
            }],
        })
    }

    fn window(who: &str, callback: &str, value: &str, expected_text: &str) -> Value {
        json!({
            "type": "view_submission",
            "user": {"id": who, "team_id": "T0001"},
            "trigger_id": ApprovalId::new().to_string(),
            "view": {
                "callback_id": callback,
                "private_metadata": value,
                "state": {
                    "values": {
                        "words": {"words": {"type": "plain_text_input", "value": expected_text}},
                    },
                },
            },
        })
    }

    async fn send(&self, body: &str, headers: &[(&'static str, &str)]) -> PageResponse {
        let mut browser = self.inbox.browser();
        browser.headers =
            headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        browser.post_body("/slack/actions", "application/x-www-form-urlencoded", body).await
    }

    /// Sends a request with a signature like Slack's.
    async fn signed(&self, payload: &Value) -> PageResponse {
        let (body, time) = (form(payload), NOW.to_string());
        let signature = sign(SECRET, &time, &body);
        self.send(&body, &[("x-slack-signature", &signature), ("x-slack-request-timestamp", &time)])
            .await
    }

    /// Sends a click, and returns the message that the person gets after it.
    async fn response_text(&mut self, payload: &Value) -> String {
        let page = self.signed(payload).await;
        assert_eq!((page.status, page.text.as_str()), (200, ""));
        let request = self.slack.next_received().await;
        assert_eq!(request.path(), "/actions/T0001/1/abc");
        assert_eq!(request.header("authorization"), "", "the token is not for it");
        let answer = request.json();
        assert_eq!(
            (&answer["response_type"], &answer["replace_original"]),
            (&json!("ephemeral"), &json!(false))
        );
        assert_eq!(answer["text"], answer["blocks"][0]["text"]["text"]);
        answer["text"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_click_approves_what_the_message_showed_in_the_name_of_who_clicked() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    let outcome = chat.response_text(&chat.click(DANA, "gate_approve", &value)).await;
    assert_eq!(outcome, "You approved pay: it runs when its run continues.");
    let approval = chat.inbox.approval(id).await;
    assert_eq!(
        (approval.status(), approval.votes()[0].reviewer().as_str()),
        (Status::Approved, "dana")
    );

    // A button that leads to the inbox needs no answer.
    let page = chat.signed(&chat.click(DANA, "gate_open", &value)).await;
    assert_eq!(page.status, 200);
    chat.slack.is_silent();
}

#[tokio::test]
async fn a_rejection_opens_a_window_and_wants_a_reason() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    let click = chat.click(DANA, "gate_reject", &value);
    assert_eq!(chat.signed(&click).await.status, 200);
    let request = chat.slack.next_received().await;
    assert_eq!(
        (request.path(), request.header("authorization")),
        ("/api/views.open", "Bearer xoxb-1-2-abc")
    );
    let view_request = request.json();
    assert_eq!(view_request["trigger_id"], click["trigger_id"]);
    let view = &view_request["view"];
    assert_eq!(
        (&view["callback_id"], &view["private_metadata"]),
        (&json!("gate_reject"), &json!(value))
    );
    assert_eq!(view["blocks"][0]["text"]["text"], "pay: to: \"alice\", amount: 50");
    assert_eq!(view["blocks"][1]["element"]["action_id"], "words");

    let page = chat.signed(&SlackFixture::window(DANA, "gate_reject", &value, " \n")).await;
    let answer: Value = serde_json::from_str(&page.text).unwrap();
    assert_eq!(
        answer,
        json!({"response_action": "errors", "errors": {"words": "Enter a reason."}})
    );
    assert_eq!(chat.inbox.approval(id).await.status(), Status::Pending);

    let page = chat
        .signed(&SlackFixture::window(DANA, "gate_reject", &value, " wrong <b>account</b> "))
        .await;
    let answer: Value = serde_json::from_str(&page.text).unwrap();
    assert_eq!(answer["response_action"], "update");
    let expected_text = "You rejected pay: it does not run, and the agent is told why.";
    assert_eq!(answer["view"]["blocks"][0]["text"]["text"], expected_text);
    let approval = chat.inbox.approval(id).await;
    assert!(matches!(
        approval.votes()[0].decision(),
        Decision::Reject { reason } if reason == "wrong <b>account</b>"
    ));
}

#[tokio::test]
async fn a_window_that_does_not_open_is_said() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    chat.slack.reply(ServiceReply::With(
        "200 OK",
        json!({"ok": false, "error": "expired_trigger_id"}).to_string(),
    ));
    chat.signed(&chat.click(DANA, "gate_reject", &value)).await;
    assert_eq!(chat.slack.next_received().await.path(), "/api/views.open");
    let outcome = chat.slack.next_received().await.json()["text"].clone();
    assert_eq!(
        outcome,
        format!(
            "Slack did not open the window. Nothing was decided. Use: \
             https://gate.example.com/approvals/{id}"
        )
    );
}

#[tokio::test]
async fn only_what_slack_signed_is_read() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    let body = form(&chat.click(DANA, "gate_approve", &value));
    let time = NOW.to_string();
    let right = sign(SECRET, &time, &body);
    let of_another = form(&chat.click(OMAR, "gate_approve", &value));
    for (name, body, time, signature) in [
        ("another secret", &body, &time, sign("8f742231b10e8888abcd99yyyzzz85a6", &time, &body)),
        ("another body", &of_another, &time, right.clone()),
        ("another time", &body, &(NOW + 1).to_string(), right.clone()),
        ("too old", &body, &(NOW - 301).to_string(), sign(SECRET, &(NOW - 301).to_string(), &body)),
        (
            "of the future",
            &body,
            &(NOW + 301).to_string(),
            sign(SECRET, &(NOW + 301).to_string(), &body),
        ),
        ("no signature", &body, &time, String::new()),
        ("another version", &body, &time, right.replacen("v0", "v1", 1)),
        ("half of it", &body, &time, right[..35].to_owned()),
        ("in capitals", &body, &time, right.to_uppercase()),
    ] {
        let page = chat
            .send(body, &[("x-slack-signature", &signature), ("x-slack-request-timestamp", time)])
            .await;
        assert_eq!(
            (page.status, page.text.as_str()),
            (401, "This is not signed by Slack, or not new."),
            "{name}"
        );
    }
    assert_eq!(chat.send(&body, &[]).await.status, 401);
    let signed_twice = [
        ("x-slack-signature", right.as_str()),
        ("x-slack-signature", &right),
        ("x-slack-request-timestamp", &time),
    ];
    assert_eq!(chat.send(&body, &signed_twice).await.status, 401);
    assert_eq!(chat.inbox.approval(id).await.votes().len(), 0);
    chat.slack.is_silent();
    assert_eq!(chat.inbox.browser().get("/slack/actions").await.status, 405);

    let page = chat
        .send(&body, &[("x-slack-signature", &right), ("x-slack-request-timestamp", &time)])
        .await;
    assert_eq!(
        (page.status, chat.inbox.approval(id).await.votes().len()),
        (200, 1),
        "the right one is"
    );
}

#[tokio::test]
async fn a_copy_of_a_request_and_slacks_own_second_try_decide_nothing() {
    let chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(2_000).await;
    let body = form(&chat.click(DANA, "gate_approve", &chat.value(id).await));
    let time = NOW.to_string();
    let signature = sign(SECRET, &time, &body);
    let headers = [("x-slack-signature", signature.as_str()), ("x-slack-request-timestamp", &time)];
    assert_eq!(chat.send(&body, &headers).await.status, 200);
    assert_eq!(chat.inbox.approval(id).await.votes().len(), 1);
    // She withdraws it, and a replay of the request must not undo that.
    let me = chat.inbox.agent.reviewer("dana").await.unwrap();
    chat.inbox.agent.interruption(id).await.unwrap().unwrap().withdraw(&me).await.unwrap();
    assert_eq!(chat.send(&body, &headers).await.status, 401, "a copy");
    let retry = [headers[0], headers[1], ("x-slack-retry-num", "1")];
    assert_eq!(chat.send(&body, &retry).await.status, 200, "Slack is told that it came");
    let later = (NOW + 60).to_string();
    let signature = sign(SECRET, &later, &body);
    let anew = [("x-slack-signature", signature.as_str()), ("x-slack-request-timestamp", &later)];
    assert_eq!(chat.send(&body, &anew).await.status, 200, "signed anew");
    assert_eq!(chat.inbox.approval(id).await.votes().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_double_click_is_one_vote() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(2_000).await;
    let value = chat.value(id).await;
    let clicks: Vec<Value> = (0..16).map(|_| chat.click(DANA, "gate_approve", &value)).collect();
    let pages = futures_util::future::join_all(clicks.iter().map(|click| chat.signed(click))).await;
    assert!(pages.iter().all(|page| page.status == 200));
    let mut outcome = Vec::new();
    for _ in 0..16 {
        outcome.push(chat.slack.next_received().await.json()["text"].as_str().unwrap().to_owned());
    }
    outcome.sort();
    outcome.dedup();
    let waits = chat.inbox.approval(id).await.still_needs();
    assert_eq!(waits, "a manager", "one of the two has approved");
    assert_eq!(
        outcome,
        [
            format!("Vote recorded: you approved pay. Still needed: {waits}."),
            format!("You already voted this way. Still needed: {waits}.")
        ]
    );
    let voted = chat
        .inbox
        .agent
        .records(0, 1_000)
        .await
        .unwrap()
        .iter()
        .filter(|record| record.kind() == "voted")
        .count();
    assert_eq!(voted, 1);
    chat.response_text(&chat.click(OMAR, "gate_approve", &value)).await;
    assert_eq!(chat.inbox.approval(id).await.status(), Status::Approved);
    let reply_text = chat.response_text(&chat.click(DANA, "gate_approve", &value)).await;
    assert_eq!(
        reply_text,
        "Nothing was decided: it was already settled. Approved by dana and omar: it runs when \
         its run continues."
    );
}

#[tokio::test]
async fn what_changed_since_the_message_is_not_decided() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(2_000).await;
    let value = chat.value(id).await;
    let me = chat.inbox.agent.reviewer("dana").await.unwrap();
    let interruption = chat.inbox.agent.interruption(id).await.unwrap().unwrap();
    interruption.edit(&me, Edit::new().set("to", "mallory")).await.unwrap();
    for action in ["gate_approve", "gate_explain", "gate_reject"] {
        let answer_text = chat.response_text(&chat.click(OMAR, action, &value)).await;
        let page = format!("https://gate.example.com/approvals/{id}");
        assert_eq!(
            answer_text,
            format!(
                "Nothing was decided: it has changed since this message was written. Review it \
                 again: {page}"
            )
        );
    }
    let page = chat.signed(&SlackFixture::window(OMAR, "gate_reject", &value, "no")).await;
    assert!(page.text.contains("it has changed since"), "{}", page.text);
    assert_eq!(chat.inbox.approval(id).await.votes().len(), 1);
}

#[tokio::test]
async fn who_may_not_decide_is_told_why() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    let outcome = chat.response_text(&chat.click("U0NOBODY1", "gate_approve", &value)).await;
    assert!(
        outcome.starts_with(
            "Nothing was decided: nobody in the people file has your member ID, U0NOBODY1."
        ),
        "{outcome}"
    );
    let reply_text =
        chat.response_text(&chat.click("<!channel>\u{202e}", "gate_approve", &value)).await;
    assert!(reply_text.contains("&lt;!channel&gt;\\u{202e}"), "{reply_text}");
    let answer_text = chat.response_text(&chat.click(INES, "gate_approve", &value)).await;
    assert!(
        answer_text.starts_with("Nothing was decided: ") && answer_text.contains("a manager"),
        "{answer_text}"
    );
    let there_is_none = value.replacen(&id.to_string(), &ApprovalId::new().to_string(), 1);
    let answer_text = chat.response_text(&chat.click(DANA, "gate_approve", &there_is_none)).await;
    assert_eq!(answer_text, "Nothing was decided: there is no such approval here.");
    let wiped = chat.inbox.ask("wipe", json!({"disk": "sda"})).await;
    let wiping = chat.value(wiped).await;
    for action in ["gate_approve", "gate_explain"] {
        let answer_text = chat.response_text(&chat.click(DANA, action, &wiping)).await;
        assert!(
            answer_text.contains("approve it in the inbox, where you type the tool's name"),
            "{answer_text}"
        );
    }
    let page = chat.signed(&SlackFixture::window(DANA, "gate_explain", &wiping, "why not")).await;
    assert!(page.text.contains("approve it in the inbox"), "{}", page.text);
    chat.inbox.add_to_people(
        "dana",
        "key = \"dana+61d8bb4e+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\"",
    );
    for action in ["gate_approve", "gate_reject"] {
        let answer_text = chat.response_text(&chat.click(DANA, action, &value)).await;
        assert!(
            answer_text.contains(&format!("gate approve {id} --signing-key FILE")),
            "{answer_text}"
        );
    }
    std::fs::write(chat.inbox.folder.path().join("people.toml"), "[[person]]").unwrap();
    let answer_text = chat.response_text(&chat.click(DANA, "gate_approve", &value)).await;
    assert!(
        answer_text.starts_with("The database or the people file is not available, so nothing"),
        "{answer_text}"
    );
    for id in [id, wiped] {
        let approval = chat.inbox.approval(id).await;
        assert_eq!((approval.status(), approval.votes().len()), (Status::Pending, 0));
    }
}

/// The button is from an old message, or forged.
#[tokio::test]
async fn what_no_message_shows_whole_is_not_approved_by_a_click() {
    let mut chat = SlackFixture::open().await;
    let long =
        chat.inbox.ask("pay", json!({"to": "alice", "amount": 50, "note": "x".repeat(399)})).await;
    let typed = chat.inbox.ask("explain", json!({"what": "x".repeat(399)})).await;
    let together = json!({"to": "&".repeat(398), "amount": 50, "note": "&".repeat(398)});
    let together = chat.inbox.ask("pay", together).await;
    for id in [long, typed, together] {
        let value = chat.value(id).await;
        let expected_text = format!(
            "Nothing was decided: it is too long for a Slack message, so approve it in the \
             inbox, which shows all of it: https://gate.example.com/approvals/{id}"
        );
        for action in ["gate_approve", "gate_explain"] {
            assert_eq!(chat.response_text(&chat.click(DANA, action, &value)).await, expected_text);
        }
        let page =
            chat.signed(&SlackFixture::window(DANA, "gate_explain", &value, "why not")).await;
        assert!(page.text.contains(&expected_text), "{}", page.text);
        let approval = chat.inbox.approval(id).await;
        assert_eq!((approval.status(), approval.votes().len()), (Status::Pending, 0));
        chat.signed(&SlackFixture::window(DANA, "gate_reject", &value, "too long")).await;
        assert_eq!(
            chat.inbox.approval(id).await.status(),
            Status::Rejected,
            "who rejects it needs no more of it"
        );
    }
}

#[tokio::test]
async fn a_question_is_not_approved_by_a_click() {
    let mut chat = SlackFixture::open().await;
    let call = RemoteCall::new("1", "question", json!({"question": "Which one?"}).to_string());
    let call = call
        .ask("it asks", ask(role("manager")).answered(AcceptedAnswers::one_of(["retry", "skip"])));
    let id = chat.inbox.agent.remote("billing-bot").ask(call).await.unwrap().id();
    let value = chat.value(id).await;
    let expected_text = format!(
        "Nothing was decided: it is a question, and only an answer counts. Answer it in the \
         inbox: https://gate.example.com/approvals/{id}"
    );
    for action in ["gate_approve", "gate_explain"] {
        assert_eq!(chat.response_text(&chat.click(DANA, action, &value)).await, expected_text);
    }
    let page = chat.signed(&SlackFixture::window(DANA, "gate_explain", &value, "why not")).await;
    assert!(page.text.contains(&expected_text), "{}", page.text);
    assert_eq!(chat.inbox.approval(id).await.votes().len(), 0);
    chat.signed(&SlackFixture::window(DANA, "gate_reject", &value, "ask somebody else")).await;
    assert_eq!(chat.inbox.approval(id).await.status(), Status::Rejected);
}

#[tokio::test]
async fn an_approval_that_needs_a_comment_is_typed_in_a_window() {
    let mut chat = SlackFixture::open().await;
    let id = chat.inbox.ask("explain", json!({"what": "x"})).await;
    let value = chat.value(id).await;
    let outcome = chat.response_text(&chat.click(DANA, "gate_approve", &value)).await;
    assert!(outcome.contains("needs a comment"), "{outcome}");
    chat.signed(&chat.click(DANA, "gate_explain", &value)).await;
    let view_request = chat.slack.next_received().await.json();
    assert_eq!(view_request["view"]["callback_id"], "gate_explain");
    chat.signed(&SlackFixture::window(DANA, "gate_explain", &value, "she called")).await;
    let approval = chat.inbox.approval(id).await;
    assert_eq!(
        (approval.status(), approval.votes()[0].comment()),
        (Status::Approved, Some("she called"))
    );
}

#[tokio::test]
async fn members_of_another_workspace_do_not_decide_where_one_is_named() {
    let mut chat = SlackFixture::open_as(|slack| slack.workspace("T0001")).await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    let mut click = chat.click(DANA, "gate_approve", &value);
    click["user"]["team_id"] = "T0002".into();
    let outcome = chat.response_text(&click).await;
    assert!(outcome.starts_with("Nothing was decided: you belong to a workspace"), "{outcome}");
    chat.response_text(&chat.click(DANA, "gate_approve", &value)).await;
    assert_eq!(chat.inbox.approval(id).await.status(), Status::Approved);
}

#[tokio::test]
async fn answers_go_to_slack_and_nowhere_else() {
    let mut chat = SlackFixture::open().await;
    let mut other = FakeService::open(ServiceReply::With("200 OK", String::new())).await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    let ours = chat.slack.url();
    for (number, url) in [
        format!("{}/actions", other.url()),
        format!("{ours}0/actions"),
        format!("{ours}@{}/actions", other.address),
        ours.clone(),
        "file:///etc/passwd".to_owned(),
        String::new(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut click = chat.click("U0NOBODY1", "gate_approve", &value);
        (click["response_url"], click["number"]) = (url.into(), number.into());
        assert_eq!(chat.signed(&click).await.status, 200);
    }
    chat.response_text(&chat.click(DANA, "gate_approve", &value)).await;
    chat.slack.is_silent();
    other.is_silent();
}

#[tokio::test]
async fn what_is_signed_and_makes_no_sense_decides_nothing() {
    let chat = SlackFixture::open().await;
    let id = chat.inbox.ask_to_pay(50).await;
    let value = chat.value(id).await;
    let with = |place: &str, new: Value| {
        let mut click = chat.click(DANA, "gate_approve", &value);
        *click.pointer_mut(place).unwrap() = new;
        form(&click)
    };
    let other = json!({"action_id": "gate_approve", "value": value});
    let deep = format!("payload={}", "[".repeat(100_000));
    for body in [
        String::new(),
        "payload=".to_owned(),
        "payload=%7B".to_owned(),
        "payload=null&payload=null".to_owned(),
        format!("{}&payload=x", form(&chat.click(DANA, "gate_approve", &value))),
        deep,
        "%00%ff\u{1f642}".to_owned(),
        form(&json!([])),
        form(&json!({"type": 7})),
        with("/user/id", json!(null)),
        with("/user", json!("U0DANA001")),
        with("/actions", json!({})),
        with("/actions", json!([])),
        with("/actions", json!([other, other])),
        with("/actions/0/value", json!("")),
        with("/actions/0/value", json!(id.to_string())),
        with("/actions/0/value", json!(format!("{id} {id}"))),
        with("/actions/0/value", json!(format!(" {value}"))),
        with("/actions/0/value", json!(7)),
        with("/response_url", json!(null)),
    ] {
        let time = NOW.to_string();
        let signature = sign(SECRET, &time, &body);
        let page = chat
            .send(&body, &[("x-slack-signature", &signature), ("x-slack-request-timestamp", &time)])
            .await;
        assert_eq!(page.status, 400, "{}", &body[..body.len().min(300)]);
    }
    for harmless in [
        json!({"type": "view_closed"}),
        chat.click(DANA, "other_action", "x"),
        SlackFixture::window(DANA, "other", "x", "y"),
    ] {
        assert_eq!(chat.signed(&harmless).await.status, 200);
    }
    let long = "x".repeat(2 << 20);
    assert_eq!(chat.send(&long, &[]).await.status, 413);
    assert_eq!(chat.inbox.approval(id).await.votes().len(), 0);
}

#[tokio::test]
async fn an_inbox_without_slack_has_no_such_address() {
    let fixture = TestInbox::open().await;
    let page = fixture
        .browser()
        .post_body("/slack/actions", "application/x-www-form-urlencoded", "payload=1")
        .await;
    assert_eq!(page.status, 404);
    let silent = Slack::new("xoxb-1-2-abc", "#a", "https://gate.example.com").unwrap();
    let people =
        gate_runtime::FileDirectory::open(fixture.folder.path().join("people.toml")).unwrap();
    let gate: Gate<gate_runtime::NoTools> =
        Gate::builder(()).directory(people.clone()).build().await.unwrap();
    let error = gate_inbox::Inbox::new(gate, people).slack(silent).unwrap_err();
    assert!(error.to_string().contains("no buttons"), "{error}");
}
