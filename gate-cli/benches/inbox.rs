//! The inbox under load: `cargo bench -p gate-cli --bench inbox`. The inbox is `gate inbox`; this
//! process is the agents, their gate, and every browser.
//!
//! `GATE_BENCH_PENDING=1000` lets fewer approvals wait than ten thousand; `GATE_BENCH_FOLDER` says
//! where the database lies.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark prints what it measures"
)]

#[path = "inbox/agents.rs"]
mod agents;
#[path = "../../benches/folder/mod.rs"]
mod folder;
#[path = "inbox/http.rs"]
mod http;
#[path = "inbox/pages.rs"]
mod pages;
#[path = "inbox/programs.rs"]
mod programs;
#[path = "../../benches/refunds/mod.rs"]
mod refunds;
#[path = "inbox/reviewers.rs"]
mod reviewers;
#[path = "inbox/server.rs"]
mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use gate_runtime::id::ApprovalId;
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::agents::LoadAgents;
use crate::pages::OpenPages;
use crate::programs::{ProgramTimes, WaitingPrograms};
use crate::server::InboxServer;

const PENDING: usize = 10_000;
const WAITING: usize = 1_000;
const PAGES: usize = 200;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(2);
const LOOKS: usize = 100;
const PROBES: usize = 40;
const DECISIONS: usize = 3_000;
const PER_SECOND: u32 = 100;

fn main() {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::args().any(|word| word == "--test" || word == "--list") {
        return;
    }
    let folder = folder::create();
    runtime.block_on(measure(folder.path()));
}

async fn measure(folder: &Path) {
    let pending =
        std::env::var("GATE_BENCH_PENDING").ok().map_or(PENDING, |count| count.parse().unwrap());
    let waiting = WAITING.min(pending / 4);
    println!(
        "{} cores for everything; the inbox is one process, agents and browsers are another\n",
        cores()
    );
    server::write_people(folder);
    let agents = LoadAgents::open(folder).await;
    let server = InboxServer::start(folder).await;

    println!(
        "Auto-approved calls of 8 callers, in turn: {ROUNDS} rounds of {} s each.",
        ROUND.as_secs()
    );
    println!(
        "Live pages load the list again at every message; dead ones opened it, or the stream, and \
         never read.\n"
    );
    println!("{:<30}{:>14}{:>22}{:>22}", "", "no page", "200 live pages", "200 dead pages");
    beside_pages(&agents, &server, "nothing waits").await;

    let began = Instant::now();
    let ids = agents.ask(pending - 2 * waiting).await;
    let mut waiters = agents.wait(waiting).await;
    let (mut programs, mut asked) = WaitingPrograms::wait(&server, waiting).await;
    println!(
        "\n{pending} approvals wait, for {waiting} of which an agent does in its process, and for \
         {waiting} one over HTTP; asked in {}\n",
        duration_text(began.elapsed())
    );
    beside_pages(&agents, &server, "these wait").await;
    println!("\n{:<52}{:>12}{:>12}{:>12}", "", "p50", "p95", "p99");
    let (mut list, mut last, mut call) = (Vec::new(), Vec::new(), Vec::new());
    let mut browser = server.browser(0).await;
    for id in ids.iter().take(LOOKS) {
        list.push(browser.look("/").await);
        last.push(browser.look(&format!("/?page={}", pending / 50)).await);
        call.push(browser.look(&format!("/approvals/{id}")).await);
    }
    line("a program: its question over HTTP, one after another", &mut asked);
    line("one browser: the list, its first page", &mut list);
    line("one browser: the list, its last page", &mut last);
    line("one browser: a call", &mut call);
    println!("{:<52}{}", "memory of the inbox", server.memory());

    let pages = OpenPages::live(&server, PAGES).await;
    for _ in 0..PROBES {
        agents.probe(&pages).await;
        sleep(Duration::from_millis(500)).await;
    }
    line("200 pages: until one is told of a new question", &mut pages.delays());
    line("200 pages: the list, loaded again", &mut pages.loaded());
    println!("{:<52}{}", "memory of the inbox", server.memory());

    pages.forget();
    let waited_for: Vec<ApprovalId> =
        waiters.ids().iter().zip(programs.ids()).flat_map(|(a, b)| [*a, *b]).collect();
    let others = &ids[..(DECISIONS - waited_for.len()).min(ids.len())];
    let count = waited_for.len() + others.len();
    let began = Instant::now();
    let deciders = reviewers::decide(&server, &waited_for, others, PER_SECOND);
    let probing = async {
        loop {
            agents.probe(&pages).await;
            sleep(Duration::from_millis(500)).await;
        }
    };
    let mut decided = tokio::select! { decided = deciders => decided, () = probing => return };
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!(
        "\n{count} decisions by forms, beside the 200 pages: {rate:.0}/s, {PER_SECOND}/s wanted\n"
    );
    line("a reviewer: a call's page", &mut decided.looked);
    line("a reviewer: the form, until its answer", &mut decided.sent);
    line(
        "an agent: from the form until its tool has run",
        &mut waiters.ends(&decided.sent_at).await,
    );
    let ran = programs.ends(&decided.sent_at).await;
    let since = |at: fn(&ProgramTimes) -> Instant| -> Vec<Duration> {
        ran.iter().map(|(sent, ran)| at(ran).saturating_duration_since(*sent)).collect()
    };
    line("a program: from the form until its poll is answered", &mut since(|ran| ran.told_at));
    line("a program: from the form until its call has begun", &mut since(|ran| ran.begun));
    line("200 pages: until one is told of a new question", &mut pages.delays());
    line("200 pages: the list, loaded again", &mut pages.loaded());
    println!("{:<52}{}", "memory of the inbox", server.memory());
}

/// A line of the first table: what agents do without pages, and beside them.
async fn beside_pages(agents: &LoadAgents, server: &InboxServer, when: &str) {
    let (mut alone, mut live, mut dead) = (0.0_f64, Vec::new(), Vec::new());
    let (mut best_live, mut best_dead) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        let without = agents.calls(ROUND).await;
        let pages = OpenPages::live(server, PAGES).await;
        let beside_live = agents.calls(ROUND).await;
        pages.close().await;
        let pages = pages::dead(server, PAGES).await;
        let beside_dead = agents.calls(ROUND).await;
        drop(pages);
        alone = alone.max(without);
        (best_live, best_dead) = (best_live.max(beside_live), best_dead.max(beside_dead));
        live.push(beside_live / without);
        dead.push(beside_dead / without);
    }
    let ratio = |best: f64, ratios: &mut Vec<f64>| {
        ratios.sort_by(f64::total_cmp);
        format!("{best:.0}/s ({:.0} to {:.0} %)", 100.0 * ratios[0], 100.0 * ratios[ROUNDS - 1])
    };
    let (live, dead) = (ratio(best_live, &mut live), ratio(best_dead, &mut dead));
    println!("{when:<30}{:>14}{live:>22}{dead:>22}", format!("{alone:.0}/s"));
}

fn line(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| {
        times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)))
    };
    let columns = [0.5, 0.95, 0.99].map(|share| {
        format!("{:>12}", at(share).map_or("–".to_owned(), |time| duration_text(*time)))
    });
    println!("{what:<52}{}   of {}", columns.concat(), times.len());
}

fn duration_text(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros} µs"),
        micros @ 1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1_000.0),
        micros => format!("{:.2} s", micros as f64 / 1_000_000.0),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
