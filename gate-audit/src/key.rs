//! Ed25519 keys with names, in the text forms of C2SP `signed-note`.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _};
use sha2::{Digest, Sha256};

use crate::encoding::{decode, encode, is_line};
use crate::error::{DocumentKind, Error};
use crate::hash::MAX_SIZE;

/// The longest name or key that is read.
const LONGEST: usize = 1_000;

/// The bytes that stand before an Ed25519 key in a `SubjectPublicKeyInfo` of RFC 8410.
const ED25519_INFO: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The kind of message that a key signs. The same 32 bytes are another key, with another id, in the
/// other kind.
///
/// # Example
///
/// ```
/// use gate_audit::{KeyKind, SigningKey};
///
/// let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let witness = SigningKey::from_seed("example.com/trail", KeyKind::Witness, [1; 32])?;
/// assert_ne!(log.verifier().id(), witness.verifier().id());
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A note's text as it is (algorithm 1).
    Log,
    /// A checkpoint and the time when it was seen (algorithm 4).
    Witness,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            KeyKind::Log => 1,
            KeyKind::Witness => 4,
        }
    }
}

/// A public key with the name of whom it belongs to: what an auditor is given.
///
/// Its text form is the `vkey` of C2SP `signed-note`: name, id in hexadecimal, algorithm and key in
/// base64.
///
/// # Example
///
/// ```
/// use gate_audit::VerifierKey;
///
/// let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!((key.name(), key.id()), ("PeterNeumann", 0xc74f_20a3));
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: u32,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, kind: KeyKind, key: ed25519_dalek::VerifyingKey) -> VerifierKey {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', kind.byte()])
            .chain_update(key.as_bytes())
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        VerifierKey { name: name.to_owned(), kind, id: u32::from_be_bytes([a, b, c, d]), key }
    }

    /// The name that stands in signature lines.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert_eq!(key.verifier().name(), "example.com/trail");
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the kind of message that the key signs.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert_eq!(key.verifier().kind(), KeyKind::Log);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The first four bytes of `SHA-256(name ‖ "\n" ‖ algorithm ‖ key)`. It finds a key, and proves
    /// nothing.
    ///
    /// ```
    /// # use gate_audit::VerifierKey;
    /// let key: VerifierKey =
    ///     "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse()?;
    /// assert_eq!(key.id(), 0xc74f_20a3);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The 32 bytes of the Ed25519 key, for other programs.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert_eq!(key.verifier().as_bytes().len(), 32);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key without its name, as a PEM public key (RFC 8410), for programs such as OpenSSL.
    ///
    /// With it, `openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature`
    /// verifies what a log's key has signed: a note's text with its last newline, without the empty
    /// line, and the bytes of the signature line's base64 behind the first four.
    ///
    /// ```
    /// # use gate_audit::VerifierKey;
    /// let key: VerifierKey =
    ///     "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse()?;
    /// let pem = "-----BEGIN PUBLIC KEY-----\n\
    ///     MCowBQYDK2VwAyEAGlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=\n\
    ///     -----END PUBLIC KEY-----\n";
    /// assert_eq!(key.to_pem(), pem);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn to_pem(&self) -> String {
        let info = encode(&[&ED25519_INFO[..], self.as_bytes()].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{info}\n-----END PUBLIC KEY-----\n")
    }

    /// Refuses a key of the other kind.
    pub(crate) fn must_be(&self, kind: KeyKind) -> Result<(), Error> {
        if self.kind == kind { Ok(()) } else { Err(Error::WrongKind { key: self.name.clone() }) }
    }

    /// If these bytes are this key's signature of the text: when it was cosigned, or 0 for a log's
    /// key, which does not say.
    pub(crate) fn check(&self, text: &str, bytes: &[u8]) -> Option<u64> {
        let (at, message, signature) = match self.kind {
            KeyKind::Log => (0, text.as_bytes().to_vec(), bytes),
            KeyKind::Witness => {
                let (at, signature) = bytes.split_first_chunk()?;
                let at = u64::from_be_bytes(*at);
                (at, cosigned(text, at).into_bytes(), signature)
            }
        };
        let signature = Signature::from_bytes(signature.try_into().ok()?);
        (at <= MAX_SIZE && self.key.verify_strict(&message, &signature).is_ok()).then_some(at)
    }
}

/// Returns the text that a witness signs (C2SP `tlog-cosignature`, version 1).
fn cosigned(text: &str, at: u64) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, tagged(self.kind, self.key.as_bytes()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<VerifierKey, Error> {
        let document_kind = DocumentKind::VerifierKey;
        let (name, id, kind, bytes) = parts(text, document_kind)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or_else(|| {
                Error::whole(
                    document_kind,
                    "this is not a usable Ed25519 key; get it again from its owner",
                )
            })?;
        let key = VerifierKey::new(name, kind, key);
        if key.id == id {
            Ok(key)
        } else {
            Err(Error::whole(document_kind, "the id is not that of name and key; get it again"))
        }
    }
}

/// A private key with a name. `Debug` does not show it; [`SigningKey::to_secret_text`] is the one
/// way out.
///
/// # Example
///
/// ```
/// use gate_audit::{KeyKind, SigningKey};
///
/// // The seed must come from the operating system's randomness.
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [7; 32])?;
/// let kept = key.to_secret_text();
/// assert!(kept.starts_with("PRIVATE+KEY+example.com/trail+"));
/// assert_eq!(kept.parse::<SigningKey>()?.verifier(), key.verifier());
/// assert!(!format!("{key:?}").contains("PRIVATE"));
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub struct SigningKey {
    verifier: VerifierKey,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// Creates a key from 32 random bytes.
    ///
    /// # Security
    ///
    /// Anyone who knows or guesses the seed can sign.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the name is empty, or has a space, a `+` or a control character.
    ///
    /// ```
    /// use gate_audit::{KeyKind, SigningKey};
    ///
    /// assert!(SigningKey::from_seed("example.com/trail", KeyKind::Log, [7; 32]).is_ok());
    /// assert!(SigningKey::from_seed("our trail", KeyKind::Log, [7; 32]).is_err());
    /// ```
    pub fn from_seed(name: &str, kind: KeyKind, seed: [u8; 32]) -> Result<SigningKey, Error> {
        if !is_name(name) {
            return Err(Error::whole(DocumentKind::SigningKey, NAME));
        }
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        Ok(SigningKey { verifier: VerifierKey::new(name, kind, key.verifying_key()), key })
    }

    /// The public part.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [7; 32])?;
    /// assert!(key.verifier().to_string().starts_with("example.com/trail+"));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The `skey` text form, to be kept secret.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [7; 32])?;
    /// assert!(key.to_secret_text().parse::<SigningKey>().is_ok());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let VerifierKey { name, id, kind, .. } = &self.verifier;
        format!("PRIVATE+KEY+{name}+{id:08x}+{}", tagged(*kind, self.key.as_bytes()))
    }

    /// The signature of a text; `at` counts for a witness.
    pub(crate) fn sign(&self, text: &str, at: u64) -> Vec<u8> {
        match self.verifier.kind {
            KeyKind::Log => self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            KeyKind::Witness => {
                let signature = self.key.sign(cosigned(text, at).as_bytes()).to_bytes();
                [&at.to_be_bytes()[..], &signature].concat()
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl FromStr for SigningKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<SigningKey, Error> {
        let document_kind = DocumentKind::SigningKey;
        let text = text
            .strip_prefix("PRIVATE+KEY+")
            .ok_or_else(|| Error::whole(document_kind, "begin with `PRIVATE+KEY+`"))?;
        let (name, id, kind, seed) = parts(text, document_kind)?;
        let key = SigningKey::from_seed(name, kind, seed)?;
        let same = key.verifier.id == id;
        if same {
            Ok(key)
        } else {
            Err(Error::whole(document_kind, "the id is not that of name and key; get it again"))
        }
    }
}

const NAME: &str = "give the key a name without spaces, `+` and control characters";

/// Returns whether a text can be a key's name.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && is_line(text)
        && !text.contains(|letter: char| letter == '+' || letter.is_whitespace())
}

/// Algorithm and key in base64.
fn tagged(kind: KeyKind, key: &[u8; 32]) -> String {
    encode(&[&[kind.byte()], &key[..]].concat())
}

/// `name+id+base64(algorithm ‖ key)`.
fn parts(text: &str, document_kind: DocumentKind) -> Result<(&str, u32, KeyKind, [u8; 32]), Error> {
    let refuse = |hint| Error::whole(document_kind, hint);
    let mut pieces = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (pieces.next(), pieces.next(), pieces.next()) else {
        return Err(refuse("write it as `name+id+key`, in one line"));
    };
    if !is_name(name) {
        return Err(refuse(NAME));
    }
    let written = u32::from_str_radix(id, 16).ok().filter(|number| format!("{number:08x}") == id);
    let id =
        written.ok_or_else(|| refuse("write the id as eight lower-case hexadecimal digits"))?;
    let bytes = (key.len() == 44).then(|| decode(key)).flatten();
    let bytes =
        bytes.ok_or_else(|| refuse("write the key as 33 bytes in 44 characters of base64"))?;
    let (kind, key) = match bytes.split_first() {
        Some((1, key)) => (KeyKind::Log, key),
        Some((4, key)) => (KeyKind::Witness, key),
        _ => return Err(refuse("use algorithm 1 (Ed25519) or 4 (Ed25519 cosignature)")),
    };
    let key = key
        .try_into()
        .map_err(|_| refuse("write the key as 33 bytes in 44 characters of base64"))?;
    Ok((name, id, kind, key))
}
