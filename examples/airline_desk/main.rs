//! An airline's agent, recorded, behind a gate: the airline's written rules as policies, tried on what GPT-4o really did.
//!
//! `cargo run --release --example airline_desk -- --tau-bench DIR` replays 200 conversations from a clone of
//! <https://github.com/sierra-research/tau-bench> and prints how the rules took each change. `--json` prints the figures as JSON;
//! `--db FILE` keeps every decision in a database, for `gate` to look at.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(clippy::struct_field_names, reason = "the data name them so")]
#![expect(unreachable_pub, reason = "the modules of an example are its own")]

mod airline;
mod data;
mod facts;
mod policies;
mod recording;
mod replay;
mod report;
mod tools;

use std::env;
use std::path::PathBuf;

use anyhow::Context as _;
use gate_runtime::MemoryStore;
use gate_sqlite::SqliteStore;

use data::Data;
use recording::Recording;
use report::Report;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (mut tau_bench, mut json, mut store) = (None, false, None);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--tau-bench" => tau_bench = arguments.next().map(PathBuf::from),
            "--json" => json = true,
            "--db" => store = Some(SqliteStore::open(arguments.next().context("`--db` needs a file")?).await?),
            other => anyhow::bail!("unknown argument `{other}`: there are `--tau-bench DIR`, `--json` and `--db FILE`"),
        }
    }
    let tau_bench = tau_bench.context(
        "where are the recordings? `git clone https://github.com/sierra-research/tau-bench`, then `--tau-bench tau-bench`",
    )?;
    let data = Data::read(&tau_bench)?;
    let mut report = Report::default();
    for recording in Recording::read(&tau_bench)? {
        let run = match &store {
            Some(store) => replay::replay(&data, &recording, store.clone()).await,
            None => replay::replay(&data, &recording, MemoryStore::new()).await,
        };
        report.add(run.with_context(|| format!("in task {}, trial {}", recording.task, recording.trial))?);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}
