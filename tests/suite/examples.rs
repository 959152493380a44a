//! Runs the examples, and compares their output with their transcripts.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

/// Returns the program of an example that `cargo test` built.
fn program(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "the example {name} is not built: `cargo build --workspace --all-features --examples`"
    );
    let mut program = Command::new(path);
    for set in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"] {
        program.env_remove(set);
    }
    program.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

fn stdout_of(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it failed: {error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the text without the parts that change from run to run.
fn timeless(text: &str) -> String {
    let line = |line: &str| match line.split_once(" until 2") {
        Some((before, _)) => format!("{before} until …\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Runs an example and compares its output with its transcript.
async fn plays(example: &str) {
    let output = program(example).output().await.unwrap();
    let (path, now) =
        (PathBuf::from(format!("tests/transcripts/{example}.txt")), timeless(&stdout_of(&output)));
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    assert_eq!(
        now,
        std::fs::read_to_string(&path).unwrap(),
        "`UPDATE_TRANSCRIPTS=1` writes it anew"
    );
}

/// Declares a test for each example with a transcript.
macro_rules! each_plays {
    ($($example:ident),* $(,)?) => {
        mod plays {
            $(
                #[tokio::test]
                async fn $example() {
                    super::plays(stringify!($example)).await;
                }
            )*
        }
    };
}

each_plays! { refund_desk, limits, provenance, agents, resume, overlay, exhaustive }

/// Checks that nothing is asked or run twice by an agent that asks, ends, and is started again.
#[tokio::test]
async fn tomorrow_asks_once_and_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.toml");
    std::fs::write(file, "[[person]]\nid = \"dana\"\nroles = [\"release manager\"]\n").unwrap();
    let again =
        async || stdout_of(&program("tomorrow").current_dir(&folder).output().await.unwrap());
    for _ in 0..2 {
        assert!(again().await.starts_with("deploy waiting: "));
    }
    let people = gate_runtime::StaticDirectory::new().person("dana", ["release manager"]);
    let store = gate_sqlite::SqliteStore::open(folder.path().join("gate.db")).await.unwrap();
    let fixture: gate_runtime::Gate<gate_runtime::NoTools> =
        gate_runtime::Gate::builder(()).directory(people).store(store).build().await.unwrap();
    let pending = fixture.pending().await.unwrap();
    assert_eq!(pending.len(), 1);
    pending[0].approve(&fixture.reviewer("dana").await.unwrap()).await.unwrap();
    assert_eq!(again().await, "deploying 2.0.1 …\ndeploy succeeded: 2.0.1 is live\n");
    assert_eq!(again().await, "deploy succeeded: 2.0.1 is live\n");
}

/// With `--db`, the calls are in a database afterwards, twice after two runs.
#[tokio::test]
async fn refund_desk_keeps_its_story_in_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.db");
    for round in 1..=2 {
        assert!(
            stdout_of(&program("refund_desk").arg("--db").arg(&file).output().await.unwrap())
                .contains("The record has")
        );
        let store = gate_sqlite::SqliteStore::open(&file).await.unwrap();
        let fixture: gate_runtime::Gate<gate_runtime::NoTools> =
            gate_runtime::Gate::builder(()).store(store).build().await.unwrap();
        let records = fixture.case("mia's day").await.unwrap();
        let ran = records.iter().filter(|record| record.kind() == "finished").count();
        assert_eq!(ran, 4 * round);
    }
}

/// Every example that is there is named here, so none is left untested.
#[test]
fn every_example_is_tested() {
    let names =
        |path: std::fs::DirEntry| path.path().file_stem().unwrap().to_str().unwrap().to_owned();
    let mut there: Vec<String> =
        std::fs::read_dir("examples").unwrap().map(|path| names(path.unwrap())).collect();
    there.retain(|name| name != "Cargo");
    there.sort();
    let tested = [
        "agents",
        "airline_desk",
        "dialects",
        "exhaustive",
        "limits",
        "overlay",
        "provenance",
        // By `gate-cli/tests/suite/programs.rs`.
        "python",
        "refund_desk",
        "resume",
        "tomorrow",
    ];
    assert_eq!(there, tested);
}

/// A server of the protocol with a scripted model: each answer depends on the number of answers
/// before.
#[derive(Clone, Default)]
struct Server {
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let app =
            Router::new().route("/v1/chat/completions", post(complete)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        base
    }
}

async fn complete(
    State(server): State<Server>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let problem = |text: String| {
        let error = json!({
            "error": {
                "message": text,
                "type": "invalid_request_error",
                "param": null,
                "code": null,
            },
        });
        (StatusCode::BAD_REQUEST, Json(error))
    };
    if headers.get("authorization").is_none_or(|key| key != "Bearer sk-test") {
        return Err(problem("no key".to_owned()));
    }
    well_formed(&request).map_err(problem)?;
    let turn = {
        let mut requests = server.requests.lock().unwrap();
        requests.push(request);
        requests.len()
    };
    let call = |id: &str, name: &str, arguments: Value| {
        let function = json!({"name": name, "arguments": arguments.to_string()});
        json!({"id": id, "type": "function", "function": function})
    };
    let refund =
        |cents: u64| json!({"order_id": "A-1001", "customer_id": "c-88", "amount_cents": cents});
    let message = match turn {
        1 => json!({"role": "assistant", "content": null, "tool_calls": [
            call("call_a", "get_order", json!({"order_id": "A-1001"})),
            call("call_b", "issue_refund", refund(2_400)),
        ]}),
        2 => json!({"role": "assistant", "content": null, "tool_calls": [
            call("call_c", "delete_account", json!({"customer_id": "c-88"})),
        ]}),
        _ => json!({"role": "assistant", "content": "That is all I could do."}),
    };
    let reason = if message.get("tool_calls").is_some() { "tool_calls" } else { "stop" };
    Ok(Json(json!({
        "id": format!("chatcmpl-{turn}"), "object": "chat.completion", "created": 1_760_000_000,
        "model": "test-model",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": null}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })))
}

/// Refuses a request as the real server does: calls without answers, answers to no call, tools that
/// are not strict.
fn well_formed(request: &Value) -> Result<(), String> {
    if request["model"] != "test-model" {
        return Err(format!("the model `{}` does not exist", request["model"]));
    }
    for tool in request["tools"].as_array().ok_or("no tools")? {
        let function = &tool["function"];
        let parameters = &function["parameters"];
        let (properties, required) =
            (parameters["properties"].as_object(), parameters["required"].as_array());
        let all_required = properties.map(serde_json::Map::len) == required.map(Vec::len);
        if function["strict"] != true
            || parameters["additionalProperties"] != false
            || !all_required
        {
            return Err(format!("Invalid schema for function '{}'", function["name"]));
        }
    }
    let mut open: Vec<&Value> = Vec::new();
    for message in request["messages"].as_array().ok_or("no messages")? {
        if message["role"] == "tool" {
            let known = open.iter().position(|id| **id == message["tool_call_id"]);
            open.remove(known.ok_or("a tool message that answers no call")?);
            if !message["content"].is_string() {
                return Err("a tool message without content".to_owned());
            }
        } else if !open.is_empty() {
            return Err(format!(
                "An assistant message with 'tool_calls' must be answered: {open:?}"
            ));
        }
        open.extend(message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["id"]));
    }
    if open.is_empty() { Ok(()) } else { Err(format!("calls without an answer: {open:?}")) }
}

#[tokio::test]
async fn refund_desk_talks_to_an_openai_compatible_server() {
    let server = Server::default();
    let base = server.start().await;
    let mut program = program("refund_desk");
    program
        .env("OPENAI_API_KEY", "sk-test")
        .env("OPENAI_BASE_URL", base)
        .env("OPENAI_MODEL", "test-model");
    let mut fixture = program.stdin(Stdio::piped()).spawn().unwrap();
    // The customer's line; the manager's rejection, with its reason; an empty line to end.
    let typed =
        "I was charged twice, and delete my account\nr\nnot while a refund is under way\n\n";
    fixture.stdin.take().unwrap().write_all(typed.as_bytes()).await.unwrap();
    let shown = stdout_of(&fixture.wait_with_output().await.unwrap());

    let expected = [
        "succeeded {\"order_id\":\"A-1001\",\"refunded_cents\":2400}",
        "rejected",
        "That is all I could do.",
    ];
    for part in expected {
        assert!(shown.contains(part), "`{part}` is missing in:\n{shown}");
    }
    let requests = server.requests.lock().unwrap();
    let roles: Vec<Vec<&str>> = requests
        .iter()
        .map(|request| {
            let messages = request["messages"].as_array().unwrap();
            messages.iter().map(|message| message["role"].as_str().unwrap()).collect()
        })
        .collect();
    assert_eq!(
        roles.last().unwrap(),
        &["system", "user", "assistant", "tool", "tool", "assistant", "tool"]
    );
    let last = &requests.last().unwrap()["messages"][6];
    assert_eq!(last["tool_call_id"], "call_c");
    assert!(last["content"].as_str().unwrap().contains("not while a refund is under way"));
    assert_eq!(requests[0]["tools"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn refund_desk_says_what_to_check_when_the_server_does_not_answer() {
    let mut program = program("refund_desk");
    program.env("OPENAI_API_KEY", "sk-test").env("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    let mut fixture = program.stdin(Stdio::piped()).spawn().unwrap();
    fixture.stdin.take().unwrap().write_all(b"hello\n").await.unwrap();
    let output =
        tokio::time::timeout(std::time::Duration::from_mins(1), fixture.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("check OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL"), "{error}");
}

#[tokio::test]
async fn dialects_show_every_dialect() {
    let shown = stdout_of(&program("dialects").output().await.unwrap());
    for dialect in ["openai", "openai_responses", "anthropic", "gemini", "mcp"] {
        assert!(shown.contains(&format!("── {dialect}\n")), "{dialect} is missing in:\n{shown}");
    }
    let all: Value = serde_json::from_str(&stdout_of(
        &program("dialects").arg("--json").output().await.unwrap(),
    ))
    .unwrap();
    assert_eq!(all.as_object().unwrap().len(), 5);
}

/// Returns the folder of the public tau-bench recordings: `$TAU_BENCH`, or beside this checkout.
fn tau_bench() -> Option<PathBuf> {
    let named = std::env::var_os("TAU_BENCH").map(PathBuf::from);
    let places = named
        .into_iter()
        .chain([PathBuf::from("../shared/tau-bench"), PathBuf::from("../tau-bench")]);
    places
        .into_iter()
        .find(|place| place.join("historical_trajectories/gpt-4o-airline.json").exists())
}

#[tokio::test]
async fn airline_desk_denies_no_right_change_that_keeps_the_written_rules() {
    let Some(place) = tau_bench() else {
        eprintln!(
            "skipped: no clone of https://github.com/sierra-research/tau-bench at $TAU_BENCH"
        );
        return;
    };
    let output =
        program("airline_desk").arg("--tau-bench").arg(place).arg("--json").output().await.unwrap();
    let report: Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    let figures = [&report["runs"], &report["calls"], &report["changes"], &report["reads_asked"]];
    assert_eq!(figures, [200, 1_164, 250, 0]);
    assert_eq!(report["right"], json!({"approved": 0, "asked": 76, "denied": 12}));
    assert_eq!(report["wrong"], json!({"approved": 0, "asked": 41, "denied": 121}));
    // In these tasks, the ground truth violates the written policy.
    let mut broken: Vec<(u64, &str)> = report["right_denied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|denied| (denied["task"].as_u64().unwrap(), denied["rule"].as_str().unwrap()))
        .collect();
    broken.sort_unstable();
    broken.dedup();
    let expected = [
        (22, "basic economy flights cannot be changed"),
        (26, "a trip that has begun"),
        (27, "a trip that has begun"),
        (34, "older than a day, not business, not insured, not cancelled by the airline"),
    ];
    assert_eq!(broken, expected);
}

#[tokio::test]
async fn airline_desk_says_where_the_recordings_come_from() {
    for arguments in [vec![], vec!["--tau-bench", "/nowhere"], vec!["--tau-bench"]] {
        let output = program("airline_desk").args(&arguments).output().await.unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            error.contains("https://github.com/sierra-research/tau-bench"),
            "{arguments:?}: {error}"
        );
    }
}
