//! The arguments of a call as they are stored, shown and digested.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use crate::call::commitment::SecretCommitment;
use crate::text::digest::Digest;
use crate::text::json::{SchemaError, canonical};
use crate::text::visible::hazard;

/// The arguments of one call: canonical JSON (RFC 8785), in which every secret is replaced by a
/// mark.
///
/// What is digested is what is stored and shown, and what runs is read from exactly this text; a
/// secret is bound by a [commitment](SecretCommitment) and comes from the process that read it.
/// `Debug` shows the digest only; [`to_json`](Self::to_json) is the way to the values.
///
/// ```
/// # fn show(arguments: &gate_runtime::tool::Arguments) {
/// assert_eq!(arguments.get("amount_cents").and_then(|cents| cents.as_u64()), Some(2_400));
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Arguments {
    text: Arc<str>,
    digest: Digest,
    secrets: Vec<SecretCommitment>,
}

/// The beginning of a text that looks like a mark: before a space, and without invisible
/// characters.
const MARK_SHAPE: &str = "[secret";

/// Returns whether a text is, or was made to look like, the mark of a secret.
#[must_use]
pub fn is_mark(text: &str) -> bool {
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return false;
    }
    let plain = text
        .nfkc()
        .filter(|c| c.is_whitespace() || hazard(*c).is_none())
        .flat_map(char::to_lowercase);
    let mut plain = plain.skip_while(|c| c.is_whitespace());
    plain.by_ref().take(MARK_SHAPE.len()).eq(MARK_SHAPE.chars())
        && plain.next().is_some_and(char::is_whitespace)
}

impl Arguments {
    /// Takes arguments in which marks stand for the secrets.
    #[doc(hidden)]
    pub fn new(marked: &Value, secrets: Vec<SecretCommitment>) -> Result<Self, SchemaError> {
        let text = canonical(marked)?;
        Ok(Self { digest: Digest::of(&text), text: text.into(), secrets })
    }

    /// The canonical JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// The arguments as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// One argument by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.to_json().get_mut(name).map(Value::take)
    }

    /// The SHA-256 of the canonical text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The commitments of the secrets, in the order in which their marks stand.
    #[must_use]
    pub fn secrets(&self) -> &[SecretCommitment] {
        &self.secrets
    }

    /// Returns whether a value in these arguments is a secret: the mark of one of its commitments
    /// stands there. A text that only looks like a mark is a text like any other.
    #[must_use]
    pub fn is_secret(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.secrets.iter().any(|secret| secret.mark() == text))
    }

    /// Returns what equal arguments have in common: their digest, without what stands for secrets,
    /// which differs each time.
    ///
    /// Two calls with one likeness are equal but for their secrets.
    #[must_use]
    pub fn likeness(&self) -> Digest {
        if self.secrets.is_empty() {
            return self.digest;
        }
        let blank =
            |text: String, secret: &SecretCommitment| text.replace(&secret.mark(), "[secret]");
        Digest::of(self.secrets.iter().fold(self.text.to_string(), blank))
    }

    /// The arguments as others than the store may have them.
    #[doc(hidden)]
    #[must_use]
    pub fn without_salts(&self) -> Self {
        let secrets = self.secrets.iter().map(SecretCommitment::without_salt).collect();
        Self { text: Arc::clone(&self.text), digest: self.digest, secrets }
    }

    /// The arguments with the salts that other ones have for the same secrets.
    pub(crate) fn with_salts_of(&self, others: &Self) -> Self {
        let known = |secret: &SecretCommitment| {
            others.secrets.iter().find(|other| other.digest() == secret.digest())
        };
        let secrets =
            self.secrets.iter().map(|secret| known(secret).unwrap_or(secret).clone()).collect();
        Self { text: Arc::clone(&self.text), digest: self.digest, secrets }
    }

    /// Returns whether the text still has its digest. A store could have returned another one.
    #[doc(hidden)]
    #[must_use]
    pub fn is_intact(&self) -> bool {
        Digest::of(self.text.as_bytes()) == self.digest
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({})", self.digest)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredArguments {
    json: Value,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretCommitment>,
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredArguments { json: self.to_json(), digest: self.digest, secrets: self.secrets.clone() }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredArguments { json, digest, secrets } = StoredArguments::deserialize(deserializer)?;
        // The digest is kept as it was stored: whether it fits is judged where something would run.
        let text = canonical(&json).map_err(serde::de::Error::custom)?;
        Ok(Self { text: text.into(), digest, secrets })
    }
}
