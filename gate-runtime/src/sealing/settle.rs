//! Checks on settled divergences between database and trail.

use std::collections::BTreeSet;
use std::sync::Arc;

use gate_core::ports::RecordLog;
use gate_core::records::{GateEvent, RecordEvent, TrailEntry};

use super::compare::{begins, each_record};
use super::error::TrailError;
use super::reader::TrailReader;
use super::writer_lease::next_of;
use super::{Trail, blocking};

/// Checks that settled divergences in the store are also in the trail. Otherwise the folder is an
/// older copy, and would be continued and signed without the reset entry.
pub(super) async fn check_resets(
    store: &dyn RecordLog,
    trail: &Arc<Trail>,
    reader: &Arc<TrailReader>,
) -> Result<(), TrailError> {
    let at_its_end = Arc::clone(reader);
    let (next, _) = blocking(move || next_of(&at_its_end)).await?;
    let mut missing = BTreeSet::new();
    each_record(store, next.saturating_sub(1), |record| match record.event() {
        RecordEvent::Gate(GateEvent::TrailSettled { next, .. }) => drop(missing.insert(*next)),
        // Divergences before this record were settled with another trail.
        _ if begins(record, trail.origin()) => missing.clear(),
        _ => {}
    })
    .await?;
    if missing.is_empty() {
        return Ok(());
    }
    let (trail, reader) = (Arc::clone(trail), Arc::clone(reader));
    blocking(move || {
        for read in reader.entries(0) {
            let (index, bytes) = read?;
            if let TrailEntry::Reset(reset) =
                TrailEntry::parse(&bytes).map_err(|problem| TrailError::Entry { index, problem })?
            {
                missing.remove(&reset.next());
            }
        }
        match missing.first() {
            None => Ok(()),
            Some(next) => Err(TrailError::file(
                &trail.folder,
                format_args!(
                    "it is older than the database, where a person settled from record {next} on: \
                     restore the newer folder"
                ),
            )),
        }
    })
    .await
}
