//! The log and the witness of which the targets know the keys. The seeds are signed with them.

use gate_audit::{KeyKind, LogKeys, SigningKey};

pub const ORIGIN: &str = "example.com/trail";

/// The log's key.
pub fn log() -> SigningKey {
    key(ORIGIN, KeyKind::Log, 1)
}

/// The key that the log introduces next.
pub fn next() -> SigningKey {
    key(ORIGIN, KeyKind::Log, 2)
}

/// A witness's key.
pub fn witness() -> SigningKey {
    key("witness.example/w1", KeyKind::Witness, 3)
}

/// Returns the keys of the log, as an auditor knows them.
pub fn keys() -> LogKeys {
    LogKeys::new(ORIGIN, log().verifier().clone()).unwrap()
}

/// The records of the log from which the seeds are made.
pub fn record(index: u64) -> String {
    format!(r#"{{"record":{index}}}"#)
}

fn key(name: &str, kind: KeyKind, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, kind, [seed; 32]).unwrap()
}
