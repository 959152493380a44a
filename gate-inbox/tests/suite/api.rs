//! The API for programs that ask, and for programs of people who decide.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::receiver::{RawServer, status};
use crate::test_inbox::{TestInbox, write_people};
use gate_inbox::{Callbacks, Inbox, WebhookSecret};
use gate_runtime::notify::DeliveryState;
use gate_runtime::people::{AgentToken, ReviewerToken};
use gate_runtime::prelude::*;
use gate_runtime::review::Status;
use gate_runtime::store::DeliveryFilter;
use gate_runtime::{FileDirectory, NoTools};
use hmac::{KeyInit as _, Mac as _};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

/// A program with a token.
#[derive(Clone)]
struct ApiClient {
    address: SocketAddr,
    token: String,
}

/// A response of the API.
#[derive(Debug)]
struct ApiResponse {
    status: u16,
    kind: String,
    location: String,
    body: Value,
    text: String,
}

impl ApiResponse {
    /// Returns the name of its problem.
    #[track_caller]
    fn problem(&self) -> &str {
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status);
        assert!(
            !self.body["detail"].as_str().unwrap().is_empty()
                && !self.body["title"].as_str().unwrap().is_empty()
        );
        self.body["type"].as_str().unwrap().strip_prefix("urn:gate:problem:").unwrap()
    }

    #[track_caller]
    fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }
}

impl ApiClient {
    async fn send(&self, method: &str, path: &str, body: Option<String>) -> ApiResponse {
        self.send_as(method, path, body, "application/json").await
    }

    async fn send_as(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        kind: &str,
    ) -> ApiResponse {
        let (url, token) =
            (format!("http://{}{path}", self.address), format!("Bearer {}", self.token));
        let (method, kind) = (method.to_owned(), kind.to_owned());
        spawn_blocking(move || {
            let agent =
                ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
            let request = ureq::http::Request::builder()
                .method(method.as_str())
                .uri(url)
                .header("authorization", token);
            let request =
                if body.is_some() { request.header("content-type", kind) } else { request };
            let request = request.body(body.unwrap_or_default()).unwrap();
            let mut response = agent.run(request).unwrap();
            let text = response.body_mut().read_to_string().unwrap();
            let header = |name: &str| {
                response
                    .headers()
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
                    .unwrap_or_default()
            };
            ApiResponse {
                status: response.status().as_u16(),
                kind: header("content-type"),
                location: header("location"),
                body: serde_json::from_str(&text).unwrap_or_default(),
                text,
            }
        })
        .await
        .unwrap()
    }

    async fn get(&self, path: &str) -> ApiResponse {
        self.send("GET", &format!("/api/v1{path}"), None).await
    }

    async fn post(&self, path: &str, body: Value) -> ApiResponse {
        self.send("POST", &format!("/api/v1{path}"), Some(body.to_string())).await
    }
}

/// An inbox with two agents, and the people who decide.
struct ApiFixture {
    inbox: TestInbox,
    bot: ApiClient,
    careful: ApiClient,
    dana: ApiClient,
    ines: ApiClient,
}

impl ApiFixture {
    async fn open() -> Self {
        Self::open_as(|inbox| inbox).await
    }

    async fn open_as(change: impl FnOnce(Inbox) -> Inbox) -> Self {
        let fixture = TestInbox::open_as(change).await;
        let (bot, careful) = (AgentToken::new(), AgentToken::new());
        let people = [
            ("dana", "manager", &fixture.dana),
            ("omar", "manager", &fixture.omar),
            ("ines", "intern", &fixture.ines),
        ];
        let agents = format!(
            "[[agent]]\nid = \"bot\"\ntoken = \"{}\"\n[[agent]]\nid = \"careful\"\nasks = \
             [\"manager\"]\ntoken = \"{}\"\n",
            bot.hash(),
            careful.hash()
        );
        write_people(&fixture.folder, &people, &agents);
        let program = |token: &str| ApiClient { address: fixture.address, token: token.to_owned() };
        let (dana, ines) = (program(fixture.dana.reveal()), program(fixture.ines.reveal()));
        Self {
            bot: program(bot.reveal()),
            careful: program(careful.reveal()),
            dana,
            ines,
            inbox: fixture,
        }
    }

    async fn review(&self, id: &str) -> Value {
        self.dana.get(&format!("/reviews/{id}")).await.ok(200)
    }

    /// Decides a question as a person sees it.
    async fn decide(
        &self,
        who: &ApiClient,
        id: &str,
        what: &str,
        mut decision: Value,
    ) -> ApiResponse {
        decision["shown"] = self.review(id).await["shown"].clone();
        who.post(&format!("/reviews/{id}/{what}"), decision).await
    }
}

fn refund(id: &str, cents: u64) -> Value {
    json!({
        "external_id": id,
        "run": "run-1",
        "tool": "refund",
        "arguments": {"order": "A-1", "cents": cents},
        "schema": {
            "type": "object",
            "properties": {"order": {"type": "string"}, "cents": {"type": "integer", "minimum": 1}},
            "required": ["order", "cents"],
            "additionalProperties": false,
        },
        "summary": "Refund Mia",
        "reasoning": "charged twice",
        "case": "ticket-7",
        "on_behalf_of": "mia",
        "required_role": "manager",
        "priority": "high",
    })
}

fn id_of(call: &Value) -> String {
    call["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_agent_asks_waits_begins_what_was_approved_and_says_how_it_ended() {
    let api = ApiFixture::open().await;
    let response = api.bot.post("/approvals", refund("1", 2_400)).await;
    let id = id_of(&response.body);
    assert_eq!(
        (response.status, response.location.as_str()),
        (201, &*format!("/api/v1/approvals/{id}"))
    );
    assert_eq!(
        (&response.body["tool"], &response.body["run"], &response.body["status"]),
        (&json!("refund"), &json!("run-1"), &json!("pending"))
    );
    let waiting = tokio::spawn({
        let (bot, path) = (api.bot.clone(), format!("/approvals/{id}?wait=25"));
        async move { bot.get(&path).await }
    });
    let review = api.review(&id).await;
    assert_eq!(
        (&review["tool"], &review["claims"]["summary"]),
        (&json!("bot/refund"), &json!("Refund Mia"))
    );
    let approved =
        api.decide(&api.dana, &id, "approve", json!({"comment": "by phone"})).await.ok(200);
    assert_eq!(
        (&approved["status"], &approved["votes"][0]["reviewer"]),
        (&json!("approved"), &json!("dana"))
    );
    assert_eq!(waiting.await.unwrap().ok(200)["status"], "approved");

    let begun = api.bot.post(&format!("/approvals/{id}/begin"), json!({})).await.ok(200);
    assert_eq!(
        (&begun["status"], &begun["arguments"]["cents"]),
        (&json!("dispatched"), &json!(2_400))
    );
    let again = api.bot.post(&format!("/approvals/{id}/begin"), json!({})).await;
    assert_eq!((again.status, again.problem()), (409, "state"));
    api.bot.post(&format!("/approvals/{id}/still-runs"), json!({})).await.ok(200);
    for _ in 0..2 {
        let ended = api
            .bot
            .post(&format!("/approvals/{id}/outcome"), json!({"result": {"refunded": 2_400}}))
            .await
            .ok(200);
        assert_eq!(
            (&ended["status"], &ended["outcome"]["result"]["refunded"]),
            (&json!("succeeded"), &json!(2_400))
        );
    }
    let other = api.bot.post(&format!("/approvals/{id}/outcome"), json!({"error": "no"})).await;
    assert_eq!(other.problem(), "state");
    let logged =
        json!({"run": "run-1", "action": "told Mia", "case": "ticket-7", "in_reply_to": id});
    assert_eq!(api.bot.post("/actions", logged).await.ok(201), json!({"recorded": true}));
    let kinds: Vec<_> = api
        .inbox
        .agent
        .case("ticket-7")
        .await
        .unwrap()
        .iter()
        .map(|record| record.kind())
        .collect();
    assert_eq!(kinds, ["assessed", "voted", "dispatched", "finished", "action"]);
}

#[tokio::test]
async fn the_same_id_is_the_same_question_and_another_call_under_it_is_refused() {
    let api = ApiFixture::open().await;
    let first = api.bot.post("/approvals", refund("1", 50)).await.ok(201);
    let again = api.bot.post("/approvals", refund("1", 50)).await.ok(200);
    assert_eq!(id_of(&first), id_of(&again));
    let other = api.bot.post("/approvals", refund("1", 51)).await;
    assert_eq!((other.status, other.problem()), (409, "id-used"));
    let second = api.bot.post("/approvals", refund("2", 50)).await.ok(201);
    assert_ne!(id_of(&first), id_of(&second), "equal arguments, another call");
    let all = api.bot.get("/approvals?run=run-1").await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn neither_kind_of_token_does_the_others_part() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    for path in [
        "/reviews",
        &format!("/reviews/{id}"),
        "/grants",
        "/records",
        "/checkpoint",
        &format!("/receipts/{id}"),
    ] {
        let answer = api.bot.get(path).await;
        assert_eq!((answer.status, answer.problem()), (403, "wrong-kind-of-token"), "{path}");
    }
    let shown = api.review(&id).await["shown"].clone();
    for (what, body) in [
        ("approve", json!({"shown": shown})),
        ("reject", json!({"shown": shown, "reason": "x"})),
        ("respond", json!({"shown": shown, "value": 1})),
        ("revoke", json!({"reason": "x"})),
    ] {
        let answer = api.bot.post(&format!("/reviews/{id}/{what}"), body).await;
        assert_eq!((answer.status, answer.problem()), (403, "wrong-kind-of-token"), "{what}");
    }
    for path in [
        format!("/approvals/{id}"),
        "/approvals?run=run-1".to_owned(),
        format!("/approvals/{id}/events"),
    ] {
        assert_eq!(api.dana.get(&path).await.problem(), "wrong-kind-of-token", "{path}");
    }
    assert_eq!(api.dana.post("/approvals", refund("2", 50)).await.problem(), "wrong-kind-of-token");
    for token in ["", "x", ReviewerToken::new().reveal(), AgentToken::new().reveal()] {
        let stranger = ApiClient { token: token.to_owned(), ..api.bot.clone() };
        // A client with too many failures has to wait: see `security_log.rs`.
        api.inbox.clock.advance(Duration::from_mins(15));
        let answer = stranger.get(&format!("/approvals/{id}")).await;
        assert_eq!((answer.status, answer.problem()), (401, "unknown-token"));
        assert_eq!(stranger.get("/reviews").await.problem(), "unknown-token");
    }
    assert_eq!(api.inbox.approval(id.parse().unwrap()).await.status(), Status::Pending);
}

#[tokio::test]
async fn a_session_of_a_browser_is_no_token_and_a_token_no_session() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    let mut browser = api.inbox.signed_in(&api.inbox.dana).await;
    assert_eq!(browser.get(&format!("/api/v1/reviews/{id}")).await.status, 401);
    let page = api.dana.send("GET", &format!("/approvals/{id}"), None).await;
    assert_eq!(page.status, 200, "the page for signing in, to which it was sent: {}", page.text);
    assert!(page.text.contains("form_secret") && !page.text.contains("A-1"));
}

#[tokio::test]
async fn an_agent_sees_only_its_own_calls() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    let native = api.inbox.ask_to_pay(50).await;
    for (program, id) in [(&api.careful, id.as_str()), (&api.bot, &native.to_string())] {
        assert_eq!(program.get(&format!("/approvals/{id}")).await.problem(), "not-found");
        assert_eq!(program.get(&format!("/approvals/{id}/events")).await.problem(), "not-found");
        for (what, body) in [
            ("cancel", json!({"reason": "x"})),
            ("begin", json!({})),
            ("still-runs", json!({})),
            ("outcome", json!({"result": 1})),
        ] {
            assert_eq!(
                program.post(&format!("/approvals/{id}/{what}"), body).await.problem(),
                "not-found",
                "{what}"
            );
        }
        let reply = json!({"run": "r", "action": "x", "in_reply_to": id});
        assert_eq!(program.post("/actions", reply).await.problem(), "invalid");
    }
    assert!(
        api.careful.get("/approvals?run=run-1").await.ok(200)["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn whom_the_people_file_wants_to_be_asked_is_asked_whatever_the_agent_says() {
    let api = ApiFixture::open().await;
    let mut lax = refund("1", 50);
    lax["required_role"] = json!("intern");
    let response = api.careful.post("/approvals", lax).await.ok(201);
    let waits = response["waits_for"].as_str().unwrap().to_owned();
    assert!(waits.contains("an intern") && waits.contains("a manager"), "{waits}");
    let id = id_of(&response);
    assert_eq!(api.decide(&api.ines, &id, "approve", json!({})).await.ok(200)["status"], "pending");
    assert_eq!(
        api.decide(&api.dana, &id, "approve", json!({})).await.ok(200)["status"],
        "approved"
    );
    let mut anyone = refund("2", 50);
    anyone.as_object_mut().unwrap().remove("required_role");
    let id = id_of(&api.careful.post("/approvals", anyone).await.ok(201));
    assert_eq!(api.decide(&api.ines, &id, "approve", json!({})).await.problem(), "not-entitled");
}

#[tokio::test]
async fn whom_the_people_file_wants_to_be_asked_by_now_must_have_been_asked() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    api.decide(&api.dana, &id, "approve", json!({})).await.ok(200);
    let agent = |asks: &str| {
        let hash = gate_runtime::id::Digest::of(&api.bot.token);
        format!("[[agent]]\nid = \"bot\"\nasks = [{asks}]\ntoken = \"{hash}\"\n")
    };
    let people = [("dana", "manager", &api.inbox.dana), ("ines", "cfo", &api.inbox.ines)];
    write_people(&api.inbox.folder, &people, &agent("\"cfo\""));
    let refused = api.bot.post(&format!("/approvals/{id}/begin"), json!({})).await;
    assert!(
        refused.problem() == "state" && refused.text.contains("A cfo must now agree"),
        "{}",
        refused.text
    );
    write_people(&api.inbox.folder, &people, &agent("\"manager\""));
    assert_eq!(
        api.bot.post(&format!("/approvals/{id}/begin"), json!({})).await.ok(200)["attempts"],
        1
    );
}

#[tokio::test]
async fn an_agent_is_not_told_who_decided() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    api.decide(&api.dana, &id, "reject", json!({"reason": "not ours"})).await.ok(200);
    for (what, body) in [
        ("cancel", json!({"reason": "x"})),
        ("outcome", json!({"result": 1})),
        ("still-runs", json!({})),
    ] {
        let answer = api.bot.post(&format!("/approvals/{id}/{what}"), body).await;
        assert!(
            answer.problem() == "state" && !answer.text.contains("dana"),
            "{what} {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_its_place_and_asks_nobody() {
    let api = ApiFixture::open().await;
    let with = |name: &str, value: Value| {
        let mut body = refund("1", 50);
        body[name] = value;
        body
    };
    let cases = [
        json!([]),
        with("surprise", json!(1)),
        with("count", json!(0)),
        with("count", json!(300)),
        with("priority", json!("now")),
        with("expires_in", json!(0)),
        with("expires_in", json!(99_999_999)),
        with("tool", json!("re/fund")),
        with("tool", json!("")),
        with("external_id", json!("")),
        with("run", json!("a>b")),
        with("required_role", json!("astronaut")),
        with("arguments", json!(null)),
        with("arguments", json!({"order": 7, "cents": 1})),
        with("schema", json!({"type": "nonsense"})),
        with("summary", json!("x".repeat(501))),
        with("callback_url", json!("gopher://x")),
        with("case", json!("x".repeat(257))),
    ];
    for body in cases {
        let answer = api.bot.post("/approvals", body.clone()).await;
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{body} {answer:?}");
    }
    let raw = |text: &str| text.to_owned();
    for (text, word) in [
        (raw("{"), "malformed"),
        (raw(r#"{"external_id":"1","external_id":"2","tool":"t","arguments":{}}"#), "malformed"),
        (raw(r#"{"external_id":"1","tool":"t","arguments":{"a":1,"a":2}}"#), "invalid"),
        (raw(r#"{"external_id":"1","tool":"t","arguments":{"n":9007199254740993}}"#), "invalid"),
        (
            format!(
                r#"{{"external_id":"1","tool":"t","arguments":{{"a":{}1{}}}}}"#,
                "[".repeat(100),
                "]".repeat(100)
            ),
            "invalid",
        ),
        ("x".repeat((1 << 20) + 1), "too-long"),
    ] {
        let answer = api.bot.send("POST", "/api/v1/approvals", Some(text)).await;
        assert_eq!(answer.problem(), word, "{}", answer.text);
    }
    let form = api
        .bot
        .send_as(
            "POST",
            "/api/v1/approvals",
            Some("a=b".to_owned()),
            "application/x-www-form-urlencoded",
        )
        .await;
    assert_eq!((form.status, form.problem()), (415, "not-json"));
    assert_eq!(api.bot.get("/nothing").await.problem(), "not-found");
    assert_eq!(api.bot.get("/approvals/not-an-id").await.problem(), "not-found");
    assert_eq!(api.bot.get("/approvals?run=").await.problem(), "malformed");
    let put = api.bot.send("PUT", "/api/v1/approvals", None).await;
    assert_eq!((put.status, put.problem()), (405, "method"));
    assert_eq!(api.dana.get("/reviews?limit=0").await.problem(), "malformed");
    assert_eq!(api.dana.get("/reviews?status=nice").await.problem(), "malformed");
    assert_eq!(api.dana.get("/records?after=-1").await.problem(), "malformed");
    assert!(api.inbox.agent.pending().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wait_ends_in_time_and_no_longer_one_is_promised() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    assert_eq!(api.bot.get(&format!("/approvals/{id}?wait=0")).await.ok(200)["status"], "pending");
    assert_eq!(api.bot.get(&format!("/approvals/{id}?wait=26")).await.problem(), "malformed");
    assert_eq!(api.bot.get(&format!("/approvals/{id}?wait=1&wait=2")).await.problem(), "malformed");
    api.inbox.clock.advance(Duration::from_hours(25));
    let expired = api.bot.get(&format!("/approvals/{id}?wait=25")).await.ok(200);
    assert_eq!(expired["status"], "expired");
    assert!(expired["message"].as_str().unwrap().contains("nobody decided"), "{expired}");
}

#[tokio::test]
async fn a_stream_tells_of_the_decision_and_ends() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    let mut stream = TcpStream::connect(api.inbox.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "GET /api/v1/approvals/{id}/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer \
         {}\r\nConnection: close\r\n\r\n",
        api.inbox.address, api.bot.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let reading = spawn_blocking(move || {
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        let outcome = lines.filter_map(|line| line.strip_prefix("data: ").map(str::to_owned));
        outcome
            .map(|text| serde_json::from_str::<Value>(&text).unwrap()["status"].clone())
            .collect::<Vec<_>>()
    });
    api.decide(&api.dana, &id, "reject", json!({"reason": "not ours"})).await.ok(200);
    let response = reading.await.unwrap();
    assert_eq!(response.last(), Some(&json!("rejected")), "{response:?}");
    assert!(response.len() <= 2, "{response:?}");
}

#[tokio::test]
async fn questions_are_answered_by_a_choice_or_in_words_and_by_nothing_else() {
    let api = ApiFixture::open().await;
    let question = |id: &str, kind: &str, choices: Value| {
        json!({
            "external_id": id,
            "question": "The provider says 503. What now?",
            "kind": kind,
            "choices": choices,
        })
    };
    let choice =
        api.bot.post("/questions", question("1", "choice", json!(["retry", "skip"]))).await.ok(201);
    let id = id_of(&choice);
    assert_eq!(api.review(&id).await["choices"], json!(["retry", "skip"]));
    for (what, submission) in [
        ("approve", json!({})),
        ("respond", json!({"value": "Retry!"})),
        ("respond", json!({"value": true})),
        ("edit", json!({"arguments": {"question": "?"}})),
    ] {
        assert_eq!(
            api.decide(&api.dana, &id, what, submission).await.problem(),
            "invalid",
            "{what}"
        );
    }
    api.decide(&api.dana, &id, "respond", json!({"value": "skip"})).await.ok(200);
    let answered = api.bot.get(&format!("/approvals/{id}")).await.ok(200);
    assert_eq!((&answered["status"], &answered["answer"]), (&json!("responded"), &json!("skip")));
    assert_eq!(api.bot.post(&format!("/approvals/{id}/begin"), json!({})).await.problem(), "state");

    let yes = id_of(&api.bot.post("/questions", question("2", "approve", json!([]))).await.ok(201));
    assert_eq!(api.review(&yes).await["choices"], json!(["yes", "no"]));
    let text = id_of(&api.bot.post("/questions", question("3", "text", json!([]))).await.ok(201));
    api.decide(&api.dana, &text, "respond", json!({"value": "Call them."})).await.ok(200);
    assert_eq!(api.bot.get(&format!("/approvals/{text}")).await.ok(200)["answer"], "Call them.");
    for wrong in [
        question("4", "choice", json!([])),
        question("5", "choice", json!(["one"])),
        question("6", "text", json!(["a", "b"])),
    ] {
        assert_eq!(api.bot.post("/questions", wrong).await.problem(), "invalid");
    }
}

#[tokio::test]
async fn a_decision_is_about_what_was_shown_and_a_destructive_one_names_the_tool() {
    let api = ApiFixture::open().await;
    let mut wipe = refund("1", 50);
    wipe["destructive"] = json!(true);
    let id = id_of(&api.bot.post("/approvals", wipe).await.ok(201));
    let path = format!("/reviews/{id}/approve");
    let stale = json!({"shown": "sha256:00", "confirm": "bot/refund"});
    assert_eq!(api.dana.post(&path, stale).await.problem(), "changed");
    assert_eq!(api.decide(&api.dana, &id, "approve", json!({})).await.problem(), "invalid");
    assert_eq!(
        api.decide(&api.dana, &id, "approve", json!({"confirm": "refund"})).await.problem(),
        "invalid"
    );
    assert_eq!(api.inbox.approval(id.parse().unwrap()).await.status(), Status::Pending);
    let edit = json!({"arguments": {"order": "A-1", "cents": "forty"}, "confirm": "bot/refund"});
    let wrong = api.decide(&api.dana, &id, "edit", edit).await;
    assert_eq!(
        (wrong.problem(), &wrong.body["errors"][0]["pointer"]),
        ("invalid", &json!("/cents"))
    );
    let edit = json!({"arguments": {"order": "A-1", "cents": 40}, "confirm": "bot/refund"});
    assert_eq!(api.decide(&api.dana, &id, "edit", edit).await.ok(200)["proposed"]["cents"], 50);
    let response = api.bot.get(&format!("/approvals/{id}")).await.ok(200);
    assert_eq!((&response["edited"], &response["arguments"]["cents"]), (&json!(true), &json!(40)));
    // A person who edits a destructive call does not decide it alone.
    assert_eq!(
        (&response["status"], &response["waits_for"]),
        (&json!("pending"), &json!("somebody other than dana, who changed it"))
    );
    let omar = ApiClient { address: api.inbox.address, token: api.inbox.omar.reveal().to_owned() };
    api.decide(&omar, &id, "approve", json!({"confirm": "bot/refund"})).await.ok(200);
    api.dana.post(&format!("/reviews/{id}/revoke"), json!({"reason": "wrong order"})).await.ok(200);
    assert_eq!(api.bot.post(&format!("/approvals/{id}/begin"), json!({})).await.problem(), "state");
    let late = api.decide(&api.dana, &id, "approve", json!({"confirm": "bot/refund"})).await;
    assert_eq!(late.problem(), "state");
}

#[tokio::test]
async fn a_standing_permission_is_given_listed_and_taken_back() {
    let api = ApiFixture::open().await;
    let id = id_of(&api.bot.post("/approvals", refund("1", 50)).await.ok(201));
    let scope = json!({"any": ["order"], "up_to": {"cents": 100}, "uses": 5, "lasts": 3_600});
    assert_eq!(api.decide(&api.ines, &id, "grant", scope.clone()).await.problem(), "not-entitled");
    let wide = json!({"any": ["surprise"], "lasts": 3_600});
    assert_eq!(api.decide(&api.dana, &id, "grant", wide).await.problem(), "invalid");
    api.decide(&api.dana, &id, "grant", scope).await.ok(200);
    assert_eq!(api.bot.post("/approvals", refund("2", 100)).await.ok(201)["status"], "approved");
    assert_eq!(api.bot.post("/approvals", refund("3", 101)).await.ok(201)["status"], "pending");
    let grants = api.dana.get("/grants").await.ok(200);
    let grant = id_of(&grants["items"][0]);
    assert_eq!(
        api.bot.send("DELETE", &format!("/api/v1/grants/{grant}"), None).await.problem(),
        "wrong-kind-of-token"
    );
    for _ in 0..2 {
        assert_eq!(
            api.dana.send("DELETE", &format!("/api/v1/grants/{grant}"), None).await.status,
            204
        );
    }
    assert_eq!(api.bot.post("/approvals", refund("4", 50)).await.ok(201)["status"], "pending");
}

#[tokio::test]
async fn reviews_and_records_come_in_pages() {
    let api = ApiFixture::open().await;
    for number in 0..5 {
        api.bot.post("/approvals", refund(&number.to_string(), 50 + number)).await.ok(201);
    }
    let (mut path, mut seen) = ("/reviews?limit=2".to_owned(), 0);
    loop {
        let page = api.dana.get(&path).await.ok(200);
        seen += page["items"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/reviews?limit=2&after={next}");
    }
    assert_eq!(seen, 5);
    let records = api.ines.get("/records?limit=3").await.ok(200);
    assert_eq!((records["records"].as_array().unwrap().len(), &records["next"]), (3, &json!(3)));
    assert_eq!(api.dana.get("/checkpoint").await.problem(), "not-found");
}

#[tokio::test]
async fn a_token_that_was_replaced_opens_nothing_from_then_on() {
    let api = ApiFixture::open().await;
    let people = FileDirectory::open(api.inbox.folder.path().join("people.toml")).unwrap();
    assert!(people.agent_of(&api.bot.token).unwrap().is_some());
    write_people(&api.inbox.folder, &[("dana", "manager", &api.inbox.dana)], "");
    assert_eq!(api.bot.post("/approvals", refund("1", 50)).await.problem(), "unknown-token");
    assert_eq!(api.ines.get("/reviews").await.problem(), "unknown-token");
    assert_eq!(api.dana.get("/reviews").await.status, 200);
}

/// Computes the signature of a message.
fn signature(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn an_agent_is_called_back_with_the_decision_signed_and_again_if_it_did_not_take_it() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let callbacks = Callbacks::private([secret.parse::<WebhookSecret>().unwrap()]).unwrap();
    let api = ApiFixture::open_as(|inbox| inbox.callbacks(&callbacks)).await;
    let (store, clock) = (api.inbox.store.clone(), api.inbox.clock.clone());
    let teller: Gate<NoTools> = Gate::builder(())
        .store(store)
        .clock(clock.clone())
        .notify(callbacks)
        .build()
        .await
        .unwrap();
    let receiver = RawServer::that([status(500, ""), status(204, "")]);
    let mut wanted = refund("1", 50);
    wanted["callback_url"] = json!(receiver.url("/decided?x=1"));
    let id = id_of(&api.bot.post("/approvals", wanted).await.ok(201));
    api.bot.post("/approvals", refund("2", 50)).await.ok(201);
    api.decide(&api.dana, &id, "approve", json!({})).await.ok(200);

    let (first, receiver) = spawn_blocking(move || (receiver.next(), receiver)).await.unwrap();
    let put_off = DeliveryFilter::all().state(DeliveryState::Waiting);
    while teller.deliveries(&put_off).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_hours(1));
    let (second, receiver) = spawn_blocking(move || (receiver.next(), receiver)).await.unwrap();
    assert_eq!(first.line, "POST /decided?x=1 HTTP/1.1");
    for request in [&first, &second] {
        let head = |name: &str| request.head[name].as_str();
        let expected =
            signature(secret, head("webhook-id"), head("webhook-timestamp"), &request.body);
        assert_eq!(head("webhook-signature"), expected);
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["status"]),
            (&json!("approval.decided"), &json!("approved"))
        );
        assert_eq!((&body["data"]["id"], &body["data"]["external_id"]), (&json!(id), &json!("1")));
    }
    assert_eq!(
        first.head["webhook-id"], second.head["webhook-id"],
        "whoever gets it twice knows by this"
    );
    // The agent itself reports the beginning and the end, so they cause no callback.
    api.bot.post(&format!("/approvals/{id}/begin"), json!({})).await.ok(200);
    api.bot.post(&format!("/approvals/{id}/outcome"), json!({"result": 1})).await.ok(200);
    assert!(receiver.rest().is_empty());
}

/// Checks the deadline of a call that an agent asked through an inbox, which no other process
/// enforces.
#[tokio::test]
async fn a_new_inbox_keeps_the_deadlines_of_the_one_before() {
    let fixture = TestInbox::open().await;
    let people = FileDirectory::open(fixture.folder.path().join("people.toml")).unwrap();
    let store = MemoryStore::new();
    let gate = async || -> Gate<NoTools> {
        let gate = Gate::builder(())
            .store(store.clone())
            .clock(fixture.clock.clone())
            .directory(people.clone());
        gate.build().await.unwrap()
    };
    let before = gate().await;
    let call = gate_runtime::remote::RemoteCall::new("1", "refund", "{}")
        .ask("it is money", ask(role("manager")).within(hours(1)));
    let id = before.remote("bot").ask(call).await.unwrap().id();
    drop(before);
    let pages = Inbox::new(gate().await, people.clone()).router();
    let looker = gate().await;
    let mut events = looker.events();
    // It is enforced in the background.
    tokio::task::yield_now().await;
    for _ in 0..100 {
        fixture.clock.advance(Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(events.next().await.unwrap().kind(), "expired");
    assert_eq!(looker.approval(id).await.unwrap().unwrap().status(), Status::Expired);
    drop(pages);
}

#[tokio::test]
async fn a_schema_that_leads_back_to_itself_or_costs_without_end_is_refused() {
    let api = ApiFixture::open().await;
    let itself = json!({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]});
    for schema in [
        json!({
            "type": "object",
            "properties": {"definitions": {"$ref": "#/$defs/A"}},
            "$defs": {"A": itself},
        }),
        json!({
            "type": "object",
            "properties": {"x": {"$ref": "#/$defs/a%30"}},
            "$defs": {"a%30": true, "a0": true},
        }),
    ] {
        let mut body = refund("loop", 5);
        (body["schema"], body["arguments"]) = (schema, json!({}));
        let answer = api.bot.post("/approvals", body).await;
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_would_take_long_to_check_is_refused_with_its_place() {
    let api = ApiFixture::open().await;
    let text: String =
        (0..240_000_u32).map(|at| char::from(b'a' + (at.wrapping_mul(at) / 7 % 6) as u8)).collect();
    let numbers: Vec<f64> = (0..20_000).map(|at| f64::from(at) + 0.5).collect();
    let fractions: Vec<_> =
        (1..=300).map(|at| json!({"multipleOf": 1e-9 * f64::from(at)})).collect();
    for (schema, arguments, place) in [
        (json!({"pattern": "([ab].{200}[cd].{200}[ef])Z"}), json!({"x": text}), "/x"),
        (json!({"items": {"allOf": fractions}}), json!({"x": numbers}), "/x/"),
    ] {
        let mut body = refund("costly", 5);
        body["schema"] = json!({"type": "object", "properties": {"x": schema}});
        body["arguments"] = arguments;
        let answer = api.bot.post("/approvals", body).await;
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{:.300}", answer.text);
        assert!(
            answer.text.contains("would take too long") && answer.text.contains(place),
            "{:.300}",
            answer.text
        );
    }
}

#[tokio::test]
async fn an_agent_whose_schemas_cost_too_much_is_told_when_to_come_back() {
    let api = ApiFixture::open().await;
    let mut asked = refund("costly", 5);
    asked["schema"] = json!({"properties": {"x": {"pattern": "([ab].{200}[cd].{200}[ef])Z"}}});
    asked["arguments"] = json!({"x": "x".repeat(200_000)});
    for _ in 0..60 {
        let answer = api.bot.post("/approvals", asked.clone()).await;
        if answer.status == 429 {
            assert!(
                answer.problem() == "too-many" && answer.text.contains("Try again in"),
                "{}",
                answer.text
            );
            return;
        }
        assert_eq!(answer.status, 422, "{}", answer.text);
    }
    panic!("one agent may go on for ever");
}

#[tokio::test]
async fn an_agent_that_floods_people_with_questions_has_to_wait() {
    let api = ApiFixture::open().await;
    let people = [("dana", "manager", &api.inbox.dana), ("omar", "manager", &api.inbox.omar)];
    let token = AgentToken::new();
    let agent = format!("[[agent]]\nid = \"flood\"\nat_once = 2\ntoken = \"{}\"\n", token.hash());
    write_people(&api.inbox.folder, &people, &agent);
    let flood = ApiClient { token: token.reveal().to_owned(), ..api.bot.clone() };
    let first = flood.post("/approvals", refund("1", 5)).await.ok(201);
    flood.post("/approvals", refund("2", 5)).await.ok(201);
    for path in ["/approvals", "/questions"] {
        let call_body = if path == "/approvals" {
            refund("3", 5)
        } else {
            json!({"external_id": "3", "question": "Why?"})
        };
        let answer = flood.post(path, call_body).await;
        assert_eq!((answer.status, answer.problem()), (429, "too-many"), "{}", answer.text);
        assert!(answer.text.contains("agent's questions already wait"), "{}", answer.text);
    }
    assert_eq!(
        flood.post("/approvals", refund("1", 5)).await.ok(200)["id"],
        first["id"],
        "it is asked already"
    );
    api.inbox.reject(first["id"].as_str().unwrap().parse().unwrap(), "dana", "no").await;
    flood.post("/approvals", refund("3", 6)).await.ok(201);
}

#[tokio::test]
async fn nobody_is_promised_a_call_that_is_not_made() {
    let with = |url: &str| {
        let mut body = refund("1", 50);
        body["callback_url"] = json!(url);
        body
    };
    let api = ApiFixture::open().await;
    let answer = api.bot.post("/approvals", with("https://bot.example/x")).await;
    assert!(
        answer.problem() == "invalid" && answer.text.contains("sends no callbacks"),
        "{}",
        answer.text
    );
    let callbacks = Callbacks::new([WebhookSecret::new().unwrap()]).unwrap();
    let api = ApiFixture::open_as(|inbox| inbox.callbacks(&callbacks)).await;
    for wrong in
        ["http://bot.example/x", "https://me:pass@bot.example/x", "gopher://x", "https://", "/x"]
    {
        assert_eq!(api.bot.post("/approvals", with(wrong)).await.problem(), "invalid", "{wrong}");
    }
    api.bot.post("/approvals", with("https://bot.example/x")).await.ok(201);
}

#[tokio::test]
async fn every_operation_is_described_and_every_description_served() {
    let api = ApiFixture::open().await;
    let document = ApiClient { token: String::new(), ..api.bot.clone() }
        .send("GET", "/api/openapi.json", None)
        .await
        .ok(200);
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{id}", "01a1ff51-5b04-730d-aa24-ae2e3ede6189");
            let nobody = ApiClient { token: String::new(), ..api.bot.clone() };
            let answer = nobody.send(&method.to_uppercase(), &path, None).await;
            assert_eq!(
                (answer.status, answer.problem()),
                (401, "unknown-token"),
                "{method} {path}"
            );
            assert!(
                operation["responses"]["401"].is_object() && operation["operationId"].is_string()
            );
        }
    }
}
