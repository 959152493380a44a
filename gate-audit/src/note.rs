//! C2SP `signed-note`: a text, an empty line, and a line for each signature.

use std::fmt;

use crate::encoding::{decode, encode};
use crate::error::{DocumentKind, Error};
use crate::hash::MAX_SIZE;
use crate::key::{KeyKind, SigningKey, VerifierKey, is_name};

/// The longest note that is read, and the most signatures in it: what Go's `note` package takes.
pub(crate) const LONGEST: usize = 1_000_000;
const MOST_SIGNATURES: usize = 100;

/// A text with at least one signature. What it says must not be used before [`Note::verify`] or
/// [`LogKeys::verify`](crate::LogKeys::verify).
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
    signatures: Vec<SignatureLine>,
}

/// A signature line: whose it says it is, and the bytes behind the id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SignatureLine {
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
/// let mut note =
///     Note::sign("example.com/trail\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", &log)?;
/// note.cosign(&witness, 1_679_315_147)?;
/// let verified = note.verify(&[witness.verifier().clone()])?;
/// assert_eq!(
///     (verified[0].key(), verified[0].cosigned_at()),
///     (witness.verifier(), Some(1_679_315_147))
/// );
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
    /// [`Error::Malformed`] unless the text ends with a newline and has no other control character;
    /// [`Error::WrongKind`] for a witness's key.
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
            return Err(Error::whole(
                DocumentKind::Note,
                "end the text with a newline, and keep it below 500000 bytes",
            ));
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
    /// let [old, new] = [[1; 32], [2; 32]]
    ///     .map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
    /// let (old, new) = (old?, new?);
    /// let mut note = Note::sign("text\n", &old)?;
    /// note.also_sign(&new)?;
    /// assert_eq!(note.verify(&[old.verifier().clone(), new.verifier().clone()])?.len(), 2);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn also_sign(&mut self, key: &SigningKey) -> Result<(), Error> {
        key.verifier().must_be(KeyKind::Log)?;
        self.add(vec![SignatureLine::by(key, &self.text, 0)])
    }

    /// Adds a witness's signature: it has seen this checkpoint at this time, in seconds since 1970.
    ///
    /// Whether the checkpoint continues what the witness saw before is for the caller to check.
    ///
    /// # Errors
    ///
    /// [`Error::WrongKind`] for a log's key, [`Error::Malformed`] for a time beyond 2^63 - 1 or
    /// more than 100 signatures.
    ///
    /// ```
    /// use gate_audit::{KeyKind, Note, SigningKey};
    ///
    /// let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let witness = SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?;
    /// let mut note = Note::sign(
    ///     "example.com/trail\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ///     &log,
    /// )?;
    /// note.cosign(&witness, 1_679_315_147)?;
    /// assert!(note.cosign(&log, 1_679_315_147).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn cosign(&mut self, key: &SigningKey, at: u64) -> Result<(), Error> {
        key.verifier().must_be(KeyKind::Witness)?;
        if at > MAX_SIZE {
            return Err(Error::whole(DocumentKind::Note, "give the time in seconds, below 2^63"));
        }
        self.add(vec![SignatureLine::by(key, &self.text, at)])
    }

    /// Adds what a witness has answered: those of its signature lines that are by these witnesses.
    /// Gives how many these are.
    ///
    /// Lines by others are left out, and so are those that claim one of these keys and are not by
    /// it.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the line, also for more than 100 signatures in the note;
    /// [`Error::WrongKind`] for a log's key; [`Error::BadSignature`] or [`Error::Unsigned`] if no
    /// line is by these witnesses. The note is then as it was.
    ///
    /// ```
    /// use gate_audit::{Checkpoint, TreeFrontier, KeyKind, SigningKey};
    ///
    /// let log = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
    /// let witness = SigningKey::from_seed("witness.example/w1", KeyKind::Witness, [2; 32])?;
    /// let mut note =
    ///     Checkpoint::new("example.com/trail", TreeFrontier::new().head())?.sign(&log)?;
    /// let mut cosigned = note.clone();
    /// cosigned.cosign(&witness, 1_679_315_147)?;
    /// let response = format!("{}\n", cosigned.to_string().lines().last().unwrap());
    ///
    /// assert_eq!(note.add_cosignatures(&response, &[witness.verifier().clone()])?, 1);
    /// assert_eq!(note, cosigned);
    /// assert!(note.add_cosignatures(&response, &[]).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn add_cosignatures(
        &mut self,
        response: &str,
        keys: &[VerifierKey],
    ) -> Result<usize, Error> {
        let kind = DocumentKind::Cosignatures;
        keys.iter().try_for_each(|key| key.must_be(KeyKind::Witness))?;
        let (mut kept, mut unknown, mut bad) = (Vec::new(), 0, None);
        for signature in signatures(response, kind, 1)? {
            match self.verified(&signature, keys) {
                Some(Ok(_)) => put(&mut kept, signature),
                Some(Err(error)) => bad = Some(error),
                None => unknown += 1,
            }
        }
        if kept.is_empty() {
            return Err(bad.unwrap_or(Error::Unsigned { unknown }));
        }
        let count = kept.len();
        self.add(kept)?;
        Ok(count)
    }

    /// Adds signatures, each in the place of an earlier one by the same key.
    fn add(&mut self, more: Vec<SignatureLine>) -> Result<(), Error> {
        let mut signed = self.clone();
        for signature in more {
            put(&mut signed.signatures, signature);
        }
        if signed.signatures.len() > MOST_SIGNATURES {
            return Err(Error::whole(DocumentKind::Note, TOO_MANY));
        }
        if signed.to_string().len() > LONGEST {
            return Err(Error::whole(DocumentKind::Note, TOO_LONG));
        }
        *self = signed;
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
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "note, line 3: write a signature as an em dash, a space, the key's name, a space, and \
    ///      base64"
    /// );
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Note, Error> {
        let kind = DocumentKind::Note;
        if bytes.len() > LONGEST {
            return Err(Error::whole(kind, TOO_LONG));
        }
        let all = std::str::from_utf8(bytes)
            .map_err(|bad| Error::byte(kind, bad.valid_up_to(), "write UTF-8"))?;
        check_characters(all)?;
        let Some((text, lines)) = all.rsplit_once("\n\n") else {
            return Err(Error::whole(
                kind,
                "put an empty line between the text and its signatures",
            ));
        };
        let text = format!("{text}\n");
        let signatures = signatures(lines, kind, text.matches('\n').count() + 2)?;
        Ok(Note { text, signatures })
    }

    /// Verifies the signatures by these keys. Those by others are ignored; one that claims a known
    /// key and is not by it spoils the note.
    ///
    /// A witness's signature alone says nothing of who wrote the text: for checkpoints use
    /// [`LogKeys::verify`](crate::LogKeys::verify).
    ///
    /// # Errors
    ///
    /// [`Error::BadSignature`], or [`Error::Unsigned`] if none is by these keys.
    ///
    /// ```
    /// use gate_audit::{Error, KeyKind, Note, SigningKey};
    ///
    /// let [ours, other] = [[1; 32], [2; 32]]
    ///     .map(|seed| SigningKey::from_seed("example.com/trail", KeyKind::Log, seed));
    /// let note = Note::sign("text\n", &ours?)?;
    /// assert!(matches!(
    ///     note.verify(&[other?.verifier().clone()]),
    ///     Err(Error::Unsigned { unknown: 1 })
    /// ));
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, Error> {
        let verified = self.verified_by(keys)?;
        if verified.is_empty() {
            Err(Error::Unsigned { unknown: self.signatures.len() })
        } else {
            Ok(verified)
        }
    }

    /// As [`Note::verify`], and none is fine.
    pub(crate) fn verified_by(
        &self,
        keys: &[VerifierKey],
    ) -> Result<Vec<VerifiedSignature>, Error> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            verified.extend(self.verified(signature, keys).transpose()?);
        }
        Ok(verified)
    }

    /// Verifies a signature of this text if it claims one of these keys.
    fn verified(
        &self,
        signature: &SignatureLine,
        keys: &[VerifierKey],
    ) -> Option<Result<VerifiedSignature, Error>> {
        let SignatureLine { name, id, bytes } = signature;
        let mut known = keys.iter().filter(|key| key.name() == name && key.id() == *id).peekable();
        known.peek()?;
        let found = known.find_map(|key| Some((key, key.check(&self.text, bytes)?)));
        let verified = found.map(|(key, at)| VerifiedSignature { key: key.clone(), at });
        Some(verified.ok_or_else(|| Error::BadSignature { key: name.clone() }))
    }

    /// Returns the text that was signed. Do not use it before it is verified.
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
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

impl SignatureLine {
    /// This key's signature of a text; `at` counts for a witness.
    fn by(key: &SigningKey, text: &str, at: u64) -> SignatureLine {
        SignatureLine {
            name: key.verifier().name().to_owned(),
            id: key.verifier().id(),
            bytes: key.sign(text, at),
        }
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SignatureLine { name, id, bytes } = self;
        writeln!(f, "— {name} {}", encode(&[&id.to_be_bytes()[..], bytes].concat()))
    }
}

/// The signature line by which a witness says that it has seen this checkpoint at this time.
pub(crate) fn cosignature(key: &SigningKey, checkpoint: &Note, at: u64) -> String {
    SignatureLine::by(key, &checkpoint.text, at).to_string()
}

const TOO_LONG: &str = "give a note of no more than 1000000 bytes";
const TOO_MANY: &str = "have no more than 100 signatures";

/// Adds a signature in the place of an earlier one by the same key.
fn put(signatures: &mut Vec<SignatureLine>, new: SignatureLine) {
    signatures.retain(|old| old.name != new.name || old.id != new.id);
    signatures.push(new);
}

/// Reads signature lines, the first of which is in this line of the document.
fn signatures(lines: &str, kind: DocumentKind, first: usize) -> Result<Vec<SignatureLine>, Error> {
    let Some(lines) = lines.strip_suffix('\n') else {
        let last = first + lines.matches('\n').count();
        return Err(Error::line(
            kind,
            last,
            "write at least one signature, and end each with a newline",
        ));
    };
    let mut signatures = Vec::new();
    for (count, line) in lines.split('\n').enumerate() {
        if count >= MOST_SIGNATURES {
            return Err(Error::line(kind, first + count, TOO_MANY));
        }
        signatures.push(signature(line).map_err(|hint| Error::line(kind, first + count, hint))?);
    }
    Ok(signatures)
}

fn check_characters(text: &str) -> Result<(), Error> {
    match text.bytes().position(|byte| byte < b' ' && byte != b'\n') {
        None => Ok(()),
        Some(at) => {
            Err(Error::byte(DocumentKind::Note, at, "use no control characters but newlines"))
        }
    }
}

/// `— name base64(id ‖ signature)`.
fn signature(line: &str) -> Result<SignatureLine, &'static str> {
    let form = "write a signature as an em dash, a space, the key's name, a space, and base64";
    let (name, base64) =
        line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(form)?;
    if !is_name(name) {
        return Err(form);
    }
    let bytes = decode(base64).ok_or(form)?;
    match bytes.split_first_chunk() {
        Some((id, bytes)) if !bytes.is_empty() => Ok(SignatureLine {
            name: name.to_owned(),
            id: u32::from_be_bytes(*id),
            bytes: bytes.to_vec(),
        }),
        _ => Err("write the key's id (4 bytes) and the signature in one base64"),
    }
}
