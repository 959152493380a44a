//! Layer 4: the ports' implementations that need nothing but memory, and the dialects of models.

pub mod dialect;
pub(crate) mod directory;
pub(crate) mod memory;
pub(crate) mod system_clock;
#[cfg(feature = "terminal")]
pub(crate) mod terminal;
#[cfg(feature = "testing")]
pub mod testing;
