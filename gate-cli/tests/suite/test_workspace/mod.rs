//! A folder with a database, the people, and an agent's tools, for tests of the command.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(unreachable_pub, reason = "a module of a test")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use gate_runtime::GateBuilder;
use gate_runtime::audit::VerifierKey;
use gate_runtime::id::ApprovalId;
use gate_runtime::people::ReviewerToken;
use gate_runtime::prelude::*;
use gate_sqlite::SqliteStore;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Payments: large ones are for two managers.
#[policy]
pub fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    rules
        .ask("large", ask(role("manager")).count(2))
        .when(|call| call.amount > 1_000)
        .auto_approve("tiny")
        .when(|call| call.amount < 10)
        .otherwise(ask(role("manager")).within(hours(2)))
}

/// Pay someone.
#[gated_tool(policy = "payments")]
pub fn pay(
    to: String,
    #[schemars(range(max = 9_000))] amount: u64,
    note: Option<String>,
) -> String {
    format!("paid {amount} to {to}{}", note.unwrap_or_default())
}

/// Wipe a disk.
#[gated_tool(policy = "always_ask", destructive)]
pub fn wipe(disk: String) -> String {
    format!("wiped {disk}")
}

/// Hangs.
#[gated_tool(policy = "never_ask")]
pub async fn hang(what: String) {
    let _ = what;
    std::future::pending::<()>().await;
}

/// Sign in somewhere.
#[gated_tool(policy = "always_ask", secret(password))]
pub fn sign_in(user: String, password: String) -> String {
    format!("{user} {}", password.len())
}

registry! { pub Tools for () { Pay, Wipe, Hang, SignIn } }

/// The variables that the command reads. They are removed from its environment, because the user
/// who runs the tests may have set them.
pub const VARIABLES: [&str; 12] = [
    "GATE_DB",
    "GATE_KEY",
    "GATE_KEY_FILE",
    "GATE_NOTIFY",
    "GATE_PEOPLE",
    "GATE_SECURITY_LOG",
    "GATE_SIGNING_KEY",
    "GATE_TOKEN",
    "GATE_TRAIL",
    "GATE_TRAIL_KEY",
    "GATE_TRAIL_SECRET",
    "GATE_URL",
];

/// A folder with a database and a people file, and the tokens of the people.
pub struct TestWorkspace {
    pub folder: TempDir,
    pub dana: String,
    pub omar: String,
    pub ines: String,
}

/// The key of the agent's gate.
pub const GATE_KEY: [u8; 32] = [7; 32];

impl TestWorkspace {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokens =
            [("dana", "manager"), ("omar", "manager"), ("ines", "intern")].map(|(who, role)| {
                let token = ReviewerToken::new();
                let person = format!(
                    "[[person]]\nid = \"{who}\"\nroles = [\"{role}\"]\ntoken = \"{}\"\n",
                    token.hash()
                );
                let file = folder.path().join("people.toml");
                let before = std::fs::read_to_string(&file).unwrap_or_default();
                std::fs::write(file, before + &person).unwrap();
                token.reveal().to_owned()
            });
        let [dana, omar, ines] = tokens;
        Self { folder, dana, omar, ines }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the gate builder of the agent's process.
    pub async fn builder(&self) -> GateBuilder<Tools> {
        self.builder_over("gate.db").await
    }

    /// Returns the same builder over another database.
    pub async fn builder_over(&self, file: &str) -> GateBuilder<Tools> {
        let people = StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]);
        let store = SqliteStore::open(self.path().join(file)).await.unwrap();
        Gate::builder(()).directory(people).store(store).key(GATE_KEY)
    }

    /// Builds the gate of the agent's process.
    pub async fn gate(&self) -> Gate<Tools> {
        self.builder().await.build().await.unwrap()
    }

    pub async fn gate_with(&self, people: impl gate_runtime::people::Directory) -> Gate<Tools> {
        self.builder().await.directory(people).build().await.unwrap()
    }

    /// Builds the gate of the agent's process, with the people file, in which dana has a key.
    pub async fn gate_where_dana_signs_by(&self, key: &VerifierKey) -> Gate<Tools> {
        let file = self.path().join("people.toml");
        let people = std::fs::read_to_string(&file).unwrap();
        let dana = "id = \"dana\"\n";
        std::fs::write(&file, people.replacen(dana, &format!("{dana}key = \"{key}\"\n"), 1))
            .unwrap();
        self.gate_with(gate_runtime::FileDirectory::open(&file).unwrap()).await
    }

    pub async fn run(&self) -> Run<Tools> {
        self.gate().await.run("run-1").on_behalf_of("mia").case("ticket-7")
    }

    /// Returns the command `gate …`, with its arguments separated by `|`.
    pub fn command(&self, message: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command.current_dir(self.path()).args(message.split('|')).stdin(Stdio::null());
        for removed in VARIABLES {
            command.env_remove(removed);
        }
        command
    }

    /// Runs the command as a person.
    pub fn gate_as(&self, token: Option<&str>, message: &str) -> Output {
        let mut command = self.command(message);
        if let Some(token) = token {
            command.env("GATE_TOKEN", token);
        }
        command.output().unwrap()
    }

    pub fn dana(&self, message: &str) -> Output {
        self.gate_as(Some(&self.dana), message)
    }

    pub fn json(&self, message: &str) -> Value {
        let output = self.dana(&format!("--json|{message}"));
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// `gate inbox` as a separate process, which ends with the test.
pub struct InboxProcess {
    child: Child,
    pub url: String,
}

impl InboxProcess {
    pub fn start(workspace: &TestWorkspace) -> Self {
        let mut command =
            workspace.command("inbox|--listen|127.0.0.1:0|--security-log|security.jsonl");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let rest = line.trim().strip_prefix("The inbox is at ").unwrap();
        Self { child, url: rest.split(',').next().unwrap().to_owned() }
    }
}

impl Drop for InboxProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn stdout_of(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr_of(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn call(id: &str, tool: &str, arguments: &Value) -> ToolCall {
    ToolCall::new(id, tool, arguments.to_string())
}

pub fn pays(id: &str, amount: u64) -> ToolCall {
    call(id, "pay", &json!({"to": "alice", "amount": amount}))
}

/// Returns the id of the only question of a turn, and the end of the id.
pub fn asked(turn: &Turn) -> (ApprovalId, String) {
    assert_eq!(turn.interruptions().len(), 1, "{turn:?}");
    let id = turn.interruptions()[0].id();
    (id, id.to_string().split_off(28))
}
