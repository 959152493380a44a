//! Layer 4: the ports' implementations that need nothing but memory, and the dialects of models.

pub(crate) mod directory;
pub(crate) mod memory;
pub mod openai;
pub(crate) mod system_clock;
#[cfg(feature = "testing")]
pub mod testing;
