//! One registry, every model: tool lists, calls and answers in each provider's own format.
//!
//! `cargo run --example dialects` shows them; with `--json` it prints everything as one JSON
//! object.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(unreachable_pub, reason = "the modules of an example are its own")]

mod responses;

use gate_runtime::dialect::{anthropic, gemini, mcp, openai};
use gate_runtime::prelude::*;
use gate_runtime::tool::Descriptor;
use serde::Serialize;
use serde_json::{Value, json};

/// How fast a parcel goes.
#[derive(Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Speed {
    /// Within a week.
    Normal,
    /// Tomorrow.
    Express,
}

/// What is on its way.
#[derive(Serialize, schemars::JsonSchema)]
struct Parcel {
    tracking_id: String,
    /// In grams.
    weight: u32,
}

/// Send a parcel.
#[gated_tool(policy = "always_ask", title = "Send a parcel", open_world)]
fn send_parcel(
    /// To whom.
    to: String,
    /// In grams.
    #[schemars(range(min = 1, max = 30_000))]
    weight: u32,
    /// Normal, if it is left out.
    speed: Option<Speed>,
) -> Parcel {
    let _ = (to, speed);
    Parcel { tracking_id: "T-1".to_owned(), weight }
}

/// Look a parcel up.
#[gated_tool(policy = "never_ask", read_only, idempotent)]
fn find_parcel(
    /// Like `T-1`.
    tracking_id: String,
) -> Parcel {
    Parcel { tracking_id, weight: 1_200 }
}

registry! {
    /// The tools that the post office's agent may call.
    pub PostOffice for () { SendParcel, FindParcel }
}

/// One dialect's part of a conversation.
struct DialectPart {
    dialect: &'static str,
    /// The tool list; and, where there is a strict mode, that without it.
    tools: Value,
    plain: Value,
    response: Value,
    reply: Value,
    /// The reply of a later turn, when the parcel was decided.
    late: Value,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let parts = [
        part(
            "openai",
            openai::tools,
            openai::strict_tools(PostOffice::descriptors())?.into(),
            responses::openai(),
            openai::tool_calls,
            |turn| openai::messages(turn).into(),
        )
        .await?,
        part(
            "openai_responses",
            openai::responses::tools,
            openai::responses::strict_tools(PostOffice::descriptors())?.into(),
            responses::openai_responses(),
            openai::responses::tool_calls,
            |turn| openai::responses::input(turn).into(),
        )
        .await?,
        part(
            "anthropic",
            anthropic::tools,
            anthropic::strict_tools(PostOffice::descriptors())?.into(),
            responses::anthropic(),
            anthropic::tool_calls,
            anthropic::message,
        )
        .await?,
        part(
            "gemini",
            gemini::tools,
            gemini::tools(PostOffice::descriptors()).into(),
            responses::gemini(),
            gemini::tool_calls,
            gemini::content,
        )
        .await?,
        part(
            "mcp",
            mcp::tools,
            mcp::tools(PostOffice::descriptors()).into(),
            responses::mcp(),
            |requests| requests.as_array().into_iter().flatten().map(mcp::tool_call).collect(),
            |turn| turn.answers().iter().map(mcp::result).collect(),
        )
        .await?,
    ];
    if std::env::args().any(|argument| argument == "--json") {
        let all = parts.map(|part| {
            let DialectPart { dialect, tools, plain, response, reply, late } = part;
            let all = json!({
                "tools": tools,
                "plain": plain,
                "response": response,
                "reply": reply,
                "late": late,
            });
            (dialect.to_owned(), all)
        });
        println!("{}", Value::Object(all.into_iter().collect()));
    } else {
        for DialectPart { dialect, tools, response, reply, .. } in parts {
            println!("── {dialect}");
            println!("tools     {}", short(&tools));
            println!("response  {}", short(&response));
            println!("reply     {reply:#}\n");
        }
    }
    Ok(())
}

/// Submits the calls that the model sent, and returns its response and the answer to it. The parcel
/// that is to be sent waits for a person.
async fn part<E: std::error::Error + Send + Sync + 'static>(
    dialect: &'static str,
    plain: impl Fn(&[Descriptor]) -> Vec<Value>,
    tools: Value,
    response: Value,
    calls: impl Fn(&Value) -> Result<Vec<ToolCall>, E>,
    reply: impl Fn(&Turn) -> Value,
) -> anyhow::Result<DialectPart> {
    let gate: Gate<PostOffice> = Gate::builder(())
        .directory(StaticDirectory::new().person("dana", ["clerk"]))
        .build()
        .await?;
    let run = gate.run(dialect);
    let turn = run.submit(calls(&response)?).await?;
    let first = reply(&turn);

    // The conversation goes on, and then someone decides: the answer comes late.
    let dana = gate.reviewer("dana").await?;
    for interruption in turn.interruptions() {
        interruption.approve(&dana).await?;
    }
    let _ = run.submit([]).await?;
    let late = reply(&run.proceed().await?);
    Ok(DialectPart {
        dialect,
        tools,
        plain: plain(PostOffice::descriptors()).into(),
        response,
        reply: first,
        late,
    })
}

/// The beginning of a JSON text.
fn short(value: &Value) -> String {
    let text = value.to_string();
    text.char_indices()
        .nth(100)
        .map_or(text.clone(), |(end, _)| format!("{}…", text.get(..end).unwrap_or_default()))
}
