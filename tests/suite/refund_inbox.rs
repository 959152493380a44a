//! `refund_desk --inbox`: the agent continues when its manager has decided in the browser.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

/// The output of the example, line by line.
struct ProgramLines(Lines<BufReader<ChildStdout>>);

impl ProgramLines {
    /// Returns the rest of the next line with this text.
    async fn after(&mut self, prefix: &str) -> String {
        let find = async {
            while let Some(line) = self.0.next_line().await.unwrap() {
                if let Some((_, rest)) = line.split_once(prefix) {
                    return rest.to_owned();
                }
            }
            panic!("it never said {prefix:?}");
        };
        timeout(Duration::from_mins(1), find).await.unwrap()
    }
}

/// A browser without a screen, signed in.
#[derive(Clone)]
struct Browser {
    agent: ureq::Agent,
    address: String,
    cookie: String,
}

fn field(page: &str, name: &str) -> String {
    let rest = page
        .split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap().replace("&quot;", "\"").replace("&amp;", "&")
}

impl Browser {
    fn sign_in(address: &str, token: &str) -> Self {
        let config =
            ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build();
        let mut browser =
            Self { agent: config.new_agent(), address: address.to_owned(), cookie: String::new() };
        let (page, cookie) = browser.request("/sign-in", None);
        browser.cookie = cookie;
        let secret = field(&page, "form_secret");
        (_, browser.cookie) =
            browser.request("/sign-in", Some(vec![("form_secret", &secret), ("token", token)]));
        assert!(browser.cookie.starts_with("gate_session="), "{}", browser.cookie);
        browser
    }

    /// Returns a page, and the first cookie of its response.
    fn request(&self, path: &str, form: Option<Vec<(&str, &str)>>) -> (String, String) {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.address)
        };
        let mut response = match form {
            None => self.agent.get(url).header("cookie", &self.cookie).call().unwrap(),
            Some(form) => {
                self.agent.post(url).header("cookie", &self.cookie).send_form(form).unwrap()
            }
        };
        let cookie =
            response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
        let cookie = cookie.unwrap_or_default().split(';').next().unwrap().to_owned();
        (response.body_mut().read_to_string().unwrap(), cookie)
    }

    /// Sends a form of a page with the typed fields.
    fn send(&self, page: &str, to: &str, typed: &[(&str, &str)]) -> String {
        let known = ["form_secret", "form", "shown"].map(|name| (name, field(page, name)));
        let mut form: Vec<(&str, &str)> =
            known.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.extend(typed);
        self.request(to, Some(form)).0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_goes_on_when_its_manager_decided_in_the_browser() {
    let test = std::env::current_exe().unwrap();
    let program: PathBuf = test.ancestors().nth(2).unwrap().join("examples/refund_desk");
    let mut example = Command::new(program);
    for set in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"] {
        example.env_remove(set);
    }
    let mut example = example
        .arg("--inbox")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut program_lines = ProgramLines(BufReader::new(example.stdout.take().unwrap()).lines());
    let address = program_lines.after("The inbox is at ").await;
    let token = program_lines.after("with this token: ").await;
    let browser =
        tokio::task::spawn_blocking(move || Browser::sign_in(&address, &token)).await.unwrap();
    let waits = "waits for the manager: ";

    let (url, at) = (program_lines.after(waits).await, browser.clone());
    tokio::task::spawn_blocking(move || {
        let (page, _) = at.request(&url, None);
        at.send(&page, &format!("{url}/approve"), &[("typed", "issue_refund")]);
    });
    assert!(program_lines.after("succeeded").await.contains("\"refunded_cents\":12000"));

    let (url, at) = (program_lines.after(waits).await, browser.clone());
    tokio::task::spawn_blocking(move || {
        let edit = format!("{url}/edit");
        let (page, _) = at.request(&edit, None);
        let typed = [
            ("argument.order_id", "A-1003"),
            ("argument.customer_id", "c-88"),
            ("argument.amount_cents", "2000"),
        ];
        let page = at.send(&page, &edit, &typed);
        let arguments = field(&page, "arguments");
        at.send(&page, &edit, &[("arguments", &arguments), ("typed", "issue_refund")]);
    });
    assert!(program_lines.after("succeeded").await.contains("\"refunded_cents\":2000"));

    let (url, at) = (program_lines.after(waits).await, browser.clone());
    tokio::task::spawn_blocking(move || {
        let (page, _) = at.request(&url, None);
        at.send(&page, &format!("{url}/reject"), &[("reason", "ask again next week")]);
    });
    assert!(program_lines.after("rejected").await.contains("ask again next week"));

    let address = program_lines.after("History, Rules and Overview: ").await;
    let (history, _) =
        tokio::task::spawn_blocking(move || browser.request("/history", None)).await.unwrap();
    assert!(address.contains("127.0.0.1") && history.contains("ask again next week"));
    example.kill().await.unwrap();
}
