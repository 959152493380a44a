//! A checkpoint is written as it was read, and can be signed.
#![no_main]

use gate_audit::{Checkpoint, WitnessPolicy};
use gate_fuzz::{ORIGIN, keys, log};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(checkpoint) = text.parse::<Checkpoint>() else { return };
    assert_eq!(checkpoint.to_string(), text);
    let note = checkpoint.sign(&log()).unwrap();
    let verified = keys().verify(&note, &WitnessPolicy::none());
    assert_eq!(verified.is_ok(), checkpoint.origin() == ORIGIN);
    assert!(
        verified.is_ok_and(|verified| *verified.checkpoint() == checkpoint)
            || checkpoint.origin() != ORIGIN
    );
});
