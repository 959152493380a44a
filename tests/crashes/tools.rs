//! The tools, their effects on the world, and the planned calls.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate_runtime::prelude::*;
use gate_runtime::store::{ApprovalFilter, ApprovalStore};
use gate_sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::steps::{KillSwitch, When};

/// The file of effects, which the gate does not use: a line for each execution.
pub const EFFECTS: &str = "effects";
/// The file of the decisions that people were about to make, written before they made them.
pub const SAID: &str = "said";
/// The file of the acknowledged decisions, written once they were acknowledged.
pub const ACKNOWLEDGED: &str = "acknowledged";

/// The number of draws of one account that ask nobody.
pub const FREE_DRAWS: usize = 2;
/// The number of times that one grant may be used.
pub const USES: u32 = 2;

/// The folder with the files that represent the world.
pub struct World {
    pub folder: PathBuf,
    pub file: SqliteStore,
    pub fuse: Arc<KillSwitch>,
}

impl World {
    /// Appends a line to a file in one write, because the process may die after it, and other
    /// processes write, too.
    pub fn tell(&self, file: &str, line: &str) {
        let mut file =
            OpenOptions::new().create(true).append(true).open(self.folder.join(file)).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Records the effect of a tool, with the stored status of its call at that moment.
    async fn act(&self, tool: &'static str, call: &CallContext, arguments: Value) {
        self.fuse.pass(When::Before, &[tool]);
        let known = self.file.approvals(&ApprovalFilter::all().id(call.approval())).await.unwrap();
        let (status, attempt, key) =
            (known[0].status(), known[0].attempts(), call.idempotency_key());
        self.tell(EFFECTS, &format!("{} {key} {attempt} {status} {arguments}", call.call()));
        self.fuse.pass(When::After, &[tool]);
    }
}

/// A line of the file of effects.
pub struct Effect {
    pub call: String,
    pub key: String,
    pub attempt: u32,
    /// The status of its call at the time of the effect.
    pub status: String,
    pub arguments: String,
}

pub fn lines(folder: &Path, file: &str) -> Vec<String> {
    std::fs::read_to_string(folder.join(file))
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

pub fn effects(folder: &Path) -> Vec<Effect> {
    let read = |line: String| {
        let [call, key, attempt, status, arguments] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let own = str::to_owned;
        Effect {
            call: own(call),
            key: own(key),
            attempt: attempt.parse().unwrap(),
            status: own(status),
            arguments: own(arguments),
        }
    };
    lines(folder, EFFECTS).into_iter().map(read).collect()
}

/// Pay: nobody is asked.
#[gated_tool(policy = "never_ask")]
async fn pay(#[state] world: &World, #[context] call: &CallContext, number: u64) -> u64 {
    world.act("pay", call, json!({"number": number})).await;
    number
}

/// A few of each account need nobody.
#[policy]
fn limited(rules: Rules<Draw>) -> Rules<Draw> {
    let free = rules
        .auto_approve("a few of each account")
        .when(|_| true)
        .at_most(FREE_DRAWS as u64)
        .per(DAY);
    free.by(|call| call.account.to_string()).otherwise(ask(role("manager")))
}

/// Draw from an account.
#[gated_tool(policy = "limited")]
async fn draw(
    #[state] world: &World,
    #[context] call: &CallContext,
    account: u64,
    number: u64,
) -> u64 {
    world.act("draw", call, json!({"account": account, "number": number})).await;
    number
}

/// Wipe: one person is asked.
#[gated_tool(policy = "always_ask", destructive)]
async fn wipe(#[state] world: &World, #[context] call: &CallContext, number: u64) -> u64 {
    world.act("wipe", call, json!({"number": number})).await;
    number
}

/// Two of them agree.
#[policy]
fn by_two(rules: Rules<Launch>) -> Rules<Launch> {
    rules.otherwise(ask(role("manager")).count(2))
}

/// Launch: two people are asked.
#[gated_tool(policy = "by_two")]
async fn launch(#[state] world: &World, #[context] call: &CallContext, number: u64) -> u64 {
    world.act("launch", call, json!({"number": number})).await;
    number
}

/// Send: one is asked, and allows some more to the same group.
#[gated_tool(policy = "always_ask")]
async fn send(
    #[state] world: &World,
    #[context] call: &CallContext,
    group: u64,
    number: u64,
) -> u64 {
    world.act("send", call, json!({"group": group, "number": number})).await;
    number
}

/// Set: again is as good as once.
#[gated_tool(policy = "never_ask", idempotent)]
async fn set(#[state] world: &World, #[context] call: &CallContext, number: u64) -> u64 {
    world.act("set", call, json!({"number": number})).await;
    number
}

/// Book: the other side knows whether it happened.
#[gated_tool(policy = "never_ask", reconcile = "was_booked")]
async fn book(#[state] world: &World, #[context] call: &CallContext, number: u64) -> u64 {
    world.act("book", call, json!({"number": number})).await;
    number
}

async fn was_booked(call: Call<Book>) -> ReconcileOutcome<u64> {
    let fuse = Arc::clone(&call.state().fuse);
    fuse.pass(When::Before, &["reconcile"]);
    tokio::task::yield_now().await;
    let key = call.context().idempotency_key();
    let found = effects(&call.state().folder).into_iter().any(|effect| effect.key == key);
    fuse.pass(When::After, &["reconcile"]);
    if found { ReconcileOutcome::Yes(call.number) } else { ReconcileOutcome::No }
}

registry! { pub Tools for World { Pay, Draw, Wipe, Launch, Send, Set, Book } }

/// The number of new calls in each round.
pub const CALLS: u64 = 12;

/// Returns a call by its number, which is also its id. It is the same in every process.
pub fn planned(number: u64) -> ToolCall {
    let (tool, arguments) = match number % CALLS {
        0 | 1 => ("pay", json!({"number": number})),
        2 | 3 => ("draw", json!({"account": number / (3 * CALLS), "number": number})),
        4 | 5 => ("wipe", json!({"number": number})),
        6 => ("launch", json!({"number": number})),
        7..=9 => ("send", json!({"group": number / (2 * CALLS), "number": number})),
        10 => ("set", json!({"number": number})),
        _ => ("book", json!({"number": number})),
    };
    ToolCall::new(number.to_string(), tool, arguments.to_string())
}
