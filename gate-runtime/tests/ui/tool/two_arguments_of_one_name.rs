// mistakes: 3
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Moves money.
#[gated_tool(policy = "always_ask")]
fn transfer(#[serde(rename = "to")] from: Option<String>, to: String) {}

/// Moves money.
#[gated_tool(policy = "always_ask")]
fn transfer_back(to: String, #[serde(alias = "to")] from: Option<String>) {}

/// Signs in.
#[gated_tool(policy = "always_ask", secret(pin))]
fn sign_in(pin: String, #[serde(rename(serialize = "hint", deserialize = "pin"))] hint: Option<String>) {}

registry! { pub Tools for () { Transfer, TransferBack, SignIn } }

fn main() {}
