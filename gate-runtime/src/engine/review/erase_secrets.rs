//! Making secrets impossible to find again, while the record of the call stays.

use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::records::CallEvent;

use super::error::DecideError;
use super::interruption::Interruption;
use crate::engine::review::reviewer::Reviewer;

impl Interruption {
    /// Deletes the salts of the call's secrets. The commitments on the record stay, and nobody can
    /// try out what they are commitments of; the secrets can not be disclosed any more either.
    ///
    /// # Errors
    /// While the call is open: it may still need them; where it has no salts; where the person is
    /// not in the directory.
    pub async fn erase_secrets(&self, by: &Reviewer) -> Result<Arc<Approval>, DecideError> {
        self.core.check_person(by).await?;
        self.core.order(self.id(), CallEvent::SecretsErased { by: by.id().clone() }).await
    }
}
