//! A note is written as it was read, and stays one that can be read when it is signed.
#![no_main]

use gate_audit::Note;
use gate_fuzz::{log, witness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut note) = Note::parse(bytes) else { return };
    assert_eq!(note.to_string().as_bytes(), bytes);
    let known = [log().verifier().clone(), witness().verifier().clone()];
    _ = note.verify(&known);
    if note.also_sign(&log()).is_ok() {
        assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
        assert!(note.verify(&known[..1]).is_ok());
    }
});
