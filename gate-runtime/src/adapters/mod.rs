//! Layer 4: the ports' implementations that need nothing but memory or a file, and the dialects of models.

pub mod dialect;
pub(crate) mod directory;
#[cfg(feature = "directory-file")]
pub(crate) mod file_directory;
pub(crate) mod memory;
pub(crate) mod system_clock;
#[cfg(feature = "terminal")]
pub(crate) mod terminal;
#[cfg(feature = "testing")]
pub mod testing;
