//! C2SP `signed-note`: a text, an empty line, and a line for each signature.

use std::fmt;

use crate::encoding::{decode, encode};
use crate::error::{Document, Error};
use crate::hash::MAX_SIZE;
use crate::key::{KeyKind, SigningKey, VerifierKey, is_name};

/// The longest note that is read, and the most signatures in it: what Go's `note` package takes.
pub(crate) const LONGEST: usize = 1_000_000;
const MOST_SIGNATURES: usize = 100;

/// A text with at least one signature. What it says must not be used before [`Note::verify`] or [`LogKeys::verify`](crate::LogKeys::verify).
///
/// # Example
///
/// ```
/// use gate_audit::{KeyKind, Note, SigningKey};
///
/// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let note = Note::sign("If you can read this,\nit was signed.\n", &key)?;
/// let read = Note::parse(note.to_string().as_bytes())?;
/// assert_eq!(read, note);
/// assert_eq!(read.verify(&[key.verifier().clone()])?.len(), 1);
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// A signature line: whose it says it is, and the bytes behind the id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

/// A signature that was verified.
///
/// # Example
///
/// ```
/// use gate_audit::{KeyKind, Note, SigningKey};
///
/// let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
/// let witness = SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?;
/// let mut note = Note::sign("example.com/trail\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", &log)?;
/// note.cosign(&witness, 1_679_315_147)?;
/// let verified = note.verify(&[witness.verifier().clone()])?;
/// assert_eq!((verified[0].key(), verified[0].cosigned_at()), (witness.verifier(), Some(1_679_315_147)));
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    key: VerifierKey,
    at: u64,
}

impl VerifiedSignature {
    /// Whose it is.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, Note, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let verified = Note::sign("text\n", &key)?.verify(&[key.verifier().clone()])?;
    /// assert_eq!(verified[0].key(), key.verifier());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// When a witness says that it cosigned, in seconds since 1970; logs do not say.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, Note, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let verified = Note::sign("text\n", &key)?.verify(&[key.verifier().clone()])?;
    /// assert_eq!(verified[0].cosigned_at(), None);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn cosigned_at(&self) -> Option<u64> {
        (self.key.kind() == KeyKind::Witness).then_some(self.at)
    }
}

impl Note {
    /// Signs a text with a log's key.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] unless the text ends with a newline and has no other control character; [`Error::WrongKind`] for a witness's key.
    ///
    /// ```
    /// use gate_audit::{KeyKind, Note, SigningKey};
    ///
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert_eq!(Note::sign("text\n", &key)?.text(), "text\n");
    /// assert!(Note::sign("no newline", &key).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn sign(text: impl Into<String>, key: &SigningKey) -> Result<Note, Error> {
        let mut note = Note { text: text.into(), signatures: Vec::new() };
        check_characters(&note.text)?;
        if !note.text.ends_with('\n') || note.text.len() > LONGEST / 2 {
            return Err(Error::whole(Document::Note, "end the text with a newline, and keep it below 500000 bytes"));
        }
        note.also_sign(key)?;
        Ok(note)
    }

    /// Signs with another log's key as well, or with the log's next one.
    ///
    /// # Errors
    ///
    /// [`Error::WrongKind`] for a witness's key, [`Error::Malformed`] for more than 100 signatures.
    ///
    /// ```
    /// use gate_audit::{KeyKind, Note, SigningKey};
    ///
    /// let [old, new] = [[1; 32], [2; 32]].map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
    /// let (old, new) = (old?, new?);
    /// let mut note = Note::sign("text\n", &old)?;
    /// note.also_sign(&new)?;
    /// assert_eq!(note.verify(&[old.verifier().clone(), new.verifier().clone()])?.len(), 2);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn also_sign(&mut self, key: &SigningKey) -> Result<(), Error> {
        key.verifier().must_be(KeyKind::Log)?;
        self.add(key, 0)
    }

    /// Adds a witness's signature: it has seen this checkpoint at this time, in seconds since 1970.
    ///
    /// Whether the checkpoint continues what the witness saw before is for the caller to check.
    ///
    /// # Errors
    ///
    /// [`Error::WrongKind`] for a log's key, [`Error::Malformed`] for a time beyond 2^63 - 1 or more than 100 signatures.
    ///
    /// ```
    /// use gate_audit::{KeyKind, Note, SigningKey};
    ///
    /// let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let witness = SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?;
    /// let mut note = Note::sign("example.com/trail\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", &log)?;
    /// note.cosign(&witness, 1_679_315_147)?;
    /// assert!(note.cosign(&log, 1_679_315_147).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn cosign(&mut self, key: &SigningKey, at: u64) -> Result<(), Error> {
        key.verifier().must_be(KeyKind::Witness)?;
        if at > MAX_SIZE {
            return Err(Error::whole(Document::Note, "give the time in seconds, below 2^63"));
        }
        self.add(key, at)
    }

    /// Adds a signature in the place of an earlier one by the same key.
    fn add(&mut self, key: &SigningKey, at: u64) -> Result<(), Error> {
        let (name, id) = (key.verifier().name(), key.verifier().id());
        self.signatures.retain(|signature| signature.name != name || signature.id != id);
        if self.signatures.len() >= MOST_SIGNATURES {
            return Err(Error::whole(Document::Note, TOO_MANY));
        }
        self.signatures.push(Signature { name: name.to_owned(), id, bytes: key.sign(&self.text, at) });
        Ok(())
    }

    /// Reads a note. Nothing is verified yet.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the line.
    ///
    /// ```
    /// use gate_audit::Note;
    ///
    /// let refused = Note::parse(b"text\n\nno signature\n").unwrap_err();
    /// assert_eq!(refused.to_string(), "note, line 3: write a signature as an em dash, a space, the key's name, a space, and base64");
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Note, Error> {
        let what = Document::Note;
        if bytes.len() > LONGEST {
            return Err(Error::whole(what, "give a note of no more than 1000000 bytes"));
        }
        let all = std::str::from_utf8(bytes).map_err(|bad| Error::byte(what, bad.valid_up_to(), "write UTF-8"))?;
        check_characters(all)?;
        let Some((text, lines)) = all.rsplit_once("\n\n") else {
            return Err(Error::whole(what, "put an empty line between the text and its signatures"));
        };
        let text = format!("{text}\n");
        let first = text.matches('\n').count() + 2;
        let Some(lines) = lines.strip_suffix('\n') else {
            return Err(Error::line(what, first, "write at least one signature, and end each with a newline"));
        };
        let mut signatures = Vec::new();
        for (count, line) in lines.split('\n').enumerate() {
            if count >= MOST_SIGNATURES {
                return Err(Error::line(what, first + count, TOO_MANY));
            }
            signatures.push(signature(line).map_err(|hint| Error::line(what, first + count, hint))?);
        }
        Ok(Note { text, signatures })
    }

    /// Verifies the signatures by these keys. Those by others are ignored; one that claims a known key and is not by it spoils the note.
    ///
    /// A witness's signature alone says nothing of who wrote the text: for checkpoints use [`LogKeys::verify`](crate::LogKeys::verify).
    ///
    /// # Errors
    ///
    /// [`Error::BadSignature`], or [`Error::Unsigned`] if none is by these keys.
    ///
    /// ```
    /// use gate_audit::{Error, KeyKind, Note, SigningKey};
    ///
    /// let [ours, other] = [[1; 32], [2; 32]].map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
    /// let note = Note::sign("text\n", &ours?)?;
    /// assert!(matches!(note.verify(&[other?.verifier().clone()]), Err(Error::Unsigned { unknown: 1 })));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, Error> {
        let verified = self.verified_by(keys)?;
        if verified.is_empty() { Err(Error::Unsigned { unknown: self.signatures.len() }) } else { Ok(verified) }
    }

    /// As [`Note::verify`], and none is fine.
    pub(crate) fn verified_by(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, Error> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            let mut known =
                keys.iter().filter(|key| key.name() == signature.name && key.id() == signature.id).peekable();
            if known.peek().is_none() {
                continue;
            }
            let found = known.find_map(|key| Some((key, key.check(&self.text, &signature.bytes)?)));
            let (key, at) = found.ok_or_else(|| Error::BadSignature { key: signature.name.clone() })?;
            verified.push(VerifiedSignature { key: key.clone(), at });
        }
        Ok(verified)
    }

    /// What was signed. Do not use it before it is verified.
    ///
    /// ```
    /// # use gate_audit::{KeyKind, Note, SigningKey};
    /// let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// assert_eq!(Note::sign("text\n", &key)?.text(), "text\n");
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, id, bytes } in &self.signatures {
            writeln!(f, "— {name} {}", encode(&[&id.to_be_bytes()[..], bytes].concat()))?;
        }
        Ok(())
    }
}

const TOO_MANY: &str = "have no more than 100 signatures";

fn check_characters(text: &str) -> Result<(), Error> {
    match text.bytes().position(|byte| byte < b' ' && byte != b'\n') {
        None => Ok(()),
        Some(at) => Err(Error::byte(Document::Note, at, "use no control characters but newlines")),
    }
}

/// `— name base64(id ‖ signature)`.
fn signature(line: &str) -> Result<Signature, &'static str> {
    let form = "write a signature as an em dash, a space, the key's name, a space, and base64";
    let (name, base64) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(form)?;
    if !is_name(name) {
        return Err(form);
    }
    let bytes = decode(base64).ok_or(form)?;
    match bytes.split_first_chunk() {
        Some((id, bytes)) if !bytes.is_empty() => {
            Ok(Signature { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
        }
        _ => Err("write the key's id (4 bytes) and the signature in one base64"),
    }
}
