//! The agent: it proposes calls on order, waits, runs approved calls, and reports the calls that
//! ran.
//!
//! A line of JSON on its standard input is one order. A line of JSON on its standard output is the
//! answer, with the number of the order. Orders do not wait for each other. The agent ends with its
//! input.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate_runtime::FileDirectory;
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_sqlite::SqliteStore;
use serde_json::{Map, Value, json};

/// The calls that ran, in order.
#[derive(Clone, Debug, Default)]
pub struct ToolLog(Arc<Mutex<Vec<String>>>);

impl ToolLog {
    fn note(&self, what: String) -> String {
        self.0.lock().unwrap().push(what.clone());
        what
    }
}

/// Payments: huge ones are for nobody, large ones for two managers.
#[policy]
pub fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    rules
        .deny("above the limit")
        .when(|call| call.amount > 8_000)
        .ask("large", ask(role("manager")).count(2))
        .when(|call| call.amount > 1_000)
        .otherwise(ask(role("manager")).within(hours(2)))
}

/// Pay someone.
#[gated_tool(policy = "payments")]
pub fn pay(
    #[state] world: &ToolLog,
    /// Who gets it.
    to: String,
    /// In cents.
    #[schemars(range(min = 1, max = 9_000))]
    amount: u64,
    note: Option<String>,
    urgent: Option<bool>,
    labels: Option<Map<String, Value>>,
) -> String {
    let (_, _) = (urgent, labels);
    world.note(format!(
        "paid {amount} to {to}{}",
        note.map(|note| format!(", {note}")).unwrap_or_default()
    ))
}

/// Wipe a disk.
#[gated_tool(policy = "always_ask", destructive)]
pub fn wipe(#[state] world: &ToolLog, disk: String) -> String {
    world.note(format!("wiped {disk}"))
}

/// Longer than a page takes to load, and short enough to wait for.
#[policy]
pub fn soon<T: Tool>(rules: Rules<T>) -> Rules<T> {
    rules.otherwise(ask(role("manager")).within(Duration::from_secs(8)))
}

/// Hold a place for somebody.
#[gated_tool(policy = "soon")]
pub fn reserve(#[state] world: &ToolLog, place: String) -> String {
    world.note(format!("reserved {place}"))
}

/// Whoever lets it run says why.
#[policy]
pub fn with_reasons<T: Tool>(rules: Rules<T>) -> Rules<T> {
    rules.otherwise(ask(role("manager")).comment_required())
}

/// Let somebody in.
#[gated_tool(policy = "with_reasons", secret(password))]
pub fn log_in(#[state] world: &ToolLog, user: String, password: String) -> String {
    world.note(format!("logged {user} in, by {} characters", password.chars().count()))
}

/// Say something.
#[gated_tool(policy = "never_ask")]
pub fn echo(text: String) -> String {
    text
}

registry! {
    /// The tools that the agent may call.
    pub Tools for ToolLog { Pay, Wipe, Reserve, LogIn, Echo }
}

struct TestAgent {
    gate: Gate<Tools>,
    world: ToolLog,
    runs: Mutex<HashMap<String, Arc<Run<Tools>>>>,
}

/// Follows orders, over `gate.db` and `people.toml` in a folder. `agents.json` contains the names
/// of the agents.
pub async fn work(folder: &Path) {
    let store = SqliteStore::open(folder.join("gate.db")).await.unwrap();
    let people = FileDirectory::open(folder.join("people.toml")).unwrap();
    let world = ToolLog::default();
    let names: Vec<String> =
        serde_json::from_slice(&std::fs::read(folder.join("agents.json")).unwrap()).unwrap();
    let gate = Gate::builder(world.clone())
        .store(store)
        .key([7; 32])
        .directory(people)
        .max_argument_bytes(4 << 20);
    let gate = names.into_iter().fold(gate, |gate, name| gate.agent(name.as_str()));
    let agent =
        Arc::new(TestAgent { gate: gate.build().await.unwrap(), world, runs: Mutex::default() });
    say(&json!({"ready": true}));
    // This thread has no other work, so it may block.
    for line in std::io::stdin().lines() {
        let order: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let agent = Arc::clone(&agent);
        tokio::spawn(async move {
            let number = order["number"].clone();
            let followed = tokio::spawn(async move { agent.follow(&order).await });
            let mut answer =
                followed.await.unwrap_or_else(|panic| json!({"failed": panic.to_string()}));
            answer["number"] = number;
            say(&answer);
        });
    }
}

/// The output of the test harness is on separate lines.
fn say(answer: &Value) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{answer}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

impl TestAgent {
    fn run(&self, order: &Value) -> Arc<Run<Tools>> {
        let text = |name: &str| order[name].as_str().map(str::to_owned);
        let id = text("run").unwrap();
        let mut runs = self.runs.lock().unwrap();
        let begin = || {
            let run = self.gate.run(id.as_str());
            let run = text("agent").into_iter().fold(run, Run::agent);
            let run = text("principal").into_iter().fold(run, Run::on_behalf_of);
            let run = text("case").into_iter().fold(run, Run::case);
            Arc::new(text("reasoning").into_iter().fold(run, Run::reasoning))
        };
        Arc::clone(runs.entry(id.clone()).or_insert_with(begin))
    }

    async fn follow(&self, order: &Value) -> Value {
        match order["do"].as_str().unwrap() {
            "ask" => {
                let calls = order["calls"].as_array().unwrap().iter().map(|call| {
                    let text = |name: &str| call[name].as_str().unwrap();
                    ToolCall::new(text("id"), text("tool"), text("arguments"))
                });
                turn_json(&self.run(order).submit(calls.collect::<Vec<_>>()).await.unwrap())
            }
            "wait" => turn_json(&self.run(order).wait().await.unwrap()),
            "proceed" => turn_json(&self.run(order).proceed().await.unwrap()),
            "log" => {
                let action = order["action"].as_str().unwrap();
                self.run(order).log_action(action, &order["details"], None).await.unwrap();
                json!({})
            }
            "look" => {
                let id: ApprovalId = order["approval"].as_str().unwrap().parse().unwrap();
                let approval = self.gate.approval(id).await.unwrap().unwrap();
                let votes = approval
                    .votes()
                    .iter()
                    .map(|vote| json!({"by": vote.reviewer(), "said": vote.decision()}));
                let votes: Vec<Value> = votes.collect();
                json!({
                    "status": approval.status(),
                    "votes": votes,
                    "arguments": approval.arguments().to_json(),
                })
            }
            "ran" => json!({"ran": *self.world.0.lock().unwrap()}),
            other => panic!("no order: {other}"),
        }
    }
}

fn turn_json(turn: &Turn) -> Value {
    let answers = turn.answers().iter().map(|answer| {
        json!({
            "tool": answer.tool().as_str(),
            "kind": answer.kind(),
            "text": answer.for_model(),
        })
    });
    let answers: Vec<Value> = answers.collect();
    let asked: Vec<String> =
        turn.interruptions().iter().map(|asked| asked.id().to_string()).collect();
    json!({"asked": asked, "answers": answers})
}
