//! `gate inbox`, and the people who use it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use gate_runtime::people::{AgentToken, ReviewerToken};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::http::HttpConnection;

/// The number of people. One person has 24 live pages at most.
pub(crate) const PEOPLE: usize = 10;

/// Everybody is a manager, and there is one agent. Their tokens stand beside the file, for whoever
/// drives their browsers and programs.
pub(crate) fn write_people(folder: &Path) {
    let (mut people, mut tokens) = (String::new(), String::new());
    for number in 0..PEOPLE {
        let token = ReviewerToken::new();
        let hash = token.hash();
        let _ = writeln!(
            people,
            "[[person]]\nid = \"person-{number}\"\nroles = [\"manager\"]\ntoken = \"{hash}\""
        );
        let _ = writeln!(tokens, "{}", token.reveal());
    }
    let agent = AgentToken::new();
    let _ = writeln!(people, "[[agent]]\nid = \"billing-bot\"\ntoken = \"{}\"", agent.hash());
    std::fs::write(folder.join("agent-token"), agent.reveal()).unwrap();
    std::fs::write(folder.join("people.toml"), people).unwrap();
    std::fs::write(folder.join("tokens"), tokens).unwrap();
}

/// The process, seen from this one.
pub(crate) struct InboxServer {
    child: Child,
    pub(crate) address: SocketAddr,
    cookies: Vec<String>,
    agent_token: String,
}

impl InboxServer {
    pub(crate) async fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command
            .current_dir(folder)
            .args(["inbox", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for variable in ["GATE_DB", "GATE_PEOPLE", "GATE_URL"] {
            command.env_remove(variable);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.next_line().await.unwrap().unwrap();
        let address = said.rsplit('/').next().unwrap().parse().unwrap();
        let mut cookies = Vec::new();
        for token in std::fs::read_to_string(folder.join("tokens")).unwrap().lines() {
            let page = HttpConnection::new(address, "").get("/sign-in").await;
            let mut browser = HttpConnection::new(address, page.cookie.as_ref().unwrap());
            let body = format!("form_secret={}&token={token}", page.hidden("form_secret"));
            cookies.push(browser.post("/sign-in", &body).await.cookie.unwrap());
        }
        let agent_token = std::fs::read_to_string(folder.join("agent-token")).unwrap();
        Self { child, address, cookies, agent_token }
    }

    /// A browser in which somebody is signed in.
    pub(crate) async fn browser(&self, number: usize) -> HttpConnection {
        let mut browser = HttpConnection::new(self.address, self.cookie(number));
        assert_eq!(browser.get("/").await.status, 200);
        browser
    }

    /// A program that is the agent.
    pub(crate) fn program(&self) -> HttpConnection {
        HttpConnection::program(self.address, &self.agent_token)
    }

    pub(crate) fn cookie(&self, number: usize) -> &str {
        &self.cookies[number % PEOPLE]
    }

    /// Describes the process's memory, as the system says it.
    pub(crate) fn memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap()))
            .unwrap_or_default();
        let of = |line: &str| {
            let found =
                status.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(':'));
            let kilobytes =
                found.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
            kilobytes.map_or_else(
                || "?".to_owned(),
                |kilobytes| format!("{:.0} MB", kilobytes / 1_024.0),
            )
        };
        format!("{:>12} now, {} at its peak", of("VmRSS"), of("VmHWM"))
    }
}
