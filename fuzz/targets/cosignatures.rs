//! Of a witness's answer, a note takes what holds, or stays as it is.
#![no_main]

use gate_audit::{Checkpoint, Note, TreeFrontier, WitnessPolicy};
use gate_fuzz::{ORIGIN, keys, log, witness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|response: &str| {
    let mut note =
        Checkpoint::new(ORIGIN, TreeFrontier::new().head()).unwrap().sign(&log()).unwrap();
    let (before, known) = (note.clone(), vec![witness().verifier().clone()]);
    match note.add_cosignatures(response, &known) {
        Err(_) => assert_eq!(note, before),
        Ok(count) => {
            assert_eq!(count, 1);
            assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
            assert!(keys().verify(&note, &WitnessPolicy::at_least(1, known).unwrap()).is_ok());
        }
    }
});
