//! The promises of every store, as one suite.

mod calls;
mod checks;
mod deliveries;
mod limits;
mod samples;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use gate_core::ports::{Store, StoreError};

/// Two handles on one store, as two processes would hold them.
type StoreHandles = (Arc<dyn Store>, Arc<dyn Store>);

/// A promise that a store does not keep.
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

/// The way in which a law was found broken.
#[derive(Debug)]
pub(super) struct CheckFailure(String);

impl From<StoreError> for CheckFailure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<&str> for CheckFailure {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
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

/// Checks that a store keeps every promise of [`Store`], each on a store of its own.
///
/// `fresh` makes a new, empty store and gives two handles on it, as two processes would hold them.
///
/// # Errors
/// The first promise that is broken, and how.
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
    for (law, check) in
        [checks::ALL, calls::ALL, limits::ALL, deliveries::ALL].into_iter().flatten()
    {
        let (one, other) = fresh().await;
        check((Arc::new(one), Arc::new(other)))
            .await
            .map_err(|CheckFailure(how)| ConformanceFailure { law, how })?;
    }
    Ok(())
}
