//! Every bit counts.

use gate_audit::Note;

use crate::log;

#[test]
fn a_note_with_any_bit_changed_is_refused() {
    let note = Note::sign("a text\n\nof two parts\n", &log(1)).unwrap();
    let bytes = note.to_string().into_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let verified =
            Note::parse(&changed).and_then(|note| note.verify(&[log(1).verifier().clone()]));
        assert!(verified.is_err(), "bit {bit} of {}", String::from_utf8_lossy(&changed));
    }
}
