//! Every bit counts.

use gate_audit::{Checkpoint, LogKeys, Note, Receipt, TreeHead, WitnessPolicy, prove_inclusion, root_of};

use crate::{leaves, log, record, witness};

/// A receipt of record 4 of 7, by the log and two witnesses.
fn receipt() -> (String, LogKeys, WitnessPolicy) {
    let leaves = leaves(7);
    let head = TreeHead::new(7, root_of(&leaves[..], 7).unwrap());
    let mut note = Checkpoint::new("example.com/trail", head).unwrap().sign(&log(1)).unwrap();
    note.cosign(&witness(2), 1_700_000_000).unwrap();
    note.cosign(&witness(3), 1_700_000_001).unwrap();
    let receipt = Receipt::new(4, prove_inclusion(&leaves[..], 4, 7).unwrap(), note).unwrap();
    let keys = LogKeys::new("example.com/trail", log(1).verifier().clone()).unwrap();
    let witnesses = [2, 3].map(|seed| witness(seed).verifier().clone()).to_vec();
    (receipt.to_string(), keys, WitnessPolicy::at_least(2, witnesses).unwrap())
}

#[test]
fn a_receipt_with_any_bit_changed_is_refused() {
    let (text, keys, witnesses) = receipt();
    let bytes = text.into_bytes();
    assert!(Receipt::parse(&bytes).unwrap().verify(&record(4), &keys, &witnesses).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let verified = Receipt::parse(&changed).and_then(|receipt| receipt.verify(&record(4), &keys, &witnesses));
        assert!(verified.is_err(), "bit {bit} of {}", String::from_utf8_lossy(&changed));
    }
}

#[test]
fn a_receipt_cut_off_anywhere_is_refused() {
    let (text, keys, witnesses) = receipt();
    for len in 0..text.len() {
        let cut = &text.as_bytes()[..len];
        assert!(Receipt::parse(cut).and_then(|receipt| receipt.verify(&record(4), &keys, &witnesses)).is_err());
    }
}

#[test]
fn a_receipt_vouches_for_its_record_only() {
    let (text, keys, witnesses) = receipt();
    let receipt = Receipt::parse(text.as_bytes()).unwrap();
    for index in (0..7).filter(|index| *index != 4) {
        assert!(receipt.verify(&record(index), &keys, &witnesses).is_err());
    }
    for bit in 0..record(4).len() * 8 {
        let mut changed = record(4);
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(receipt.verify(&changed, &keys, &witnesses).is_err());
    }
}

#[test]
fn what_comes_with_a_receipt_is_kept() {
    let (text, keys, witnesses) = receipt();
    let receipt = Receipt::parse(text.as_bytes()).unwrap();
    for extra in [&b""[..], b"the record"] {
        let with = receipt.clone().with_extra(extra.to_vec()).unwrap();
        let read = Receipt::parse(with.to_string().as_bytes()).unwrap();
        assert_eq!((read.extra(), read.index()), (Some(extra), 4));
        assert_eq!(read, with);
        assert!(read.verify(&record(4), &keys, &witnesses).is_ok());
    }
}

#[test]
fn a_fault_in_the_checkpoint_is_named_at_its_line_in_the_receipt() {
    let (text, ..) = receipt();
    let size = text.lines().position(|line| line == "7").unwrap() + 1;
    let refused = Receipt::parse(text.replace("\n7\n", "\n07\n").as_bytes()).unwrap_err();
    assert!(refused.to_string().starts_with(&format!("checkpoint, line {size}: ")), "{refused}");
    let last = text.lines().count();
    let refused = Receipt::parse(format!("{}\n", &text[..text.len() - 3]).as_bytes()).unwrap_err();
    assert!(refused.to_string().starts_with(&format!("note, line {last}: ")), "{refused}");
}

#[test]
fn a_note_with_any_bit_changed_is_refused() {
    let note = Note::sign("a text\n\nof two parts\n", &log(1)).unwrap();
    let bytes = note.to_string().into_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let verified = Note::parse(&changed).and_then(|note| note.verify(&[log(1).verifier().clone()]));
        assert!(verified.is_err(), "bit {bit} of {}", String::from_utf8_lossy(&changed));
    }
}
