// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

pub struct A;
pub struct B;

/// Does something.
#[gated_tool(policy = "always_ask")]
fn work(#[state] a: &A, #[state] b: &B) {}

registry! { pub Tools for A { Work } }

fn main() {}
