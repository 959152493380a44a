//! No bytes pass for a proof but the proof itself, and no numbers make verification panic.
#![no_main]

use std::sync::OnceLock;

use gate_audit::{Hash, TreeHead, prove_consistency, prove_inclusion, root_of};
use gate_fuzz::record;
use libfuzzer_sys::fuzz_target;

const LEAVES: u64 = 64;

fn leaves() -> &'static [Hash] {
    static LEAVES_OF_THE_LOG: OnceLock<Vec<Hash>> = OnceLock::new();
    LEAVES_OF_THE_LOG
        .get_or_init(|| (0..LEAVES).map(|index| Hash::of_leaf(record(index).as_bytes())).collect())
}

/// Returns a proof that is made of a true one: each pair of bytes drops, doubles, adds, moves or
/// changes one hash.
fn edited(proof: &[Hash], edits: &[u8]) -> Vec<Hash> {
    let mut proof = proof.to_vec();
    for edit in edits.chunks_exact(2).take(8) {
        let at = usize::from(edit[1]) % (proof.len() + 1);
        match edit[0] % 5 {
            0 if at < proof.len() => _ = proof.remove(at),
            1 if at < proof.len() => proof.insert(at, proof[at]),
            2 => proof.insert(at, leaves()[usize::from(edit[0]) % leaves().len()]),
            3 if at + 1 < proof.len() => proof.swap(at, at + 1),
            4 if at < proof.len() => {
                let mut bytes = *proof[at].as_bytes();
                bytes[usize::from(edit[0]) % 32] ^= edit[1];
                proof[at] = Hash::from_bytes(bytes);
            }
            _ => {}
        }
    }
    proof
}

fuzz_target!(|bytes: &[u8]| {
    // Any numbers, any hashes.
    if let Some((numbers, rest)) = bytes.split_first_chunk::<24>() {
        let number = |at: usize| u64::from_be_bytes(numbers[at..at + 8].try_into().unwrap());
        let hashes: Vec<_> =
            rest.as_chunks().0.iter().map(|hash| Hash::from_bytes(*hash)).collect();
        let root = hashes.first().copied().unwrap_or_else(Hash::of_nothing);
        let (new, old) = (TreeHead::new(number(0), root), TreeHead::new(number(8), root));
        _ = new.verify_inclusion(number(16), root, &hashes);
        _ = new.verify_consistency(old, &hashes);
        _ = prove_inclusion(leaves(), number(16), number(0));
        _ = prove_consistency(leaves(), number(8), number(0));
    }
    // A true proof, edited.
    let Some((&[size, index, claimed], edits)) = bytes.split_first_chunk() else { return };
    let size = u64::from(size) % LEAVES + 1;
    let (index, claimed) = (u64::from(index) % size, u64::from(claimed) % size);
    let head = |size| TreeHead::new(size, root_of(leaves(), size).unwrap());
    let leaf = leaves()[usize::try_from(claimed).unwrap()];

    let inclusion = prove_inclusion(leaves(), index, size).unwrap();
    let claim = edited(&inclusion, edits);
    let truth = prove_inclusion(leaves(), claimed, size).unwrap();
    assert_eq!(head(size).verify_inclusion(claimed, leaf, &claim).is_ok(), claim == truth);
    assert_eq!(
        head(size).verify_inclusion(index, leaf, &claim).is_ok(),
        claim == truth && index == claimed
    );

    let consistency = prove_consistency(leaves(), index, size).unwrap();
    let claim = edited(&consistency, edits);
    let truth = prove_consistency(leaves(), claimed, size).unwrap();
    assert_eq!(head(size).verify_consistency(head(claimed), &claim).is_ok(), claim == truth);
    assert_eq!(head(size).verify_consistency(head(size), &claim).is_ok(), claim.is_empty());
});
