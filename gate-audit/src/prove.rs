//! Making roots and proofs from the hashes of complete subtrees, wherever those are kept.

use crate::error::Error;
use crate::hash::Hash;

/// Where the hashes of complete subtrees come from: leaf hashes in memory, or
/// [tiles](crate::TileStore).
///
/// # Example
///
/// ```
/// use gate_audit::{Hash, NodeReader};
///
/// let leaves = [Hash::of_leaf(b"asked"), Hash::of_leaf(b"approved")];
/// assert_eq!(leaves[..].node(1, 0)?, Hash::of_node(leaves[0], leaves[1]));
/// assert!(leaves[..].node(1, 1).is_err());
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub trait NodeReader {
    /// The hash of the complete subtree over the `2^level` leaves from `index * 2^level` on.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if there are no such leaves, and whatever keeps the source from giving
    /// the hash.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error>;
}

impl NodeReader for [Hash] {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        let out_of_range = || Error::OutOfRange { index, size: self.len() as u64 };
        let width = 1_usize
            .checked_shl(level)
            .filter(|width| *width <= self.len())
            .ok_or_else(out_of_range)?;
        let start = usize::try_from(index)
            .ok()
            .and_then(|index| index.checked_mul(width))
            .ok_or_else(out_of_range)?;
        let leaves = start
            .checked_add(width)
            .and_then(|end| self.get(start..end))
            .ok_or_else(out_of_range)?;
        complete(leaves).ok_or_else(out_of_range)
    }
}

/// The root over hashes of which there are a power of two.
pub(crate) fn complete(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [hash] => Some(*hash),
        _ => {
            let (left, right) = hashes.split_at_checked(hashes.len() / 2)?;
            Some(Hash::of_node(complete(left)?, complete(right)?))
        }
    }
}

/// The root of the first `size` leaves.
///
/// # Errors
///
/// What [`NodeReader::node`] says.
///
/// # Example
///
/// ```
/// use gate_audit::{Hash, root_of};
///
/// let leaves = [Hash::of_leaf(b"asked"), Hash::of_leaf(b"approved")];
/// assert_eq!(root_of(&leaves[..], 1)?, leaves[0]);
/// assert!(root_of(&leaves[..], 3).is_err());
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub fn root_of<N: NodeReader + ?Sized>(nodes: &N, size: u64) -> Result<Hash, Error> {
    range(nodes, 0, size)
}

/// The proof that the leaf at `index` is in the tree of the first `size` leaves: the siblings from
/// the leaf up (RFC 6962, section 2.1.1).
///
/// # Errors
///
/// [`Error::OutOfRange`] for an index that is not below the size, and what [`NodeReader::node`]
/// says.
///
/// # Example
///
/// ```
/// use gate_audit::{Hash, prove_inclusion};
///
/// let leaves = [Hash::of_leaf(b"asked"), Hash::of_leaf(b"approved")];
/// assert_eq!(prove_inclusion(&leaves[..], 0, 2)?, [leaves[1]]);
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub fn prove_inclusion<N: NodeReader + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, Error> {
    if index >= size {
        return Err(Error::OutOfRange { index, size });
    }
    let (mut start, mut end, mut proof) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + left_width(end - start);
        if index < middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of the first `newer` leaves continues that of the first `older` (RFC
/// 6962, section 2.1.2).
///
/// # Errors
///
/// [`Error::OutOfRange`] if the older tree is larger, and what [`NodeReader::node`] says.
///
/// # Example
///
/// ```
/// use gate_audit::{Hash, prove_consistency};
///
/// let leaves = [Hash::of_leaf(b"asked"), Hash::of_leaf(b"approved")];
/// assert_eq!(prove_consistency(&leaves[..], 1, 2)?, [leaves[1]]);
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub fn prove_consistency<N: NodeReader + ?Sized>(
    nodes: &N,
    older: u64,
    newer: u64,
) -> Result<Vec<Hash>, Error> {
    if older > newer {
        return Err(Error::OutOfRange { index: older, size: newer });
    }
    let (mut start, mut end, mut proof) = (0, newer, Vec::new());
    while older != end && older != 0 {
        let middle = start + left_width(end - start);
        if older <= middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    // Where the older tree is one complete subtree, the verifier has its root already.
    if start != 0 {
        proof.push(range(nodes, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two below a width of two or more: how many leaves are on the left of its
/// root.
fn left_width(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

/// The root over the leaves from `start` to `end`, where RFC 6962 divides a tree so.
fn range<N: NodeReader + ?Sized>(nodes: &N, start: u64, end: u64) -> Result<Hash, Error> {
    let width = end - start;
    if width == 0 {
        return Ok(Hash::of_nothing());
    }
    if width.is_power_of_two() {
        return nodes.node(width.ilog2(), start >> width.ilog2());
    }
    let middle = start + left_width(width);
    Ok(Hash::of_node(range(nodes, start, middle)?, range(nodes, middle, end)?))
}
