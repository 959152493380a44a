//! No bytes make a parser panic, and what it takes it writes again as it was.

use gate_audit::{
    Checkpoint, Hash, KeySuccession, Note, Receipt, SigningKey, TilePath, VerifierKey,
};
use proptest::prelude::*;

/// Pieces of which the formats are made, so that random texts get far into the parsers.
const PIECES: [&str; 29] = [
    "\n",
    "\n\n",
    " ",
    "+",
    "— ",
    "=",
    "x",
    ".p/",
    "/",
    "0",
    "007",
    "7",
    "256",
    "18446744073709551616",
    "é",
    "\0",
    "gate/receipt@v1\n",
    "entry ",
    "with ",
    "example.com/trail\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— a AAAAAAA=\n",
    "example.com/trail",
    "AAAA",
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    "tile/",
    "entries/",
    "PRIVATE+KEY+",
    "gate/key-succession@v1\norigin ",
    "from ",
    "key ",
];

fn patchwork() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<Vec<u8>>(),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn parse_all(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(note) = Note::parse(bytes) {
        prop_assert_eq!(note.to_string().into_bytes(), bytes);
    }
    if let Ok(receipt) = Receipt::parse(bytes) {
        prop_assert_eq!(receipt.to_string().into_bytes(), bytes);
    }
    for width in [1, 2, 256] {
        _ = TilePath::entries(0, width).unwrap().read_entries(bytes);
        _ = TilePath::hashes(0, 0, width).unwrap().read_hashes(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        prop_assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(path) = text.parse::<TilePath>() {
        prop_assert_eq!(path.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        prop_assert_eq!(key.to_string(), text);
    }
    if let Ok(rotation) = text.parse::<KeySuccession>() {
        prop_assert_eq!(rotation.to_string(), text);
    }
    if let Ok(hash) = text.parse::<Hash>() {
        prop_assert_eq!(hash.to_string(), text);
    }
    _ = text.parse::<SigningKey>();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes: Vec<u8>) {
        parse_all(&bytes)?;
    }

    #[test]
    fn arbitrary_texts_are_read_or_refused(text: String) {
        parse_all(text.as_bytes())?;
    }

    #[test]
    fn patchwork_is_read_or_refused(bytes in patchwork()) {
        parse_all(&bytes)?;
    }
}

#[test]
fn huge_notes_and_counts_are_refused() {
    let line = "— a AAAAAAA=\n";
    assert!(Note::parse(format!("text\n\n{}", line.repeat(100)).as_bytes()).is_ok());
    assert!(Note::parse(format!("text\n\n{}", line.repeat(101)).as_bytes()).is_err());
    assert!(Note::parse(&vec![b'a'; 1_000_001]).is_err());
    let hash = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let receipt = |count: usize| {
        let proof = hash.repeat(count);
        Receipt::parse(
            format!(
                "gate/receipt@v1\nentry 1 x\n{proof}\nlog\n7\n{hash}\n— a \
                AAAAAAA=\n"
            )
            .as_bytes(),
        )
    };
    assert!(receipt(63).is_ok());
    assert!(receipt(64).is_err());
}
