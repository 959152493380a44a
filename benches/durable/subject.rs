//! The gate that is measured, and its calls.

use std::path::Path;
use std::sync::Arc;

use gate_runtime::prelude::*;
use gate_runtime::store::Store;
use gate_sqlite::SqliteStore;

use crate::refunds::Tools;

pub(crate) async fn gate(store: impl Store) -> Gate<Tools> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    Gate::<Tools>::builder(()).directory(people).store(store).build().await.unwrap()
}

/// A gate over a database, and the database.
pub(crate) async fn open(file: &Path) -> (Gate<Tools>, SqliteStore) {
    let store = SqliteStore::open(file).await.unwrap();
    (gate(store.clone()).await, store)
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
