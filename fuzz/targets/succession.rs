//! A succession is written as it was read, and followed if the log has signed it.
#![no_main]

use gate_audit::KeySuccession;
use gate_fuzz::{keys, log};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(succession) = text.parse::<KeySuccession>() else { return };
    assert_eq!(succession.to_string(), text);
    let mut keys = keys();
    if keys.accept(&succession.sign(&log()).unwrap()).is_ok() {
        assert!(text.ends_with(&format!("key {}\n", keys.current())));
    } else {
        assert_eq!(keys.current(), log().verifier());
    }
});
