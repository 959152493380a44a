//! The witnesses that must have cosigned a checkpoint, and how many of them.

use crate::error::{DocumentKind, Error};
use crate::key::{KeyKind, VerifierKey};
use crate::note::{Note, VerifiedSignature};

/// At least so many of these witnesses. A witness counts once, whatever its names and however often
/// it signs.
///
/// # Example
///
/// ```
/// use gate_audit::{KeyKind, SigningKey, WitnessPolicy};
///
/// let witness = SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?;
/// assert!(WitnessPolicy::at_least(1, vec![witness.verifier().clone()]).is_ok());
/// assert!(WitnessPolicy::at_least(2, vec![witness.verifier().clone()]).is_err());
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WitnessPolicy {
    keys: Vec<VerifierKey>,
    wanted: usize,
}

impl WitnessPolicy {
    /// The log's word alone.
    ///
    /// # Security
    ///
    /// Nobody then stands against a log that shows different histories to different people.
    ///
    /// ```
    /// # use gate_audit::{Checkpoint, TreeFrontier, KeyKind, LogKeys, SigningKey, WitnessPolicy};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let note = Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&key)?;
    /// let keys = LogKeys::new("example.com/trail", key.verifier().clone())?;
    /// assert!(keys.verify(&note, &WitnessPolicy::none())?.cosignatures().is_empty());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn none() -> WitnessPolicy {
        WitnessPolicy::default()
    }

    /// At least `wanted` of these witnesses.
    ///
    /// # Errors
    ///
    /// [`Error::WrongKind`] for a key that is not a witness's, [`Error::Malformed`] if more are
    /// wanted than there are.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey, WitnessPolicy};
    /// let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert!(WitnessPolicy::at_least(1, vec![log.verifier().clone()]).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn at_least(wanted: usize, keys: Vec<VerifierKey>) -> Result<WitnessPolicy, Error> {
        keys.iter().try_for_each(|key| key.must_be(KeyKind::Witness))?;
        if wanted > distinct(&keys.iter().collect::<Vec<_>>()) {
            return Err(Error::whole(
                DocumentKind::WitnessPolicy,
                "name at least as many different witnesses as are wanted",
            ));
        }
        Ok(WitnessPolicy { keys, wanted })
    }

    /// The signatures of these witnesses, if there are enough.
    pub(crate) fn check(&self, note: &Note) -> Result<Vec<VerifiedSignature>, Error> {
        let cosigned = note.verified_by(&self.keys)?;
        let found = distinct(&cosigned.iter().map(VerifiedSignature::key).collect::<Vec<_>>());
        if found < self.wanted {
            Err(Error::TooFewWitnesses { found, wanted: self.wanted })
        } else {
            Ok(cosigned)
        }
    }
}

/// Counts the different keys, by their bytes.
fn distinct(keys: &[&VerifierKey]) -> usize {
    let mut seen: Vec<&[u8; 32]> = keys.iter().map(|key| key.as_bytes()).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}
