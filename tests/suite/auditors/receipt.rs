//! Receipts, written by hand.

use std::fmt;

use gate_audit::{Checkpoint, Hash, TileStore, prove_inclusion};

use crate::auditors::log::Log;

/// A receipt that can be changed.
pub struct ReceiptText {
    entries: Vec<ReceiptPart>,
    note: String,
}

struct ReceiptPart {
    index: u64,
    text: Vec<u8>,
    additions: Vec<Vec<u8>>,
    proof: Vec<Hash>,
}

impl ReceiptText {
    pub fn new(log: &Log, indexes: &[u64]) -> ReceiptText {
        let head = log.note.text().parse::<Checkpoint>().unwrap().head();
        let tiles = TileStore::open(log.folder(), head).unwrap();
        let part = |index: &u64| ReceiptPart {
            index: *index,
            text: tiles.entry(*index).unwrap(),
            additions: Vec::new(),
            proof: prove_inclusion(&tiles, *index, head.size()).unwrap(),
        };
        ReceiptText { entries: indexes.iter().map(part).collect(), note: log.note.to_string() }
    }

    fn part(&mut self, index: u64) -> &mut ReceiptPart {
        self.entries.iter_mut().find(|entry| entry.index == index).unwrap()
    }

    /// Adds a `with` line.
    pub fn with(mut self, index: u64, line: &[u8]) -> ReceiptText {
        self.part(index).additions.push(line.to_vec());
        self
    }

    /// Replaces `with` lines with another one.
    pub fn instead(mut self, index: u64, line: &[u8]) -> ReceiptText {
        self.part(index).additions = vec![line.to_vec()];
        self
    }

    pub fn proof(mut self, index: u64, proof: &[Hash]) -> ReceiptText {
        self.part(index).proof = proof.to_vec();
        self
    }

    pub fn hashes(&self, index: u64) -> Vec<Hash> {
        self.entries.iter().find(|entry| entry.index == index).unwrap().proof.clone()
    }
}

/// Returns the entries of a receipt, each with its other lines.
pub fn parts(receipt: &str) -> Vec<&str> {
    let (entries, _) = receipt.split_once("\n\n").unwrap();
    let mut starts: Vec<usize> = entries.match_indices("\nentry ").map(|(at, _)| at + 1).collect();
    starts.push(entries.len() + 1);
    starts.windows(2).map(|pair| &receipt[pair[0]..pair[1]]).collect()
}

/// Returns a receipt without some of its entries.
pub fn without(receipt: &str, left_out: &[usize]) -> String {
    let (_, note) = receipt.split_once("\n\n").unwrap();
    let (header, _) = receipt.split_once('\n').unwrap();
    let kept =
        parts(receipt).into_iter().enumerate().filter(|(place, _)| !left_out.contains(place));
    format!("{header}\n{}\n{note}", kept.map(|(_, part)| part).collect::<String>())
}

impl fmt::Display for ReceiptText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gate/receipt@v1")?;
        for ReceiptPart { index, text, additions, proof } in &self.entries {
            writeln!(f, "entry {index} {}", std::str::from_utf8(text).unwrap())?;
            for addition in additions {
                writeln!(f, "with {}", std::str::from_utf8(addition).unwrap())?;
            }
            proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        }
        write!(f, "\n{}", self.note)
    }
}
