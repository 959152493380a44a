// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct Vault;

/// Signs in.
#[gated_tool(policy = "always_ask", secret(vault))]
fn sign_in(#[state] vault: &Vault, user: String) {}

registry! { pub Tools for Vault { SignIn } }

fn main() {}
