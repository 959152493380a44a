//! A support desk whose agent has real tools behind a gate.
//!
//! `cargo run --example refund_desk` plays a scripted conversation: an auto-approval, a denial, an
//! approval, an edit and a rejection, asked in this terminal. Where standard input is no terminal,
//! it plays the reviewer's part too.
//!
//! Three features add to it. `--features openai`: a real model takes the agent's part, where
//! `OPENAI_API_KEY` is set (and optionally `OPENAI_BASE_URL`, `OPENAI_MODEL`), and you the
//! customer's and the manager's. `--features sqlite`, with `-- --db FILE`: everything is kept in a
//! database, for `gate --db FILE` to look at. `--features inbox`, with `-- --inbox`: the manager
//! decides in the browser, in an inbox inside of this process.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(unreachable_pub, reason = "the modules of an example are its own")]

mod desk;
#[cfg(feature = "inbox")]
mod inbox;
#[cfg(not(feature = "inbox"))]
#[path = "without_inbox.rs"]
mod inbox;
mod model;
mod people;
mod script;

use anyhow::Context as _;
use gate_runtime::dialect::openai;
use gate_runtime::prelude::*;
use gate_runtime::{GateBuilder, Terminal, Timestamp};
use serde_json::json;

use desk::{Desk, SupportTools};
use model::Model;
use people::Customer;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::read()?;
    let mut builder = Gate::builder(Desk::open())
        .agent("support")
        .show_conversation(10)
        .directory(StaticDirectory::new().person("dana", ["manager"]));
    let inbox = if options.has_inbox { Some(inbox::ManagerInbox::prepare()?) } else { None };
    if let Some(inbox) = &inbox {
        builder = builder.directory(inbox.people().clone());
    }
    let mut conversation = "conversation-1".to_owned();
    if let Some(file) = options.database {
        // In a database, another conversation is another run.
        conversation = format!("conversation-{}", Timestamp::now());
        builder = keep(builder, file).await?;
    }
    let gate: Gate<SupportTools> = builder.build().await?;
    let dana = gate.reviewer("dana").await?;
    let run = gate.run(conversation).agent("support").on_behalf_of("mia").case("mia's day");

    let mut model = Model::from_environment();
    let mut customer = Customer::new(model.is_scripted());
    let mut reviewer = match &inbox {
        Some(inbox) => ReviewMode::InBrowser(inbox.open(&gate).await?),
        None => ReviewMode::AtTerminal(Box::new(people::reviewer(model.is_scripted()))),
    };
    let mut messages = vec![json!({"role": "system", "content": instructions()})];
    people::introduce(&model);

    while let Some(text) = customer.says()? {
        messages.push(json!({"role": "user", "content": text}));
        loop {
            let response = model.reply(&messages).await?;
            let message =
                response.pointer("/choices/0/message").context("the model sent no message")?;
            messages.push(message.clone());
            people::show_agent(message);
            let calls = openai::tool_calls(&response)?;
            if calls.is_empty() {
                break;
            }
            run.set_history(openai::history(&messages)?);
            let mut events = gate.events();
            let mut turn = run.submit(calls).await?;
            while turn.is_waiting() {
                match &mut reviewer {
                    ReviewMode::AtTerminal(terminal) => {
                        for interruption in turn.interruptions() {
                            terminal
                                .ask(interruption, &dana)
                                .await?
                                .context("nobody decided: the conversation ends here")?;
                        }
                    }
                    ReviewMode::InBrowser(inbox) => {
                        inbox.wait(turn.interruptions(), &mut events).await?;
                    }
                }
                turn = run.proceed().await?;
            }
            people::show_turn(&turn);
            messages.extend(openai::messages(&turn));
        }
    }
    people::show_record(&gate, run.info().run()).await?;
    match reviewer {
        ReviewMode::AtTerminal(_) => Ok(()),
        ReviewMode::InBrowser(inbox) => inbox.stay().await,
    }
}

/// Keeps everything in a database.
#[cfg(feature = "sqlite")]
async fn keep(
    builder: GateBuilder<SupportTools>,
    file: String,
) -> anyhow::Result<GateBuilder<SupportTools>> {
    Ok(builder.store(gate_sqlite::SqliteStore::open(file).await?))
}

#[cfg(not(feature = "sqlite"))]
#[expect(clippy::unused_async, reason = "as the one that opens a database")]
async fn keep(
    _: GateBuilder<SupportTools>,
    _: String,
) -> anyhow::Result<GateBuilder<SupportTools>> {
    anyhow::bail!("`--db` needs the feature `sqlite`: {}", with("sqlite", "--db FILE"))
}

/// Returns the command that runs this example with a feature.
#[cfg(not(all(feature = "inbox", feature = "sqlite")))]
fn with(feature: &str, options: &str) -> String {
    format!("cargo run --features {feature} --example refund_desk -- {options}")
}

/// Where the manager decides.
enum ReviewMode {
    AtTerminal(Box<Terminal>),
    InBrowser(inbox::OpenInbox),
}

/// The options that were typed behind the example's name.
#[derive(Default)]
struct Options {
    database: Option<String>,
    has_inbox: bool,
}

impl Options {
    fn read() -> anyhow::Result<Self> {
        let (mut options, mut arguments) = (Self::default(), std::env::args().skip(1));
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--db" => options.database = Some(arguments.next().context("`--db` needs a FILE")?),
                "--inbox" => options.has_inbox = true,
                other => anyhow::bail!("unknown option `{other}`: use `--db FILE` or `--inbox`"),
            }
        }
        Ok(options)
    }
}

/// The system prompt: the agent's task, and what the gate has to say about its tools.
fn instructions() -> String {
    let task = "You are the support agent of a small shop, talking to the customer mia (customer \
                id c-88). Be brief. Use your tools; never promise what a tool has not done.";
    format!("{task}\n\n{}", SupportTools::instructions())
}
