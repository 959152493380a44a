//! The promises of every store, as one suite.

mod calls;
mod deliveries;
mod laws;
mod limits;
mod samples;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use gate_core::ports::{Store, StoreError};

/// Two handles on one store, as two processes would hold them.
type Handles = (Arc<dyn Store>, Arc<dyn Store>);

/// A promise that a store does not keep.
///
/// ```
/// # fn show(broken: &gate_runtime::testing::Broken) {
/// eprintln!("{broken}");
/// # }
/// ```
#[derive(Debug)]
pub struct Broken {
    law: &'static str,
    how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store breaks the law \"{}\": {}", self.law, self.how)
    }
}

impl std::error::Error for Broken {}

/// The way in which a law was found broken.
#[derive(Debug)]
pub(super) struct Unmet(String);

impl From<StoreError> for Unmet {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<&str> for Unmet {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}

impl From<gate_core::approval::Refused> for Unmet {
    fn from(refused: gate_core::approval::Refused) -> Self {
        Self(refused.to_string())
    }
}

impl From<gate_core::text::SchemaError> for Unmet {
    fn from(misfit: gate_core::text::SchemaError) -> Self {
        Self(misfit.to_string())
    }
}

type Checked = Pin<Box<dyn Future<Output = Result<(), Unmet>> + Send>>;
type Law = (&'static str, fn(Handles) -> Checked);

/// Checks that a store keeps every promise of [`Store`], each on a store of its own.
///
/// `fresh` makes a new, empty store and gives two handles on it, as two processes would hold them.
///
/// # Errors
/// The first promise that is broken, and how.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gate_runtime::testing::Broken> {
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
pub async fn conformance<S: Store>(fresh: impl AsyncFn() -> (S, S)) -> Result<(), Broken> {
    for (law, check) in [laws::ALL, calls::ALL, limits::ALL, deliveries::ALL].into_iter().flatten()
    {
        let (one, other) = fresh().await;
        check((Arc::new(one), Arc::new(other))).await.map_err(|Unmet(how)| Broken { law, how })?;
    }
    Ok(())
}
