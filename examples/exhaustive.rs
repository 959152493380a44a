//! Exhaustive: a match over all tools of a registry stops compiling when a tool is added, so nobody
//! forgets it.
//!
//! `cargo run --example exhaustive`

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use gate_runtime::prelude::*;

/// Read an order.
#[gated_tool(policy = "never_ask", read_only)]
fn get_order(order: String) -> String {
    format!("{order}: paid")
}

/// Refund an order.
#[gated_tool(policy = "always_ask")]
fn refund(order: String, cents: u64) -> String {
    format!("refunded {cents} of {order}")
}

/// Delete an account.
#[gated_tool(policy = "always_ask", destructive)]
fn delete_account(user: String) -> String {
    format!("deleted {user}")
}

registry! {
    /// The tools that the support agent may call.
    pub SupportTools for () { GetOrder, Refund, DeleteAccount }
}

/// Returns the most that a call could cost the shop, in cents. Add a tool to the registry, and this
/// does not compile until it says of the new one too: rustc names the tool that is missing.
fn at_risk(call: &SupportToolsCall) -> u64 {
    match call {
        SupportToolsCall::GetOrder(_) => 0,
        SupportToolsCall::Refund(Refund { cents, .. }) => *cents,
        SupportToolsCall::DeleteAccount(_) => 1_000_000,
    }
}

fn main() {
    let proposed = [
        ToolCall::new("1", "get_order", r#"{"order":"A-1"}"#),
        ToolCall::new("2", "refund", r#"{"order":"A-1","cents":2400}"#),
        ToolCall::new("3", "delete_account", r#"{"user":"mia"}"#),
        ToolCall::new("4", "delete_acount", r#"{"user":"mia"}"#),
        ToolCall::new("5", "refund", r#"{"order":"A-1","cents":"all"}"#),
    ];
    for call in &proposed {
        // Typed, and checked against the schema; running it still takes a gate.
        match SupportTools::parse(call) {
            Ok(typed) => {
                println!("{:<14} {:>9} cents at risk", call.tool().as_str(), at_risk(&typed));
            }
            Err(schema_errors) => println!("{:<14} {schema_errors}", call.tool().as_str()),
        }
    }
}
