//! The gate that is measured: one tool that runs at once, one that asks.

use std::path::Path;
use std::sync::Arc;

use gate_runtime::prelude::*;
use gate_runtime::store::Store;
use gate_sqlite::SqliteStore;

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

pub(crate) async fn gate(store: impl Store) -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    Gate::<Tools>::builder(()).directory(people).store(store).build().await.unwrap()
}

/// A gate over a database, and the database.
pub(crate) async fn open(file: &Path) -> (Gate<Tools>, SqliteStore) {
    let store = SqliteStore::open(file).await.unwrap();
    (gate(store.clone()).await, store)
}

/// A call that a rule approves.
pub(crate) fn free(id: usize) -> ToolCall {
    let arguments =
        r#"{"order_id":"A-1001","customer_id":"mia_li_3668","from_day":19800,"to_day":19890}"#;
    ToolCall::new(id.to_string(), "get_payment", arguments)
}

/// A call that a manager decides.
pub(crate) fn asked(id: usize) -> ToolCall {
    let arguments = concat!(
        r#"{"order_id":"A-1001","customer_id":"mia_li_3668","amount_cents":2400,"#,
        r#""reason":"charged twice"}"#
    );
    ToolCall::new(id.to_string(), "issue_refund", arguments)
}

/// A run for each of so many callers at once.
pub(crate) fn runs(gate: &Gate<Tools>, callers: usize) -> Vec<Arc<Run<Tools>>> {
    (0..callers).map(|caller| Arc::new(gate.run(format!("run-{caller}")))).collect()
}
