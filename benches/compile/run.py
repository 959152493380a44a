#!/usr/bin/env python3
"""What gated tools cost to compile: 100 of them, against the same 100 as plain serde and schemars
structs, and as rmcp tools.

    python3 benches/compile/run.py [--tools 100] [--rounds 5]

It writes crates into target/compile/, builds their dependencies once, then times them in turn, so
that a noisy machine disturbs all of them alike; the best round of each counts. `cold`: everything
but the crate is built (debug, CARGO_INCREMENTAL=0). `one tool`: the body of one tool changes
(debug, incremental). `per tool`: what one more tool adds to a stripped release binary.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "compile"

MANIFEST = """\
[package]
name = "{name}"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
{dependencies}

[profile.release]
strip = true
"""

SERDE = """\
serde = { version = "1", features = ["derive"] }
serde_json = "1"
schemars = { version = "1", default-features = false, features = ["derive", "std"] }
"""
TOKIO = 'tokio = { version = "1", default-features = false, features = ["rt", "macros"] }\n'

# --- plain: a struct for each tool's arguments, a function, and a table of both ---

PLAIN_TOOL = """
/// Does the thing number {n}.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool{n} {{
    /// Which order, like `A-1001`.
    pub order_id: String,
    /// How many.
    pub count: u64,
    /// Why.
    pub reason: Option<String>,
}}

pub async fn tool_{n}(Tool{n} {{ order_id, count, reason }}: Tool{n}) -> String {{
    format!("{{order_id}} {{count}} {{}} {n}", reason.unwrap_or_default())
}}
"""
PLAIN_MAIN = """
pub fn schemas() -> Vec<schemars::Schema> {{
    vec![{schemas}]
}}

pub async fn call(name: &str, arguments: &str) -> Result<String, serde_json::Error> {{
    Ok(match name {{
        {arms}
        _ => String::new(),
    }})
}}

#[tokio::main(flavor = "current_thread")]
async fn main() {{
    println!("{{}}", serde_json::to_string(&schemas()).unwrap().len());
    let (name, arguments) = (std::env::args().nth(1).unwrap_or_default(), std::env::args().nth(2).unwrap_or_default());
    println!("{{:?}}", call(&name, &arguments).await);
}}
"""


def plain(tools):
    schemas = ", ".join(f"schemars::schema_for!(Tool{n})" for n in range(tools))
    arms = "\n        ".join(
        f'"tool_{n}" => tool_{n}(serde_json::from_str(arguments)?).await,' for n in range(tools)
    )
    body = "".join(PLAIN_TOOL.format(n=n) for n in range(tools))
    return SERDE + TOKIO, body + PLAIN_MAIN.format(schemas=schemas, arms=arms)


# --- rmcp: its macros, over the same arguments ---

RMCP_TOOL = """
    /// Does the thing number {n}.
    #[tool]
    pub async fn tool_{n}(&self, Parameters(Tool{n} {{ order_id, count, reason }}): Parameters<Tool{n}>) -> String {{
        format!("{{order_id}} {{count}} {{}} {n}", reason.unwrap_or_default())
    }}
"""
RMCP_STRUCT = PLAIN_TOOL[: PLAIN_TOOL.index("pub async fn")]
RMCP_MAIN = """
use rmcp::handler::server::wrapper::Parameters;
use rmcp::{{ServerHandler, tool, tool_handler, tool_router}};

#[derive(Clone)]
pub struct Tools;

#[tool_router]
impl Tools {{{methods}}}

#[tool_handler(router = Self::tool_router())]
impl ServerHandler for Tools {{}}

fn main() {{
    let router = Tools::tool_router();
    println!("{{}}", serde_json::to_string(&router.list_all()).unwrap().len());
    fn is_handler<T: ServerHandler>(_: &T) {{}}
    is_handler(&Tools);
}}
"""


def rmcp(tools):
    dependencies = (
        SERDE
        + TOKIO
        + 'rmcp = { version = "=3.9.0", default-features = false, features = ["server", "macros"] }\n'
    )
    structs = "".join(RMCP_STRUCT.format(n=n) for n in range(tools))
    methods = "".join(RMCP_TOOL.format(n=n) for n in range(tools))
    return dependencies, structs + RMCP_MAIN.format(methods=methods)


# --- gate ---

GATE_TOOL = """
/// Does the thing number {n}.
#[gated_tool(policy = "always_ask")]
pub async fn tool_{n}(
    /// Which order, like `A-1001`.
    order_id: String,
    /// How many.
    count: u64,
    /// Why.
    reason: Option<String>,
) -> String {{
    format!("{{order_id}} {{count}} {{}} {n}", reason.unwrap_or_default())
}}
"""
GATE_MAIN = """
use gate_runtime::prelude::*;

registry! {{ pub Tools for () {{ {names} }} }}

#[tokio::main(flavor = "current_thread")]
async fn main() {{
    let gate: Gate<Tools> = Gate::builder(()).build().await.unwrap();
    println!("{{:?}}", Tools::descriptors().len());
    let (name, arguments) = (std::env::args().nth(1).unwrap_or_default(), std::env::args().nth(2).unwrap_or_default());
    println!("{{:?}}", gate.run("1").submit([ToolCall::new("1", name, arguments)]).await);
}}
"""


def gate(tools):
    dependencies = (
        f'gate-runtime = {{ path = "{ROOT / "gate-runtime"}", default-features = false }}\n' + TOKIO
    )
    body = "".join(GATE_TOOL.format(n=n) for n in range(tools))
    return dependencies, GATE_MAIN.format(names=", ".join(f"Tool{n}" for n in range(tools))) + body


SUBJECTS = {"plain": plain, "rmcp": rmcp, "gate": gate}


class Crate:
    def __init__(self, subject, tools):
        self.name = f"{subject}-{tools}"
        self.path = TARGET / self.name
        self.source = self.path / "src" / "main.rs"
        self.source.parent.mkdir(parents=True, exist_ok=True)
        dependencies, self.text = SUBJECTS[subject](tools)
        (self.path / "Cargo.toml").write_text(
            MANIFEST.format(name=self.name, dependencies=dependencies)
        )
        # The versions that the project itself is tested with, where it has them.
        shutil.copy(ROOT / "Cargo.lock", self.path / "Cargo.lock")
        self.source.write_text(self.text)

    def build(self, *options, incremental="0"):
        """Builds it, and says how long the compiler took for the crate itself."""
        environment = {
            **os.environ,
            "CARGO_INCREMENTAL": incremental,
            "CARGO_TARGET_DIR": str(TARGET / f"built-{incremental}"),
        }
        began = time.perf_counter()
        ended = subprocess.run(
            ["cargo", "build", "--quiet", *options],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
        )
        if ended.returncode != 0:
            sys.exit(f"{self.name} does not build:\n{ended.stderr}")
        return time.perf_counter() - began

    def change(self, text):
        self.source.write_text(text)

    def size(self):
        self.build("--release")
        return (TARGET / "built-0" / "release" / self.name).stat().st_size


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--tools", type=int, default=100)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--no-size", action="store_true", help="leave the release builds out")
    options = options.parse_args()

    crates = {subject: Crate(subject, options.tools) for subject in SUBJECTS}
    for crate in crates.values():
        crate.build()
        crate.build(incremental="1")
    cold = {subject: [] for subject in crates}
    one = {subject: [] for subject in crates}
    for round in range(options.rounds):
        for subject, crate in crates.items():
            crate.change(crate.text + f"\n// {round}\n")
            cold[subject].append(crate.build())
            # The same file, but for what one tool answers.
            crate.build(incremental="1")
            last = f" {options.tools // 2}\""
            crate.change(crate.text.replace(last, f" changed {round}\"", 1) + f"\n// {round}\n")
            one[subject].append(crate.build(incremental="1"))
    sizes = {}
    if not options.no_size:
        for subject, crate in crates.items():
            crate.change(crate.text)
            few = Crate(subject, 1)
            sizes[subject] = (crate.size() - few.size()) / (options.tools - 1)

    print(f"{options.tools} tools, best of {options.rounds} rounds\n")
    print(f"{'':8}{'cold':>10}{'':>8}{'one tool':>12}{'':>8}{'per tool':>12}")
    for subject in crates:
        whole, part = min(cold[subject]), min(one[subject])
        ratios = (whole / min(cold["plain"]), part / min(one["plain"]))
        size = f"{sizes[subject] / 1024:>8.1f} KiB" if sizes else ""
        print(
            f"{subject:8}{whole:>8.2f} s{ratios[0]:>7.2f}x{part:>10.2f} s{ratios[1]:>7.2f}x{size}"
        )


main()
