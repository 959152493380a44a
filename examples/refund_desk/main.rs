//! A support desk whose agent has real tools behind a gate.
//!
//! `cargo run --example refund_desk` plays a scripted conversation: an auto-approval, a denial, an approval, an edit and a rejection,
//! asked in this terminal. Where standard input is no terminal, it plays the reviewer's part too.
//!
//! With `OPENAI_API_KEY` set (and optionally `OPENAI_BASE_URL`, `OPENAI_MODEL`) a real model takes the agent's part, and you the
//! customer's and the manager's.
//!
//! `-- --db FILE` keeps everything in a database, for `gate --db FILE` to look at.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(unreachable_pub, reason = "the modules of an example are its own")]

mod desk;
mod model;
mod people;
mod script;

use anyhow::Context as _;
use gate_runtime::Timestamp;
use gate_runtime::dialect::openai;
use gate_runtime::prelude::*;
use gate_sqlite::SqliteStore;
use serde_json::{Value, json};

use desk::{Desk, SupportTools};
use model::Model;
use people::Customer;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut builder =
        Gate::builder(Desk::open()).agent("support").directory(StaticDirectory::new().person("dana", ["manager"]));
    let mut conversation = "conversation-1".to_owned();
    if let Some(file) = database()? {
        // In a database, another conversation is another run.
        conversation = format!("conversation-{}", Timestamp::now());
        builder = builder.store(SqliteStore::open(file).await?);
    }
    let gate: Gate<SupportTools> = builder.build().await?;
    let dana = gate.reviewer("dana").await?;
    let run = gate.run(conversation).agent("support").on_behalf_of("mia").case("mia's day");

    let mut model = Model::from_environment();
    let mut customer = Customer::new(model.is_scripted());
    let mut reviewer = people::reviewer(model.is_scripted());
    let mut messages = vec![json!({"role": "system", "content": instructions()})];
    people::introduce(&model);

    while let Some(text) = customer.says()? {
        messages.push(json!({"role": "user", "content": text}));
        loop {
            let response = model.reply(&messages).await?;
            let message = response.pointer("/choices/0/message").context("the model sent no message")?;
            messages.push(message.clone());
            people::show_agent(message);
            let calls = openai::tool_calls(&response)?;
            if calls.is_empty() {
                break;
            }
            run.set_history(openai::history(&messages)?);
            let mut turn = run.submit(calls).await?;
            while turn.is_waiting() {
                for asked in turn.interruptions() {
                    reviewer.ask(asked, &dana).await?.context("nobody decided: the conversation ends here")?;
                }
                turn = run.proceed().await?;
            }
            people::show_turn(&turn);
            messages.extend(openai::messages(&turn));
        }
    }
    people::show_record(&gate, run.info().run()).await
}

/// The database that was named, if any.
fn database() -> anyhow::Result<Option<String>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(None),
        (Some("--db"), Some(file)) => Ok(Some(file)),
        (Some(other), _) => anyhow::bail!("`{other}`? There is `--db FILE`, or nothing"),
    }
}

/// The system prompt: the agent's task, and what the gate has to say about its tools.
fn instructions() -> String {
    let task = "You are the support agent of a small shop, talking to the customer mia (customer id c-88). \
                Be brief. Use your tools; never promise what a tool has not done.";
    format!("{task}\n\n{}", SupportTools::instructions())
}

/// The tools as a request to the model lists them.
fn tools() -> anyhow::Result<Vec<Value>> {
    Ok(openai::strict_tools(SupportTools::descriptors())?)
}
