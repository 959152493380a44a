//! The tools of the benchmarks: one that runs at once, and one that asks.

use gate_runtime::prelude::*;

/// Read what was paid for an order.
#[gated_tool(policy = "never_ask", read_only)]
fn get_payment(order_id: String, customer_id: String, from_day: u64, to_day: u64) -> String {
    format!("{order_id} of {customer_id}, {from_day} to {to_day}: paid")
}

/// A manager decides, within a week.
#[policy]
fn a_manager(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules.otherwise(ask(role("manager")).within(WEEK))
}

/// Issue a refund to the original payment method.
#[gated_tool(policy = "a_manager", destructive)]
fn issue_refund(
    order_id: String,
    customer_id: String,
    amount_cents: u64,
    reason: String,
) -> String {
    format!("refunded {amount_cents} to {customer_id} for {order_id}: {reason}")
}

registry! { pub(crate) Tools for () { GetPayment, IssueRefund } }

/// A call that a rule approves.
pub(crate) fn free(id: usize) -> ToolCall {
    let arguments =
        r#"{"order_id":"A-1001","customer_id":"mia_li_3668","from_day":19800,"to_day":19890}"#;
    ToolCall::new(id.to_string(), "get_payment", arguments)
}
