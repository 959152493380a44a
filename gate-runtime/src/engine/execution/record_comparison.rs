//! Compares a stored call with its records before it runs.

use gate_core::approval::{Approval, ReplayError};
use gate_core::assessment::EvaluationFailure;
use gate_core::call::NotRun;
use gate_core::ports::{RecordFilter, StoreError};
use gate_core::records::Record;

use crate::engine::call::not_run::unavailable;
use crate::engine::kernel::EngineCore;
use crate::lock::lock;

/// The result of comparing a call with its records.
pub(crate) enum RecordComparison {
    /// The call agrees with its records.
    Same,
    /// The call changed meanwhile and must be read again.
    Changed,
    /// The call differs from its records, in the given way.
    Different(String),
}

impl EngineCore {
    /// Replays a call from its records and compares the result with the stored call, because
    /// anybody may have written to the store. With a trail, the records must agree with the sealed
    /// ones, and none may be missing.
    pub(crate) async fn compare_with_records(
        &self,
        approval: &Approval,
    ) -> Result<RecordComparison, StoreError> {
        // The trail is read first, so that the store already has every sealed record when it is
        // read.
        let sealed = self.trail.as_ref().map(|trail| trail.sealed_of(approval.id()));
        let filter = RecordFilter::after(0).call(approval.id());
        let stored = self.store.record_texts(&filter).await?;
        // Without a trail, it can only be checked that the records follow from each other.
        let is_sealed = sealed.map_or(Ok(()), |sealed| sealed.check(&stored));
        let problem = match is_sealed
            .and_then(|()| follows(approval, &stored).map_err(|error| error.to_string()))
        {
            Ok(()) => return Ok(RecordComparison::Same),
            Err(problem) => problem,
        };
        // Another process may have changed the call meanwhile.
        let now = self.load(approval.id()).await?;
        Ok(if now.is_some_and(|now| *now == *approval) {
            RecordComparison::Different(problem)
        } else {
            RecordComparison::Changed
        })
    }

    /// Compares a call with its records before it runs. Returns `false` if the call changed
    /// meanwhile and must be read again.
    ///
    /// # Errors
    /// Returns an error if the call differs from its records. Then it does not run, and that is
    /// recorded and written to the security log.
    pub(crate) async fn is_as_recorded(&self, approval: &Approval) -> Result<bool, NotRun> {
        if approval.is_of_later_version() {
            return Err(unavailable(
                "a later version of Gate holds it, by rules that this one does not know: update \
                 this program",
            ));
        }
        match self.compare_with_records(approval).await.map_err(unavailable)? {
            RecordComparison::Same => Ok(true),
            RecordComparison::Changed => Ok(false),
            RecordComparison::Different(problem) => {
                Err(self.tell_of_difference(approval, problem).await)
            }
        }
    }

    /// Returns the warning that a call differs from its records, which a reviewer must see first.
    /// `None` for a call that has ended, which cannot run.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(crate) async fn dispute_notice(
        &self,
        approval: &Approval,
    ) -> Result<Option<String>, StoreError> {
        if approval.status().is_terminal() {
            return Ok(None);
        }
        let message = |problem| {
            format!(
                "The database's state of this call does not match its records ({problem}). It \
                 does not run. Trust nothing that is shown here."
            )
        };
        Ok(match self.compare_with_records(approval).await? {
            RecordComparison::Different(problem) => Some(message(problem)),
            RecordComparison::Same | RecordComparison::Changed => None,
        })
    }

    /// Records, once, that a call differs from its records.
    async fn tell_of_difference(&self, approval: &Approval, problem: String) -> NotRun {
        let id = approval.id();
        let message = format!(
            "its state in the database does not match its records ({problem}), so nothing ran \
             now. Somebody, or something, other than this version of Gate has written to the \
             database. Check in the tool's own system whether the call ran, then end it with \
             `gate revoke {id} REASON`. `gate show {id}` shows it as the database has it; \
             `gate audit log --call {id}` shows its sealed records, if there is a trail. Without \
             a trail, do not restore a backup: what ran after it would run again"
        );
        // Once per version, so that a caller that retries does not fill the records with it.
        let is_new = lock(&self.differing).insert((approval.id(), approval.version()));
        let disputed = NotRun::Disputed { problem: message.clone() };
        if !is_new {
            return disputed;
        }
        let subject = approval.subject();
        let (tool, run) = (subject.tool(), subject.info().run());
        tracing::error!(
            target: "gate::security",
            event = "call_is_not_as_recorded",
            %id,
            %tool,
            %run,
            %problem
        );
        let info = std::sync::Arc::clone(subject.shared_info());
        // The call is refused, whether or not this can be written.
        let _ = self
            .note_unjudged(
                info,
                subject.call().clone(),
                subject.tool(),
                Some(id),
                EvaluationFailure::because(message),
            )
            .await;
        disputed
    }
}

fn follows(approval: &Approval, stored: &[(u64, String)]) -> Result<(), ReplayError> {
    let read = |(seq, text): &(u64, String)| {
        serde_json::from_str::<Record>(text)
            .map_err(|error| ReplayError::at(*seq, error.to_string()))
    };
    let records: Vec<Record> = stored.iter().map(read).collect::<Result<_, _>>()?;
    approval.check_follows(&records)
}
