//! The arguments of a call, in the form in which they are stored, shown and digested.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use crate::call::commitment::SecretCommitment;
use crate::text::digest::Digest;
use crate::text::json::{SchemaError, canonical};
use crate::text::sanitized_text::hazard;

/// The arguments of one call: canonical JSON (RFC 8785), in which every secret is replaced by a
/// mark.
///
/// One text is digested, stored and shown, and the arguments that run are parsed from it. A secret
/// is bound by a [commitment](SecretCommitment), and its value comes from the process that received
/// it. `Debug` shows the digest only; [`to_json`](Self::to_json) returns the values.
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

/// The prefix of a text that looks like a mark, without invisible characters. A space follows it.
const MARK_SHAPE: &str = "[secret";

/// Returns whether a text is, or looks like, the mark of a secret.
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
    /// Creates arguments in which marks replace the secrets.
    #[doc(hidden)]
    pub fn new(marked: &Value, secrets: Vec<SecretCommitment>) -> Result<Self, SchemaError> {
        let text = canonical(marked)?;
        Ok(Self { digest: Digest::of(&text), text: text.into(), secrets })
    }

    /// Returns the canonical JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// Returns the arguments as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // The text was written from a JSON value, so it parses.
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Returns one argument by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.to_json().get_mut(name).map(Value::take)
    }

    /// Returns the SHA-256 of the canonical text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the commitments of the secrets, in the order of their marks.
    #[must_use]
    pub fn secrets(&self) -> &[SecretCommitment] {
        &self.secrets
    }

    /// Returns whether a value in these arguments is a secret, which is the mark of one of the
    /// commitments. A text that only looks like a mark is an ordinary text.
    #[must_use]
    pub fn is_secret(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.secrets.iter().any(|secret| secret.mark() == text))
    }

    /// Returns the likeness of equal arguments: their digest without the marks of secrets, which
    /// differ each time.
    ///
    /// Two calls with one likeness are equal except for their secrets.
    #[must_use]
    pub fn likeness(&self) -> Digest {
        if self.secrets.is_empty() {
            return self.digest;
        }
        let blank =
            |text: String, secret: &SecretCommitment| text.replace(&secret.mark(), "[secret]");
        Digest::of(self.secrets.iter().fold(self.text.to_string(), blank))
    }

    /// Returns the arguments without salts, which is the form that may leave the store.
    #[doc(hidden)]
    #[must_use]
    pub fn without_salts(&self) -> Self {
        let secrets = self.secrets.iter().map(SecretCommitment::without_salt).collect();
        Self { text: Arc::clone(&self.text), digest: self.digest, secrets }
    }

    /// Returns the arguments with the salts that other arguments have for the same secrets.
    pub(crate) fn with_salts_of(&self, others: &Self) -> Self {
        let known = |secret: &SecretCommitment| {
            others.secrets.iter().find(|other| other.digest() == secret.digest())
        };
        let secrets =
            self.secrets.iter().map(|secret| known(secret).unwrap_or(secret).clone()).collect();
        Self { text: Arc::clone(&self.text), digest: self.digest, secrets }
    }

    /// Returns whether the text has its digest. A store could have returned another text.
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
        // The stored digest is kept, because it is checked against the text before anything runs.
        let text = canonical(&json).map_err(serde::de::Error::custom)?;
        Ok(Self { text: text.into(), digest, secrets })
    }
}
