//! Tools for tests: a clock that moves by hand, and the suite that every store must pass.

mod clock;
mod conformance;

pub use clock::ManualClock;
pub use conformance::{Broken, conformance};
