//! Grants, freezes and tools, which apply beyond single calls.

use std::sync::Arc;

use crate::grants::freeze::Freeze;
use crate::grants::grant::Grant;
use crate::id::ToolName;
use crate::text::digest::Digest;

/// The grants, freezes and tools, which apply beyond single calls.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::store::StoreError> {
/// use gate_runtime::{MemoryStore, Timestamp};
/// use gate_runtime::store::ApprovalStore;
/// let controls = MemoryStore::new().active_controls(Timestamp::now()).await?;
/// assert!(controls.grants.is_empty() && controls.freezes.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ActiveControls {
    /// The grants that are not revoked, and are active or cover a call that has not begun; oldest
    /// first.
    pub grants: Vec<Arc<Grant>>,
    /// The freezes, by scope.
    pub freezes: Vec<Freeze>,
    /// All versions of the tools that some gate over this store has, or had, by their names in
    /// alphabetical order.
    pub tools: Vec<KnownTool>,
}

/// One version of a tool that some gate over a store has, or had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownTool {
    /// Its name.
    pub name: ToolName,
    /// The digest of its descriptor.
    pub digest: Digest,
    /// The number of the last record of the latest [`Changeset`](super::Changeset) that wrote it.
    /// For the tools of a gate, that is the record that the gate was built.
    pub written: u64,
}

impl KnownTool {
    /// Creates a version of a tool.
    #[must_use]
    pub fn new(name: impl Into<ToolName>, digest: Digest, written: u64) -> Self {
        Self { name: name.into(), digest, written }
    }
}
