//! A key, public or secret, is written as it was read.
#![no_main]

use gate_audit::{SigningKey, VerifierKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
        assert_eq!(key.to_pem().len(), 113);
    }
    if let Ok(key) = text.parse::<SigningKey>() {
        assert_eq!(key.to_secret_text(), text);
        assert!(key.verifier().to_string().parse::<VerifierKey>().is_ok());
    }
});
