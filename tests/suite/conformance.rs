//! Runs the conformance tests over every store.

use gate_runtime::MemoryStore;
use gate_runtime::testing::{ConformanceFailure, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_keeps_every_promise() -> Result<(), ConformanceFailure> {
    conformance(async || {
        let store = MemoryStore::new();
        (store.clone(), store)
    })
    .await
}
