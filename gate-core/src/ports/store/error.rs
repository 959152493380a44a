//! Errors of a store.

use std::fmt;

/// The kind of a store's error.
///
/// ```
/// use gate_runtime::store::{StoreError, StoreErrorKind};
/// fn is_worth_another_try(error: &StoreError) -> bool {
///     error.kind() == StoreErrorKind::Unavailable
/// }
/// assert!(is_worth_another_try(&StoreError::new(StoreErrorKind::Unavailable, "no connection")));
/// assert!(!is_worth_another_try(&StoreError::new(
///     StoreErrorKind::Corrupt,
///     "a record is not JSON"
/// )));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store does not answer or cannot write now, but may later.
    Unavailable,
    /// The store's data is damaged.
    Corrupt,
}

/// An error of a store. Nothing runs because of it.
///
/// ```
/// use gate_runtime::store::{StoreError, StoreErrorKind};
/// let error = StoreError::new(StoreErrorKind::Unavailable, "the disk is full");
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    problem: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// Creates an error with a description.
    pub fn new(kind: StoreErrorKind, problem: impl fmt::Display) -> Self {
        Self { kind, problem: problem.to_string(), source: None }
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store: {}", self.problem)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
