//! Signed notes, checkpoints and cosignatures.

use ed25519_dalek::{Signature, VerifyingKey};
use gate_audit::{
    Checkpoint, Error, Hash, KeyKind, LogKeys, Note, SigningKey, TreeHead, VerifiedSignature,
    VerifierKey, WitnessPolicy,
};
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

use crate::{log, witness};

/// The example of Go's `note` package.
const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN_SECRET: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know \
    what your problem is.\n";
const SIGNATURES: [&str; 2] = [
    "— PeterNeumann \
     x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\
     \n",
    "— EnochRoot \
     rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\
     \n",
];

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

#[test]
fn the_note_of_go_s_documentation_is_verified_and_written_alike() {
    let signed = format!("{TEXT}\n{}", SIGNATURES[0]);
    let note = Note::parse(signed.as_bytes()).unwrap();
    assert_eq!(note.verify(&[key(NEUMANN)]).unwrap().len(), 1);
    let secret: SigningKey = NEUMANN_SECRET.parse().unwrap();
    assert_eq!(
        (secret.verifier().to_string(), secret.to_secret_text()),
        (NEUMANN.into(), NEUMANN_SECRET.into())
    );
    assert_eq!(Note::sign(TEXT, &secret).unwrap().to_string(), signed);
}

#[test]
fn signatures_by_unknown_keys_are_ignored_and_by_known_ones_must_hold() {
    let both =
        Note::parse(format!("{TEXT}\n{}{}", SIGNATURES[0], SIGNATURES[1]).as_bytes()).unwrap();
    assert_eq!(both.verify(&[key(NEUMANN), key(ENOCH)]).unwrap().len(), 2);
    assert_eq!(both.verify(&[key(ENOCH)]).unwrap()[0].key(), &key(ENOCH));
    assert!(matches!(
        both.verify(&[log(1).verifier().clone()]),
        Err(Error::Unsigned { unknown: 2 })
    ));
    assert!(matches!(both.verify(&[]), Err(Error::Unsigned { unknown: 2 })));

    // Enoch's signature is not of this text, and spoils the note for whoever knows Enoch.
    let other = Note::sign("another text\n", &NEUMANN_SECRET.parse().unwrap()).unwrap().to_string();
    let other = Note::parse(format!("{other}{}", SIGNATURES[1]).as_bytes()).unwrap();
    assert!(other.verify(&[key(NEUMANN)]).is_ok());
    assert!(matches!(other.verify(&[key(NEUMANN), key(ENOCH)]), Err(Error::BadSignature { .. })));
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    let note = Note::sign("one\n\n— two\n\n\n", &log(1)).unwrap();
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read.text(), "one\n\n— two\n\n\n");
    assert!(read.verify(&[log(1).verifier().clone()]).is_ok());
}

#[test]
fn signed_note_verifies_what_we_sign_and_we_what_it_signs() {
    let ours = log(7);
    let note = Note::sign(TEXT, &ours).unwrap();
    let theirs = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&ours.verifier().to_string()).unwrap();
    assert_eq!(theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap().0.len(), 1);

    let mut theirs = signed_note::Note::new(TEXT.as_bytes(), &[]).unwrap();
    theirs.add_sigs(&[&StandardSigner::new(&ours.to_secret_text()).unwrap()]).unwrap();
    assert_eq!(theirs.to_bytes(), note.to_string().into_bytes());
}

#[test]
fn tlog_tiles_reads_our_checkpoints_and_we_its() {
    let head = TreeHead::new(7, Hash::of_leaf(b"root"));
    let ours = Checkpoint::new("example.com/trail", head).unwrap().to_string();
    let theirs = tlog_tiles::Checkpoint::from_bytes(ours.as_bytes()).unwrap();
    assert_eq!(
        (theirs.origin(), theirs.size(), theirs.hash().0),
        ("example.com/trail", 7, *head.root().as_bytes())
    );
    assert_eq!(theirs.to_bytes(), ours.into_bytes());
}

#[test]
fn a_cosignature_is_over_header_time_and_text() {
    let mut note = Checkpoint::new("example.com/trail", TreeHead::new(7, Hash::of_leaf(b"root")))
        .unwrap()
        .sign(&log(1))
        .unwrap();
    note.cosign(&witness(2), 1_679_315_147).unwrap();
    let line = note.to_string();
    let base64 = line.lines().last().unwrap().rsplit(' ').next().unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).unwrap();
    assert_eq!(bytes[..4], witness(2).verifier().id().to_be_bytes());
    assert_eq!(bytes[4..12], 1_679_315_147_u64.to_be_bytes());
    let message = format!("cosignature/v1\ntime 1679315147\n{}", note.text());
    let key = VerifyingKey::from_bytes(witness(2).verifier().as_bytes()).unwrap();
    key.verify_strict(message.as_bytes(), &Signature::from_slice(&bytes[12..]).unwrap()).unwrap();
    assert!(note.cosign(&witness(2), u64::MAX).is_err());
}

#[test]
fn a_witness_counts_once_and_its_word_is_not_the_log_s() {
    let checkpoint =
        Checkpoint::new("example.com/trail", TreeHead::new(7, Hash::of_leaf(b"root"))).unwrap();
    let keys = LogKeys::new("example.com/trail", log(1).verifier().clone()).unwrap();
    let renamed = renamed();
    let known = || [&witness(2), &renamed, &witness(3)].map(|key| key.verifier().clone()).to_vec();
    let two = WitnessPolicy::at_least(2, known()).unwrap();
    assert!(WitnessPolicy::at_least(3, known()).is_err());

    let mut note = checkpoint.sign(&log(1)).unwrap();
    note.cosign(&witness(2), 1).unwrap();
    note.cosign(&witness(2), 2).unwrap();
    note.cosign(&renamed, 3).unwrap();
    assert!(matches!(
        keys.verify(&note, &two),
        Err(Error::TooFewWitnesses { found: 1, wanted: 2 })
    ));
    note.cosign(&witness(4), 4).unwrap();
    assert!(keys.verify(&note, &two).is_err());
    note.cosign(&witness(3), 5).unwrap();
    let times: Vec<_> = keys
        .verify(&note, &two)
        .unwrap()
        .cosignatures()
        .iter()
        .map(VerifiedSignature::cosigned_at)
        .collect();
    assert_eq!(times, [Some(2), Some(3), Some(5)]);

    // Without the log's own signature, no number of witnesses is enough.
    let mut unsigned = checkpoint.sign(&log(9)).unwrap();
    unsigned.cosign(&witness(2), 1).unwrap();
    unsigned.cosign(&witness(3), 1).unwrap();
    assert!(matches!(keys.verify(&unsigned, &two), Err(Error::Unsigned { .. })));
}

/// Witness 2 under another name.
fn renamed() -> SigningKey {
    SigningKey::from_seed("witness.example/again", KeyKind::Witness, [2; 32]).unwrap()
}

#[test]
fn checkpoints_are_read_in_one_form_only() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for (text, line) in [
        (format!("\n7\n{root}\n"), 1),
        (format!("log\n07\n{root}\n"), 2),
        (format!("log\n+7\n{root}\n"), 2),
        (format!("log\n\n{root}\n"), 2),
        (format!("log\n9223372036854775808\n{root}\n"), 2),
        (format!("log\n18446744073709551616\n{root}\n"), 2),
        (format!("log\n0\n{root}\n"), 3),
        ("log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n".into(), 3),
        ("log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n".into(), 3),
        ("log\n7\n".into(), 3),
        (format!("log\n7\n{root}\n\n"), 4),
        (format!("log\n7\n{root}\nmore\n\n"), 5),
    ] {
        let refused = text.parse::<Checkpoint>().unwrap_err().to_string();
        assert!(refused.starts_with(&format!("checkpoint, line {line}: ")), "{text:?}: {refused}");
    }
    assert!(format!("log\n7\n{root}").parse::<Checkpoint>().is_err());
    assert!(format!("log\n7\n{root}\nmore\n").parse::<Checkpoint>().is_ok());
}
