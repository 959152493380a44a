//! The random numbers that nobody else can guess.

use gate_core::text::Digest;
use uuid::Uuid;

/// A number, each as likely as the others.
pub(crate) fn number() -> u32 {
    let [a, b, c, d, ..] = *Uuid::new_v4().as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// 256 random bits: 366 of the operating system's, hashed.
pub(crate) fn bits_256() -> [u8; 32] {
    let [a, b, c] = [(), (), ()].map(|()| *Uuid::new_v4().as_bytes());
    *Digest::of_all(&[&a, &b, &c]).as_bytes()
}
