//! The trait that seals other traits.

/// Seals a trait. The kinds, outcomes and amounts of rules are closed sets, so that a trait may get
/// new methods, and no type of another crate decides about a call.
#[expect(unnameable_types, reason = "nobody else is to name it")]
pub trait Sealed {}
