//! C2SP `tlog-tiles`: which file holds what, and the form of its bytes.

use std::fmt;
use std::str::FromStr;

use crate::encoding::decimal;
use crate::error::{DocumentKind, Error};
use crate::hash::Hash;

/// The number of hashes or entries that a full tile has.
pub(crate) const FULL: u16 = 256;

/// The place of a tile or an entry bundle: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
///
/// # Example
///
/// ```
/// use gate_audit::TilePath;
///
/// let path: TilePath = "tile/0/x001/x234/067".parse()?;
/// assert_eq!(path, TilePath::hashes(0, 1_234_067, 256)?);
/// assert_eq!(TilePath::entries(5, 112)?.to_string(), "tile/entries/005.p/112");
/// # Ok::<(), gate_audit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TilePath {
    /// The level of the hashes in steps of eight; nothing for entries.
    level: Option<u8>,
    index: u64,
    width: u16,
}

impl TilePath {
    /// The first `width` hashes of the tile `index` at `level`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a level beyond 63 and a width that is not from 1 to 256.
    ///
    /// ```
    /// use gate_audit::TilePath;
    ///
    /// assert_eq!(TilePath::hashes(2, 0, 1)?.to_string(), "tile/2/000.p/1");
    /// assert!(TilePath::hashes(2, 0, 0).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn hashes(level: u8, index: u64, width: u16) -> Result<TilePath, Error> {
        if level > 63 {
            return Err(Error::whole(DocumentKind::TilePath, "give a level from 0 to 63"));
        }
        Ok(TilePath { level: Some(level), ..TilePath::entries(index, width)? })
    }

    /// The first `width` entries of the bundle `index`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a width that is not from 1 to 256.
    ///
    /// ```
    /// use gate_audit::TilePath;
    ///
    /// assert_eq!(TilePath::entries(1_000, 256)?.to_string(), "tile/entries/x001/000");
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn entries(index: u64, width: u16) -> Result<TilePath, Error> {
        if width == 0 || width > FULL {
            return Err(Error::whole(DocumentKind::TilePath, "give a width from 1 to 256"));
        }
        Ok(TilePath { level: None, index, width })
    }

    /// The same tile with all its 256 hashes or entries.
    ///
    /// ```
    /// use gate_audit::TilePath;
    ///
    /// assert_eq!(TilePath::entries(5, 112)?.full(), TilePath::entries(5, 256)?);
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    #[must_use]
    pub fn full(&self) -> TilePath {
        TilePath { width: FULL, ..*self }
    }

    /// Returns the number of hashes or entries that are there.
    pub(crate) fn width(&self) -> u16 {
        self.width
    }

    /// Returns the number of bytes that such a file can have at most.
    pub(crate) fn most_bytes(&self) -> u64 {
        let each = if self.level.is_some() { Hash::LEN } else { 2 + usize::from(u16::MAX) };
        u64::from(self.width) * each as u64
    }

    /// Returns whether all 256 hashes or entries are there.
    pub(crate) fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// Reads the hashes of a tile.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] unless there are exactly 32 bytes for each.
    ///
    /// ```
    /// use gate_audit::{Hash, TilePath};
    ///
    /// let path = TilePath::hashes(0, 0, 2)?;
    /// assert_eq!(path.read_hashes(&[7; 64])?, [Hash::from_bytes([7; 32]); 2]);
    /// assert!(path.read_hashes(&[7; 63]).is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn read_hashes(&self, bytes: &[u8]) -> Result<Vec<Hash>, Error> {
        let (hashes, rest) = bytes.as_chunks();
        if hashes.len() != usize::from(self.width) || !rest.is_empty() {
            return Err(Error::byte(
                DocumentKind::Tile,
                bytes.len(),
                "give 32 bytes for each hash of the tile's width",
            ));
        }
        Ok(hashes.iter().map(|bytes| Hash::from_bytes(*bytes)).collect())
    }

    /// Reads the entries of a bundle, each behind its length in two bytes, the larger first.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] unless there are exactly as many as the bundle is wide.
    ///
    /// ```
    /// use gate_audit::TilePath;
    ///
    /// assert_eq!(
    ///     TilePath::entries(0, 2)?.read_entries(b"\0\x05asked\0\x03run")?,
    ///     [&b"asked"[..], b"run"]
    /// );
    /// assert!(TilePath::entries(0, 2)?.read_entries(b"\0\x05asked\0\x04run").is_err());
    /// # Ok::<(), gate_audit::Error>(())
    /// ```
    pub fn read_entries<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, Error> {
        let mut rest = bytes;
        let refuse =
            |rest: &[u8], hint| Error::byte(DocumentKind::Bundle, bytes.len() - rest.len(), hint);
        let mut entries = Vec::new();
        for _ in 0..self.width {
            let split = rest
                .split_first_chunk()
                .and_then(|(len, rest)| rest.split_at_checked(u16::from_be_bytes(*len).into()));
            let (entry, behind) = split.ok_or_else(|| {
                refuse(rest, "give the entry's length in two bytes, and its bytes")
            })?;
            entries.push(entry);
            rest = behind;
        }
        if rest.is_empty() {
            Ok(entries)
        } else {
            Err(refuse(rest, "end with the last entry of the bundle's width"))
        }
    }
}

/// Adds an entry to the bytes of a bundle.
///
/// # Errors
///
/// [`Error::EntryTooLong`] beyond 65,535 bytes.
///
/// # Example
///
/// ```
/// let mut bundle = Vec::new();
/// gate_audit::write_entry(&mut bundle, b"asked")?;
/// assert_eq!(bundle, b"\0\x05asked");
/// # Ok::<(), gate_audit::Error>(())
/// ```
pub fn write_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), Error> {
    let len = u16::try_from(entry.len()).map_err(|_| Error::EntryTooLong { len: entry.len() })?;
    bundle.extend_from_slice(&len.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        // Three digits each, from the left: 2^64 has seven such groups.
        let groups =
            (1..7).rev().map(|group| 1_000_u64.pow(group)).skip_while(|unit| self.index < *unit);
        for unit in groups {
            write!(f, "x{:03}/", self.index / unit % 1_000)?;
        }
        write!(f, "{:03}", self.index % 1_000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TilePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<TilePath, Error> {
        let malformed = || {
            let hint = "write `tile/<level>/<index>` or `tile/entries/<index>`, with `.p/<width>` \
                for a partial one";
            Error::whole(DocumentKind::TilePath, hint)
        };
        let (level, rest) = text
            .strip_prefix("tile/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(malformed)?;
        let (index, width) =
            rest.split_once(".p/").map_or((rest, None), |(index, width)| (index, Some(width)));
        let width = width
            .map_or(Some(FULL), |width| u16::try_from(decimal(width)?).ok())
            .ok_or_else(malformed)?;
        let index = index.split('/').try_fold(0_u64, |index, group| {
            let group = decimal(group.trim_start_matches(['x', '0'])).unwrap_or_default();
            index.checked_mul(1_000)?.checked_add(group)
        });
        let index = index.ok_or_else(malformed)?;
        let path = match level {
            "entries" => TilePath::entries(index, width)?,
            level => {
                let level = decimal(level)
                    .and_then(|level| u8::try_from(level).ok())
                    .ok_or_else(malformed)?;
                TilePath::hashes(level, index, width)?
            }
        };
        // Every path has one form. What was read loosely above must be written exactly so.
        if path.to_string() == text { Ok(path) } else { Err(malformed()) }
    }
}
