//! `gate inbox --notify` with Slack, mail, PagerDuty and a web address, as servers of the test: a
//! question of another process arrives at all of them, and a click decides it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::service::{FakeService, ServiceReply, ServiceRequest};
use crate::smtp::{ReceivedMail, SmtpBehavior, TestSmtpServer};
use crate::test_workspace::{TestWorkspace, Tools, asked, code, pays, stderr_of, stdout_of};
use gate_runtime::notify::DeliveryState;
use gate_runtime::prelude::*;
use gate_runtime::store::DeliveryFilter;
use gate_runtime::{FileDirectory, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

const TOKEN: &str = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy";
const SIGNING: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const KIM: &str = "U0KIM0001";

/// All receivers of notifications.
struct TestServices {
    slack: FakeService,
    /// The service that receives the responses to Slack's requests.
    hooks: FakeService,
    mail: TestSmtpServer,
    pagerduty: FakeService,
    webhook: FakeService,
}

impl TestServices {
    async fn open() -> Self {
        let posted = json!({"ok": true, "channel": "C024BE91L", "ts": "1800000000.000100"});
        let accepted = json!({"status": "success", "dedup_key": "x"});
        Self {
            slack: FakeService::open(ServiceReply::With("200 OK", posted.to_string())).await,
            hooks: FakeService::open(ServiceReply::With("200 OK", "ok".to_owned())).await,
            mail: TestSmtpServer::open().await,
            pagerduty: FakeService::open(ServiceReply::With("202 Accepted", accepted.to_string()))
                .await,
            webhook: FakeService::open(ServiceReply::With("204 No Content", String::new())).await,
        }
    }

    /// Writes the notify file for them, with every secret in a variable.
    fn write(&self, workspace: &TestWorkspace) {
        let Self { slack, hooks, mail, pagerduty, webhook } = self;
        let file = format!(
            "[slack]\ntoken_env = 'SLACK_TOKEN'\nchannel = '#approvals'\n\
             signing_secret_env = 'SLACK_SIGNING_SECRET'\n\
             workspace = 'T0000001'\napi = '{}/api'\nhooks = '{}'\n\
             [mail]\nfrom = 'Gate <gate@example.com>'\nhost = '127.0.0.1'\nport = {}\nuser = \
             'gate'\n\
             password_env = 'SMTP_PASSWORD'\nto_who_decides = true\n\
             [links]\nkey_file = 'links.key'\n\
             [pagerduty]\nkey_env = 'PAGERDUTY_KEY'\nevery_question = true\napi = '{}'\n\
             [[webhook]]\nname = 'ops'\nurl = '{}/gate'\nsecrets_env = \
             ['OPS_SECRET']\nallow_private = true\n",
            slack.url(),
            hooks.url(),
            mail.address.port(),
            pagerduty.url(),
            webhook.url()
        );
        std::fs::write(workspace.path().join("notify.toml"), file).unwrap();
    }
}

/// A process that delivers notifications and handles the responses, which ends with the test.
struct NotifyProcess {
    child: Child,
    url: String,
}

impl NotifyProcess {
    fn start(workspace: &TestWorkspace) -> Self {
        let mut command = workspace.command("inbox|--listen|127.0.0.1:0|--notify|notify.toml");
        command.envs([
            ("SLACK_TOKEN", TOKEN),
            ("SLACK_SIGNING_SECRET", SIGNING),
            ("SMTP_PASSWORD", "hunter2-secret"),
            ("PAGERDUTY_KEY", KEY),
            ("OPS_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"),
        ]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("The inbox is at ")
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        Self { child, url }
    }

    /// Sends a request like Slack's after a click, and returns the status of the response.
    async fn click(&self, payload: &Value, secret: &str) -> u16 {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish();
        let time = Timestamp::now().as_second().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("v0:{time}:{body}").as_bytes());
        let signature =
            mac.finalize().into_bytes().iter().fold("v0=".to_owned(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            });
        let url = format!("{}/slack/actions", self.url);
        let sent = tokio::task::spawn_blocking(move || {
            let request =
                browser().post(url).header("content-type", "application/x-www-form-urlencoded");
            let request = request
                .header("x-slack-signature", signature)
                .header("x-slack-request-timestamp", time);
            request.send(body).unwrap().status().as_u16()
        });
        sent.await.unwrap()
    }
}

impl Drop for NotifyProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn browser() -> ureq::Agent {
    ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().new_agent()
}

/// Adds a person with the output of `gate person`.
fn add_kim(workspace: &TestWorkspace) {
    let message = format!("person|kim|--role|manager|--slack|{KIM}|--contact|kim@example.com");
    let file = workspace.path().join("people.toml");
    let people = std::fs::read_to_string(&file).unwrap()
        + "\n"
        + &stdout_of(&workspace.gate_as(None, &message));
    std::fs::write(file, people).unwrap();
}

/// Returns the value of a button of a message.
fn button(message: &Value, action: &str) -> String {
    let blocks = message["blocks"].as_array().unwrap().iter();
    let mut buttons = blocks.filter_map(|block| block["elements"].as_array()).flatten();
    let found = buttons
        .find(|button| button["action_id"] == action)
        .unwrap_or_else(|| panic!("{message:#}"));
    found["value"].as_str().unwrap().to_owned()
}

/// Returns the changed message, and its first text.
fn changed(request: &ServiceRequest) -> (Value, Value, String) {
    assert_eq!(request.path(), "/api/chat.update");
    let body = request.json();
    let (channel, ts) = (body["channel"].clone(), body["ts"].clone());
    (channel, ts, body["blocks"][0]["text"]["text"].as_str().unwrap().to_owned())
}

/// Waits until all deliveries are made.
async fn all_delivered(gate: &Gate<Tools>) {
    let open = DeliveryFilter::all().state(DeliveryState::Waiting).state(DeliveryState::Sending);
    let started = std::time::Instant::now();
    while !gate.deliveries(&open).await.unwrap().is_empty() {
        assert!(started.elapsed().as_secs() < 60, "{:?}", gate.deliveries(&open).await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_asks_arrives_everywhere_and_a_click_in_slack_decides_it() {
    let (workspace, mut services) = (TestWorkspace::new(), TestServices::open().await);
    services.write(&workspace);
    add_kim(&workspace);
    let gate = workspace
        .gate_with(FileDirectory::open(workspace.path().join("people.toml")).unwrap())
        .await;
    let run = gate.run("run-1").on_behalf_of("mia").case("ticket-7");
    let (id, _) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    let process = NotifyProcess::start(&workspace);
    let page = format!("{}/approvals/{id}", process.url);

    let request = services.slack.next_received().await;
    assert_eq!(
        (request.path(), request.header("authorization")),
        ("/api/chat.postMessage", format!("Bearer {TOKEN}").as_str())
    );
    let message = request.json();
    assert_eq!(message["channel"], "#approvals");
    assert!(message.to_string().contains(&page), "{message:#}");
    let incident = services.pagerduty.next_received().await.json();
    assert_eq!(
        (
            &incident["event_action"],
            &incident["dedup_key"],
            &incident["client_url"],
            &incident["routing_key"]
        ),
        (&json!("trigger"), &json!(id.to_string()), &json!(page), &json!(KEY))
    );
    let webhook_body = services.webhook.next_received().await.json();
    assert_eq!(
        (&webhook_body["type"], &webhook_body["data"]["id"]),
        (&json!("call.asked"), &json!(id.to_string()))
    );
    let mail = services.mail.next_received().await;
    assert!(
        mail.commands.iter().any(|smtp_line| smtp_line.starts_with("AUTH PLAIN ")),
        "{:?}",
        mail.commands
    );
    let mail = mail.mail.unwrap();
    assert_eq!(
        (mail.header("from"), mail.header("to")),
        ("Gate <gate@example.com>", "kim@example.com")
    );
    let links: Vec<&str> = mail.text.lines().filter(|line| line.starts_with("http://")).collect();
    assert!(
        links[..2].iter().all(|link| link.starts_with(&format!("{}/link/", process.url))),
        "{links:?}"
    );
    let link = links[0].to_owned();
    let opened =
        tokio::task::spawn_blocking(move || browser().get(link).call().unwrap()).await.unwrap();
    let leads_to =
        opened.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
    assert_eq!(opened.status(), 303);
    assert!(leads_to.as_deref().is_some_and(|path| path.starts_with("/sign-in")), "{leads_to:?}");

    let click = |who: &str| {
        json!({
            "type": "block_actions",
            "user": {"id": who, "team_id": "T0000001"},
            "trigger_id": "1",
            "response_url": format!("{}/actions/T0000001/1/{who}", services.hooks.url()),
            "actions": [{"action_id": "gate_approve", "value": button(&message, "gate_approve")}],
        })
    };
    let (stranger, kim) = (click("U0NOBODY1"), click(KIM));
    assert_eq!(process.click(&kim, "another secret of Slack").await, 401);
    assert_eq!(process.click(&stranger, SIGNING).await, 200);
    assert_eq!(services.hooks.next_received().await.path(), "/actions/T0000001/1/U0NOBODY1");
    let votes = async || gate.approval(id).await.unwrap().unwrap().votes().to_vec();
    assert!(votes().await.is_empty(), "nobody has decided");
    assert_eq!(process.click(&kim, SIGNING).await, 200);
    let answer = services.hooks.next_received().await;
    assert_eq!(answer.path(), format!("/actions/T0000001/1/{KIM}"));
    assert_eq!(answer.json()["text"], "You approved pay: it runs when its run continues.");
    assert_eq!(votes().await[0].reviewer().as_str(), "kim");
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "paid 100 to alice");

    let (channel, ts, head) = changed(&services.slack.next_received().await);
    assert_eq!(
        (channel, ts, head.as_str()),
        (json!("C024BE91L"), json!("1800000000.000100"), "pay: approved")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_first_is_told_again_under_the_same_id_and_news_go_where_the_question_went() {
    let (workspace, mut services) = (TestWorkspace::new(), TestServices::open().await);
    services.write(&workspace);
    add_kim(&workspace);
    let broken = || ServiceReply::With("500 Internal Server Error", "no".to_owned());
    for service in [&services.slack, &services.pagerduty, &services.webhook] {
        service.reply(broken());
    }
    services.mail.act(SmtpBehavior::Say("END", "451 later"));
    let gate = workspace.gate().await;
    let (id, end) = asked(&gate.run("run-1").submit([pays("1", 100)]).await.unwrap());
    let process = NotifyProcess::start(&workspace);

    let twice = [services.slack.next_received().await, services.slack.next_received().await]
        .map(|request| request.json());
    assert_eq!(twice[0], twice[1]);
    let which = twice[1]["metadata"]["event_payload"]["id"].as_str().unwrap().to_owned();
    assert!(which.starts_with("slack-"), "{which}");
    let twice =
        [services.pagerduty.next_received().await, services.pagerduty.next_received().await]
            .map(|came| came.json());
    assert_eq!((&twice[0], &twice[1]["dedup_key"]), (&twice[1], &json!(id.to_string())));
    let twice = [services.webhook.next_received().await, services.webhook.next_received().await];
    assert_eq!(twice[0].header("webhook-id"), twice[1].header("webhook-id"));
    assert_eq!(twice[0].json(), twice[1].json());
    let twice = [services.mail.mail().await, services.mail.mail().await];
    let header = |mail: &ReceivedMail| mail.header("message-id").to_owned();
    let first = header(&twice[0]);
    assert_eq!((&first, &twice[0].text), (&header(&twice[1]), &twice[1].text));
    all_delivered(&gate).await;
    let shown = workspace.json("deliveries");
    assert_eq!(shown, json!([]), "what was told is not listed");

    // Another process delivers the notifications, and a person decides in a third one.
    drop(process);
    let _next = NotifyProcess::start(&workspace);
    let approved = workspace.dana(&format!("approve|{end}"));
    assert_eq!(code(&approved), 0, "{}", stderr_of(&approved));
    let (channel, ts, head) = changed(&services.slack.next_received().await);
    assert_eq!(
        (channel, ts, head.as_str()),
        (json!("C024BE91L"), json!("1800000000.000100"), "pay: approved")
    );
    let resolved = services.pagerduty.next_received().await.json();
    assert_eq!(
        resolved,
        json!({"routing_key": KEY, "event_action": "resolve", "dedup_key": id.to_string()})
    );
    let decided_mail = services.mail.mail().await;
    assert_eq!(
        (decided_mail.header("in-reply-to"), decided_mail.header("to")),
        (first.as_str(), "kim@example.com")
    );
    assert_eq!(decided_mail.header("subject"), "Re: Decision needed: pay: to alice, amount 100");
    assert_ne!(header(&decided_mail), first);
    let webhook_body = services.webhook.next_received().await.json();
    assert_eq!(webhook_body["data"]["id"], id.to_string());
    all_delivered(&gate).await;
    for service in [&mut services.slack, &mut services.pagerduty, &mut services.webhook] {
        service.is_silent();
    }
    services.mail.is_silent();
}

#[test]
fn all_mistakes_of_a_file_are_said_with_their_lines_and_no_secret_is_repeated() {
    let workspace = TestWorkspace::new();
    let file = "[slack]\ntoken = 'hunter2-secret'\nchanel = '#approvals'\n\
                signing_secret_env = 'NOT_SET_HERE'\n\
                [mail]\nfrom = 'gate@example.com'\nhost = 'smtp.example.com'\nport = \
                'hunter2-secret'\n\
                [pagerduty]\nkey = 'hunter2-secret'\nkey_env = 'PAGERDUTY_KEY'\n\
                [links]\n";
    std::fs::write(workspace.path().join("notify.toml"), file).unwrap();
    let output = workspace.gate_as(None, "inbox|--listen|127.0.0.1:0|--notify|notify.toml");
    assert_eq!(code(&output), 2);
    let message = stderr_of(&output);
    let wanted = [
        "notify.toml has 8 mistakes:",
        "line 1: `[slack]` has no `channel`: write one, like `channel = \"#approvals\"`",
        "line 2: this is not a bot token: it begins with `xoxb-`",
        "line 3: unknown field `chanel`; `[slack]` has `token`,",
        "line 4: the variable that `signing_secret_env` names is not set",
        "line 5: `[mail]` has no recipients",
        "line 8: `port` is a whole number from 1 to 65535",
        "line 11: `key` and `key_env` are both set: keep one of them",
        "line 12: `[links]` has no `key_file`: write one, like `key_file = \"links.key\"`",
    ];
    assert_eq!(message.lines().count(), wanted.len(), "{message}");
    for (line, wanted) in message.lines().zip(wanted) {
        assert!(line.contains(wanted), "{wanted}: {message}");
    }
    assert!(!message.contains("hunter2"), "{message}");
    assert!(!workspace.path().join("gate.db").exists(), "nothing is served, and nothing made");
}

#[test]
fn nobody_is_told_of_an_inbox_at_an_address_that_is_none() {
    let workspace = TestWorkspace::new();
    std::fs::write(workspace.path().join("notify.toml"), format!("[pagerduty]\nkey = '{KEY}'\n"))
        .unwrap();
    for url in ["https://gate.example.com/inbox", "http://gate.example.com", "gate.example.com"] {
        let output = workspace
            .gate_as(None, &format!("inbox|--listen|127.0.0.1:0|--notify|notify.toml|--url|{url}"));
        assert_eq!(code(&output), 2, "{url}");
        assert!(stderr_of(&output).starts_with("gate: --url: "), "{}", stderr_of(&output));
        assert!(!workspace.path().join("gate.db").exists());
    }
    for wrong in ["kim", "u012ab3cd", "U012", "U012-AB3CD", "T012AB3CD"] {
        assert_eq!(
            code(&workspace.gate_as(None, &format!("person|kim|--slack|{wrong}"))),
            2,
            "{wrong}"
        );
    }
}
