// mistakes: 4
#![allow(unused)]
use gate_runtime::prelude::*;

/// Delete it.
#[gated_tool(policy = "always_ask")]
#[unsafe(no_mangle)]
fn delete(name: String) {}

/// Wipe it.
#[gated_tool(policy = "always_ask")]
#[unsafe(export_name = "wipe_all")]
fn wipe(name: String) {}

/// Drop it.
#[gated_tool(policy = "always_ask")]
#[cfg_attr(unix, unsafe(link_section = ".init_array"))]
fn drop_all(name: String) {}

/// Shred it.
#[gated_tool(policy = "always_ask")]
#[no_mangle]
fn shred(name: String) {}

registry! { pub Tools for () { Delete, Wipe, DropAll, Shred } }

fn main() {}
