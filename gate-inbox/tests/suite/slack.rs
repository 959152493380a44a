//! The messages in a Slack channel.

use std::time::Duration;

use crate::service::{FakeService, ServiceReply};
use crate::test_inbox::TestInbox;
use gate_inbox::Slack;
use gate_runtime::id::ApprovalId;
use gate_runtime::notify::Notifier as _;
use gate_runtime::prelude::*;
use gate_runtime::remote::{AcceptedAnswers, RemoteCall, RemoteRequest, RequestPriority};
use serde_json::{Value, json};

const TOKEN: &str = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy";
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

fn posted() -> ServiceReply {
    let body = json!({"ok": true, "channel": "C024BE91L", "ts": "1800000000.000100"});
    ServiceReply::With("200 OK", body.to_string())
}

fn refused(error: &str) -> ServiceReply {
    ServiceReply::With("200 OK", json!({"ok": false, "error": error}).to_string())
}

async fn open() -> (TestInbox, FakeService, Slack) {
    let service = FakeService::open(posted()).await;
    let slack = Slack::new(TOKEN, "#approvals", "https://gate.example.com")
        .unwrap()
        .buttons(SECRET)
        .unwrap();
    let slack = slack.api(&format!("{}/api", service.url()), &service.url()).unwrap();
    (TestInbox::open().await, service, slack)
}

/// Returns the texts of a message in the order in which people see them, with its buttons in
/// brackets. Checks every limit of Block Kit.
fn seen(message: &Value) -> Vec<String> {
    let blocks = message["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50, "{}", blocks.len());
    let mut seen = Vec::new();
    for block in blocks {
        let text = |text: &Value, most: usize| {
            let expected = text["text"].as_str().unwrap();
            let count = expected.encode_utf16().count();
            assert!((1..=most).contains(&count), "{count} of {most}: {expected}");
            if text["type"] == "plain_text" {
                assert_eq!(text["emoji"], false);
                assert!(!expected.contains(['<', '>']), "{expected}");
            } else {
                assert_eq!(text["type"], "mrkdwn");
            }
            expected.to_owned()
        };
        match block["type"].as_str().unwrap() {
            "header" => {
                assert_eq!(block["text"]["type"], "plain_text");
                seen.push(text(&block["text"], 150));
            }
            "section" => {
                if !block["text"].is_null() {
                    seen.push(text(&block["text"], 3_000));
                }
                let fields = block["fields"].as_array().cloned().unwrap_or_default();
                assert!(fields.len() <= 10);
                for pair in fields.chunks(2) {
                    seen.push(format!("{} {}", text(&pair[0], 2_000), text(&pair[1], 2_000)));
                }
            }
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!(elements.len() <= 10);
                seen.extend(elements.iter().map(|element| text(element, 3_000)));
            }
            "actions" => {
                for button in block["elements"].as_array().unwrap() {
                    let expected = text(&button["text"], 75);
                    assert!(button["value"].as_str().unwrap().len() <= 2_000);
                    if let Some(confirm) = button.get("confirm") {
                        text(&confirm["title"], 100);
                        text(&confirm["text"], 300);
                        text(&confirm["confirm"], 30);
                        text(&confirm["deny"], 30);
                    }
                    seen.push(format!("[{expected}] {}", button["action_id"].as_str().unwrap()));
                }
            }
            other => panic!("{other}"),
        }
    }
    assert!(message["text"].as_str().unwrap().encode_utf16().count() <= 3_000);
    for off in ["mrkdwn", "link_names", "unfurl_links", "unfurl_media"] {
        assert_eq!(message[off], false);
    }
    assert_eq!(message["parse"], "none");
    seen
}

async fn post(fixture: &TestInbox, service: &mut FakeService, slack: &Slack) -> Value {
    assert_eq!(
        fixture.tell(slack, None).await,
        [Ok(Some("C024BE91L 1800000000.000100".to_owned()))]
    );
    let request = service.next_received().await;
    assert_eq!(request.line, "POST /api/chat.postMessage HTTP/1.1");
    assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(request.json()["channel"], "#approvals");
    service.is_silent();
    request.json()
}

#[tokio::test]
async fn a_question_is_a_message_with_all_that_is_needed_to_decide() {
    let (fixture, mut service, slack) = open().await;
    let id = fixture.ask_to_pay(50).await;
    let message = post(&fixture, &mut service, &slack).await;
    println!("{message:#}");
    let shown = format!("{id} {}", fixture.approval(id).await.shown());
    assert_eq!(
        seen(&message),
        [
            "pay: to alice, amount 50",
            "pay needs a decision",
            "Pay someone.",
            "Asked because no other rule matched.",
            "*Arguments*",
            "to: \"alice\"\namount: 50",
            "*Agent* agent",
            "*On behalf of* mia",
            "*Decides* a manager within 2 hours",
            "*Deadline* <!date^1800007200^{date_short_pretty} at {time}|2027-01-15T10:00:00Z>",
            "*Case* ticket-7",
            "*The agent claims (nobody has checked it)*",
            "“it is due”",
            "[Approve] gate_approve",
            "[Reject…] gate_reject",
            "[Open] gate_open",
        ]
    );
    assert_eq!(message["text"], "pay: to alice, amount 50 (pay needs a decision)");
    let buttons = message["blocks"].as_array().unwrap().last().unwrap()["elements"].clone();
    assert_eq!((&buttons[0]["value"], &buttons[1]["value"]), (&json!(shown), &json!(shown)));
    assert_eq!(
        buttons[0]["confirm"]["text"]["text"],
        "You approve that pay runs with to: \"alice\", amount: 50, and nothing else."
    );
    assert_eq!(buttons[2]["url"], format!("https://gate.example.com/approvals/{id}"));
    assert!(!message.to_string().contains(TOKEN) && !message.to_string().contains(SECRET));
}

#[tokio::test]
async fn what_cannot_be_undone_has_no_button_to_approve_it() {
    let (fixture, mut service, slack) = open().await;
    fixture.ask("wipe", json!({"disk": "sda"})).await;
    let message = post(&fixture, &mut service, &slack).await;
    let seen = seen(&message);
    assert_eq!(seen[..2], ["wipe: disk sda", "wipe needs a decision: it cannot be undone"]);
    assert_eq!(seen[seen.len() - 2..], ["[Reject…] gate_reject", "[Open] gate_open"]);

    // Nor has a tool that is not known where the message is made.
    let notice = fixture.notices(&slack).await.remove(0);
    let approval = notice.approval().unwrap().clone();
    slack.deliver(&notice.about(approval.into(), None)).await.unwrap();
    let message = service.next_received().await.json();
    assert_eq!(
        self::seen(&message)[1],
        "wipe needs a decision: the tool is unknown here, and may do anything"
    );
    assert!(!message.to_string().contains("gate_approve"));
}

/// Delivers the last notice, and returns the posted message.
async fn posted_last(fixture: &TestInbox, service: &mut FakeService, slack: &Slack) -> Value {
    let notice = fixture.notices(slack).await.pop().unwrap();
    slack.deliver(&notice).await.unwrap();
    service.next_received().await.json()
}

const TOO_LONG: &str = "It is too long for this message: open it to approve.";

/// A vote is about all of it.
#[tokio::test]
async fn what_the_message_does_not_show_whole_has_no_button_to_approve_it() {
    let (fixture, mut service, slack) = open().await;
    let pay = |field: &str, value: Value| {
        let mut arguments = json!({"to": "alice", "amount": 50});
        arguments[field] = value;
        arguments
    };
    let mut full = pay("note", json!("&".repeat(398)));
    full["to"] = json!("<".repeat(398));
    for (tool, arguments, is_whole) in [
        ("pay", pay("note", json!("x".repeat(398))), true),
        ("pay", pay("note", json!("x".repeat(399))), false),
        ("pay", pay("note", json!("\u{202e}".repeat(60))), false),
        ("pay", pay("tags", json!(vec!["x".repeat(100); 5])), false),
        // No single value is long, but together they are.
        ("pay", full, false),
        ("explain", json!({"what": "x".repeat(398)}), true),
        ("explain", json!({"what": "x".repeat(399)}), false),
    ] {
        fixture.ask(tool, arguments.clone()).await;
        let message = posted_last(&fixture, &mut service, &slack).await;
        check_whole(&message, is_whole, &arguments);
    }
    let many = |count: usize| -> Value {
        (0..count).map(|number| (format!("field_{number}"), json!(1))).collect()
    };
    let (short, long) = ("refund".to_owned(), "r".repeat(140));
    let agent = fixture.agent.remote("billing-bot");
    for (tool, arguments, is_whole) in [
        (&short, many(20), true),
        (&short, many(21), false),
        (&short, json!({"f".repeat(401): 1}), false),
        (&long, many(1), false),
    ] {
        let call =
            RemoteCall::new(ApprovalId::new().to_string(), tool.as_str(), arguments.to_string());
        agent.ask(call.ask("money", ask(role("manager")))).await.unwrap();
        let message = posted_last(&fixture, &mut service, &slack).await;
        check_whole(&message, is_whole, &arguments);
    }
}

#[track_caller]
fn check_whole(message: &Value, is_whole: bool, arguments: &Value) {
    let seen = seen(message);
    let whole = message.to_string();
    assert_eq!(
        whole.contains("gate_approve") || whole.contains("gate_explain"),
        is_whole,
        "{arguments}: {seen:?}"
    );
    assert_eq!(seen.contains(&TOO_LONG.to_owned()), !is_whole, "{arguments}: {seen:?}");
    assert!(whole.contains("gate_reject") && whole.contains("gate_open"), "{seen:?}");
    // Nobody is asked about less than the call that runs.
    let confirms = message["blocks"].as_array().unwrap().last().unwrap()["elements"][0]["confirm"]
        ["text"]["text"]
        .clone();
    let confirms = confirms.as_str().unwrap_or_default();
    assert!(!confirms.contains('…') && !confirms.contains("more"), "{confirms}");
}

#[tokio::test]
async fn the_question_before_a_click_says_all_or_says_where_all_of_it_is() {
    let (fixture, mut service, slack) = open().await;
    fixture.ask("pay", json!({"to": "alice", "amount": 50, "note": "x".repeat(300)})).await;
    let message = posted_last(&fixture, &mut service, &slack).await;
    let buttons = &message["blocks"].as_array().unwrap().last().unwrap()["elements"];
    assert_eq!(
        buttons[0]["confirm"]["text"]["text"],
        "You approve that pay runs with the arguments in this message, and no others."
    );
}

/// If only an answer counts, an approval would have no effect.
#[tokio::test]
async fn a_question_is_told_with_its_choices_and_is_answered_in_the_inbox() {
    let (fixture, mut service, slack) = open().await;
    let agent = fixture.agent.remote("billing-bot");
    let question = |id: &str, answers: AcceptedAnswers| {
        let call = RemoteCall::new(id, "question", json!({"question": "Which one?"}).to_string());
        call.ask("it asks", ask(role("manager")).answered(answers))
    };
    let remote_approval = agent
        .ask(question("1", AcceptedAnswers::one_of(["retry", "skip <it>\n[x]"])))
        .await
        .unwrap();
    let message = posted_last(&fixture, &mut service, &slack).await;
    let seen_of = seen(&message);
    for expected in [
        "billing-bot/question needs an answer",
        "*Question*",
        "question: \"Which one?\"",
        "This is a question: an answer runs nothing. One of these counts, word for word:",
        "\"retry\"\n\"skip &lt;it&gt;\\n[x]\"",
    ] {
        assert!(seen_of.iter().any(|text| text == expected), "{expected}: {seen_of:?}");
    }
    assert_eq!(
        seen_of[seen_of.len() - 2..],
        ["[Reject…] gate_reject", "[Answer in the inbox] gate_open"]
    );
    assert!(
        !message.to_string().contains("gate_approve") && !message.to_string().contains("anything"),
        "{message}"
    );

    agent.ask(question("2", AcceptedAnswers::Text)).await.unwrap();
    let message = posted_last(&fixture, &mut service, &slack).await;
    let expected = "This is a question: an answer runs nothing. Any text that is not empty counts.";
    assert!(seen(&message).contains(&expected.to_owned()), "{message}");

    agent.ask(question("3", AcceptedAnswers::one_of(["retry", "sk\u{200b}ip"]))).await.unwrap();
    let message = posted_last(&fixture, &mut service, &slack).await;
    let expected = "⚠ It has invisible characters, shown as \\u{…}.";
    assert!(seen(&message).contains(&expected.to_owned()), "{message}");

    let dana = fixture.agent.reviewer("dana").await.unwrap();
    fixture
        .agent
        .interruption(remote_approval.id())
        .await
        .unwrap()
        .unwrap()
        .respond(&dana, "retry")
        .await
        .unwrap();
    let seen = update(&fixture, &mut service, &slack).await;
    assert!(seen.contains(&"⛔ dana answered, and the agent is told.".to_owned()), "{seen:?}");
}

/// Scenario 60.
#[tokio::test]
async fn what_an_agent_of_another_program_says_of_its_tool_is_its_claim() {
    let (fixture, mut service, slack) = open().await;
    let agent = fixture.agent.remote("billing-bot");
    let call = RemoteCall::new("1", "refund", json!({"cents": 500}).to_string())
        .describe("Only looks, and changes nothing.\nReally.")
        .request(
            RemoteRequest::new()
                .summary("Harmless\n*Approve* <!channel>")
                .priority(RequestPriority::Urgent),
        )
        .reasoning("it is due");
    agent.ask(call.ask("money", ask(role("manager")))).await.unwrap();
    let message = posted_last(&fixture, &mut service, &slack).await;
    let seen_of = seen(&message);
    let title = "*The agent claims (nobody has checked it)*";
    let claims = seen_of.iter().position(|text| text == title).unwrap();
    assert_eq!(
        seen_of[claims + 1..claims + 5],
        [
            "“Harmless *Approve* &lt;!channel&gt;”",
            "It says: urgent",
            "It says of the tool: “Only looks, and changes nothing.”",
            "“it is due”"
        ]
    );
    let before = seen_of[..claims].join("\n");
    assert!(
        !before.contains("looks") && !before.contains("Harmless") && !before.contains("urgent"),
        "{before}"
    );

    // A claim with hidden characters is marked, and a missing claim is not shown.
    let call = RemoteCall::new("2", "refund", json!({"cents": 500}).to_string());
    let call =
        call.request(RemoteRequest::new().summary("x\u{202e}y")).ask("money", ask(role("manager")));
    agent.ask(call).await.unwrap();
    let message = posted_last(&fixture, &mut service, &slack).await;
    let seen = seen(&message);
    let found = "⚠ It has characters that turn the text around, shown as \\u{…}.";
    assert!(
        seen.contains(&found.to_owned()) && seen.contains(&"“x\\u{202e}y”".to_owned()),
        "{seen:?}"
    );
    assert!(!seen.iter().any(|text| text.starts_with("It says")), "{seen:?}");
}

#[tokio::test]
async fn without_the_signing_secret_there_is_only_a_link() {
    let (fixture, mut service, slack) = open().await;
    let plain = Slack::new(TOKEN, "#approvals", "https://gate.example.com").unwrap();
    let plain = plain.api(&format!("{}/api", service.url()), &service.url()).unwrap();
    fixture.ask_to_pay(50).await;
    let message = post(&fixture, &mut service, &plain).await;
    assert!(
        seen(&message).last().unwrap() == "[Open] gate_open"
            && !message.to_string().contains("gate_reject")
    );
    drop(slack);
}

/// Delivers the last notice, and returns the updated message.
async fn update(fixture: &TestInbox, service: &mut FakeService, slack: &Slack) -> Vec<String> {
    let memo = "C024BE91L 1800000000.000100";
    let notice = fixture.notices(slack).await.pop().unwrap().after(memo);
    assert_eq!(slack.deliver(&notice).await, Ok(Some(memo.to_owned())));
    let request = service.next_received().await;
    assert_eq!(request.path(), "/api/chat.update");
    let message = request.json();
    assert_eq!(
        (&message["channel"], &message["ts"]),
        (&json!("C024BE91L"), &json!("1800000000.000100"))
    );
    seen(&message)
}

#[tokio::test]
async fn the_message_becomes_what_became_of_it_and_by_whom_without_buttons() {
    let (fixture, mut service, slack) = open().await;
    let over = |seen: &[String], expected: &[&str]| {
        assert!(!seen.iter().any(|text| text.starts_with('[')), "{seen:?}");
        for expected in expected {
            assert!(seen.iter().any(|text| text == expected), "{expected}: {seen:?}");
        }
    };
    let id = fixture.ask_to_pay(2_000).await;
    fixture.approve(id, "dana").await;
    let seen = update(&fixture, &mut service, &slack).await;
    assert!(
        seen.contains(&"So far: dana approved it.".to_owned())
            && seen.contains(&"[Approve] gate_approve".to_owned())
    );
    fixture.approve(id, "omar").await;
    let link = format!("<https://gate.example.com/approvals/{id}|Open in the inbox>");
    let expected =
        ["pay: approved", "✅ Approved by dana and omar: it runs when its run continues.", &link];
    over(&update(&fixture, &mut service, &slack).await, &expected);

    let id = fixture.ask_to_pay(50).await;
    fixture.reject(id, "omar", "<!channel> no *way*").await;
    let expected =
        ["pay: rejected", "⛔ Rejected by omar: \"&lt;!channel&gt; no *way*\". It does not run."];
    over(&update(&fixture, &mut service, &slack).await, &expected);

    let id = fixture.ask_to_pay(51).await;
    let interruption = fixture.agent.interruption(id).await.unwrap().unwrap();
    interruption.cancel("the customer hung up").await.unwrap();
    over(
        &update(&fixture, &mut service, &slack).await,
        &["pay: cancelled", "⛔ Cancelled: the customer hung up. It does not run."],
    );

    fixture.ask_to_pay(52).await;
    fixture.clock.advance(Duration::from_hours(3));
    fixture.agent.run_due().await;
    over(
        &update(&fixture, &mut service, &slack).await,
        &["pay: expired", "⛔ Nobody decided in time: it does not run."],
    );

    let id = fixture.ask_to_pay(53).await;
    let me = fixture.agent.reviewer("dana").await.unwrap();
    let asked = fixture.agent.interruption(id).await.unwrap().unwrap();
    asked.respond(&me, "paid by hand").await.unwrap();
    over(
        &update(&fixture, &mut service, &slack).await,
        &["⛔ dana replied instead of running it."],
    );
}

#[tokio::test]
async fn an_edit_changes_the_message_and_its_buttons() {
    let (fixture, mut service, slack) = open().await;
    let id = fixture.ask_to_pay(2_000).await;
    let before = fixture.approval(id).await.shown();
    let me = fixture.agent.reviewer("dana").await.unwrap();
    let asked = fixture.agent.interruption(id).await.unwrap().unwrap();
    asked.edit(&me, Edit::new().set("amount", 1_500)).await.unwrap();
    let seen = update(&fixture, &mut service, &slack).await;
    for expected in [
        "to: \"alice\"\namount: 1500 (changed by a reviewer, from 2000)",
        "⚠ A reviewer changed the arguments that the agent proposed.",
        "So far: dana changed it, and approved that.",
    ] {
        assert!(seen.iter().any(|text| text == expected), "{expected}: {seen:?}");
    }
    assert_ne!(fixture.approval(id).await.shown(), before);
}

#[tokio::test]
async fn a_step_that_begins_rings_the_bell_again() {
    let (fixture, mut service, slack) = open().await;
    fixture.ask("deploy", json!({"version": "1.2"})).await;
    fixture.clock.advance(Duration::from_mins(10));
    fixture.agent.run_due().await;
    update(&fixture, &mut service, &slack).await;
    let request = service.next_received().await;
    assert_eq!(request.path(), "/api/chat.postMessage");
    let reply = request.json();
    assert_eq!(
        (&reply["thread_ts"], &reply["reply_broadcast"]),
        (&json!("1800000000.000100"), &json!(true))
    );
    assert_eq!(reply["text"], "deploy still waits, and now anyone who reviews is asked too.");
    service.is_silent();
}

#[tokio::test]
async fn what_is_settled_before_it_is_told_is_no_message_and_a_deleted_one_is_not_missed() {
    let (fixture, mut service, slack) = open().await;
    let id = fixture.ask_to_pay(50).await;
    service.reply(refused("message_not_found"));
    let notice = fixture.notices(&slack).await.pop().unwrap().after("C024BE91L 17.1");
    assert_eq!(slack.deliver(&notice).await, Ok(Some("C024BE91L 1800000000.000100".to_owned())));
    assert_eq!(service.next_received().await.path(), "/api/chat.update");
    assert_eq!(service.next_received().await.path(), "/api/chat.postMessage", "it still waits");

    fixture.reject(id, "dana", "no").await;
    assert!(fixture.tell(&slack, None).await.iter().all(|outcome| *outcome == Ok(None)));
    service.is_silent();
    service.reply(refused("message_not_found"));
    let notice = fixture.notices(&slack).await.pop().unwrap().after("C024BE91L 17.1");
    assert_eq!(slack.deliver(&notice).await, Ok(None));
}

#[tokio::test]
async fn what_may_work_later_is_tried_again_and_what_never_will_is_not() {
    let (fixture, _service, slack) = open().await;
    let service = FakeService::open(posted()).await;
    let slack = slack
        .api(&format!("{}/api", service.url()), &service.url())
        .unwrap()
        .patience(Duration::from_millis(200));
    fixture.ask_to_pay(50).await;
    for (reply, is_final, wait, expected) in [
        (
            ServiceReply::With("429 Too Many\r\nretry-after: 30", String::new()),
            false,
            Some(30),
            "429",
        ),
        (ServiceReply::With("500 Oh", String::new()), false, None, "500"),
        (ServiceReply::With("200 OK", "<html>".to_owned()), false, None, "answer has neither"),
        (
            ServiceReply::With("200 OK", "{\"ok\":true}".to_owned()),
            false,
            None,
            "did not return the id",
        ),
        (refused("ratelimited"), false, None, "Slack reported ratelimited"),
        (refused("not_in_channel"), true, None, "invite the app"),
        (refused("invalid_auth"), true, None, "token"),
        (refused("invalid_blocks"), true, None, "Slack reported invalid_blocks"),
        (refused(&format!("\u{202e}{}", "x".repeat(5_000))), true, None, "reported \\u{202e}xxx"),
        (ServiceReply::With("403 No", TOKEN.to_owned()), true, None, "[secret]"),
        (ServiceReply::Cut, false, None, "broke off"),
        (ServiceReply::Never, false, None, "took too long"),
    ] {
        service.reply(reply.clone());
        let outcome = fixture.tell(&slack, None).await;
        let [Err(error)] = &outcome[..] else { panic!("{outcome:?} for {reply:?}") };
        assert_eq!(
            (error.is_final(), error.wait()),
            (is_final, wait.map(Duration::from_secs)),
            "{reply:?}: {error}"
        );
        assert!(
            error.to_string().contains(expected) && error.to_string().len() < 500,
            "{reply:?}: {error}"
        );
        assert!(!error.to_string().contains(TOKEN), "{error}");
    }
}

/// Scenarios 57 to 60.
#[tokio::test]
async fn whatever_others_wrote_is_plain_text_and_within_the_limits() {
    let (fixture, mut service, slack) = open().await;
    for hostile in [
        "<!channel> <@U012AB3CD> <https://evil.example|Approve> <!date^0^{date}|x>",
        "*bold* _it_ ~no~ `code` ```pre``` > quote :tada: @here #general",
        "\u{202e}gpj.exe\u{200b}\u{1b}[2J pаypal",
        "{{7*7}} &lt;!here&gt; &amp;",
        "a\nb\r\n* c\u{2028}d",
        "",
        " ",
    ] {
        for times in [1, 1_000] {
            let text = hostile.repeat(times);
            let name = if text.is_empty() { "x" } else { &*text };
            let agent = fixture.gate_of(name).await;
            let run = agent
                .run(format!("r{times}{}", text.replace('>', "")))
                .agent(name)
                .on_behalf_of(&*text);
            let tags: Vec<&str> = (0..30).map(|_| hostile).collect();
            let arguments = json!({"to": text, "amount": 50, "note": text, "tags": tags});
            let call = ToolCall::new(ApprovalId::new().to_string(), "pay", arguments.to_string())
                .reasoning(&*text);
            let run = run.case(&*text);
            let turn = run.submit([call]).await.unwrap();
            let [interruption] = turn.interruptions() else { panic!("{turn:?}") };
            let notice = fixture.notices(&slack).await.pop().unwrap();
            slack.deliver(&notice).await.unwrap();
            let message = service.next_received().await.json();
            let seen = seen(&message).join("\n");
            let whole = message.to_string();
            assert!(
                !whole.contains("<!channel")
                    && !whole.contains("<@")
                    && !whole.contains("<https://evil"),
                "{whole}"
            );
            for hidden in ['\u{202e}', '\u{200b}', '\u{1b}', '\u{2028}', 'а'] {
                assert!(!whole.contains(hidden), "{hidden:?} in {whole}");
            }
            if hostile.contains('\u{202e}') {
                assert!(
                    seen.contains(
                        "⚠ It has control characters, characters that turn the text \
                    around, invisible characters and characters that look like others"
                    ),
                    "{seen}"
                );
            }
            if hostile.starts_with('*') && times == 1 {
                assert!(
                    seen.contains(hostile.replace('>', "&gt;").as_str()),
                    "it is there as it is: {seen}"
                );
            }
            fixture.reject(interruption.id(), "dana", &format!("no {text}")).await;
            let notice = fixture.notices(&slack).await.pop().unwrap().after("C1 1.1");
            slack.deliver(&notice).await.unwrap();
            self::seen(&service.next_received().await.json());
        }
    }
}

#[tokio::test]
async fn a_secret_is_not_told() {
    let (fixture, mut service, slack) = open().await;
    fixture.ask("log_in", json!({"user": "mia", "password": "hunter2-secret"})).await;
    let message = post(&fixture, &mut service, &slack).await;
    assert!(
        seen(&message)
            .contains(&"user: \"mia\"\npassword: a secret, which is not shown".to_owned())
    );
    assert!(!message.to_string().contains("hunter2"));
}

#[test]
fn what_is_no_setting_is_refused_and_no_debug_shows_a_secret() {
    let url = "https://gate.example.com";
    for (token, channel, url) in [
        ("", "#a", url),
        ("xoxp-1", "#a", url),
        ("xoxb-1 2", "#a", url),
        (TOKEN, "", url),
        (TOKEN, "#a b", url),
        (TOKEN, "#a", "http://gate.example.com"),
        (TOKEN, "#a", "gate"),
    ] {
        assert!(Slack::new(token, channel, url).is_err(), "{token} {channel} {url}");
    }
    let slack = Slack::new(TOKEN, "#a", url).unwrap();
    assert!(slack.clone().buttons("short").is_err());
    assert!(slack.clone().api("http://slack.com/api", "https://hooks.slack.com").is_err());
    let slack = slack.buttons(SECRET).unwrap().named("slack-payments");
    assert_eq!(slack.name(), "slack-payments");
    assert!(!format!("{slack:?}").contains(TOKEN) && !format!("{slack:?}").contains(SECRET));
}
