//! The head by which a tree is known, and the verification of proofs that follows from it.

use crate::error::Error;
use crate::hash::Hash;

/// The most hashes in a proof: a tree of 2^63 leaves has no longer one.
pub(crate) const LONGEST_PROOF: usize = 63;

/// The size of a tree and its root, with which a reader can check claims about the tree.
///
/// # Example
///
/// ```
/// use gate_audit::{Hash, TreeHead, prove_consistency, prove_inclusion, root_of};
///
/// let leaves = ["asked", "approved", "run"].map(|record| Hash::of_leaf(record.as_bytes()));
/// let older = TreeHead::new(2, root_of(&leaves[..], 2)?);
/// let newer = TreeHead::new(3, root_of(&leaves[..], 3)?);
///
/// newer.verify_inclusion(1, Hash::of_leaf(b"approved"), &prove_inclusion(&leaves[..], 1, 3)?)?;
/// newer.verify_consistency(older, &prove_consistency(&leaves[..], 2, 3)?)?;
/// assert!(
///     newer
///         .verify_inclusion(1, Hash::of_leaf(b"denied"), &prove_inclusion(&leaves[..], 1, 3)?)
///         .is_err()
/// );
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    size: u64,
    root: Hash,
}

impl TreeHead {
    /// A tree of so many leaves with this root.
    ///
    /// ```
    /// use gate_audit::{Hash, TreeHead};
    ///
    /// assert_eq!(TreeHead::new(0, Hash::of_nothing()).size(), 0);
    /// ```
    #[must_use]
    pub const fn new(size: u64, root: Hash) -> TreeHead {
        TreeHead { size, root }
    }

    /// Returns the number of leaves that the tree has.
    ///
    /// ```
    /// use gate_audit::{Hash, TreeHead};
    ///
    /// assert_eq!(TreeHead::new(1, Hash::of_leaf(b"asked")).size(), 1);
    /// ```
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    ///
    /// ```
    /// use gate_audit::{Hash, TreeHead};
    ///
    /// assert_eq!(TreeHead::new(1, Hash::of_leaf(b"asked")).root(), Hash::of_leaf(b"asked"));
    /// ```
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// Checks that the leaf of this hash stands at this index (RFC 9162, section 2.1.3.2).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for an index beyond the tree, [`Error::NotIncluded`] if the proof does
    /// not lead to the root.
    ///
    /// ```
    /// use gate_audit::{Hash, TreeHead};
    ///
    /// let leaf = Hash::of_leaf(b"asked");
    /// assert!(TreeHead::new(1, leaf).verify_inclusion(0, leaf, &[]).is_ok());
    /// assert!(TreeHead::new(1, leaf).verify_inclusion(1, leaf, &[]).is_err());
    /// ```
    pub fn verify_inclusion(&self, index: u64, leaf: Hash, proof: &[Hash]) -> Result<(), Error> {
        let Some(last) = self.size.checked_sub(1).filter(|last| index <= *last) else {
            return Err(Error::OutOfRange { index, size: self.size });
        };
        let not_included = Error::NotIncluded { index, size: self.size };
        let mut climb = PathCursor { node: index, last };
        let mut hash = leaf;
        for sibling in proof {
            match climb.step() {
                None => return Err(not_included),
                Some(SiblingSide::Left) => hash = Hash::of_node(*sibling, hash),
                Some(SiblingSide::Right) => hash = Hash::of_node(hash, *sibling),
            }
        }
        if climb.last == 0 && hash == self.root { Ok(()) } else { Err(not_included) }
    }

    /// Checks that this tree begins with all the leaves of the older one, in the same order (RFC
    /// 9162, section 2.1.4.2).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if the older tree is larger, [`Error::NotConsistent`] if the proof
    /// does not lead to both roots.
    ///
    /// ```
    /// use gate_audit::{TreeFrontier, Hash};
    ///
    /// let mut tree = TreeFrontier::new();
    /// tree.append(Hash::of_leaf(b"asked"));
    /// let older = tree.head();
    /// tree.append(Hash::of_leaf(b"approved"));
    /// assert!(tree.head().verify_consistency(older, &[Hash::of_leaf(b"approved")]).is_ok());
    /// assert!(tree.head().verify_consistency(older, &[Hash::of_leaf(b"denied")]).is_err());
    /// ```
    pub fn verify_consistency(&self, older: TreeHead, proof: &[Hash]) -> Result<(), Error> {
        if older.size > self.size {
            return Err(Error::OutOfRange { index: older.size, size: self.size });
        }
        let not_consistent = Error::NotConsistent { older: older.size, newer: self.size };
        if older.size == self.size || older.size == 0 {
            let older_root = if older.size == 0 { Hash::of_nothing() } else { self.root };
            return if proof.is_empty() && older.root == older_root {
                Ok(())
            } else {
                Err(not_consistent)
            };
        }
        // From the last complete subtree of the older tree upwards; if that subtree is the whole
        // older tree, the proof leaves its hash out.
        let mut climb = PathCursor { node: older.size - 1, last: self.size - 1 };
        climb.rise(climb.node.trailing_ones());
        let (first, rest) = match proof.split_first() {
            _ if older.size.is_power_of_two() => (older.root, proof),
            Some((first, rest)) => (*first, rest),
            None => return Err(not_consistent),
        };
        let (mut old, mut new) = (first, first);
        for sibling in rest {
            match climb.step() {
                None => return Err(not_consistent),
                Some(SiblingSide::Left) => {
                    (old, new) = (Hash::of_node(*sibling, old), Hash::of_node(*sibling, new));
                }
                Some(SiblingSide::Right) => new = Hash::of_node(new, *sibling),
            }
        }
        let reached = climb.last == 0 && old == older.root && new == self.root;
        if reached { Ok(()) } else { Err(not_consistent) }
    }
}

/// On which side of a node its sibling is.
enum SiblingSide {
    Left,
    Right,
}

/// The way from a node to the root: its index in its level, and that of the level's last node.
struct PathCursor {
    node: u64,
    last: u64,
}

impl PathCursor {
    fn rise(&mut self, levels: u32) {
        self.node = self.node.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }

    /// One sibling further up; nothing at the root.
    fn step(&mut self) -> Option<SiblingSide> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            SiblingSide::Left
        } else {
            SiblingSide::Right
        };
        // The last node of a level has no sibling as long as it is a left child: it is its own
        // parent.
        if matches!(side, SiblingSide::Left) && self.node & 1 == 0 {
            self.rise(self.node.trailing_zeros());
        }
        self.rise(1);
        Some(side)
    }
}
