//! A log asks witnesses, and a witness answers.

use gate_audit::{
    AddCheckpoint, AddCheckpointError, Checkpoint, Error, Hash, KeySuccession, LogKeys, Note,
    TileStore, TrailWriter, TreeHead, Witness, WitnessPolicy, prove_consistency, root_of,
};

use crate::{leaves, log, record, witness};

const ORIGIN: &str = "example.com/trail";
const AT: u64 = 1_700_000_000;

/// The request in `tlog-witness`.
const REQUEST: &str = "\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa \
opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

/// The response there.
const RESPONSE: &str = "\
— witness.example/w1 \
CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pW\
h6Up69HVOw==
— witness.example/w1 \
I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1\
vi/lCAsmlw==
— witness.example/w2 \
AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXv\
pysAdyP3wQ==
";

fn keys() -> LogKeys {
    LogKeys::new(ORIGIN, log(1).verifier().clone()).unwrap()
}

fn head(leaves: &[Hash], size: u64) -> TreeHead {
    TreeHead::new(size, root_of(leaves, size).unwrap())
}

fn note(head: TreeHead) -> Note {
    Checkpoint::new(ORIGIN, head).unwrap().sign(&log(1)).unwrap()
}

/// Returns the request of a log with these leaves to a witness that it takes to be at `old`.
fn request(leaves: &[Hash], old: u64, size: u64) -> AddCheckpoint {
    AddCheckpoint::new(old, prove_consistency(leaves, old, size).unwrap(), note(head(leaves, size)))
        .unwrap()
}

fn decide(last: Option<TreeHead>, request: &AddCheckpoint) -> Result<TreeHead, AddCheckpointError> {
    let seen = Witness::new(witness(2)).unwrap().decide(&keys(), last, request, AT)?;
    let mut note = request.checkpoint().clone();
    assert_eq!(
        note.add_cosignatures(seen.response(), &[witness(2).verifier().clone()]).unwrap(),
        1
    );
    Ok(seen.head())
}

#[test]
fn a_witness_follows_a_trail_as_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let mut trail = TrailWriter::create(dir.path()).unwrap();
    let witnesses = [2, 3].map(|seed| Witness::new(witness(seed)).unwrap());
    let known = witnesses.each_ref().map(|witness| witness.verifier().clone());
    let policy = WitnessPolicy::at_least(2, known.to_vec()).unwrap();
    let mut last: [Option<TreeHead>; 2] = [None, None];
    for size in [0, 1, 2, 3, 3, 255, 256, 257, 700] {
        (trail.size()..size)
            .for_each(|index| assert_eq!(trail.append(&record(index)).unwrap(), index));
        let new = trail.seal().unwrap();
        let mut signed = note(new);
        let tiles = TileStore::open(dir.path(), new).unwrap();
        for (witness, last) in witnesses.iter().zip(&mut last) {
            let old = last.map_or(0, |last| last.size());
            let proof = prove_consistency(&tiles, old, size).unwrap();
            let request = AddCheckpoint::new(old, proof, note(new)).unwrap().to_string();
            let request = AddCheckpoint::parse(request.as_bytes()).unwrap();
            assert_eq!((request.origin(), request.old()), (ORIGIN, old));
            let seen = witness.decide(&keys(), *last, &request, AT + size).unwrap();
            assert_eq!(seen.head(), new);
            *last = Some(seen.head());
            assert_eq!(signed.add_cosignatures(seen.response(), &known).unwrap(), 1);
        }
        trail.publish(&signed).unwrap();
        let verified = keys().verify(&signed, &policy).unwrap();
        assert!(verified.cosignatures().iter().all(|one| one.cosigned_at() == Some(AT + size)));
        assert_eq!(verified.cosignatures().len(), 2);
    }
}

#[test]
fn between_all_small_trees_exactly_the_continuation_is_cosigned() {
    let leaves = leaves(20);
    for known in 0..=20 {
        let last = (known > 0).then(|| head(&leaves, known));
        for size in 0..=20 {
            for old in 0..=size {
                match decide(last, &request(&leaves, old, size)) {
                    Ok(seen) => assert_eq!((seen, old), (head(&leaves, size), known)),
                    Err(AddCheckpointError::OtherSize { known: said }) => {
                        assert!(said == known && old != known);
                    }
                    Err(other) => panic!("{old} to {size} at {known}: {other}"),
                }
            }
        }
    }
}

#[test]
fn every_refusal_has_the_status_of_the_specification() {
    let leaves = leaves(20);
    let last = Some(head(&leaves, 10));
    let refused = |request: &AddCheckpoint| decide(last, request).unwrap_err();
    let with = |proof: &[Hash], note: Note| AddCheckpoint::new(10, proof.to_vec(), note).unwrap();
    let proof = prove_consistency(&leaves[..], 10, 20).unwrap();
    let new = head(&leaves, 20);

    let other = Checkpoint::new("example.com/other", new).unwrap().sign(&log(1)).unwrap();
    let refusal = refused(&with(&proof, other));
    assert!(matches!(
        &refusal,
        AddCheckpointError::UnknownLog { origin } if origin == "example.com/other"
    ));
    assert_eq!((refusal.status(), refusal.content_type()), (404, "text/plain; charset=utf-8"));
    assert_eq!(refusal.body(), "this witness does not watch `example.com/other`\n");

    let by_another = Checkpoint::new(ORIGIN, new).unwrap().sign(&log(9)).unwrap();
    let refusal = refused(&with(&proof, by_another));
    assert!(matches!(
        &refusal,
        AddCheckpointError::NotSigned { error: Error::Unsigned { unknown: 1 } }
    ));
    assert_eq!(refusal.status(), 403);
    let forged = note(new).to_string().replace("\n20\n", "\n19\n");
    let refusal = refused(&with(&proof, Note::parse(forged.as_bytes()).unwrap()));
    assert!(matches!(
        &refusal,
        AddCheckpointError::NotSigned { error: Error::BadSignature { .. } }
    ));
    assert_eq!(refusal.status(), 403);

    let refusal = refused(&AddCheckpoint::new(21, Vec::new(), note(new)).unwrap());
    assert!(matches!(refusal, AddCheckpointError::OldTooLarge { old: 21, size: 20 }));
    assert_eq!(refusal.status(), 400);

    for old in [0, 9, 11] {
        let refusal = refused(&request(&leaves, old, 20));
        assert!(matches!(refusal, AddCheckpointError::OtherSize { known: 10 }));
        assert_eq!((refusal.status(), refusal.content_type()), (409, "text/x.tlog.size"));
        assert_eq!(refusal.body(), "10\n");
    }
    let refusal = decide(None, &request(&leaves, 10, 20)).unwrap_err();
    assert_eq!((refusal.status(), refusal.body()), (409, "0\n".into()));

    let changed = [&proof[..1], &[Hash::of_leaf(b"forged")], &proof[2..]].concat();
    for wrong in [&[][..], &proof[1..], &changed, &[&proof[..], &proof[..1]].concat()] {
        let refusal = refused(&with(wrong, note(new)));
        assert!(matches!(refusal, AddCheckpointError::Inconsistent { old: 10, size: 20 }));
        assert_eq!(refusal.status(), 422);
    }
    // Nothing is to be proven of a first tree, or of the same one.
    let first = AddCheckpoint::new(0, vec![leaves[0]], note(new)).unwrap();
    assert_eq!(decide(None, &first).unwrap_err().status(), 422);
    assert_eq!(refused(&with(&proof, note(head(&leaves, 10)))).status(), 422);

    let seen =
        Witness::new(witness(2)).unwrap().decide(&keys(), last, &with(&proof, note(new)), 1 << 63);
    assert!(
        matches!(seen, Err(refusal @ AddCheckpointError::NoTime { .. }) if refusal.status() == 500)
    );
}

#[test]
fn a_log_that_goes_back_is_not_cosigned() {
    let leaves = leaves(20);
    let last = Some(head(&leaves, 20));
    assert_eq!(decide(last, &request(&leaves, 10, 15)).unwrap_err().body(), "20\n");
    let back = AddCheckpoint::new(20, Vec::new(), note(head(&leaves, 15))).unwrap();
    assert!(matches!(
        decide(last, &back),
        Err(AddCheckpointError::OldTooLarge { old: 20, size: 15 })
    ));
    let anew = AddCheckpoint::new(0, Vec::new(), note(head(&leaves, 15))).unwrap();
    assert_eq!(decide(last, &anew).unwrap_err().body(), "20\n");
}

#[test]
fn two_histories_are_not_both_cosigned() {
    let ours = leaves(20);
    let mut theirs = ours.clone();
    theirs[7] = Hash::of_leaf(b"another history");
    let last = Some(head(&ours, 10));
    // The log proves the other history to itself; to this witness it is another one.
    assert!(matches!(
        decide(last, &request(&theirs, 10, 20)),
        Err(AddCheckpointError::Inconsistent { .. })
    ));
    let same_size = decide(last, &request(&theirs, 10, 10)).unwrap_err();
    assert!(matches!(same_size, AddCheckpointError::OtherRoot { size: 10 }));
    assert_eq!((same_size.status(), same_size.content_type()), (409, "text/plain; charset=utf-8"));
    // Up to where they part, they are one.
    assert!(decide(Some(head(&ours, 7)), &request(&theirs, 7, 20)).is_ok());
    assert!(decide(last, &request(&ours, 10, 20)).is_ok());
}

#[test]
fn a_new_key_of_the_log_is_followed_and_the_old_one_no_more() {
    let leaves = leaves(20);
    let mut keys = keys();
    let rotation = KeySuccession::new(ORIGIN, 10, log(5).verifier().clone()).unwrap();
    keys.accept(&rotation.sign(&log(1)).unwrap()).unwrap();
    let by = |seed| {
        let note = Checkpoint::new(ORIGIN, head(&leaves, 20)).unwrap().sign(&log(seed)).unwrap();
        AddCheckpoint::new(10, prove_consistency(&leaves[..], 10, 20).unwrap(), note).unwrap()
    };
    let witness = Witness::new(witness(2)).unwrap();
    let last = Some(head(&leaves, 10));
    assert!(witness.decide(&keys, last, &by(5), AT).is_ok());
    let refused = witness.decide(&keys, last, &by(1), AT).unwrap_err();
    assert!(matches!(refused, AddCheckpointError::NotSigned { error: Error::NotInForce { .. } }));
}

#[test]
fn a_request_is_read_in_one_form_only() {
    let read = |text: &str| AddCheckpoint::parse(text.as_bytes());
    let request = read(REQUEST).unwrap();
    assert_eq!(request.to_string(), REQUEST);
    assert_eq!(
        (request.old(), request.proof().len(), request.origin()),
        (20_852_014, 4, "example.com/behind-the-sofa")
    );
    let hash = "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=";
    for (from, to, problem) in [
        ("old 20852014", "old 020852014", "add-checkpoint, line 1: "),
        ("old 20852014", "old", "add-checkpoint, line 1: "),
        ("old 20852014", "Old 20852014", "add-checkpoint, line 1: "),
        ("old 20852014", "old 20852014 ", "add-checkpoint, line 1: "),
        ("old 20852014", "\nold 20852014", "add-checkpoint, line 1: "),
        ("5+pK", "5+p", "add-checkpoint, line 4: "),
        (hash, &vec![hash; 61].join("\n"), "add-checkpoint, line 65: "),
        ("\n20852163\n", "\n020852163\n", "checkpoint, line 8: "),
        ("— example.com/behind-the-sofa opL", "— opL", "note, line 12: "),
    ] {
        let changed = REQUEST.replacen(from, to, 1);
        assert_ne!(changed, REQUEST);
        let refused = read(&changed).unwrap_err().to_string();
        assert!(refused.starts_with(problem), "{to}: {refused}");
    }
    assert!(read(&REQUEST.replace(hash, &vec![hash; 60].join("\n"))).is_ok());
    assert!(AddCheckpoint::parse(&vec![b'a'; 1_003_001]).is_err());
    let proof = vec![Hash::of_nothing(); 64];
    assert!(AddCheckpoint::new(1, proof[1..].to_vec(), request.checkpoint().clone()).is_ok());
    assert!(AddCheckpoint::new(1, proof, request.checkpoint().clone()).is_err());
}

#[test]
fn of_a_response_only_what_known_witnesses_have_signed_is_kept() {
    let unsigned = note(head(&leaves(3), 3));
    let known = [2, 3].map(|seed| witness(seed).verifier().clone());
    let lines = |seeds: &[u8]| {
        let line = |seed: &u8| {
            let mut note = unsigned.clone();
            note.cosign(&witness(*seed), AT).unwrap();
            format!("{}\n", note.to_string().lines().last().unwrap())
        };
        seeds.iter().map(line).collect::<Vec<_>>().concat()
    };
    let cosigned = |seeds: &[u8]| {
        let mut note = unsigned.clone();
        for seed in seeds {
            note.cosign(&witness(*seed), AT).unwrap();
        }
        note
    };
    let add = |response: &str| {
        let mut note = unsigned.clone();
        let count = note.add_cosignatures(response, &known);
        assert!(count.is_ok() || note == unsigned);
        count.map(|count| (count, note))
    };
    assert_eq!(add(&lines(&[2])).unwrap(), (1, cosigned(&[2])));
    assert_eq!(add(&lines(&[4, 2, 5, 3])).unwrap(), (2, cosigned(&[2, 3])));
    assert_eq!(add(&lines(&[3, 2, 3])).unwrap(), (2, cosigned(&[2, 3])));
    assert_eq!(add(&format!("{RESPONSE}{}", lines(&[2]))).unwrap(), (1, cosigned(&[2])));

    // A line for another checkpoint is none for this one, and spoils nothing.
    let mut other = note(head(&leaves(4), 4));
    other.cosign(&witness(3), AT).unwrap();
    let bad = format!("{}\n", other.to_string().lines().last().unwrap());
    assert!(matches!(add(&bad), Err(Error::BadSignature { key }) if key == "witness.example/w3"));
    let (count, kept) = add(&format!("{}{bad}", lines(&[2]))).unwrap();
    assert_eq!((count, &kept), (1, &cosigned(&[2])));
    assert!(keys().verify(&kept, &WitnessPolicy::at_least(1, known.to_vec()).unwrap()).is_ok());

    assert!(matches!(add(RESPONSE), Err(Error::Unsigned { unknown: 3 })));
    let line = lines(&[2]);
    for (malformed, at) in [
        ("", 1),
        ("\n", 1),
        (line.trim_end(), 1),
        (&format!("\n{line}"), 1),
        (&format!("{line}\n"), 2),
        (&format!("{line}x"), 2),
        (&format!("{line}witness.example/w2 AAAA\n"), 2),
        (&line.repeat(101), 101),
    ] {
        let refused = add(malformed).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("cosignatures, line {at}: ")),
            "{malformed:?}: {refused}"
        );
    }
    assert!(unsigned.clone().add_cosignatures(&line, &[log(1).verifier().clone()]).is_err());
}

#[test]
fn a_note_stays_one_that_can_be_read_whoever_adds_to_it() {
    let mut full = note(head(&leaves(3), 3));
    (2..101).for_each(|seed| full.cosign(&witness(seed), AT).unwrap());
    assert!(Note::parse(full.to_string().as_bytes()).is_ok());
    full.cosign(&witness(100), AT + 1).unwrap();
    let before = full.clone();
    assert!(full.cosign(&witness(101), AT).is_err());
    assert_eq!(full, before);

    let long = "a".repeat(999_980);
    let mut long = Note::parse(format!("{long}\n\n— a AAAAAAA=\n").as_bytes()).unwrap();
    assert!(long.also_sign(&log(1)).is_err());
    assert!(Note::parse(long.to_string().as_bytes()).is_ok());
}
