//! What only this crate implements.

/// Seals a trait: a rule's kinds, outcomes and amounts are closed sets, so that a trait may get
/// methods, and no type of another crate decides about a call.
#[expect(unnameable_types, reason = "nobody else is to name it")]
pub trait Sealed {}
