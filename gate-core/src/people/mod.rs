//! People and their names.

#[doc(hidden)]
pub mod identity;

pub use identity::same_person;
