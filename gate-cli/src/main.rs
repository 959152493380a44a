//! `gate`: the command line for people who decide the calls of agents.
//!
//! It works on the database in which the processes of agents keep their questions, even if no
//! process runs. It runs no tool: the process that asked runs it once the question is decided.
//! `gate --help` lists the commands and the exit codes.

mod args;
mod audit;
mod commands;
mod context;
mod deliveries;
mod error;
mod grants_and_freezes;
mod inbox;
mod key;
mod output;
mod parse;
mod security_log;
mod tokens;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match commands::run(&args::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If stderr is closed, the exit code still reports the failure.
            for (number, line) in failure.to_string().lines().enumerate() {
                let head = if number == 0 { "gate: " } else { "" };
                let _ = writeln!(std::io::stderr(), "{head}{}", output::plain(line));
            }
            failure.code()
        }
    }
}
