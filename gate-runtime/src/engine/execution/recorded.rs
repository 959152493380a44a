//! Compares a call with its records, before it runs by what the store says of it.

use gate_core::approval::{Approval, ReplayError};
use gate_core::assessment::Unjudged;
use gate_core::call::NotRun;
use gate_core::ports::RecordFilter;
use gate_core::records::Record;

use crate::engine::call::not_run::unavailable;
use crate::engine::kernel::Core;
use crate::lock::lock;

impl Core {
    /// Makes a call again from its records, and compares: what was read from a store may have been
    /// written there by anybody. With a trail, the records are those that were sealed, and none is
    /// missing. `false` where it was changed in between: then it is to be read anew.
    ///
    /// # Errors
    /// Where it is not what its records say. It does not run then, which is on the record, and in
    /// the security log.
    pub(crate) async fn is_as_recorded(&self, approval: &Approval) -> Result<bool, NotRun> {
        // First, so that whatever it knows as sealed is in the store by then.
        let sealed = self.trail.as_ref().map(|trail| trail.sealed_of(approval.id()));
        let filter = RecordFilter::after(0).call(approval.id());
        let stored = self.store.record_texts(&filter).await.map_err(unavailable)?;
        let is_sealed = sealed.map_or(Ok(()), |sealed| sealed.check(&stored));
        let problem = match is_sealed.and_then(|()| follows(approval, &stored).map_err(|error| error.to_string())) {
            Ok(()) => return Ok(true),
            Err(problem) => problem,
        };
        // Another process may have gone on with it in this moment.
        if self.load(approval.id()).await.map_err(unavailable)?.is_none_or(|now| *now != *approval) {
            return Ok(false);
        }
        Err(self.tell_of_difference(approval, problem).await)
    }

    /// Puts on the record, once, that a call is not what its records say.
    async fn tell_of_difference(&self, approval: &Approval, problem: String) -> NotRun {
        let words = format!(
            "what the database has of it is not what its records say ({problem}), so nothing ran. Somebody, or something, \
             other than a gate has written into the database: compare it with `gate audit verify --compare` and \
             `gate audit log --call {}`, and restore it from a backup",
            approval.id()
        );
        let is_new = lock(&self.differing).insert((approval.id(), approval.version()));
        let disputed = NotRun::Disputed { problem: words.clone() };
        if !is_new {
            return disputed;
        }
        let subject = approval.subject();
        let (id, tool, run) = (approval.id(), subject.tool(), subject.info().run());
        tracing::error!(target: "gate::security", event = "call_is_not_as_recorded", %id, %tool, %run, %problem);
        let info = std::sync::Arc::clone(subject.shared_info());
        // The answer is the same where even that cannot be written.
        let _ =
            self.note_unjudged(info, subject.call().clone(), subject.tool(), Some(id), Unjudged::because(words)).await;
        disputed
    }
}

fn follows(approval: &Approval, stored: &[(u64, String)]) -> Result<(), ReplayError> {
    let read = |(seq, text): &(u64, String)| {
        serde_json::from_str::<Record>(text).map_err(|error| ReplayError::at(*seq, error.to_string()))
    };
    let records: Vec<Record> = stored.iter().map(read).collect::<Result<_, _>>()?;
    approval.check_follows(&records)
}
