//! Erases secrets, and keeps the records of the call.

use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::records::CallEvent;

use super::error::DecideError;
use super::interruption::Interruption;
use crate::engine::review::reviewer::Reviewer;

impl Interruption {
    /// Deletes the salts of the call's secrets. The commitments stay in the records, and nobody can
    /// find their secrets by trying values. The secrets can no longer be disclosed either.
    ///
    /// # Errors
    /// Returns an error if the call is open and may still need the salts, if it has none, or if the
    /// person is not in the directory.
    pub async fn erase_secrets(&self, by: &Reviewer) -> Result<Arc<Approval>, DecideError> {
        self.core.check_person(by).await?;
        self.core.order(self.id(), CallEvent::SecretsErased { by: by.id().clone() }).await
    }
}
