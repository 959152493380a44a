//! Sends one corpus through every channel: people see the same in all of them.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use crate::corpus::{ORDINARY, acting, fake_row, hostile};
use crate::service::{FakeService, ServiceReply};
use crate::smtp::TestSmtpServer;
use crate::test_inbox::{TestBrowser, TestInbox};
use gate_inbox::{Mail, PagerDuty, Slack};
use gate_runtime::Terminal;
use gate_runtime::id::ApprovalId;
use gate_runtime::notify::{DeliveryNotice, Notifier};
use gate_runtime::prelude::*;
use gate_runtime::remote::{RemoteCall, RemoteRequest, RequestPriority};
use serde_json::{Value, json};

const INBOX: &str = "https://gate.example.com";

/// A question as one channel shows it to a person.
struct ChannelView {
    channel: &'static str,
    text: String,
    /// True if it contains a warning.
    warns: bool,
}

/// Every channel, over one inbox.
struct AllChannels {
    inbox: TestInbox,
    browser: TestBrowser,
    smtp: TestSmtpServer,
    slack: (FakeService, Slack),
    pagerduty: (FakeService, PagerDuty),
    mail: Mail,
}

impl AllChannels {
    async fn open() -> Self {
        let (fixture, smtp) = (TestInbox::open().await, TestSmtpServer::open().await);
        let posted = json!({"ok": true, "channel": "C1", "ts": "1800000000.000100"});
        let service = FakeService::open(ServiceReply::With("200 OK", posted.to_string())).await;
        let slack = Slack::new("xoxb-1234567890-abcdefgh", "#approvals", INBOX).unwrap();
        let slack = slack.api(&format!("{}/api", service.url()), &service.url()).unwrap();
        let accepted = json!({"status": "success", "message": "Event processed", "dedup_key": "x"});
        let incidents =
            FakeService::open(ServiceReply::With("202 Accepted", accepted.to_string())).await;
        let pagerduty =
            PagerDuty::new("0123456789abcdef0123456789abcdef").unwrap().every_question();
        let pagerduty = pagerduty.api(&incidents.url()).unwrap();
        let mail = Mail::new("Gate <gate@example.com>", "127.0.0.1", INBOX)
            .unwrap()
            .port(smtp.address.port());
        let mail = mail.to("team@example.com").unwrap();
        let browser = fixture.signed_in(&fixture.dana).await;
        Self {
            inbox: fixture,
            browser,
            smtp,
            slack: (service, slack),
            pagerduty: (incidents, pagerduty),
            mail,
        }
    }

    /// Notifies a notifier of a question.
    async fn tell(&self, notifier: &dyn Notifier, id: ApprovalId) {
        let is_it =
            |notice: &DeliveryNotice| notice.approval().is_some_and(|approval| approval.id() == id);
        let notice = self.inbox.notices(notifier).await.into_iter().find(is_it);
        let notice = notice.unwrap_or_else(|| panic!("{} has no news of {id}", notifier.name()));
        notifier.deliver(&notice).await.unwrap();
    }

    /// Shows a question in every channel.
    async fn show(&mut self, id: ApprovalId) -> Vec<ChannelView> {
        let mut all = Vec::new();
        let mut add = |channel, text: String, warning: &str| {
            all.push(ChannelView { channel, warns: text.contains(warning), text });
        };
        let screen = ScreenBuffer::default();
        let interruption = self.inbox.agent.interruption(id).await.unwrap().unwrap();
        Terminal::over(Cursor::new(""), screen.clone()).show(&interruption).await.unwrap();
        add("terminal", screen.text(), "shown as \\u{…}");

        let page = self.browser.get_call(id).await;
        add("page", unescaped(&page.text), "shown as \\u{…}");
        add("list", unescaped(&self.browser.get("/").await.text), "Odd characters");

        self.tell(&self.slack.1, id).await;
        let message = self.slack.0.next_received().await.json();
        add("Slack", texts(&message).join("\n"), "shown as \\u{…}");

        self.tell(&self.mail, id).await;
        let mail = self.smtp.mail().await;
        add("subject of a mail", mail.header("subject").to_owned(), "\u{0}");
        add("mail", mail.text.clone(), "shown as \\u{…}");
        add("mail as HTML", unescaped(&mail.html), "shown as \\u{…}");

        self.tell(&self.pagerduty.1, id).await;
        let incident = self.pagerduty.0.next_received().await.json();
        add("PagerDuty", texts(&incident["payload"]).join("\n"), "shown as \\u{…}");
        all
    }

    /// Asks about a call of this gate's tool, with a text in every field that a model controls.
    async fn ask(&self, text: &str, number: usize) -> ApprovalId {
        let arguments = json!({"to": text, "amount": 50, "note": text, "tags": [text]});
        let call =
            ToolCall::new(format!("call-{number}"), "pay", arguments.to_string()).reasoning(text);
        let run =
            self.inbox.agent.run(&*format!("run-{number}")).on_behalf_of("mia").case("ticket-7");
        run.submit([call]).await.unwrap().answers()[0].approval().unwrap().id()
    }

    /// Asks about a call of another program, with a text in every field that the program controls.
    async fn ask_from_elsewhere(&self, text: &str, number: usize) -> ApprovalId {
        let schema = json!({
            "type": "object",
            "properties": { "to": { "type": "string", "description": text } },
            "additionalProperties": { "type": "string" },
        });
        let call = RemoteCall::new(
            format!("call-{number}"),
            "pay",
            json!({"to": text, text: text}).to_string(),
        )
        .describe(text)
        .schema(schema)
        .request(RemoteRequest::new().summary(text).priority(RequestPriority::Urgent))
        .reasoning(text);
        // Each call has its own agent, because an agent with too many refusals is blocked.
        let agent = self.inbox.agent.remote(&*format!("billing-bot-{number}"));
        agent.ask(call.ask("money", ask(role("manager")))).await.unwrap().id()
    }
}

/// The output of a terminal.
#[derive(Clone, Default)]
struct ScreenBuffer(Arc<Mutex<Vec<u8>>>);

impl Write for ScreenBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ScreenBuffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Returns all texts in a JSON value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![unescaped(text)],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Returns text of HTML or Slack as people see it.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[tokio::test]
async fn an_ordinary_text_is_shown_as_it_is_and_without_a_warning_in_every_channel() {
    let mut channels = AllChannels::open().await;
    let mut wrong = Vec::new();
    for (number, text) in ORDINARY.into_iter().enumerate() {
        for id in
            [channels.ask(text, number).await, channels.ask_from_elsewhere(text, number).await]
        {
            for ChannelView { channel, text: shown, warns } in channels.show(id).await {
                // A headline has its own quotes.
                let in_headline = text.replace(['“', '”'], "\"");
                if warns || !(shown.contains(text) || shown.contains(&in_headline)) {
                    wrong.push(format!("{channel} warns: {warns}, of {text:?}:\n{shown}"));
                }
            }
            channels.inbox.reject(id, "dana", "no").await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn a_hostile_text_acts_and_hides_in_no_channel_and_is_never_the_gates_own_word() {
    let mut channels = AllChannels::open().await;
    let mut wrong = Vec::new();
    for (number, text) in hostile().into_iter().enumerate() {
        for id in
            [channels.ask(&text, number).await, channels.ask_from_elsewhere(&text, number).await]
        {
            for ChannelView { channel, text: shown, warns } in channels.show(id).await {
                let is_markup = matches!(channel, "page" | "list" | "mail as HTML" | "Slack");
                let fake = fake_row(&shown).filter(|_| !is_markup);
                let is_silent = !warns && channel != "subject of a mail";
                if let (None, None, false) = (acting(&shown), fake, is_silent) {
                    continue;
                }
                wrong.push(format!(
                    "{channel} of {text:?}: {:?}, {fake:?}, warns: {warns}\n{shown}",
                    acting(&shown)
                ));
            }
            channels.inbox.reject(id, "dana", "no").await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
