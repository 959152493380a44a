//! The growth of the cost of a call with what happened before it:
//! `cargo bench -p gate --bench growth`.
//!
//! Each line is one curve over one store: what one operation costs after 1, 16, 256 and 4,096 of
//! something. It ends with a line `growth NAME RATIO` for each curve, the cost at 4,096 over that
//! at 16 (for the tools of a registry: at 128 over 16). The goal is at most 1.5. A word behind it
//! (`-- nested`) runs only the curves whose name has that word; `GATE_BENCH_FOLDER` says where the
//! databases lie.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark prints what it measures"
)]

mod folder;
#[path = "growth/tools.rs"]
mod tools;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_runtime::prelude::*;
use gate_runtime::store::Store;
use gate_runtime::{MemoryStore, Run};
use gate_sqlite::SqliteStore;
use tokio::runtime::{Builder, Runtime};

const SIZES: [usize; 4] = [1, 16, 256, 4_096];

/// The number of times that one operation is timed at each size.
const TIMES: usize = 41;

/// Small amounts go through; four a day of each kind; everything else asks.
#[policy]
fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    rules
        .deny("too much")
        .when(|call| call.amount > 1_000_000)
        .auto_approve("small")
        .when(|call| call.amount < 50)
        .auto_approve("counted")
        .when(|call| call.amount == 77)
        .at_most(1_000_000)
        .per(DAY)
        .by(|call| call.to.clone())
        .otherwise(ask(role("manager")))
}

/// Pay someone.
#[gated_tool(policy = "payments")]
async fn pay(to: String, amount: u64) -> String {
    format!("paid {amount} to {to}")
}

registry! { Tools for () { Pay } }

type Shared = Arc<dyn Store>;

fn small(id: usize) -> ToolCall {
    ToolCall::new(format!("small-{id}"), "pay", r#"{"to":"alice","amount":5}"#)
}

fn asks(id: usize) -> ToolCall {
    ToolCall::new(
        format!("asks-{id}"),
        "pay",
        format!(r#"{{"to":"alice","amount":{}}}"#, 1_000 + id),
    )
}

async fn gate(store: &Shared) -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate =
        Gate::builder(()).directory(people).denials_per_run(1_000_000).questions_per_run(1_000_000);
    gate.key([7; 32]).store(Arc::clone(store)).build().await.unwrap()
}

/// The middle of how long an operation took, each time with another number.
async fn time(mut operation: impl AsyncFnMut(usize)) -> Duration {
    let mut times = Vec::with_capacity(TIMES);
    for number in 0..TIMES {
        let started = Instant::now();
        operation(number).await;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[TIMES / 2]
}

/// Returns the time that a small call takes in this run, after so many of something.
async fn submits(run: &Run<Tools>) -> Duration {
    time(async |number| {
        assert_eq!(run.submit([small(number)]).await.unwrap().answers()[0].kind(), "succeeded");
    })
    .await
}

async fn waiting(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    let run = gate.run("run");
    for part in (0..count).collect::<Vec<_>>().chunks(64) {
        let _ = run.submit(part.iter().map(|id| asks(*id))).await.unwrap();
    }
    submits(&run).await
}

async fn nested(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    let run = gate.run("run");
    for id in 0..count {
        assert_eq!(run.child(id.to_string()).submit([small(0)]).await.unwrap().answers().len(), 1);
    }
    submits(&run).await
}

async fn used_up(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run");
    for id in 0..count {
        let turn = run.submit([asks(id)]).await.unwrap();
        turn.interruptions()[0].grant(&dana, Scope::this_run().uses(1)).await.unwrap();
        let _ = run.proceed().await.unwrap();
        // It asks the same again, and the permission is used up by that.
        let again = ToolCall::new(
            format!("again-{id}"),
            "pay",
            format!(r#"{{"to":"alice","amount":{}}}"#, 1_000 + id),
        );
        assert_eq!(run.submit([again]).await.unwrap().answers()[0].kind(), "succeeded");
    }
    submits(&run).await
}

async fn limit(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    let run = gate.run("run");
    let counted =
        |id: usize| ToolCall::new(format!("counted-{id}"), "pay", r#"{"to":"alice","amount":77}"#);
    for part in (0..count).collect::<Vec<_>>().chunks(64) {
        let _ = run.submit(part.iter().map(|id| counted(*id))).await.unwrap();
    }
    time(async |number| {
        assert_eq!(
            run.submit([counted(100_000 + number)]).await.unwrap().answers()[0].kind(),
            "succeeded"
        );
    })
    .await
}

async fn refused(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run");
    for id in 0..count {
        let turn = run.submit([asks(id)]).await.unwrap();
        turn.interruptions()[0].reject(&dana, "never").await.unwrap();
        let _ = run.proceed().await.unwrap();
    }
    time(async |number| {
        let turn = run.submit([asks(100_000 + number)]).await.unwrap();
        assert_eq!(turn.answers()[0].kind(), "waiting");
    })
    .await
}

async fn finished(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    let run = gate.run("run");
    for part in (0..count).collect::<Vec<_>>().chunks(64) {
        let _ = run.submit(part.iter().map(|id| small(100_000 + *id))).await.unwrap();
    }
    submits(&run).await
}

/// Messages that were said, and of which no rule asks anything.
async fn said(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    let text =
        "the parcel for alice did not arrive on monday and she would like to have her money back "
            .repeat(3);
    let run = gate
        .run("run")
        .history((0..count).map(|number| Message::user(format!("{number}: {text}"))));
    let _ = run.submit([small(100_000)]).await.unwrap();
    submits(&run).await
}

/// Times a call that a rule approves, while so many questions of other runs wait.
async fn other_runs(store: Shared, count: usize) -> Duration {
    let gate = gate(&store).await;
    for id in 0..count {
        let _ = gate.run(id.to_string()).submit([asks(id)]).await.unwrap();
    }
    submits(&gate.run("run")).await
}

/// The last tool of a registry of so many.
async fn registry(store: Shared, count: usize) -> Duration {
    match count {
        1 => tools::last::<tools::One>(store, "tool_0").await,
        16 => tools::last::<tools::Sixteen>(store, "tool_15").await,
        _ => tools::last::<tools::All>(store, "tool_127").await,
    }
}

/// One curve: the cost of a call after so many of something, at each size.
struct GrowthCurve {
    name: &'static str,
    sizes: [usize; 4],
    cost: fn(&Runtime, Shared, usize) -> Duration,
}

macro_rules! curve {
    ($name:literal, $function:path) => {
        curve!($name, $function, SIZES)
    };
    ($name:literal, $function:path, $sizes:expr) => {
        GrowthCurve {
            name: $name,
            sizes: $sizes,
            cost: |runtime, store, count| runtime.block_on($function(store, count)),
        }
    };
}

const CURVES: [GrowthCurve; 9] = [
    curve!("waiting-questions", waiting),
    curve!("nested-runs", nested),
    curve!("used-up-permissions", used_up),
    curve!("uses-of-a-limit", limit),
    curve!("refusals", refused),
    curve!("finished-calls", finished),
    curve!("messages-no-rule-asks-about", said),
    curve!("questions-of-other-runs", other_runs),
    curve!("tools-in-a-registry", registry, [1, 16, 128, 128]),
];

fn main() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let folder = folder::create();
    let is_chosen = |curve: &&GrowthCurve| {
        chosen.is_empty() || chosen.iter().any(|word| curve.name.contains(word.as_str()))
    };
    let mut ratios = Vec::new();
    println!(
        "{:<40} {:>10} {:>10} {:>10} {:>10}",
        "one call, in µs, after", SIZES[0], SIZES[1], SIZES[2], SIZES[3]
    );
    for curve in CURVES.iter().filter(is_chosen) {
        for kept_in in ["memory", "sqlite"] {
            let costs = curve.sizes.map(|count| {
                let store: Shared = if kept_in == "memory" {
                    Arc::new(MemoryStore::new())
                } else {
                    let file = folder.path().join(format!("{}-{count}.db", curve.name));
                    Arc::new(runtime.block_on(SqliteStore::open(file)).unwrap())
                };
                (curve.cost)(&runtime, store, count)
            });
            let name = format!("{} ({kept_in})", curve.name);
            let [a, b, c, d] = costs.map(|cost| cost.as_secs_f64() * 1e6);
            println!("{name:<40} {a:>10.1} {b:>10.1} {c:>10.1} {d:>10.1}");
            ratios.push((
                name.replace(" (", "/").replace(')', ""),
                costs[3].as_secs_f64() / costs[1].as_secs_f64(),
            ));
        }
    }
    for (name, ratio) in ratios {
        println!("growth {name} {ratio:.2}");
    }
}
