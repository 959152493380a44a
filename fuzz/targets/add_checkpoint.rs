//! A request to a witness is written as it was read, and gets a cosignature or a refusal.
#![no_main]

use gate_audit::{AddCheckpoint, Hash, TreeFrontier, Witness};
use gate_fuzz::{keys, record, witness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = AddCheckpoint::parse(bytes) else { return };
    assert_eq!(request.to_string().as_bytes(), bytes);
    assert!(request.checkpoint().text().starts_with(&format!("{}\n", request.origin())));
    let witness = Witness::new(witness()).unwrap();
    let mut tree = TreeFrontier::new();
    for index in 0..5 {
        let last = (index > 0).then(|| tree.head());
        match witness.decide(&keys(), last, &request, 1_700_000_000) {
            Err(refusal) => {
                assert!((400..500).contains(&refusal.status()) && refusal.body().ends_with('\n'))
            }
            Ok(seen) => {
                assert_eq!(request.old(), tree.size());
                let mut note = request.checkpoint().clone();
                assert_eq!(
                    note.add_cosignatures(seen.response(), &[witness.verifier().clone()]).unwrap(),
                    1
                );
            }
        }
        tree.append(Hash::of_leaf(record(index).as_bytes()));
    }
});
