//! An inbox over HTTP, an agent that asks, and a browser without a screen, for tests.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(unreachable_pub, reason = "a module of a test")]

use std::net::SocketAddr;
use std::sync::Arc;

use gate_inbox::Inbox;
use gate_runtime::id::ApprovalId;
use gate_runtime::notify::{DeliveryNotice, Notifier, NotifyError};
use gate_runtime::people::ReviewerToken;
use gate_runtime::prelude::*;
use gate_runtime::testing::ManualClock;
use gate_runtime::{Approval, FileDirectory, NoTools, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use ureq::RequestBuilder;
use ureq::http::Response;

/// Payments: large ones are for two managers.
#[policy]
pub fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    rules
        .deny("too much")
        .when(|call| call.amount > 8_000)
        .ask("large", ask(role("manager")).count(2))
        .when(|call| call.amount > 1_000)
        .otherwise(ask(role("manager")).within(hours(2)))
}

/// How fast a payment goes.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSpeed {
    /// Today.
    Fast,
    /// Some day.
    Slow,
}

/// Pay someone.
#[gated_tool(policy = "payments")]
pub fn pay(
    /// Who gets it.
    to: String,
    #[schemars(range(min = 1, max = 9_000))] amount: u64,
    note: Option<String>,
    speed: Option<PaymentSpeed>,
    urgent: Option<bool>,
    tags: Option<Vec<String>>,
) -> String {
    let _ = (speed, urgent, tags);
    format!("paid {amount} to {to}{}", note.unwrap_or_default())
}

/// Wipe a disk.
#[gated_tool(policy = "always_ask", destructive)]
pub fn wipe(disk: String) -> String {
    format!("wiped {disk}")
}

/// Managers first, and then anyone.
#[policy]
pub fn deploys(rules: Rules<Deploy>) -> Rules<Deploy> {
    rules.otherwise(ask(role("manager")).within(minutes(10)).then(ask(anyone()).within(minutes(5))))
}

/// Put a version into production.
#[gated_tool(policy = "deploys")]
pub fn deploy(version: String) -> String {
    version
}

/// A manager, who says why.
#[policy]
pub fn explained(rules: Rules<Explain>) -> Rules<Explain> {
    rules.otherwise(ask(role("manager")).comment_required())
}

/// Do something that needs a reason.
#[gated_tool(policy = "explained")]
pub fn explain(what: String) -> String {
    what
}

/// Sign in somewhere.
#[gated_tool(policy = "always_ask", secret(password))]
pub fn log_in(user: String, password: String) -> String {
    format!("{user} {}", password.len())
}

/// Say something.
#[gated_tool(policy = "never_ask")]
pub fn echo(text: String) -> String {
    text
}

registry! { pub Tools for () { Pay, Wipe, Deploy, Explain, LogIn, Echo } }

/// An inbox that is served, with the people who use it.
pub struct TestInbox {
    pub clock: ManualClock,
    pub agent: Gate<Tools>,
    pub store: MemoryStore,
    pub address: SocketAddr,
    pub dana: ReviewerToken,
    pub omar: ReviewerToken,
    pub ines: ReviewerToken,
    pub folder: TempDir,
}

impl TestInbox {
    pub async fn open() -> Self {
        Self::open_as(|inbox| inbox).await
    }

    pub async fn open_as(change: impl FnOnce(Inbox) -> Inbox) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [dana, omar, ines] = [(); 3].map(|()| ReviewerToken::new());
        let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        write_people(
            &folder,
            &[("dana", "manager", &dana), ("omar", "manager", &omar), ("ines", "intern", &ines)],
            "",
        );
        let people = FileDirectory::open(folder.path().join("people.toml")).unwrap();
        let store = MemoryStore::new();
        let agent = Gate::builder(())
            .store(store.clone())
            .key([7; 32])
            .clock(clock.clone())
            .directory(people.clone());
        let agent = agent.show_conversation(3).build().await.unwrap();
        let gate =
            Gate::builder(()).store(store.clone()).clock(clock.clone()).directory(people.clone());
        let gate: Gate<NoTools> = gate.build().await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inbox = change(Inbox::new(gate, people).clock(clock.clone()));
        tokio::spawn(inbox.serve(listener));
        Self { clock, agent, store, address, dana, omar, ines, folder }
    }

    /// Builds a gate over the same store, of another agent.
    pub async fn gate_of(&self, agent: &str) -> Gate<Tools> {
        Gate::builder(())
            .store(self.store.clone())
            .key([7; 32])
            .clock(self.clock.clone())
            .directory(
                StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]),
            )
            .agent(agent)
            .build()
            .await
            .unwrap()
    }

    pub fn people(&self, people: &[(&str, &str, &ReviewerToken)]) {
        write_people(&self.folder, people, "");
    }

    /// Gives a person in the file one more field.
    pub fn add_to_people(&self, id: &str, field: &str) {
        let file = self.folder.path().join("people.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let line = format!("id = \"{id}\"\n");
        assert!(text.contains(&line));
        std::fs::write(
            self.folder.path().join("new"),
            text.replace(&line, &format!("{line}{field}\n")),
        )
        .unwrap();
        std::fs::rename(self.folder.path().join("new"), file).unwrap();
    }

    /// Asks about a call of a tool.
    pub async fn ask(&self, tool: &str, arguments: serde_json::Value) -> ApprovalId {
        let call = ToolCall::new(ApprovalId::new().to_string(), tool, arguments.to_string())
            .reasoning("it is due");
        let run = self.agent.run("run-1").on_behalf_of("mia").case("ticket-7");
        let turn = run.submit([call]).await.unwrap();
        turn.answers()[0].approval().unwrap().id()
    }

    pub async fn ask_to_pay(&self, amount: u64) -> ApprovalId {
        self.ask("pay", json!({"to": "alice", "amount": amount})).await
    }

    pub async fn approval(&self, id: ApprovalId) -> Approval {
        (*self.agent.approval(id).await.unwrap().unwrap()).clone()
    }

    /// Delivers all wanted notices to a notifier, as the engine does, and returns its results.
    pub async fn tell(
        &self,
        notifier: &dyn Notifier,
        memo: Option<&str>,
    ) -> Vec<Result<Option<String>, NotifyError>> {
        let mut results = Vec::new();
        for notice in self.notices(notifier).await {
            let notice = memo.map_or(notice.clone(), |memo| notice.after(memo));
            results.push(notifier.deliver(&notice).await);
        }
        results
    }

    /// Returns all notices that a notifier wants, with the current state of each call.
    pub async fn notices(&self, notifier: &dyn Notifier) -> Vec<DeliveryNotice> {
        let mut notices = Vec::new();
        for record in self.agent.records(0, 10_000).await.unwrap() {
            if !notifier.wants(&record) {
                continue;
            }
            let id = record.subject().map(gate_runtime::run::CallSubject::approval);
            let mut notice = DeliveryNotice::new(notifier.name(), record);
            if let Some(id) = id {
                let interruption = self.agent.interruption(id).await.unwrap().unwrap();
                let tool = interruption.descriptor().cloned().map(Arc::new);
                notice = notice.about(Arc::new(interruption.approval().clone()), tool);
            }
            notices.push(notice);
        }
        notices
    }

    pub async fn approve(&self, id: ApprovalId, who: &str) {
        let me = self.agent.reviewer(who).await.unwrap();
        self.agent.interruption(id).await.unwrap().unwrap().approve(&me).await.unwrap();
    }

    pub async fn reject(&self, id: ApprovalId, who: &str, reason: &str) {
        let me = self.agent.reviewer(who).await.unwrap();
        self.agent.interruption(id).await.unwrap().unwrap().reject(&me, reason).await.unwrap();
    }

    pub fn browser(&self) -> TestBrowser {
        TestBrowser::new(self.address)
    }

    /// Returns a browser in which a person is signed in.
    pub async fn signed_in(&self, token: &ReviewerToken) -> TestBrowser {
        let mut browser = self.browser();
        let page = browser.sign_in(token.reveal()).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/")));
        browser
    }
}

/// Writes the people file, with further content.
pub fn write_people(folder: &TempDir, people: &[(&str, &str, &ReviewerToken)], more: &str) {
    let person = |(id, role, token): &(&str, &str, &ReviewerToken)| {
        format!("[[person]]\nid = \"{id}\"\nroles = [\"{role}\"]\ntoken = \"{}\"\n", token.hash())
    };
    let file = folder.path().join("people.toml");
    std::fs::write(folder.path().join("new"), people.iter().map(person).collect::<String>() + more)
        .unwrap();
    std::fs::rename(folder.path().join("new"), file).unwrap();
}

/// The response with a page.
#[derive(Debug)]
pub struct PageResponse {
    pub status: u16,
    pub location: Option<String>,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl PageResponse {
    /// Returns the value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest =
            self.text.split(&start).nth(1).unwrap_or_else(|| panic!("no {name} in {}", self.text));
        rest.split('"').next().unwrap().replace("&quot;", "\"").replace("&amp;", "&")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    pub fn has(&self, expected_text: &str) -> &Self {
        assert!(
            self.text.contains(expected_text),
            "no {expected_text:?} in {} {}",
            self.status,
            self.text
        );
        self
    }

    #[track_caller]
    pub fn has_not(&self, expected_text: &str) -> &Self {
        assert!(
            !self.text.contains(expected_text),
            "{expected_text:?} in {} {}",
            self.status,
            self.text
        );
        self
    }
}

fn with_headers<B>(
    request: RequestBuilder<B>,
    headers: Vec<(&'static str, String)>,
) -> RequestBuilder<B> {
    headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// A browser that keeps cookies and follows no redirects.
#[derive(Clone)]
pub struct TestBrowser {
    pub address: SocketAddr,
    pub cookies: Vec<(String, String)>,
    /// The headers of every request.
    pub headers: Vec<(&'static str, String)>,
    agent: ureq::Agent,
}

impl TestBrowser {
    fn new(address: SocketAddr) -> Self {
        let config =
            ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build();
        Self { address, cookies: Vec::new(), headers: Vec::new(), agent: config.new_agent() }
    }

    /// Returns the headers of every request, cookies first.
    fn all_headers(&self) -> Vec<(&'static str, String)> {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        [&[("cookie", cookies.join("; "))], &*self.headers].concat()
    }

    async fn send(
        &mut self,
        build: impl FnOnce(&ureq::Agent, String) -> Result<Response<ureq::Body>, ureq::Error>
        + Send
        + 'static,
        path: &str,
    ) -> PageResponse {
        let (agent, url) = (self.agent.clone(), format!("http://{}{path}", self.address));
        let response = tokio::task::spawn_blocking(move || {
            let mut response = build(&agent, url).unwrap();
            let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
            (response, text)
        });
        let (response, text) = response.await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let location =
            response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        PageResponse {
            status: response.status().as_u16(),
            location,
            headers: response.headers().clone(),
            text,
        }
    }

    pub async fn get(&mut self, path: &str) -> PageResponse {
        let headers = self.all_headers();
        self.send(move |agent, url| with_headers(agent.get(url), headers).call(), path).await
    }

    /// Requests only the headers.
    pub async fn head(&mut self, path: &str) -> PageResponse {
        let headers = self.all_headers();
        self.send(move |agent, url| with_headers(agent.head(url), headers).call(), path).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> PageResponse {
        let headers = self.all_headers();
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.send(move |agent, url| with_headers(agent.post(url), headers).send_form(fields), path)
            .await
    }

    /// Posts a body that is not a form of a page.
    pub async fn post_body(&mut self, path: &str, kind: &'static str, body: &str) -> PageResponse {
        let (headers, body) = (self.headers.clone(), body.to_owned());
        let build = move |agent: &ureq::Agent, url: String| {
            with_headers(agent.post(url).header("content-type", kind), headers).send(body)
        };
        self.send(build, path).await
    }

    pub async fn sign_in(&mut self, token: &str) -> PageResponse {
        let secret = self.get("/sign-in").await.hidden("form_secret");
        self.post("/sign-in", &[("form_secret", &secret), ("token", token)]).await
    }

    /// Opens a page, and sends a form of it.
    pub async fn fill(
        &mut self,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> PageResponse {
        let page = self.get(page).await;
        self.fill_on(&page, action, fields).await
    }

    /// Sends a form of a page that is open.
    pub async fn fill_on(
        &mut self,
        page: &PageResponse,
        action: &str,
        fields: &[(&str, &str)],
    ) -> PageResponse {
        let [form_secret, form, shown] =
            ["form_secret", "form", "shown"].map(|name| page.hidden(name));
        let mut all =
            vec![("form_secret", form_secret.as_str()), ("form", &form), ("shown", &shown)];
        all.extend(fields);
        self.post(action, &all).await
    }

    /// Opens a call's page.
    pub async fn get_call(&mut self, id: ApprovalId) -> PageResponse {
        self.get(&format!("/approvals/{id}")).await
    }

    /// Opens a call's page, and sends a form of it.
    pub async fn decide(
        &mut self,
        id: ApprovalId,
        what: &str,
        fields: &[(&str, &str)],
    ) -> PageResponse {
        self.fill(&format!("/approvals/{id}"), &format!("/approvals/{id}/{what}"), fields).await
    }
}
