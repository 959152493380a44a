//! The trail whose checkpoints and receipts the inbox serves.

use std::path::Path;
use std::sync::Arc;

use gate_runtime::audit::{VerifierKey, WitnessPolicy, read_keys};
use gate_runtime::trail::{TrailError, TrailReader};

/// The place of the trail, and the key with which it began.
#[derive(Clone, Debug)]
pub(crate) struct SealedTrail {
    folder: Arc<Path>,
    key: VerifierKey,
}

impl SealedTrail {
    pub(crate) fn new(folder: &Path, key: VerifierKey) -> Self {
        Self { folder: folder.into(), key }
    }

    /// Opens it at its last checkpoint.
    pub(crate) fn open(&self) -> Result<TrailReader, TrailError> {
        let origin = self.key.name().to_owned();
        let keys = read_keys(&self.folder, &origin, self.key.clone())?;
        TrailReader::open(&*self.folder, &keys, &WitnessPolicy::none())
    }
}
