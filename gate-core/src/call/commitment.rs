//! Commitments to secret values, and the keys that open them.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

use crate::text::digest::{Digest, hex};
use crate::text::json::{SchemaError, canonical};

/// A commitment to a secret value: `SHA-256(opening ‖ canonical JSON of the value)`.
///
/// The opening has 16 bytes, so that nobody can guess a short secret. It is the beginning of
/// `HMAC-SHA-256(key, salt)`. The salt is stored with the approval and the key is not, so nobody
/// can try values with the store alone. Records and the states of runs contain only the digest.
/// Commitments of earlier versions have no key, and their salt is the opening.
///
/// ```
/// # fn show(secret: &gate_runtime::tool::SecretCommitment) {
/// println!("{} is there, and is {}", secret.mark(), secret.digest());
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretCommitment {
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes_text")]
    salt: Option<[u8; 16]>,
    /// The id of the key that derives the opening from the salt.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "bytes_text")]
    key: Option<[u8; 8]>,
    digest: Digest,
}

/// The keys with which a gate commits to secrets, and opens commitments.
///
/// Create them from the key of a gate to [disclose](crate::call::Arguments::disclose) a secret.
/// `Debug` does not show them.
///
/// ```
/// use gate_runtime::GateKey;
/// use gate_runtime::tool::CommitmentKeys;
/// let keys = CommitmentKeys::from(GateKey::random());
/// assert_eq!(format!("{keys:?}"), "CommitmentKeys(…)");
/// ```
#[derive(Clone)]
pub struct CommitmentKeys {
    present: CommitmentKey,
    earlier: Vec<CommitmentKey>,
}

#[derive(Clone)]
struct CommitmentKey {
    secret: [u8; 32],
    /// Identifies the key for readers who do not have it.
    id: [u8; 8],
}

impl CommitmentKey {
    fn of(gate: &[u8; 32]) -> Self {
        let [id @ .., _, _, _, _, _, _, _, _] = first_half(mac(gate, b"gate commitments: id\n"));
        Self { secret: mac(gate, b"gate commitments: key\n"), id }
    }

    fn opening(&self, salt: [u8; 16]) -> [u8; 16] {
        first_half(mac(&self.secret, &salt))
    }
}

fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length, so this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn first_half([first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]: [u8; 32]) -> [u8; 16] {
    first
}

impl CommitmentKeys {
    /// Creates them from the key of a gate.
    #[must_use]
    pub fn new(gate: &[u8; 32]) -> Self {
        Self { present: CommitmentKey::of(gate), earlier: Vec::new() }
    }

    /// Adds an earlier key of the gate, which opens earlier commitments and makes no new ones.
    #[must_use]
    pub fn earlier(mut self, gate: &[u8; 32]) -> Self {
        self.earlier.push(CommitmentKey::of(gate));
        self
    }

    /// Returns the stored form of a counter's key that may contain a secret. It is the same for
    /// equal keys, and cannot be guessed without the key of the gate.
    #[doc(hidden)]
    #[must_use]
    pub fn keyed_counter(&self, limit: &str, key: &str) -> String {
        let text = format!("gate commitments: limit\n{limit}\n{key}");
        hex(&first_half(mac(&self.present.secret, text.as_bytes())))
    }

    fn find(&self, id: [u8; 8]) -> Option<&CommitmentKey> {
        [&self.present].into_iter().chain(&self.earlier).find(|key| key.id == id)
    }
}

impl fmt::Debug for CommitmentKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitmentKeys(…)")
    }
}

impl SecretCommitment {
    /// Commits to a value with a salt, under the present key.
    #[doc(hidden)]
    pub fn to(value: &Value, salt: [u8; 16], keys: &CommitmentKeys) -> Result<Self, SchemaError> {
        let digest = commit(value, keys.present.opening(salt))?;
        Ok(Self { salt: Some(salt), key: Some(keys.present.id), digest })
    }

    /// Commits to a value with the same opening. The commitments are equal if and only if the
    /// values are. `None` if the opening is not available.
    #[doc(hidden)]
    #[must_use]
    pub fn again(&self, value: &Value, keys: &CommitmentKeys) -> Option<Self> {
        let digest = commit(value, self.opening(keys)?).ok()?;
        Some(Self { digest, ..self.clone() })
    }

    /// Returns whether it commits to this value; `false` without the opening.
    #[doc(hidden)]
    #[must_use]
    pub fn is_of(&self, value: &Value, keys: &CommitmentKeys) -> bool {
        self.again(value, keys).is_some_and(|again| again.digest == self.digest)
    }

    /// Returns whether it commits to this value, according to a disclosed opening.
    pub(crate) fn is_opened_by(
        &self,
        value: &Value,
        opening: [u8; 16],
    ) -> Result<bool, SchemaError> {
        Ok(commit(value, opening)? == self.digest)
    }

    /// Returns the opening, which proves which value it commits to.
    pub(crate) fn opening(&self, keys: &CommitmentKeys) -> Option<[u8; 16]> {
        let salt = self.salt?;
        match self.key {
            Some(id) => Some(keys.find(id)?.opening(salt)),
            // Earlier versions committed with the salt itself.
            None => Some(salt),
        }
    }

    /// Returns whether it can be opened without a key, because an earlier version created it, or
    /// somebody wrote it into the database.
    #[doc(hidden)]
    #[must_use]
    pub fn opens_itself(&self) -> bool {
        self.key.is_none() && self.salt.is_some()
    }

    /// Returns whether it was made with a key that is not among these.
    #[doc(hidden)]
    #[must_use]
    pub fn lacks_key(&self, keys: &CommitmentKeys) -> bool {
        self.key.is_some_and(|id| keys.find(id).is_none())
    }

    /// Returns the salt, 16 random bytes, if it is known. Together with the key it yields the
    /// opening; in a commitment of an earlier version it is the opening.
    #[must_use]
    pub fn salt(&self) -> Option<&[u8; 16]> {
        self.salt.as_ref()
    }

    /// Returns the committed digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the mark that replaces the secret. It contains nothing secret, and is different for
    /// each commitment.
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{MARK_START}{}]", hex(self.digest.as_bytes().get(..16).unwrap_or_default()))
    }

    /// Returns the commitment without its salt, which is the form that may leave the store.
    pub(crate) fn without_salt(&self) -> Self {
        Self { salt: None, key: None, digest: self.digest }
    }
}

fn commit(value: &Value, opening: [u8; 16]) -> Result<Digest, SchemaError> {
    Ok(Digest::of_all(&[&opening, canonical(value)?.as_bytes()]))
}

impl fmt::Debug for SecretCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mark())
    }
}

const MARK_START: &str = "[secret ";

mod bytes_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::text::digest::{hex, unhex};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer, const N: usize>(
        bytes: &Option<[u8; N]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.map(|bytes| hex(&bytes)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        // Text that is not hexadecimal becomes no bytes, which have the wrong length below.
        let bytes = unhex(&String::deserialize(deserializer)?).unwrap_or_default();
        let wrong = |_| de::Error::custom(format_args!("expected {} hexadecimal digits", N * 2));
        bytes.try_into().map(Some).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A commitment in the store of an earlier version, with its opening beside it.
    const EARLIER: &str = r#"{"salt":"01010101010101010101010101010101","digest":"DIGEST"}"#;

    fn earlier() -> SecretCommitment {
        let digest = commit(&json!("1234"), [1; 16]).unwrap();
        serde_json::from_str(&EARLIER.replace("DIGEST", &digest.to_string())).unwrap()
    }

    #[test]
    fn what_is_stored_of_a_commitment_does_not_try_out_its_secret() {
        let keys = CommitmentKeys::new(&[7; 32]);
        let pin = SecretCommitment::to(&json!("1234"), [1; 16], &keys).unwrap();
        assert!(pin.is_of(&json!("1234"), &keys));
        let stored: Value = serde_json::to_value(&pin).unwrap();
        // Tries everything in the store as the key and as the opening.
        let stolen: SecretCommitment = serde_json::from_value(stored.clone()).unwrap();
        let salt = *stolen.salt().unwrap();
        let found = (0..10_000).map(|pin| json!(format!("{pin:04}"))).find(|pin| {
            commit(pin, salt).unwrap() == stolen.digest()
                || stolen.is_of(pin, &CommitmentKeys::new(&[0; 32]))
        });
        assert_eq!(found, None);
        assert_eq!(stored["key"].as_str().map(str::len), Some(16), "{stored}");
    }

    #[test]
    fn a_commitment_of_an_earlier_version_is_read_opened_and_written_as_it_was() {
        let keys = CommitmentKeys::new(&[7; 32]);
        let pin = earlier();
        assert!(
            pin.is_of(&json!("1234"), &keys)
                && !pin.is_of(&json!("1235"), &keys)
                && !pin.lacks_key(&keys)
        );
        assert_eq!(pin.again(&json!("1234"), &keys), Some(pin.clone()));
        assert_eq!(
            serde_json::to_string(&pin).unwrap(),
            EARLIER.replace("DIGEST", &pin.digest().to_string())
        );
        // Without its salt, nobody can check the value.
        assert!(!pin.without_salt().is_of(&json!("1234"), &keys));
    }

    #[test]
    fn an_earlier_key_opens_and_commits_to_nothing_new() {
        let (old, new) = ([7; 32], [8; 32]);
        let pin =
            SecretCommitment::to(&json!("1234"), [1; 16], &CommitmentKeys::new(&old)).unwrap();
        assert!(pin.lacks_key(&CommitmentKeys::new(&new)));
        let both = CommitmentKeys::new(&new).earlier(&old);
        assert!(pin.is_of(&json!("1234"), &both) && !pin.lacks_key(&both));
        let next = SecretCommitment::to(&json!("1234"), [1; 16], &both).unwrap();
        assert!(next.is_of(&json!("1234"), &CommitmentKeys::new(&new)));
        assert!(next.lacks_key(&CommitmentKeys::new(&old)) && next.digest() != pin.digest());
    }
}
