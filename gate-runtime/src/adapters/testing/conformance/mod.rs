//! The conformance suite: checks what every store must guarantee.

mod calls;
mod checks;
mod deliveries;
mod limits;
mod samples;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use gate_core::ports::{Store, StoreError};

/// Two handles to one store, like those of two processes.
type StoreHandles = (Arc<dyn Store>, Arc<dyn Store>);

/// A guarantee that a store does not keep.
///
/// ```
/// # fn show(broken: &gate_runtime::testing::ConformanceFailure) {
/// eprintln!("{broken}");
/// # }
/// ```
#[derive(Debug)]
pub struct ConformanceFailure {
    law: &'static str,
    how: String,
}

impl fmt::Display for ConformanceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store breaks the law \"{}\": {}", self.law, self.how)
    }
}

impl std::error::Error for ConformanceFailure {}

/// The reason why a check failed.
#[derive(Debug)]
pub(super) struct CheckFailure(String);

impl From<StoreError> for CheckFailure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<&str> for CheckFailure {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

impl From<gate_core::approval::Refused> for CheckFailure {
    fn from(refused: gate_core::approval::Refused) -> Self {
        Self(refused.to_string())
    }
}

impl From<gate_core::text::SchemaError> for CheckFailure {
    fn from(error: gate_core::text::SchemaError) -> Self {
        Self(error.to_string())
    }
}

type CheckFuture = Pin<Box<dyn Future<Output = Result<(), CheckFailure>> + Send>>;
type ConformanceCheck = (&'static str, fn(StoreHandles) -> CheckFuture);

/// Checks that a store keeps every guarantee of [`Store`]. Each check has a new store.
///
/// `fresh` creates a new, empty store and returns two handles to it, like those of two processes.
///
/// # Errors
/// Returns the first guarantee that the store breaks, and how.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::testing::ConformanceFailure> {
/// use gate_runtime::MemoryStore;
/// use gate_runtime::testing::conformance;
///
/// conformance(async || {
///     let store = MemoryStore::new();
///     (store.clone(), store)
/// })
/// .await
/// # }
/// ```
pub async fn conformance<S: Store>(
    fresh: impl AsyncFn() -> (S, S),
) -> Result<(), ConformanceFailure> {
    for (check_name, check) in
        [checks::ALL, calls::ALL, limits::ALL, deliveries::ALL].into_iter().flatten()
    {
        let (one, other) = fresh().await;
        check((Arc::new(one), Arc::new(other)))
            .await
            .map_err(|CheckFailure(how)| ConformanceFailure { law: check_name, how })?;
    }
    Ok(())
}
