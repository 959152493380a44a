//! Trees and proofs.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use gate_audit::{
    Checkpoint, Hash, TreeFrontier, TreeHead, prove_consistency, prove_inclusion, root_of,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{
    HashReader, check_record, check_tree, prove_record, prove_tree, stored_hashes_for_record_hash,
    tree_hash,
};

use crate::{leaves, log, record};

fn hex(hash: Hash) -> String {
    hash.as_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn head(leaves: &[Hash], size: u64) -> TreeHead {
    TreeHead::new(size, root_of(leaves, size).unwrap())
}

/// The vectors of Certificate Transparency's own tests.
#[test]
fn roots_are_those_of_certificate_transparency() {
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = TreeFrontier::new();
    assert_eq!(hex(tree.root()), roots[0]);
    for (leaf, root) in leaves.into_iter().zip(&roots[1..]) {
        tree.append(Hash::of_leaf(leaf));
        assert_eq!(hex(tree.root()), *root);
    }
}

/// The definition in RFC 6962, section 2.1, word for word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::of_node(naive_root(left), naive_root(right))
        }
    }
}

/// `PATH(m, D[n])` of section 2.1.1.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (naive_path(index, left), naive_root(right))
    } else {
        (naive_path(index - middle, right), naive_root(left))
    };
    path.push(sibling);
    path
}

/// `SUBPROOF(m, D[n], b)` of section 2.1.2.
fn naive_subproof(older: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if older == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut proof, sibling) = if older <= middle {
        (naive_subproof(older, left, whole), naive_root(right))
    } else {
        (naive_subproof(older - middle, right, false), naive_root(left))
    };
    proof.push(sibling);
    proof
}

#[test]
fn roots_of_all_sizes_are_those_of_the_definition_and_of_ct_merkle() {
    let leaves = leaves(1_000);
    let (mut tree, mut theirs) = (TreeFrontier::new(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
    for (size, leaf) in (1..).zip(&leaves) {
        tree.append(*leaf);
        theirs.push(record(size as u64 - 1));
        assert_eq!(tree.root(), naive_root(&leaves[..size]));
        assert_eq!(tree.root().as_bytes()[..], theirs.root().as_bytes()[..]);
        assert_eq!(tree.root(), root_of(&leaves[..], size as u64).unwrap());
        assert_eq!(TreeFrontier::from_peaks(tree.size(), tree.peaks().to_vec()).unwrap(), tree);
        assert!(tree.peaks().len() <= 10);
    }
}

#[test]
fn every_inclusion_proof_of_small_trees_holds_and_for_nothing_else() {
    let leaves = leaves(66);
    for size in 1..=65 {
        let head = head(&leaves, size);
        for index in 0..size {
            let proof = prove_inclusion(&leaves[..], index, size).unwrap();
            assert_eq!(proof, naive_path(index as usize, &leaves[..size as usize]));
            for other in 0..=size {
                let holds = head.verify_inclusion(other, leaves[index as usize], &proof).is_ok();
                assert_eq!(holds, other == index, "{index} as {other} of {size}");
            }
            assert!(head.verify_inclusion(index, leaves[size as usize], &proof).is_err());
        }
        assert!(prove_inclusion(&leaves[..], size, size).is_err());
    }
}

#[test]
fn consistency_holds_between_all_small_trees_and_between_no_others() {
    let leaves = leaves(64);
    for newer in 0..=64 {
        for older in 0..=newer {
            let proof = prove_consistency(&leaves[..], older, newer).unwrap();
            let (old, new) = (head(&leaves, older), head(&leaves, newer));
            new.verify_consistency(old, &proof).unwrap();
            if older == 0 {
                continue;
            }
            assert_eq!(proof, naive_subproof(older as usize, &leaves[..newer as usize], true));
            let forged = Hash::of_leaf(b"forged");
            assert!(new.verify_consistency(TreeHead::new(older, forged), &proof).is_err());
            assert!(TreeHead::new(newer, forged).verify_consistency(old, &proof).is_err());
            for wrong in (1..newer).filter(|wrong| *wrong != older) {
                assert!(new.verify_consistency(TreeHead::new(wrong, old.root()), &proof).is_err());
            }
        }
        assert!(prove_consistency(&leaves[..], newer + 1, newer).is_err());
    }
}

#[test]
fn a_proof_with_one_hash_more_less_or_changed_is_refused() {
    let leaves = leaves(40);
    for size in 1..=40 {
        let new = head(&leaves, size);
        for index in 0..size {
            let inclusion = prove_inclusion(&leaves[..], index, size).unwrap();
            let consistency = prove_consistency(&leaves[..], index + 1, size).unwrap();
            let old = head(&leaves, index + 1);
            for wrong in spoilt(&inclusion) {
                assert!(new.verify_inclusion(index, leaves[index as usize], &wrong).is_err());
            }
            for wrong in spoilt(&consistency) {
                assert!(new.verify_consistency(old, &wrong).is_err());
            }
        }
    }
}

fn spoilt(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let forged = Hash::of_leaf(b"forged");
    let mut all = vec![[proof, &[forged]].concat(), [&[forged], proof].concat()];
    for at in 0..proof.len() {
        all.push([&proof[..at], &proof[at + 1..]].concat());
        all.push([&proof[..at], &[forged], &proof[at + 1..]].concat());
    }
    all
}

/// The hashes that `tlog_tiles` reads.
struct StoredHashes(Vec<tlog_tiles::Hash>);

impl HashReader for StoredHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash::from_bytes(hash.0)).collect()
}

/// Where to try a tree of this size: both ends, the middle, and a place that is another one in each
/// tree.
fn places(size: u64) -> [u64; 5] {
    [0, size / 2, size - 1, size * 618 / 1_000, size.next_power_of_two() / 2 % size]
}

#[test]
fn roots_and_proofs_of_all_sizes_are_those_of_tlog_tiles() {
    let (leaves, mut stored) = (leaves(1_000), StoredHashes(Vec::new()));
    for (index, leaf) in (0..).zip(&leaves) {
        let more = stored_hashes_for_record_hash(index, theirs(*leaf), &stored).unwrap();
        stored.0.extend(more);
        let size = index + 1;
        let new = head(&leaves, size);
        assert_eq!(tree_hash(size, &stored).unwrap(), theirs(new.root()));
        for at in places(size) {
            let proof = prove_inclusion(&leaves[..], at, size).unwrap();
            assert_eq!(proof, ours(&prove_record(size, at, &stored).unwrap()));
            new.verify_inclusion(at, leaves[at as usize], &proof).unwrap();
            let proof = proof.into_iter().map(theirs).collect();
            check_record(&proof, size, theirs(new.root()), at, theirs(leaves[at as usize]))
                .unwrap();

            let old = head(&leaves, at + 1);
            let proof = prove_consistency(&leaves[..], at + 1, size).unwrap();
            assert_eq!(proof, ours(&prove_tree(size, at + 1, &stored).unwrap()));
            new.verify_consistency(old, &proof).unwrap();
            let proof = proof.into_iter().map(theirs).collect();
            check_tree(&proof, size, theirs(new.root()), at + 1, theirs(old.root())).unwrap();
        }
    }
}

#[test]
fn proofs_of_all_sizes_are_those_of_ct_merkle() {
    let (leaves, mut tree) = (leaves(1_000), MemoryBackedTree::<Sha256, Vec<u8>>::new());
    let bytes =
        |proof: Vec<Hash>| proof.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>();
    for size in 1..=1_000 {
        tree.push(record(size - 1));
        for at in places(size) {
            let proof = bytes(prove_inclusion(&leaves[..], at, size).unwrap());
            assert_eq!(tree.prove_inclusion(at as usize).as_bytes(), proof);
            let added = (size - 1 - at) as usize;
            let proof = bytes(prove_consistency(&leaves[..], at + 1, size).unwrap());
            assert_eq!(tree.prove_consistency(added).as_bytes(), proof);
        }
    }
}

#[test]
fn checkpoints_of_all_sizes_are_those_of_signed_note_and_tlog_tiles() {
    let (leaves, key) = (leaves(1_000), log(7));
    let verifier = key.verifier().to_string();
    let mut tree = TreeFrontier::new();
    for leaf in leaves {
        tree.append(leaf);
        let note = Checkpoint::new("example.com/trail", tree.head()).unwrap().sign(&key).unwrap();
        let read = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&verifier).unwrap())]);
        assert_eq!(read.verify(&known).unwrap().0.len(), 1);
        let read = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
        assert_eq!((read.origin(), read.size()), ("example.com/trail", tree.size()));
        assert_eq!(*read.hash(), theirs(tree.root()));

        let written =
            tlog_tiles::Checkpoint::new("example.com/trail", tree.size(), theirs(tree.root()), "")
                .unwrap();
        let mut signed = signed_note::Note::new(&written.to_bytes(), &[]).unwrap();
        signed.add_sigs(&[&StandardSigner::new(&key.to_secret_text()).unwrap()]).unwrap();
        assert_eq!(signed.to_bytes(), note.to_string().into_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_numbers_make_verification_panic(size: u64, older: u64, index: u64, count in 0_usize..70) {
        let hash = Hash::of_leaf(b"forged");
        let (new, proof) = (TreeHead::new(size, hash), vec![hash; count]);
        _ = new.verify_inclusion(index, hash, &proof);
        _ = new.verify_consistency(TreeHead::new(older, hash), &proof);
        let few = leaves(3);
        _ = prove_inclusion(&few[..], index, size);
        _ = prove_consistency(&few[..], older, size);
        _ = root_of(&few[..], size);
    }
}

#[test]
fn leaves_and_nodes_never_have_the_same_hash() {
    let (left, right) = (Hash::of_leaf(b"left"), Hash::of_leaf(b"right"));
    let both = [&left.as_bytes()[..], right.as_bytes()].concat();
    assert_ne!(Hash::of_leaf(&both), Hash::of_node(left, right));
    assert_eq!(Hash::of_leaf(b"left").as_bytes()[..], Sha256::digest(b"\0left")[..]);
}
