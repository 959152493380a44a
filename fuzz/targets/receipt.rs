//! A receipt is written as it was read, and holds only for what the log of the seeds has.
#![no_main]

use gate_audit::{Receipt, WitnessPolicy};
use gate_fuzz::{keys, record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(receipt) = Receipt::parse(bytes) else { return };
    assert_eq!(receipt.to_string().as_bytes(), bytes);
    assert_eq!(Receipt::new(receipt.evidence().to_vec(), receipt.note().clone()).unwrap(), receipt);
    if receipt.verify(&keys(), &WitnessPolicy::none()).is_ok() {
        assert!(
            receipt.evidence().iter().all(|evidence| evidence.entry() == record(evidence.index()))
        );
    }
});
