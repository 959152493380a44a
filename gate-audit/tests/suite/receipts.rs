//! Receipts: one form for each, and nothing but what was logged.

use gate_audit::{
    Checkpoint, EntryProof, Error, Hash, LogKeys, Note, Receipt, TreeHead, WitnessPolicy,
    prove_inclusion, root_of,
};
use proptest::prelude::*;

use crate::{leaves, log, witness};

const SIZE: u64 = 7;

fn entry(index: u64) -> String {
    format!("record {index}")
}

/// The checkpoint of seven records, by the log and two witnesses.
fn note() -> Note {
    let head = TreeHead::new(SIZE, root_of(&leaves(SIZE)[..], SIZE).unwrap());
    let mut note = Checkpoint::new("example.com/trail", head).unwrap().sign(&log(1)).unwrap();
    note.cosign(&witness(2), 1_700_000_000).unwrap();
    note.cosign(&witness(3), 1_700_000_001).unwrap();
    note
}

fn evidence(index: u64) -> EntryProof {
    EntryProof::new(index, entry(index), prove_inclusion(&leaves(SIZE)[..], index, SIZE).unwrap())
}

/// A receipt of three of the records; something comes with the second.
fn receipt() -> (String, LogKeys, WitnessPolicy) {
    let evidence =
        vec![evidence(1), evidence(4).with(r#"{"salt":"b3Vy"}"#).with("and more"), evidence(6)];
    let keys = LogKeys::new("example.com/trail", log(1).verifier().clone()).unwrap();
    let witnesses = [2, 3].map(|seed| witness(seed).verifier().clone()).to_vec();
    let witnesses = WitnessPolicy::at_least(2, witnesses).unwrap();
    (Receipt::new(evidence, note()).unwrap().to_string(), keys, witnesses)
}

fn read(text: &str) -> Result<Receipt, Error> {
    Receipt::parse(text.as_bytes())
}

#[test]
fn a_receipt_is_lines_that_a_person_can_read() {
    let (text, keys, witnesses) = receipt();
    let [one, four, six] = [1, 4, 6].map(evidence);
    let hashes = |evidence: &EntryProof| {
        evidence.proof().iter().fold(String::new(), |all, hash| format!("{all}{hash}\n"))
    };
    let expected = format!(
        "gate/receipt@v1\nentry 1 record 1\n{}entry 4 record 4\nwith \
         {{\"salt\":\"b3Vy\"}}\nwith and more\n{}entry 6 record 6\n{}\n{}",
        hashes(&one),
        hashes(&four),
        hashes(&six),
        note()
    );
    assert_eq!(text, expected);
    let receipt = read(&text).unwrap();
    assert_eq!(receipt.verify(&keys, &witnesses).unwrap().head().size(), SIZE);
    assert_eq!(
        receipt.evidence().iter().map(EntryProof::entry).collect::<Vec<_>>(),
        ["record 1", "record 4", "record 6"]
    );
    assert_eq!(receipt.evidence()[1].attachments(), [r#"{"salt":"b3Vy"}"#, "and more"]);
    assert_eq!(receipt.note(), &note());
}

#[test]
fn a_receipt_of_an_earlier_version_is_read() {
    let (text, keys, witnesses) = receipt();
    let earlier = format!("github.com/gate-rs/{text}");
    let receipt = read(&earlier).unwrap();
    assert_eq!(receipt.verify(&keys, &witnesses).unwrap().head().size(), SIZE);
    assert_eq!(receipt.to_string(), text);
}

#[test]
fn a_receipt_with_any_bit_changed_is_refused_or_only_what_came_with_it_has_changed() {
    let (text, keys, witnesses) = receipt();
    let logged = |receipt: &Receipt| {
        receipt
            .evidence()
            .iter()
            .map(|one| (one.index(), one.entry().to_owned()))
            .collect::<Vec<_>>()
    };
    let all = logged(&read(&text).unwrap());
    let attached = text.find("with ").unwrap() * 8..(text.find("and more").unwrap() + 8) * 8;
    for bit in 0..text.len() * 8 {
        let mut changed = text.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(receipt) = Receipt::parse(&changed)
            && receipt.verify(&keys, &witnesses).is_ok()
        {
            assert!(attached.contains(&bit), "bit {bit} of {}", String::from_utf8_lossy(&changed));
            assert_eq!(logged(&receipt), all);
        }
    }
}

#[test]
fn a_receipt_cut_off_anywhere_is_refused() {
    let (text, keys, witnesses) = receipt();
    for len in 0..text.len() {
        let cut = &text.as_bytes()[..len];
        assert!(Receipt::parse(cut).and_then(|receipt| receipt.verify(&keys, &witnesses)).is_err());
    }
}

#[test]
fn a_receipt_with_a_line_left_out_doubled_or_moved_is_refused() {
    let (text, keys, witnesses) = receipt();
    let lines: Vec<_> = text.lines().collect();
    let receipt = read(&text).unwrap();
    let holds = |lines: &[&str]| {
        let changed = read(&format!("{}\n", lines.join("\n"))).ok()?;
        changed.verify(&keys, &witnesses).is_ok().then_some(changed)
    };
    for at in 0..lines.len() {
        let with = lines[at].starts_with("with ");
        let without = [&lines[..at], &lines[at + 1..]].concat();
        // The signature of a witness twice is still that of one witness.
        let doubled = [&lines[..at], &lines[at..=at], &lines[at..]].concat();
        assert!(with || holds(&without).is_none(), "without line {at}: {}", lines[at]);
        assert!(
            with || lines[at].starts_with('—') || holds(&doubled).is_none(),
            "line {at} twice: {}",
            lines[at]
        );
        for other in 0..at {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            if let Some(other) = holds(&swapped) {
                let same = receipt
                    .evidence()
                    .iter()
                    .zip(other.evidence())
                    .all(|(one, other)| one.entry() == other.entry());
                assert!(same && receipt.evidence().len() == other.evidence().len());
            }
        }
    }
}

#[test]
fn every_entry_must_be_in_the_tree() {
    let (_, keys, witnesses) = receipt();
    let verify = |evidence: Vec<EntryProof>| {
        Receipt::new(evidence, note()).unwrap().verify(&keys, &witnesses).map(|_| ())
    };
    let forged = |index| EntryProof::new(index, "forged", evidence(index).proof().to_vec());
    for index in 0..SIZE {
        let all = |other: &dyn Fn(u64) -> EntryProof| {
            (0..SIZE)
                .map(|at| if at == index { other(at) } else { evidence(at) })
                .collect::<Vec<_>>()
        };
        assert!(verify(all(&evidence)).is_ok());
        assert!(
            matches!(verify(all(&forged)), Err(Error::NotIncluded { index: at, .. }) if at == index)
        );
    }
    let beyond = EntryProof::new(SIZE, "beyond", Vec::new());
    assert!(matches!(
        verify(vec![evidence(6), beyond]),
        Err(Error::OutOfRange { index: SIZE, size: SIZE })
    ));
}

#[test]
fn what_has_no_form_is_refused_at_its_line() {
    let made = |evidence: Vec<EntryProof>| {
        Receipt::new(evidence, note()).map_err(|error| error.to_string())
    };
    let hash = Hash::of_leaf(b"sibling");
    for (evidence, line) in [
        (vec![], 2),
        (vec![EntryProof::new(1, "", vec![])], 2),
        (vec![EntryProof::new(1, "two\nlines", vec![])], 2),
        (vec![EntryProof::new(1, "a\ttab", vec![])], 2),
        (vec![EntryProof::new(1, "one", vec![hash; 2]), EntryProof::new(1, "again", vec![])], 5),
        (
            vec![EntryProof::new(2, "one", vec![]).with("x"), EntryProof::new(1, "before", vec![])],
            4,
        ),
        (vec![EntryProof::new(1, "one", vec![]).with("x").with("")], 4),
        (vec![EntryProof::new(1, "one", vec![]).with("x\r")], 3),
        (vec![EntryProof::new(1, "one", vec![hash; 64]).with("x")], 67),
    ] {
        let refused = made(evidence).unwrap_err();
        assert!(refused.starts_with(&format!("receipt, line {line}: ")), "{refused}");
    }
    assert!(made(vec![EntryProof::new(1, "one", vec![hash; 63])]).is_ok());
    assert!(
        Receipt::new(vec![evidence(1)], Note::sign("no checkpoint\n", &log(1)).unwrap()).is_err()
    );

    let (text, ..) = receipt();
    for (from, to, line) in [
        ("receipt@v1", "receipt@v2", 1),
        ("entry 1 record 1", "entry 01 record 1", 2),
        ("entry 1 record 1", "entry 1", 2),
        ("entry 1 record 1", "entry  1 record 1", 2),
        ("entry 1 record 1\n", "", 2),
        ("entry 1 record 1", "entry 18446744073709551616 record 1", 2),
        ("entry 1 record 1", "with nothing\nentry 1 record 1", 2),
        ("entry 4 record 4", "with too late\nentry 4 record 4", 6),
        ("entry 4 record 4", "entry 1 record 4", 6),
        ("with and more", "with", 8),
        ("with and more", "with ", 8),
        ("with and more", "And more", 8),
        ("with and more", "with and\u{1b}more", 8),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        let refused = read(&changed).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("receipt, line {line}: ")), "{to:?}: {refused}");
    }
}

#[test]
fn a_fault_in_the_checkpoint_is_named_at_its_line_in_the_receipt() {
    let (text, ..) = receipt();
    let size = text.lines().position(|line| line == "7").unwrap() + 1;
    let refused = read(&text.replace("\n7\n", "\n07\n")).unwrap_err();
    assert!(refused.to_string().starts_with(&format!("checkpoint, line {size}: ")), "{refused}");
    let last = text.lines().count();
    let refused = read(&format!("{}\n", &text[..text.len() - 3])).unwrap_err();
    assert!(refused.to_string().starts_with(&format!("note, line {last}: ")), "{refused}");
}

#[test]
fn a_receipt_has_ten_million_bytes_at_most() {
    let rest =
        Receipt::new(vec![EntryProof::new(1, "x", Vec::new())], note()).unwrap().to_string().len()
            - 1;
    let of = |len: usize| {
        Receipt::new(vec![EntryProof::new(1, "x".repeat(len - rest), Vec::new())], note())
    };
    let largest = of(10_000_000).unwrap().to_string();
    assert_eq!(largest.len(), 10_000_000);
    assert!(read(&largest).is_ok());
    assert!(of(10_000_001).is_err());
    assert!(
        read(&largest.replacen('x', "xx", 1))
            .unwrap_err()
            .to_string()
            .contains("no more than 10000000 bytes")
    );
}

/// A text for a line: everything but control characters.
fn line() -> impl Strategy<Value = String> {
    "[^\u{0}-\u{1f}]{1,40}"
}

fn any_evidence() -> impl Strategy<Value = Vec<EntryProof>> {
    let hash = any::<[u8; 32]>().prop_map(Hash::from_bytes);
    let one = (line(), prop::collection::vec(line(), 0..3), prop::collection::vec(hash, 0..5));
    prop::collection::btree_map(any::<u64>(), one, 1..5).prop_map(|all| {
        all.into_iter()
            .map(|(index, (entry, attachments, proof))| {
                attachments.into_iter().fold(EntryProof::new(index, entry, proof), EntryProof::with)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_receipt_is_read_as_it_was_written(evidence in any_evidence()) {
        let receipt = Receipt::new(evidence, note()).unwrap();
        let text = receipt.to_string();
        let read = read(&text).unwrap();
        prop_assert_eq!(&read, &receipt);
        prop_assert_eq!(read.to_string(), text);
    }
}
