//! The errors of a store that cannot do its part.

use std::fmt;

/// The kind of trouble that a store is in.
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
    /// It does not answer, or cannot write: it may again, later.
    Unavailable,
    /// The data that it holds does not fit what it should.
    Corrupt,
}

/// The store could not do its part: nothing runs.
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
    /// Makes an error that says what happened.
    pub fn new(kind: StoreErrorKind, problem: impl fmt::Display) -> Self {
        Self { kind, problem: problem.to_string(), source: None }
    }

    /// Adds the error that happened below.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Returns the kind of trouble that it is.
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
