// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

/// Signs in.
#[gated_tool(policy = "always_ask", secret(pasword))]
fn sign_in(user: String, password: String) {}

registry! { pub Tools for () { SignIn } }

fn main() {}
