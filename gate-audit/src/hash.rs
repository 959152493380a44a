//! The hash of RFC 6962: leaves and nodes have different first bytes, so that neither passes for
//! the other.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::encoding::{decode, encode};
use crate::error::{DocumentKind, Error};

/// The most leaves that a tree may have here: what fits the signed integers of other
/// implementations.
pub(crate) const MAX_SIZE: u64 = i64::MAX.unsigned_abs();

/// A SHA-256 hash of a leaf, a node or a tree; written as base64.
///
/// # Example
///
/// ```
/// use gate_audit::Hash;
///
/// let hash = Hash::of_nothing();
/// assert_eq!(hash.to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
/// assert_eq!(hash.to_string().parse::<Hash>()?, hash);
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The number of bytes that a hash has.
    ///
    /// ```
    /// assert_eq!(gate_audit::Hash::LEN, 32);
    /// ```
    pub const LEN: usize = 32;

    /// The hash of a leaf: `SHA-256(0x00 ‖ bytes)`.
    ///
    /// ```
    /// use gate_audit::Hash;
    ///
    /// assert_eq!(Hash::of_leaf(b"").to_string(), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
    /// ```
    #[must_use]
    pub fn of_leaf(bytes: &[u8]) -> Hash {
        Hash(Sha256::new().chain_update([0]).chain_update(bytes).finalize().into())
    }

    /// The hash of a node over its two children: `SHA-256(0x01 ‖ left ‖ right)`.
    ///
    /// ```
    /// use gate_audit::Hash;
    ///
    /// let (a, b) = (Hash::of_leaf(b"a"), Hash::of_leaf(b"b"));
    /// assert_ne!(Hash::of_node(a, b), Hash::of_node(b, a));
    /// ```
    #[must_use]
    pub fn of_node(left: Hash, right: Hash) -> Hash {
        Hash(
            Sha256::new()
                .chain_update([1])
                .chain_update(left.0)
                .chain_update(right.0)
                .finalize()
                .into(),
        )
    }

    /// The root of a tree without leaves: the hash of no bytes.
    ///
    /// ```
    /// use gate_audit::{TreeFrontier, Hash};
    ///
    /// assert_eq!(TreeFrontier::new().root(), Hash::of_nothing());
    /// ```
    #[must_use]
    pub fn of_nothing() -> Hash {
        Hash(Sha256::digest([]).into())
    }

    /// A hash that is known already.
    ///
    /// ```
    /// use gate_audit::Hash;
    ///
    /// assert_eq!(Hash::from_bytes([7; 32]).as_bytes(), &[7; 32]);
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }

    /// Its bytes.
    ///
    /// ```
    /// use gate_audit::Hash;
    ///
    /// assert_eq!(Hash::from_bytes([7; 32]).as_bytes(), &[7; 32]);
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A line of base64, if it is one of exactly a hash.
    pub(crate) fn from_base64(text: &str) -> Option<Hash> {
        // The length first, so that a long line is not decoded at all.
        (text.len() == 44).then(|| decode(text)).flatten()?.try_into().ok().map(Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Hash, Error> {
        Hash::from_base64(text).ok_or_else(|| {
            Error::whole(DocumentKind::Hash, "write 32 bytes as 44 characters of base64")
        })
    }
}
