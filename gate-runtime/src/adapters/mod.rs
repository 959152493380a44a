//! Implementations of the ports in memory, a file or over HTTP, and the dialects of models.

#[cfg(feature = "terminal")]
pub(crate) mod console;
pub mod dialect;
pub(crate) mod directory;
#[cfg(feature = "directory-file")]
pub(crate) mod file_directory;
pub(crate) mod gate_key;
pub(crate) mod memory;
pub(crate) mod system_clock;
#[cfg(feature = "terminal")]
pub(crate) mod terminal;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "witness-http")]
pub(crate) mod witness_http;
