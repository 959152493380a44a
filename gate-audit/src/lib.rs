//! A log of records that anyone can verify, with this crate or with any other program that reads
//! the same public formats.
//!
//! | format | items |
//! |---|---|
#![doc = "| [RFC 6962] Merkle trees | [`Hash`](struct@Hash), [`TreeFrontier`], [`TreeHead`], \
          [`prove_inclusion`], [`prove_consistency`] |"]
//! | [signed notes](https://c2sp.org/signed-note) | [`Note`], [`SigningKey`], [`VerifierKey`] |
//! | [checkpoints], [cosignatures] | [`Checkpoint`], [`Note::cosign`], [`WitnessPolicy`] |
#![doc = "| [witness requests], and a witness | [`AddCheckpoint`], [`Note::add_cosignatures`], \
          [`Witness`] |"]
//! | [tiles](https://c2sp.org/tlog-tiles) | [`TilePath`], [`TrailWriter`], [`TileStore`] |
#![doc = "| key rotation, in a note format of this crate | [`KeySuccession`], [`LogKeys`], \
          [`TrailWriter::rotate_key`], [`read_keys`] |"]
#![doc = "| receipts of several entries, in a text format of this crate like [`tlog-proof`] | \
          [`Receipt`], [`EntryProof`] |"]
//!
//! [RFC 6962]: https://www.rfc-editor.org/rfc/rfc6962.html
//! [checkpoints]: https://c2sp.org/tlog-checkpoint
//! [cosignatures]: https://c2sp.org/tlog-cosignature
//! [witness requests]: https://c2sp.org/tlog-witness
//! [`tlog-proof`]: https://c2sp.org/tlog-proof
//!
//! The crate is small so that an auditor can read all of it. It does not interpret the records,
//! reads no clock and no environment, generates no random numbers and opens no connection. Only
//! [`TrailWriter`], [`TileStore`], [`read_checkpoint`], [`read_keys`] and [`replace_file`] touch
//! files. No input makes it panic, and no length that the input claims makes it allocate.
//!
//! # Example
//!
//! ```
//! use gate_audit::{
//!     Checkpoint, EntryProof, KeyKind, LogKeys, Receipt, SigningKey, TileStore, TrailWriter,
//!     WitnessPolicy, prove_inclusion, read_checkpoint,
//! };
//!
//! # let dir = tempfile::tempdir().unwrap();
//! # let folder = dir.path().join("trail");
//! // The log writes, signs and publishes.
//! let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?;
//! let mut trail = TrailWriter::create(&folder)?;
//! for record in ["asked", "approved by dana", "run"] {
//!     trail.append(record.as_bytes())?;
//! }
//! let checkpoint = Checkpoint::new("example.com/trail", trail.seal()?)?;
//! trail.publish(&checkpoint.sign(&key)?)?;
//!
//! // An auditor has the folder and one line of text.
//! let keys = LogKeys::new("example.com/trail", key.verifier().to_string().parse()?)?;
//! let note = read_checkpoint(&folder)?;
//! let verified = keys.verify(&note, &WitnessPolicy::none())?;
//! let tiles = TileStore::open(&folder, verified.head())?;
//! assert_eq!(tiles.bundle(0)?.len(), 3);
//!
//! // A third party gets a receipt of two records.
//! let evidence = [(1, "approved by dana"), (2, "run")];
//! let evidence: Result<_, _> = evidence
//!     .into_iter()
//!     .map(|(at, entry)| Ok(EntryProof::new(at, entry, prove_inclusion(&tiles, at, 3)?)))
//!     .collect();
//! let receipt = Receipt::new(evidence?, note)?;
//! receipt.verify(&keys, &WitnessPolicy::none())?;
//! # Ok::<(), gate_audit::Error>(())
//! ```

mod add_checkpoint;
mod checkpoint;
mod encoding;
mod error;
mod files;
mod folder_keys;
mod frontier;
mod hash;
mod head;
mod key;
mod log_keys;
mod note;
mod prove;
mod receipt;
mod tile_path;
mod tiles;
mod witness;
mod witness_policy;
mod writer;

pub use add_checkpoint::AddCheckpoint;
pub use checkpoint::Checkpoint;
pub use error::{DocumentKind, DocumentPosition, Error};
pub use files::replace_file;
pub use folder_keys::read_keys;
pub use frontier::TreeFrontier;
pub use hash::Hash;
pub use head::TreeHead;
pub use key::{KeyKind, SigningKey, VerifierKey};
pub use log_keys::{KeySuccession, LogKeys, VerifiedCheckpoint};
pub use note::{Note, VerifiedSignature};
pub use prove::{NodeReader, prove_consistency, prove_inclusion, root_of};
pub use receipt::{EntryProof, Receipt};
pub use tile_path::{TilePath, write_entry};
pub use tiles::{TileStore, read_checkpoint};
pub use witness::{AddCheckpointError, CosignedHead, Witness};
pub use witness_policy::WitnessPolicy;
pub use writer::TrailWriter;
