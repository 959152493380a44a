//! Asks the witnesses to cosign a checkpoint.

use std::sync::Arc;
use std::time::Duration;

use gate_audit::{AddCheckpoint, Note, prove_consistency};
use gate_core::ports::{Witness, WitnessError};
use tokio::time::{Instant, timeout};

use super::blocking;
use super::error::TrailError;
use super::reader::TrailReader;
use super::sealer::TrailSealer;
use super::writer_lease::{WriterLease, open};

/// The time that a witness may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The delay before a witness that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(30);

impl TrailSealer {
    /// Asks every witness, and publishes the checkpoint again with their cosignatures. If no
    /// witness cosigns, nothing is delayed.
    pub(super) async fn cosign(
        &mut self,
        mut held_lease: WriterLease,
        note: Note,
    ) -> Result<WriterLease, TrailError> {
        if self.witness_states.is_empty() {
            return Ok(held_lease);
        }
        let trail = Arc::clone(&self.trail);
        let reader = Arc::new(blocking(move || open(&trail)).await?);
        let (mut cosigned, mut count, mut last_error) = (note.clone(), 0, None);
        let now = Instant::now();
        for index in 0..self.witness_states.len() {
            let Some(witness_state) = self.witness_states.get(index) else { continue };
            if witness_state.not_before.is_some_and(|time| now < time) {
                continue;
            }
            let (witness, size) = (Arc::clone(&witness_state.witness), witness_state.size);
            let answer = Self::ask(&*witness, size, &reader, &note).await;
            let Some(asked) = self.witness_states.get_mut(index) else { continue };
            match answer
                .and_then(|response| Ok(cosigned.add_cosignatures(&response, witness.keys())?))
            {
                Ok(_) => {
                    (asked.size, asked.not_before) = (reader.size(), None);
                    count += 1;
                }
                Err(error) => {
                    // One witness without an answer does not stop the others.
                    asked.not_before = Some(now + AGAIN);
                    last_error = Some(error.to_string());
                }
            }
        }
        if count > 0 {
            held_lease = blocking(move || {
                held_lease.writer.publish(&cosigned)?;
                Ok(held_lease)
            })
            .await?;
        }
        self.publish_witness_states(count, last_error);
        Ok(held_lease)
    }

    /// Returns the time to ask again a witness that has not cosigned the last checkpoint, even if
    /// no more records are sealed.
    pub(super) fn asks_again_at(&self, lease: &WriterLease) -> Option<Instant> {
        let missing =
            self.witness_states.iter().filter(|witness_state| witness_state.size != lease.size());
        missing.filter_map(|asked| asked.not_before).min()
    }

    /// Asks one witness, and asks again if it knows another size than expected.
    async fn ask(
        witness: &dyn Witness,
        mut size: u64,
        reader: &Arc<TrailReader>,
        note: &Note,
    ) -> Result<String, AskError> {
        let mut has_corrected = false;
        loop {
            let (trail, old) = (Arc::clone(reader), size);
            let proof =
                blocking(move || Ok(prove_consistency(trail.tiles(), old, trail.size())?)).await?;
            let request = AddCheckpoint::new(old, proof, note.clone())?;
            let answer = timeout(PATIENCE, witness.add(&request)).await;
            // A witness that hangs must not delay sealing, so it is asked again later.
            let answer = answer.unwrap_or_else(|_| {
                Err(WitnessError::Unreachable("it took more than five seconds".to_owned()))
            });
            match answer {
                Ok(response) => return Ok(response),
                Err(WitnessError::Knows(known)) if !has_corrected && known <= reader.size() => {
                    (size, has_corrected) = (known, true);
                }
                Err(error) => return Err(AskError::Witness(error)),
            }
        }
    }
}

/// The reason why there is no cosignature.
enum AskError {
    Witness(WitnessError),
    Trail(TrailError),
}

impl From<TrailError> for AskError {
    fn from(error: TrailError) -> Self {
        Self::Trail(error)
    }
}

impl From<gate_audit::Error> for AskError {
    fn from(error: gate_audit::Error) -> Self {
        Self::Trail(error.into())
    }
}

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Witness(error) => write!(f, "a witness: {error}"),
            Self::Trail(error) => std::fmt::Display::fmt(error, f),
        }
    }
}
