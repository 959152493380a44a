//! An airline's agent, recorded, behind a gate: the airline's written rules as policies, tried on
//! what GPT-4o really did.
//!
//! `cargo run --release --features airline --example airline_desk -- --tau-bench DIR` replays 200
//! conversations from a clone of <https://github.com/sierra-research/tau-bench> and prints how the
//! rules took each change. `--json` prints the figures as JSON; `--db FILE` keeps every decision in
//! a database, for `gate` to look at, and seals every record in a trail beside it, for `gate
//! audit`.

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
use gate_runtime::{MemoryStore, Trail};
use gate_sqlite::SqliteStore;

use data::Data;
use recording::Recording;
use report::Report;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (mut tau_bench, mut json, mut kept) = (None, false, None);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--tau-bench" => tau_bench = arguments.next().map(PathBuf::from),
            "--json" => json = true,
            "--db" => {
                kept = Some(
                    ReplayStore::open(&arguments.next().context("`--db` needs a file")?).await?,
                );
            }
            other => anyhow::bail!(
                "unknown argument `{other}`: there are `--tau-bench DIR`, `--json` and `--db FILE`"
            ),
        }
    }
    let tau_bench = tau_bench.context(
        "no recordings given: run `git clone https://github.com/sierra-research/tau-bench`, then \
         use `--tau-bench tau-bench`",
    )?;
    let data = Data::read(&tau_bench)?;
    let mut report = Report::default();
    for recording in Recording::read(&tau_bench)? {
        let run = match &kept {
            Some(kept) => {
                replay::replay(&data, &recording, kept.store.clone(), Some(kept.trail()?)).await
            }
            None => replay::replay(&data, &recording, MemoryStore::new(), None).await,
        };
        report.add(
            run.with_context(|| format!("in task {}, trial {}", recording.task, recording.trial))?,
        );
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
        if let Some(ReplayStore { folder, key, .. }) = &kept {
            let (folder, key) = (folder.display(), Trail::read_key(key)?);
            println!(
                "\nEvery record is sealed: gate audit verify --trail {folder} --key {}",
                key.verifier()
            );
        }
    }
    Ok(())
}

/// The files that outlive the program: `FILE`, `FILE.trail/` and `FILE.key`.
struct ReplayStore {
    store: SqliteStore,
    folder: PathBuf,
    key: PathBuf,
}

impl ReplayStore {
    async fn open(file: &str) -> anyhow::Result<Self> {
        let (folder, key) = (format!("{file}.trail").into(), PathBuf::from(format!("{file}.key")));
        if !key.exists() {
            Trail::create_key(&key, "airline.example/desk")?;
        }
        Ok(Self { store: SqliteStore::open(file).await?, folder, key })
    }

    fn trail(&self) -> anyhow::Result<Trail> {
        Ok(Trail::in_folder(&self.folder, Trail::read_key(&self.key)?))
    }
}
