//! SHA-256 digests of canonical JSON.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written `sha256:` and 64 hexadecimal digits.
///
/// ```
/// use gate_runtime::id::Digest;
/// let digest = Digest::of(b"{}");
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// assert!(digest.to_string().starts_with("sha256:44136fa3"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of some bytes.
    #[must_use]
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// Returns the digest of several byte strings, concatenated.
    #[doc(hidden)]
    #[must_use]
    pub fn of_all(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the first eight hexadecimal digits: enough for a person to tell two apart at a
    /// glance, never for a check.
    #[must_use]
    pub fn short(&self) -> String {
        hex(self.0.get(..4).unwrap_or_default())
    }
}

/// Returns the lower-case hexadecimal digits of some bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| digits_of(*byte)).map(char::from).collect()
}

/// Returns the two hexadecimal digits of a byte.
fn digits_of(byte: u8) -> [u8; 2] {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
    [digit(byte >> 4), digit(byte & 0xf)]
}

/// The text of a digest, without a `String`: every record holds several.
struct DigestText([u8; PREFIX.len() + 64]);

const PREFIX: &str = "sha256:";

impl DigestText {
    fn of(digest: &Digest) -> Self {
        let mut text = [0; PREFIX.len() + 64];
        let digits = digest.0.iter().flat_map(|byte| digits_of(*byte));
        for (target, byte) in text.iter_mut().zip(PREFIX.bytes().chain(digits)) {
            *target = byte;
        }
        Self(text)
    }

    /// Returns the text, which is always ASCII.
    fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Returns the bytes of hexadecimal digits, if the text is such.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DigestText::of(self).as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a digest.
///
/// ```
/// assert!("sha256:beef".parse::<gate_runtime::id::Digest>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseDigestError;

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a digest: expected `sha256:` and 64 hexadecimal digits")
    }
}

impl std::error::Error for ParseDigestError {}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let bytes = text.strip_prefix(PREFIX).and_then(unhex).ok_or(ParseDigestError)?;
        bytes.try_into().map(Self).map_err(|_| ParseDigestError)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(DigestText::of(self).as_str())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_shown_and_stored_by_one_text() {
        let digest =
            Digest(std::array::from_fn(|index| u8::try_from(index * 8 + 7).unwrap_or(0xff)));
        let text = "sha256:070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff";
        assert_eq!(digest.to_string(), text);
        assert_eq!(serde_json::to_value(digest).unwrap(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(digest.short(), "070f171f");
    }
}
