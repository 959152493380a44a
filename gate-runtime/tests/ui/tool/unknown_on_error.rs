// mistakes: 1
use gate_runtime::prelude::*;

/// Issue a refund.
#[gated_tool(policy = "always_ask", on_error = "retry")]
async fn issue_refund(order_id: String) -> Result<String, String> {
    Ok(order_id)
}

registry! { pub Tools for () { IssueRefund } }

fn main() {}
