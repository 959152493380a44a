//! Layer 2: what a gate needs from outside: a store, a clock, a directory of people, overlays, witnesses, notifiers. Traits and their errors.

pub(crate) mod clock;
pub(crate) mod directory;
pub(crate) mod notifier;
pub(crate) mod overlay;
pub(crate) mod store;
pub(crate) mod witness;

use std::pin::Pin;

/// A boxed future, as the object-safe methods of ports return it.
///
/// ```
/// use gate_runtime::BoxFuture;
/// fn answer() -> BoxFuture<'static, u8> { Box::pin(async { 42 }) }
/// # let _ = answer();
/// ```
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
