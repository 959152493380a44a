//! Key texts, and one key after another.

use gate_audit::{
    Checkpoint, Error, Hash, KeyKind, KeySuccession, LogKeys, Note, SigningKey, TreeHead,
    VerifierKey, WitnessPolicy,
};

use crate::{log, witness};

const ORIGIN: &str = "example.com/trail";

fn checkpoint(size: u64, key: &SigningKey) -> Note {
    Checkpoint::new(ORIGIN, TreeHead::new(size, Hash::of_leaf(b"root"))).unwrap().sign(key).unwrap()
}

fn succession(from: u64, by: &SigningKey, new: &SigningKey) -> Note {
    KeySuccession::new(ORIGIN, from, new.verifier().clone()).unwrap().sign(by).unwrap()
}

#[test]
fn each_key_is_in_force_between_its_successions() {
    let mut keys = LogKeys::new(ORIGIN, log(1).verifier().clone()).unwrap();
    keys.accept(&succession(10, &log(1), &log(2))).unwrap();
    keys.accept(&succession(20, &log(2), &log(3))).unwrap();
    assert_eq!(keys.current(), log(3).verifier());
    for (seed, from, until) in [(1, 1, 10), (2, 10, 20), (3, 20, 30)] {
        for size in 1..=30 {
            let verified = keys.verify(&checkpoint(size, &log(seed)), &WitnessPolicy::none());
            if (from..=until).contains(&size) {
                assert!(verified.is_ok(), "key {seed} at {size}");
            } else {
                assert!(matches!(verified, Err(Error::NotInForce { .. })), "key {seed} at {size}");
            }
        }
    }
}

#[test]
fn only_the_current_key_introduces_another() {
    let mut keys = LogKeys::new(ORIGIN, log(1).verifier().clone()).unwrap();
    assert!(matches!(keys.accept(&succession(10, &log(2), &log(2))), Err(Error::Unsigned { .. })));
    keys.accept(&succession(10, &log(1), &log(2))).unwrap();
    assert!(matches!(keys.accept(&succession(10, &log(1), &log(4))), Err(Error::Unsigned { .. })));
    assert!(matches!(
        keys.accept(&succession(9, &log(2), &log(3))),
        Err(Error::BadSuccession { .. })
    ));
    assert!(matches!(
        keys.accept(&succession(10, &log(2), &log(1))),
        Err(Error::BadSuccession { .. })
    ));
    assert!(matches!(
        keys.accept(&succession(10, &log(2), &log(2))),
        Err(Error::BadSuccession { .. })
    ));
    let elsewhere = KeySuccession::new("example.com/other", 11, log(3).verifier().clone())
        .unwrap()
        .sign(&log(2))
        .unwrap();
    assert!(matches!(keys.accept(&elsewhere), Err(Error::OtherOrigin { .. })));
    assert_eq!(keys.current(), log(2).verifier());
}

#[test]
fn a_checkpoint_is_no_succession_and_a_succession_no_checkpoint() {
    let mut keys = LogKeys::new(ORIGIN, log(1).verifier().clone()).unwrap();
    assert!(matches!(keys.accept(&checkpoint(7, &log(1))), Err(Error::Malformed { .. })));
    let note = succession(7, &log(1), &log(2));
    assert!(matches!(keys.verify(&note, &WitnessPolicy::none()), Err(Error::Malformed { .. })));
}

#[test]
fn a_witness_s_key_is_never_a_log_s() {
    assert!(matches!(
        LogKeys::new(ORIGIN, witness(2).verifier().clone()),
        Err(Error::WrongKind { .. })
    ));
    assert!(matches!(
        KeySuccession::new(ORIGIN, 1, witness(2).verifier().clone()),
        Err(Error::WrongKind { .. })
    ));
    assert!(matches!(Note::sign("text\n", &witness(2)), Err(Error::WrongKind { .. })));
    assert!(matches!(checkpoint(1, &log(1)).cosign(&log(1), 1), Err(Error::WrongKind { .. })));
}

#[test]
fn every_changed_letter_of_a_key_is_refused() {
    for kind in [KeyKind::Log, KeyKind::Witness] {
        let key = SigningKey::from_seed(ORIGIN, kind, [1; 32]).unwrap();
        let (public, secret) = (key.verifier().to_string(), key.to_secret_text());
        for at in 0..public.len() {
            for other in ["", "A", "b", "+", " ", "é"] {
                let changed = format!("{}{other}{}", &public[..at], &public[at + 1..]);
                assert!(changed == public || changed.parse::<VerifierKey>().is_err(), "{changed}");
            }
        }
        for at in 0..secret.len() {
            let changed = format!("{}{}", &secret[..at], &secret[at + 1..]);
            let refused = changed.parse::<SigningKey>().unwrap_err().to_string();
            assert!(!refused.contains(&secret[40..]));
        }
    }
}

/// The key pair of RFC 8410, sections 10.1 and 10.3.
#[test]
fn a_public_key_in_pem_is_that_of_rfc_8410() {
    let private = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
    let private =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, private).unwrap();
    let seed = private.last_chunk().unwrap();
    let public = "-----BEGIN PUBLIC \
        KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC \
        KEY-----\n";
    for kind in [KeyKind::Log, KeyKind::Witness] {
        assert_eq!(SigningKey::from_seed(ORIGIN, kind, *seed).unwrap().verifier().to_pem(), public);
    }
}

/// The eight points of small order, whose signatures hold for many texts.
#[test]
fn weak_keys_are_refused() {
    for point in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let id = {
            use sha2::{Digest, Sha256};
            let digest = Sha256::new().chain_update(b"weak\n\x01").chain_update(point).finalize();
            u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
        };
        let bytes = [&[1][..], &point].concat();
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        let refused = format!("weak+{id:08x}+{base64}").parse::<VerifierKey>().unwrap_err();
        assert!(refused.to_string().contains("not a usable Ed25519 key"), "{refused}");
    }
}

#[test]
fn a_succession_that_an_earlier_version_signed_still_holds() {
    let (old, new) = (log(1), log(2));
    let rotation = KeySuccession::new(ORIGIN, 5, new.verifier().clone()).unwrap();
    let earlier = format!("github.com/gate-rs/{rotation}");
    assert_eq!(earlier.parse::<KeySuccession>().unwrap(), rotation);
    let mut keys = LogKeys::new(ORIGIN, old.verifier().clone()).unwrap();
    keys.accept(&Note::sign(earlier, &old).unwrap()).unwrap();
    assert_eq!(keys.current(), new.verifier());
}
