//! The records, as tasks of the inbox follow them.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::records::{EventStream, Record};
use tokio::time::sleep;

/// The delay before a retry if the store does not answer.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// Waits for the next record. While the store does not answer, it tries again: the stream continues
/// where it was, so nothing is missed.
pub(crate) async fn next_record(events: &mut EventStream) -> Arc<Record> {
    loop {
        match events.next().await {
            Ok(record) => return record,
            Err(_) => sleep(RETRY).await,
        }
    }
}
