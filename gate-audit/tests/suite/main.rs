//! The crate against published vectors, a naive implementation, other people's implementations, and
//! damage.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "a test says what it expects"
)]

mod damage;
mod every_bit;
mod folder;
mod folder_keys;
mod keys;
mod merkle;
mod notes;
mod parsers;
mod receipts;
mod witnesses;

use gate_audit::{Hash, KeyKind, SigningKey};

/// The hashes of so many different leaves.
fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| Hash::of_leaf(&record(index))).collect()
}

/// A record that is different for each index.
fn record(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

fn log(seed: u8) -> SigningKey {
    SigningKey::from_seed("example.com/trail", KeyKind::Log, [seed; 32]).unwrap()
}

fn witness(seed: u8) -> SigningKey {
    SigningKey::from_seed(&format!("witness.example/w{seed}"), KeyKind::Witness, [seed; 32])
        .unwrap()
}
