//! Gates a tool, hands it to each dialect, and goes on with a run elsewhere.
#![deny(warnings)]

use gate::dialect::{anthropic, gemini, mcp, openai};
use gate::prelude::*;
use gate::run::RunState;

/// Small ones go through.
#[policy(crate = ::gate)]
fn refunds(rules: Rules<Refund>) -> Rules<Refund> {
    rules
        .auto_approve("under $50, as the user said")
        .when(|call| call.cents < 5_000 && call.origin(&call.order).is_user())
        .otherwise(ask(role("manager")))
}

/// Refund an order.
#[gated_tool(policy = "refunds", crate = ::gate)]
async fn refund(
    /// Like `A-1`.
    order: String,
    cents: u64,
    #[schemars(length(max = 200))] note: Option<String>,
) -> Result<String, std::fmt::Error> {
    Ok(format!("{cents} for {order}{}", note.unwrap_or_default()))
}

registry! {
    crate = ::gate;
    pub Tools for () { Refund }
}

type Anything = Box<dyn std::error::Error>;

async fn build() -> Result<Gate<Tools>, Anything> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    Ok(Gate::builder(()).directory(people).key([7; 32]).build().await?)
}

#[tokio::main]
async fn main() -> Result<(), Anything> {
    let tools = Tools::descriptors();
    println!("{} {}", openai::strict_tools(tools)?[0], openai::responses::strict_tools(tools)?[0]);
    println!(
        "{} {} {}",
        anthropic::strict_tools(tools)?[0],
        gemini::tools(tools)[0],
        mcp::tools(tools)[0]
    );

    let gate = build().await?;
    let user = || [Message::user("Please refund A-1, $24")];

    let response = concat!(
        r#"{"choices":[{"message":{"role":"assistant","tool_calls":[{"id":"1","type":"function",
        "function":{"name":"refund","#,
        r#""arguments":"{\"order\":\"A-1\",\"cents\":2400,\"note\":null}"}}]}}]}"#
    );
    let turn =
        gate.run("chat").history(user()).submit(openai::tool_calls(&response.parse()?)?).await?;
    assert_eq!(openai::messages(&turn)[0]["content"], "2400 for A-1");

    let response = r#"{"output":[{"type":"function_call","call_id":"1","name":"refund",
        "arguments":"{\"order\":\"A-1\",\"cents\":2400}"}]}"#;
    let turn = gate
        .run("responses")
        .history(user())
        .submit(openai::responses::tool_calls(&response.parse()?)?)
        .await?;
    assert_eq!(openai::responses::input(&turn)[0]["output"], "2400 for A-1");

    let response = concat!(
        r#"{"content":[{"type":"tool_use","id":"1","name":"refund","#,
        r#""input":{"order":"A-1","cents":2400}}]}"#
    );
    let turn = gate
        .run("anthropic")
        .history(user())
        .submit(anthropic::tool_calls(&response.parse()?)?)
        .await?;
    assert_eq!(anthropic::message(&turn)["content"][0]["content"], "2400 for A-1");

    let response = r#"{"responseId":"r","candidates":[{"content":{"parts":[{"functionCall":
        {"name":"refund","args":{"order":"A-1","cents":2400}}}]}}]}"#;
    let turn =
        gate.run("gemini").history(user()).submit(gemini::tool_calls(&response.parse()?)?).await?;
    assert_eq!(
        gemini::content(&turn)["parts"][0]["functionResponse"]["response"]["output"],
        "2400 for A-1"
    );

    let request = concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","#,
        r#""params":{"name":"refund","arguments":{"order":"A-1","cents":2400}}}"#
    );
    let turn = gate.run("mcp").history(user()).submit([mcp::tool_call(&request.parse()?)?]).await?;
    assert_eq!(mcp::result(&turn.answers()[0])["content"][0]["text"], "2400 for A-1");

    // Without the user's word it asks; and it goes on in another gate.
    let run = gate.run("paused");
    let turn =
        run.submit([ToolCall::new("1", "refund", r#"{"order":"A-2","cents":2400}"#)]).await?;
    assert!(turn.is_waiting());
    let saved = run.state().await?.to_json();
    drop((run, gate));

    let gate = build().await?;
    let run = gate.resume(RunState::from_json(&saved)?).await?;
    for asked in run.proceed().await?.interruptions() {
        asked.approve(&gate.reviewer("dana").await?).await?;
    }
    assert_eq!(run.proceed().await?.answers()[0].for_model(), "2400 for A-2");
    assert_eq!(
        refund(&gate.run("typed").history(user()), "A-1".into(), 100, None).await??,
        "100 for A-1"
    );
    println!("everything went as it should");
    Ok(())
}
