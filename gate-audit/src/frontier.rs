//! Appending to a tree of any size with no more than the roots of its complete subtrees.

use crate::error::{DocumentKind, Error};
use crate::hash::{Hash, MAX_SIZE};
use crate::head::TreeHead;

/// A tree as far as appending needs it: one hash per bit that is set in its size.
///
/// # Example
///
/// ```
/// use gate_audit::{TreeFrontier, Hash};
///
/// let mut tree = TreeFrontier::new();
/// for record in ["asked", "approved", "run"] {
///     tree.append(Hash::of_leaf(record.as_bytes()));
/// }
/// let (asked, approved, run) =
///     (Hash::of_leaf(b"asked"), Hash::of_leaf(b"approved"), Hash::of_leaf(b"run"));
/// assert_eq!(tree.root(), Hash::of_node(Hash::of_node(asked, approved), run));
/// assert_eq!(tree.peaks().len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeFrontier {
    size: u64,
    /// The roots of the complete subtrees, from left to right: the largest first.
    peaks: Vec<Hash>,
}

impl TreeFrontier {
    /// A tree without leaves.
    ///
    /// ```
    /// assert_eq!(gate_audit::TreeFrontier::new().size(), 0);
    /// ```
    #[must_use]
    pub fn new() -> TreeFrontier {
        TreeFrontier::default()
    }

    /// A tree of which size and peaks were kept.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the number of peaks is not the number of bits that are set in the
    /// size.
    ///
    /// ```
    /// use gate_audit::{TreeFrontier, Hash};
    ///
    /// let mut tree = TreeFrontier::new();
    /// tree.append(Hash::of_leaf(b"asked"));
    /// assert_eq!(TreeFrontier::from_peaks(tree.size(), tree.peaks().to_vec())?, tree);
    /// assert!(TreeFrontier::from_peaks(3, tree.peaks().to_vec()).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Result<TreeFrontier, Error> {
        if size > MAX_SIZE || peaks.len() != size.count_ones() as usize {
            return Err(Error::whole(
                DocumentKind::Frontier,
                "give one peak for each bit that is set in the size",
            ));
        }
        Ok(TreeFrontier { size, peaks })
    }

    /// Adds a leaf by its hash.
    ///
    /// ```
    /// use gate_audit::{TreeFrontier, Hash};
    ///
    /// let mut tree = TreeFrontier::new();
    /// tree.append(Hash::of_leaf(b"asked"));
    /// assert_eq!(tree.size(), 1);
    /// ```
    pub fn append(&mut self, leaf: Hash) {
        self.append_with(leaf, |_, _| ());
    }

    /// Adds a leaf, and tells of every node that is complete with it: its level (0 is the leaf's)
    /// and hash.
    ///
    /// ```
    /// use gate_audit::{TreeFrontier, Hash};
    ///
    /// let (mut tree, mut levels) = (TreeFrontier::new(), Vec::new());
    /// tree.append(Hash::of_leaf(b"asked"));
    /// tree.append_with(Hash::of_leaf(b"approved"), |level, _| levels.push(level));
    /// assert_eq!(levels, [0, 1]);
    /// ```
    pub fn append_with(&mut self, leaf: Hash, mut complete: impl FnMut(u32, Hash)) {
        complete(0, leaf);
        let mut node = leaf;
        for level in 1..=self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = Hash::of_node(left, node);
                complete(level, node);
            }
        }
        self.peaks.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// Returns the number of leaves that the tree has.
    ///
    /// ```
    /// assert_eq!(gate_audit::TreeFrontier::new().size(), 0);
    /// ```
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its complete subtrees, the largest first.
    ///
    /// ```
    /// assert!(gate_audit::TreeFrontier::new().peaks().is_empty());
    /// ```
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The root of the tree.
    ///
    /// ```
    /// use gate_audit::{TreeFrontier, Hash};
    ///
    /// let mut tree = TreeFrontier::new();
    /// tree.append(Hash::of_leaf(b"asked"));
    /// assert_eq!(tree.root(), Hash::of_leaf(b"asked"));
    /// ```
    #[must_use]
    pub fn root(&self) -> Hash {
        let joined =
            self.peaks.iter().rev().copied().reduce(|right, left| Hash::of_node(left, right));
        joined.unwrap_or_else(Hash::of_nothing)
    }

    /// Size and root, as a checkpoint has them.
    ///
    /// ```
    /// use gate_audit::TreeFrontier;
    ///
    /// let tree = TreeFrontier::new();
    /// assert_eq!((tree.head().size(), tree.head().root()), (0, tree.root()));
    /// ```
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead::new(self.size, self.root())
    }
}
