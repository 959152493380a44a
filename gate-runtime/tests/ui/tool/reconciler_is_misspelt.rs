// mistakes: 1
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "always_ask", reconcile = "was_refundet")]
async fn issue_refund(order_id: String) -> String {
    order_id
}

async fn was_refunded(_: Call<IssueRefund>) -> ReconcileOutcome<String> {
    ReconcileOutcome::Unknown
}

registry! { pub Tools for () { IssueRefund } }

fn main() {}
