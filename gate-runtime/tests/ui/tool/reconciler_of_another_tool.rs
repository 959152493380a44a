// mistakes: 1
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "always_ask", reconcile = "was_paid")]
async fn issue_refund(order_id: String) -> String {
    order_id
}

/// Pay.
#[gated_tool(policy = "always_ask")]
async fn pay(order_id: String) -> String {
    order_id
}

async fn was_paid(call: Call<Pay>) -> ReconcileOutcome<String> {
    ReconcileOutcome::Yes(call.order_id.clone())
}

registry! { pub Tools for () { IssueRefund, Pay } }

fn main() {}
