//! Signing keys in files that only their owner can read.

use std::path::{Path, PathBuf};

use gate_audit::{Checkpoint, KeyKind, KeySuccession, SigningKey, read_keys};

use super::Trail;
use super::error::{TrailError, unreadable};
use super::writer_lease::{WriterLease, open, open_signed};
use crate::{private_file, random};

impl Trail {
    /// Creates a new key in a new file, which only its owner can read. The name is the name of the
    /// log, or of the person who signs.
    ///
    /// # Errors
    /// If the file already exists, or cannot be written; if the name has spaces or a `+`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("trail.key");
    /// use gate_runtime::Trail;
    /// let key = Trail::create_key(&path, "example.com/refunds")?;
    /// assert_eq!(Trail::read_key(&path)?.verifier(), key.verifier());
    /// assert!(Trail::create_key(&path, "example.com/refunds").is_err());
    /// # Ok(()) }
    /// ```
    pub fn create_key(path: impl AsRef<Path>, name: &str) -> Result<SigningKey, TrailError> {
        Self::create_key_of(KeyKind::Log, path, name)
    }

    /// Creates a key of another kind: of a witness.
    ///
    /// # Errors
    /// As for [`create_key`](Self::create_key).
    pub fn create_key_of(
        kind: KeyKind,
        path: impl AsRef<Path>,
        name: &str,
    ) -> Result<SigningKey, TrailError> {
        let path = path.as_ref();
        let key = SigningKey::from_seed(name, kind, random::bits_256())?;
        // A trail depends on an introduced key, so the key must not be lost.
        let written = private_file::create(path, &key.to_secret_text());
        written.map_err(|error| unreadable(path, &error))?;
        Ok(key)
    }

    /// Reads a key from its file: one line. Errors never repeat the file's content.
    ///
    /// # Errors
    /// [`TrailError::File`] if it is missing, is no key, or can be read by others than its owner.
    ///
    /// ```
    /// use gate_runtime::Trail;
    /// let missing = Trail::read_key("/no/such/trail.key").unwrap_err();
    /// assert!(missing.to_string().starts_with("the trail: /no/such/trail.key: "));
    /// ```
    pub fn read_key(path: impl AsRef<Path>) -> Result<SigningKey, TrailError> {
        let path = path.as_ref();
        let text = private_file::read(path).map_err(|error| unreadable(path, &error))?;
        text.trim().parse().map_err(|error| match error {
            gate_audit::Error::Malformed { hint, .. } => {
                TrailError::file(path, format_args!("it is not a private key: {hint}"))
            }
            error => TrailError::file(path, error),
        })
    }
}

/// Returns the path at which a new key is kept until the trail has it.
fn successor_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

impl Trail {
    /// Replaces the key of a trail with a new one, which the old one introduces, so that readers
    /// who have the old public key can still verify the trail.
    ///
    /// The new key replaces the old one in its file, and the old one is deleted. If this was
    /// interrupted, call it again to finish.
    ///
    /// # Errors
    /// [`TrailError::Busy`] while another process writes the trail; if a file cannot be read or
    /// written.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use gate_runtime::prelude::*;
    /// # /// Read one order.
    /// # #[gated_tool(policy = "never_ask")] fn get_order(order_id: String) -> String { order_id }
    /// # registry! { pub Tools for () { GetOrder } }
    /// # let place = tempfile::tempdir()?;
    /// # let (folder, file) = (place.path().join("trail"), place.path().join("trail.key"));
    /// use gate_runtime::{Trail, audit};
    /// let old = Trail::create_key(&file, "example.com/refunds")?;
    /// let public = old.verifier().clone();
    /// let gate: Gate<Tools> =
    ///     Gate::builder(()).trail(Trail::in_folder(&folder, old)).build().await?;
    /// gate.seal().await?;
    /// # assert!(matches!(
    /// #     Trail::rotate_key(&folder, &file),
    /// #     Err(gate_runtime::trail::TrailError::Busy { .. })
    /// # ));
    /// drop(gate);
    /// # while matches!(
    /// #     Trail::rotate_key(&folder, &file),
    /// #     Err(gate_runtime::trail::TrailError::Busy { .. })
    /// # ) {
    /// #     tokio::task::yield_now().await
    /// # }
    ///
    /// let new = Trail::rotate_key(&folder, &file)?;
    /// let keys = audit::read_keys(&folder, "example.com/refunds", public)?;
    /// assert_eq!(keys.current(), new.verifier());
    /// # Ok(()) }
    /// ```
    pub fn rotate_key(
        folder: impl AsRef<Path>,
        path: impl AsRef<Path>,
    ) -> Result<SigningKey, TrailError> {
        let (folder, path) = (folder.as_ref(), path.as_ref());
        let successor = successor_of(path);
        let replace = || -> Result<(), TrailError> {
            std::fs::rename(&successor, path).map_err(|error| unreadable(path, &error))?;
            private_file::sync_parent(path).map_err(|error| unreadable(path, &error))
        };
        let old = Trail::read_key(path)?;
        let origin = old.verifier().name().to_owned();
        // The last attempt published the first checkpoint of the new key.
        if let Ok(new) = Trail::read_key(&successor) {
            let trail = Trail::in_folder(folder, new);
            if open(&trail).is_ok() {
                replace()?;
                return Ok(trail.key);
            }
        }
        let trail = Trail::in_folder(folder, old);
        // The lease keeps other processes from rotating the key at the same time.
        let Some(mut lease) = WriterLease::take_as(&trail, open_signed)? else {
            return Err(TrailError::Busy { folder: folder.to_owned() });
        };
        let known = read_keys(folder, &origin, trail.key.verifier().clone())?;
        let is_introduced = known.current() != trail.key.verifier();
        let new = match successor.exists().then(|| Trail::read_key(&successor)) {
            Some(Ok(new)) => new,
            Some(Err(error)) if is_introduced => return Err(error),
            // The last attempt ended while it wrote this file, so its key was never introduced.
            Some(Err(_)) => {
                std::fs::remove_file(&successor).map_err(|error| unreadable(&successor, &error))?;
                Trail::create_key(&successor, &origin)?
            }
            None if is_introduced => {
                return Err(TrailError::file(
                    &successor,
                    "it does not exist, and the trail waits for the key in it",
                ));
            }
            None => Trail::create_key(&successor, &origin)?,
        };
        // Introduced before it signs: readers must be able to follow from the old key to the new
        // one.
        let head = lease.writer.seal()?;
        if !is_introduced {
            let succession = KeySuccession::new(&origin, head.size(), new.verifier().clone())?;
            lease.writer.rotate_key(&succession.sign(&trail.key)?)?;
        } else if known.current() != new.verifier() {
            return Err(TrailError::file(&successor, "it is not the key that the trail waits for"));
        }
        lease.writer.publish(&Checkpoint::new(&origin, head)?.sign(&new)?)?;
        replace()?;
        Ok(new)
    }
}
