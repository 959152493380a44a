//! The key of links, in a file that only its owner can read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate_runtime::is_open_to_others;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::auth::random;
use crate::notify::setting::{BadSetting, SecretText};

/// The bytes that tell these signatures from any others under the same key.
const ABOUT: &[u8] = b"gate link\0";

/// The key by which links are signed. `Debug` does not show it.
///
/// ```
/// use gate_inbox::LinkKey;
/// # let folder = tempfile::tempdir()?;
/// let key = LinkKey::in_file(folder.path().join("links.key"))?; // made now, with mode 600
/// assert_eq!(format!("{key:?}"), "LinkKey(…)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LinkKey {
    secret: SecretText,
    path: Arc<Path>,
}

impl LinkKey {
    /// Reads the key from a file, which is created if it does not exist. Replacing the file
    /// invalidates all links that were sent.
    ///
    /// # Errors
    /// [`BadSetting`] if it cannot be read or created, is no key, or can be read by others than its
    /// owner.
    pub fn in_file(path: impl Into<PathBuf>) -> Result<Self, BadSetting> {
        let path = path.into();
        let wrong = |problem: &str| BadSetting::new(format!("{}: {problem}", path.display()));
        let unread =
            |error: &io::Error| wrong(&format!("the link key cannot be read or created: {error}"));
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&path).map_err(|error| unread(&error))?;
                File::open(&path)
            }
            found => found,
        };
        let file = file.map_err(|error| unread(&error))?;
        let about = file.metadata().map_err(|error| unread(&error))?;
        if !about.is_file() {
            return Err(wrong("it is not a file"));
        }
        if is_open_to_others(&about, 0o077) {
            return Err(wrong(
                "users other than its owner can read it: remove it, and Gate creates a new key",
            ));
        }
        let mut text = String::new();
        file.take(1_024).read_to_string(&mut text).map_err(|error| unread(&error))?;
        let secret = SecretText::new(&text);
        if secret.reveal().len() != 64
            || !secret.reveal().bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Err(wrong("it is not a link key: remove it, and Gate creates a new one"));
        }
        Ok(Self { secret, path: path.into() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length, so this cannot fail; an empty signature would verify as
        // nothing.
        self.mac(bytes).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    /// Returns whether a signature is right, in constant time.
    pub(super) fn is_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        self.mac(bytes).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }

    fn mac(&self, bytes: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes()).ok()?;
        mac.update(ABOUT);
        mac.update(bytes);
        Some(mac)
    }
}

/// Creates a key. A reader always sees a complete file, and of two processes that create one at
/// once, both use the first.
fn make(path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(
        ".{}",
        random::random().map_err(io::Error::other)?.get(..16).unwrap_or_default()
    ));
    let draft = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let made = random::random().map_err(io::Error::other).and_then(|key| {
        writeln!(file, "{key}")?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    // Linked under its final name above: no other process can have seen a partial key.
    fs::remove_file(&draft)?;
    made
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("links.key");
        let keys: Vec<LinkKey> = std::thread::scope(|scope| {
            let all: Vec<_> =
                (0..8).map(|_| scope.spawn(|| LinkKey::in_file(&path).unwrap())).collect();
            all.into_iter().map(|made| made.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key.secret.reveal() == keys[0].secret.reveal()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(
                LinkKey::in_file(&path).unwrap_err().to_string().contains("other than its owner")
            );
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(LinkKey::in_file(folder.path()).is_err());
        assert!(LinkKey::in_file(folder.path().join("no/such/links.key")).is_err());
        #[cfg(unix)]
        for text in ["", "x", &"g".repeat(64), &"0".repeat(63), &"0".repeat(2_000)] {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join("links.key");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(LinkKey::in_file(&path).unwrap_err().to_string().contains("not a link key"));
        }
    }
}
