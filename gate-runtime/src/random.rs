//! Random numbers that cannot be guessed.

use gate_core::text::Digest;
use uuid::Uuid;

/// Returns a uniformly distributed number.
pub(crate) fn number() -> u32 {
    let [a, b, c, d, ..] = *Uuid::new_v4().as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Returns 256 random bits: 366 of the operating system's, hashed.
pub(crate) fn bits_256() -> [u8; 32] {
    let [a, b, c] = [(), (), ()].map(|()| *Uuid::new_v4().as_bytes());
    *Digest::of_all(&[&a, &b, &c]).as_bytes()
}
