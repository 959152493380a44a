//! The inbox in a real browser: `gate inbox` is one process, the agent another, Chromium a third,
//! over one SQLite file.
//!
//! The tests are in `tests/browser/*.test.mjs`, with one test here for each of these files. Without
//! `node`, Chromium, or the packages that `npm ci` puts into `tests/browser/node_modules`, they are
//! skipped with a message. Pictures of every page go to `target/browser/`.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects"
)]
#![allow(unreachable_pub, reason = "a test is a crate of its own")]

mod agent;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The variable with the folder of the agent's database and people file. If it is set, this program
/// is the agent.
const FOLDER: &str = "GATE_BROWSER_FOLDER";

/// The process of the agent. Run directly, this does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    agent::work(Path::new(&folder)).await;
}

/// Declares a test for each file, and the list of files.
macro_rules! suites {
    ($($name:ident $file:literal)*) => {
        $(#[test] fn $name() { run($file); })*
        const SUITES: &[&str] = &[$($file),*];
    };
}

suites! {
    people_sign_in_and_out "sessions"
    people_decide "decisions"
    people_let_later_calls_through "grants"
    people_answer_questions "questions"
    lists_are_filtered "filters"
    pages_follow_what_happens "live"
    pages_work_by_keyboard "keyboard"
    pages_work_without_scripts "no_script"
    foreign_words_are_only_text "hostile"
    other_sites_decide_nothing "forgery"
    nothing_decides_by_accident "accidents"
    pages_are_fit_to_be_seen "looks"
}

#[test]
fn every_file_is_run() {
    let names = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> =
        names.filter_map(|name| name.strip_suffix(".test.mjs").map(str::to_owned)).collect();
    assert_eq!(found, SUITES.iter().map(|name| (*name).to_owned()).collect());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser").canonicalize().unwrap()
}

fn run(suite: &str) {
    let browser = match browser() {
        Ok(browser) => browser,
        Err(reason) => {
            // Not `eprintln`, whose output `cargo test` hides if a test passes.
            let line = format!("skipped: browser: {suite}: {reason}\n");
            return std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    };
    let place = tempfile::tempdir().unwrap();
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/browser");
    let mut node = Command::new("node");
    node.current_dir(folder())
        .args(["--test", "--test-reporter=spec"])
        .arg(format!("{suite}.test.mjs"));
    node.env("GATE_BROWSER", browser)
        .env("GATE_BROWSER_TEMP", place.path())
        .env("GATE_BROWSER_PICTURES", pictures);
    node.env("GATE_BROWSER_GATE", env!("CARGO_BIN_EXE_gate"));
    node.env("GATE_BROWSER_AGENT", std::env::current_exe().unwrap());
    for variable in ["GATE_DB", "GATE_PEOPLE", "GATE_TOKEN", "GATE_SIGNING_KEY", "GATE_URL"] {
        node.env_remove(variable);
    }
    let output = node.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !stdout.contains("tests 0"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns the path of Chromium, or the reason why the tests cannot drive it.
fn browser() -> Result<String, String> {
    let version = says(Command::new("node").arg("--version")).ok_or("there is no `node`")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let major = version
        .trim()
        .strip_prefix('v')
        .and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if major.is_none_or(|major| major < 18) {
        return Err(format!("it needs Node 18, and this is {}", version.trim()));
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found = names.into_iter().find(|name| says(Command::new(name).arg("--version")).is_some());
    let found = found.ok_or_else(|| format!("there is none of {}", names.join(", ")))?;
    let path = says(Command::new("sh").args(["-c", "command -v \"$0\"", found]))
        .ok_or("there is no `sh`")?;
    let lacks = |name: &&str| !folder().join("node_modules").join(name).exists();
    if let Some(name) = ["playwright-core", "axe-core"].into_iter().find(lacks) {
        return Err(format!("there is no package {name}: `npm ci` in {}", folder().display()));
    }
    Ok(String::from_utf8_lossy(&path.stdout).trim().to_owned())
}

fn says(command: &mut Command) -> Option<Output> {
    command.output().ok().filter(|output| output.status.success())
}
